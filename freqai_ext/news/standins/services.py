"""All stand-ins together, with their ports."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from freqai_ext._services.loopback.clock import clock_of
from freqai_ext._services.loopback.door import Door
from freqai_ext._services.loopback.faults import FaultPlan
from freqai_ext._settings import parse_settings, suggest
from freqai_ext.errors import NewsUnavailableError, SettingsError
from freqai_ext.news.standins.adapter import create_adapter_app
from freqai_ext.news.standins.fault_layer import NewsFaultLayer
from freqai_ext.news.standins.faults import Fault
from freqai_ext.news.standins.graphiti import create_graphiti_app
from freqai_ext.news.standins.headlines import news_source
from freqai_ext.news.standins.ingest import Ingest
from freqai_ext.news.standins.llm import LlmStandIn, create_llm_app
from freqai_ext.news.standins.perplexica import PerplexicaStandIn, create_perplexica_app
from freqai_ext.news.standins.searxng import SearxngStandIn, create_searxng_app
from freqai_ext.news.standins.settings import FIXED, SERVICES, Service, StandInSettings
from freqai_ext.news.standins.standing import Standing

_SECRETS = {"llm_key", "graphiti_token"}


class StandIns:
    """Four services that share a clock and the news.

    Parameters
    ----------
    settings
        What they are.
    faults
        The plan; it may change at any time.

    Raises
    ------
    NewsDataError
        If there is no such archive.
    NewsUnavailableError
        When a port is in use.
    """

    def __init__(self, settings: StandInSettings, faults: FaultPlan[Fault]) -> None:
        self.standing = Standing(settings, clock_of(settings.clock, settings.now), news_source(settings))
        self.faults = faults
        self._perplexica = PerplexicaStandIn(self.standing)
        self._searxng = SearxngStandIn(self.standing)
        self._llm = LlmStandIn(self.standing)
        self._ingest = Ingest()
        memory = create_adapter_app if settings.graphiti_dialect == "adapter" else create_graphiti_app
        apps = {
            "perplexica": create_perplexica_app(self._perplexica),
            "searxng": create_searxng_app(self._searxng),
            "llm": create_llm_app(self._llm),
            "graphiti": memory(self.standing, self._ingest),
        }
        self.doors: dict[Service, Door] = {}
        try:
            for service in SERVICES:
                self.doors[service] = Door(
                    NewsFaultLayer(apps[service], service, faults, self.standing.clock),
                    settings.port_of(service),
                    clock=self.standing.clock,
                    refuses=partial(faults.refusing, service),
                    on_restart=self._ingest.restart if service == "graphiti" else _forget_nothing,
                    error=NewsUnavailableError,
                )
        except BaseException:
            self.release()
            raise

    async def settle(self) -> None:
        """Open or close the ports as the faults in place say."""
        for door in self.doors.values():
            await door.settle()

    async def restart(self, service: str | None, down_s: float) -> None:
        """Restart a service, or all.

        Raises
        ------
        SettingsError
            If there is no service of that name.
        """
        if service is not None and service not in self.doors:
            raise SettingsError(f"service {service!r}: there is none of that name; {suggest(service, SERVICES)}")
        for name, door in self.doors.items():
            if service in (None, name):
                await door.restart(down_s)

    def change(self, raw: Mapping[str, object]) -> None:
        """Change settings while they run.

        Raises
        ------
        SettingsError
            If they are not valid, or cannot be changed.
        """
        fixed = sorted(FIXED & raw.keys())
        if fixed:
            raise SettingsError(f"stand-ins.{fixed[0]}: cannot be changed while they run; start them again")
        old = self.standing.settings
        kept = {name: getattr(old, name) for name in StandInSettings.model_fields}
        self.standing.settings = parse_settings(StandInSettings, kept | dict(raw), "stand-ins")

    def described(self) -> dict[str, Any]:
        """Return time, settings without secrets, what happened so far, and the faults."""
        settings, now_s = self.standing.settings, self.standing.clock()
        self._ingest.settle(now_s)
        shown = settings.model_dump(mode="json", exclude=_SECRETS)
        return {
            "now_s": now_s,
            "settings": shown | {f"has_{name}": getattr(settings, name) is not None for name in sorted(_SECRETS)},
            "open": {service: door.is_open for service, door in self.doors.items()},
            "requests": {service: dict(door.counts) for service, door in self.doors.items()},
            "perplexica": {"searches": self._perplexica.searches},
            "searxng": {"searches": self._searxng.searches},
            "llm": {"calls": self._llm.calls, "tokens": self._llm.tokens},
            "graphiti": {
                "ingest_alive": self._ingest.alive,
                "accepted": self._ingest.accepted,
                "waiting": self._ingest.waiting,
                "episodes": self._ingest.groups(),
            },
            "faults": self.faults.shown(),
        }

    def release(self) -> None:
        """Close the ports for good."""
        for door in self.doors.values():
            door.release()


def _forget_nothing() -> None:
    """Restart a service that keeps all that it has on disk."""
