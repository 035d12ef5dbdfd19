"""Runs the stand-ins in a process of their own, for tests, the demonstration and users without the services."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import httpx

from freqai_ext import errors
from freqai_ext.errors import NewsUnavailableError, SettingsError
from freqai_ext.news.standins.clock import epoch_s
from freqai_ext.news.standins.faults import Fault
from freqai_ext.news.standins.settings import Service, StandInSettings

START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 5.0


class NewsStandIns:
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
    They end with this process, even if that is killed.
    """

    def __init__(self, settings: StandInSettings | None = None, faults: Sequence[Fault] = ()) -> None:
        self.settings = settings or StandInSettings()
        self._faults = tuple(faults)
        self._process: subprocess.Popen[str] | None = None
        self._listening: dict[str, Any] = {}
        self._control: httpx.Client | None = None

    def __enter__(self) -> "NewsStandIns":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

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

    @property
    def control_url(self) -> str:
        """Address of the control routes, which answers also while the services are down."""
        return self._address("control")

    def section(self) -> dict[str, Any]:
        """Return a section ``freqai_ext.news`` that uses all of them; it holds no key or token."""
        return {
            "perplexica": {"url": self.perplexica_url},
            "searxng": {"url": self.searxng_url},
            "llm": {"endpoints": [{"model": self.settings.llm_models[0], "api_base": f"{self.llm_url}/v1"}]},
            "graphiti": {"url": self.graphiti_url, "dialect": self.settings.graphiti_dialect},
        }

    def start(self) -> None:
        """Start the servers and wait until they listen.

        Raises
        ------
        NewsDataError
            If there is no archive where the settings name one.
        NewsUnavailableError
            When a port is in use, or the servers do not start.
        """
        # A session of its own: Ctrl-C must reach the bot, not the services that it still has a word for.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "freqai_ext.news.standins"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            self._listening = _handshake(self._process, self._order())
            self._control = httpx.Client(base_url=self.control_url, trust_env=False, timeout=30.0)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the servers; does nothing when they are not running."""
        process, self._process, self._listening = self._process, None, {}
        control, self._control = self._control, None
        if control is not None:
            control.close()
        if process is None:
            return
        if process.stdin:
            with suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    def wait(self) -> None:
        """Wait until the servers end by themselves or the user interrupts."""
        if self._process is not None:
            with suppress(KeyboardInterrupt):
                self._process.wait()

    def set_clock(self, now: datetime | float, rate: float = 0.0) -> None:
        """Set a settable clock to a date or UTC seconds; ``rate`` simulated seconds then pass in each real one."""
        now_s = epoch_s(now) if isinstance(now, datetime) else now
        self._ask("POST", "/_sim/clock", params={"now_ms": round(now_s * 1_000), "rate": rate})

    def clock(self) -> datetime:
        """Return the time of the stand-ins."""
        return datetime.fromtimestamp(self._ask("GET", "/_sim/clock")["now_ms"] / 1_000, UTC)

    def state(self) -> dict[str, Any]:
        """Return time, settings without secrets, what happened so far, requests by service and route, and faults."""
        state: dict[str, Any] = self._ask("GET", "/_sim/state")
        return state

    def add_fault(self, fault: Fault) -> int:
        """Put a fault in place and return its number."""
        number: int = self._ask("POST", "/_sim/faults", json=fault.model_dump(mode="json"))[0]
        return number

    def remove_faults(self, number: int | None = None) -> None:
        """Take a fault away, or all."""
        self._ask("DELETE", "/_sim/faults", params={} if number is None else {"number": number})

    def change(self, **settings: object) -> None:
        """Change settings while they run, such as ``perplexica_generation`` or ``llm_style``."""
        self._ask("POST", "/_sim/settings", json=settings)

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

    def _ask(self, method: str, path: str, **details: Any) -> Any:
        if self._control is None:
            raise _not_running()
        answer = self._control.request(method, path, **details)
        content = answer.json()
        if answer.status_code != httpx.codes.OK:
            raise SettingsError(f"news stand-ins: {content.get('error', content)}")
        return content

    def _address(self, which: str) -> str:
        if not self._listening:
            raise _not_running()
        return f"http://{self._listening['host']}:{self._listening['ports'][which]}"


def _not_running() -> NewsUnavailableError:
    return NewsUnavailableError("the stand-ins are not running; use them in a with statement, or call start()")


def _handshake(process: "subprocess.Popen[str]", order: dict[str, Any]) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise NewsUnavailableError("the stand-ins have no pipes")
    watchdog = threading.Timer(START_TIMEOUT_S, process.kill)
    watchdog.start()
    try:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    finally:
        watchdog.cancel()
    if not line:
        code = process.wait()
        raise NewsUnavailableError(f"the stand-ins ended while starting (exit code {code}); see their message above")
    state: dict[str, Any] = json.loads(line)
    if "error" in state:
        raise getattr(errors, state["error"], NewsUnavailableError)(state["message"])
    return state
