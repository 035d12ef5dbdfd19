"""Runs the stand-ins in a process of their own, for tests, the demonstration and users without the services."""

from collections.abc import Sequence
from typing import Any

from freqai_ext._services.loopback.child import ControlledServer
from freqai_ext.errors import NewsUnavailableError
from freqai_ext.news.standins.faults import Fault
from freqai_ext.news.standins.settings import Service, StandInSettings


class NewsStandIns(ControlledServer):
    """Running stand-ins of the news services.

    Parameters
    ----------
    settings
        What they are; by default on the wall clock, with news that are made up.
    faults
        In place from the start.

    Examples
    --------
    >>> with NewsStandIns(StandInSettings(clock="sim")) as services:  # doctest: +SKIP
    ...     services.add_fault(Fault(kind="hang", service="perplexica"))
    ...     settings = parse_settings(NewsSettings, services.section(), "freqai_ext.news")

    Notes
    -----
    They end with this process, even if that is killed. ``change`` takes settings such as ``perplexica_generation`` or
    ``llm_style``. Entering the context raises NewsUnavailableError when a port is in use or the servers do not start,
    and NewsDataError if there is no archive where the settings name one.
    """

    module = "freqai_ext.news.standins"
    name = "news stand-ins"
    error = NewsUnavailableError

    def __init__(self, settings: StandInSettings | None = None, faults: Sequence[Fault] = ()) -> None:
        super().__init__()
        self.settings = settings or StandInSettings()
        self._faults = tuple(faults)

    @property
    def perplexica_url(self) -> str:
        """Address of Perplexica."""
        return self._address("perplexica")

    @property
    def searxng_url(self) -> str:
        """Address of SearXNG."""
        return self._address("searxng")

    @property
    def llm_url(self) -> str:
        """Address of the language model, without ``/v1``."""
        return self._address("llm")

    @property
    def graphiti_url(self) -> str:
        """Address of Graphiti, or of its adapter."""
        return self._address("graphiti")

    def section(self) -> dict[str, Any]:
        """Return a section ``freqai_ext.news`` that uses all of them; it holds no key or token."""
        return {
            "perplexica": {"url": self.perplexica_url},
            "searxng": {"url": self.searxng_url},
            "llm": {"endpoints": [{"model": self.settings.llm_models[0], "api_base": f"{self.llm_url}/v1"}]},
            "graphiti": {"url": self.graphiti_url, "dialect": self.settings.graphiti_dialect},
        }

    def add_fault(self, fault: Fault) -> int:
        """Put a fault in place and return its number."""
        return self._add_fault(fault)

    def restart(self, service: Service | None = None, down_s: float = 0.0) -> None:
        """Restart a service, or all; it is not there for ``down_s`` seconds of the clock."""
        params = {"down_s": down_s} if service is None else {"service": service, "down_s": down_s}
        self._ask("POST", "/_sim/restart", params=params)

    def _order(self) -> dict[str, Any]:
        settings = self.settings.model_dump(mode="json", exclude={"llm_key", "graphiti_token"}, exclude_none=True)
        for name in ("llm_key", "graphiti_token"):
            secret = getattr(self.settings, name)
            if secret is not None:
                settings[name] = secret.get_secret_value()
        return {"settings": settings, "faults": [fault.model_dump(mode="json") for fault in self._faults]}
