"""Runs a reference Guardian in a process of its own, for tests and commands."""

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
from freqai_ext.errors import GuardianUnavailableError, SettingsError
from freqai_ext.guardian.sandbox.clock import epoch_s
from freqai_ext.guardian.sandbox.faults import Fault
from freqai_ext.guardian.sandbox.push_log import PushRecord
from freqai_ext.guardian.sandbox.settings import SandboxSettings

START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 5.0


class Sandbox:
    """A running reference Guardian.

    Parameters
    ----------
    settings
        What it is; by default a synthetic market on the wall clock, without a token.
    faults
        In place from the start.

    Examples
    --------
    >>> with Sandbox(SandboxSettings(token="secret", clock="sim")) as guardian:  # doctest: +SKIP
    ...     guardian.add_fault(Fault(kind="error_500", route="/features"))
    ...     client = GuardianClient(GuardianSettings(url=guardian.url, token="secret"))

    Notes
    -----
    The server ends with this process, even if that is killed.
    """

    def __init__(self, settings: SandboxSettings | None = None, faults: Sequence[Fault] = ()) -> None:
        self.settings = settings or SandboxSettings()
        self._faults = tuple(faults)
        self._process: subprocess.Popen[str] | None = None
        self._listening: dict[str, Any] = {}
        self._control: httpx.Client | None = None

    def __enter__(self) -> "Sandbox":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Guardian's address."""
        return self._address("port")

    @property
    def control_url(self) -> str:
        """Address of the control routes, which answers also while Guardian is down."""
        return self._address("control_port")

    def start(self) -> None:
        """Start the server and wait until it listens.

        Raises
        ------
        GuardianDataError
            If there are no candles where the settings name some.
        GuardianUnavailableError
            When a port is in use, or the server does not start.
        """
        # A session of its own: Ctrl-C must reach the bot, not the Guardian that it still has a word for.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "freqai_ext.guardian.sandbox"],
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
        """Stop the server; does nothing when it is not running."""
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
        """Wait until the server ends by itself or the user interrupts."""
        if self._process is not None:
            with suppress(KeyboardInterrupt):
                self._process.wait()

    def set_clock(self, now: datetime | float, rate: float = 0.0) -> None:
        """Set a settable clock to a date or UTC seconds; ``rate`` simulated seconds then pass in each real one."""
        now_s = epoch_s(now) if isinstance(now, datetime) else now
        self._ask("POST", "/_sim/clock", params={"now_ms": round(now_s * 1_000), "rate": rate})

    def clock(self) -> datetime:
        """Return Guardian's time."""
        return datetime.fromtimestamp(self._ask("GET", "/_sim/clock")["now_ms"] / 1_000, UTC)

    def state(self) -> dict[str, Any]:
        """Return time, settings, what is stored (``stored``, as ``GET /predictions`` shows it), requests and faults."""
        state: dict[str, Any] = self._ask("GET", "/_sim/state")
        return state

    def log(self, since: int = 0) -> tuple[PushRecord, ...]:
        """Return what was pushed after push number ``since``."""
        return tuple(PushRecord(**record) for record in self._ask("GET", "/_sim/log", params={"since": since}))

    def add_fault(self, fault: Fault) -> int:
        """Put a fault in place and return its number."""
        number: int = self._ask("POST", "/_sim/faults", json=fault.model_dump(mode="json"))[0]
        return number

    def remove_faults(self, number: int | None = None) -> None:
        """Take a fault away, or all."""
        self._ask("DELETE", "/_sim/faults", params={} if number is None else {"number": number})

    def change(self, **settings: object) -> None:
        """Change settings, such as ``token`` or ``network``, as an edit of Guardian's settings file does."""
        self._ask("POST", "/_sim/settings", json=settings)

    def restart(self, down_s: float = 0.0) -> None:
        """Restart Guardian; it is not there for ``down_s`` seconds of its clock."""
        self._ask("POST", "/_sim/restart", params={"down_s": down_s})

    def _order(self) -> dict[str, Any]:
        settings = self.settings.model_dump(mode="json", exclude={"token"}, exclude_none=True)
        if self.settings.token is not None:
            settings["token"] = self.settings.token.get_secret_value()
        return {"settings": settings, "faults": [fault.model_dump(mode="json") for fault in self._faults]}

    def _ask(self, method: str, path: str, **details: Any) -> Any:
        if self._control is None:
            raise _not_running()
        answer = self._control.request(method, path, **details)
        content = answer.json()
        if answer.status_code != httpx.codes.OK:
            raise SettingsError(f"sandbox: {content.get('error', content)}")
        return content

    def _address(self, which: str) -> str:
        if not self._listening:
            raise _not_running()
        return f"http://{self._listening['host']}:{self._listening[which]}"


def _not_running() -> GuardianUnavailableError:
    return GuardianUnavailableError("the sandbox is not running; use it in a with statement, or call start()")


def _handshake(process: "subprocess.Popen[str]", order: dict[str, Any]) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise GuardianUnavailableError("the sandbox has no pipes")
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
        raise GuardianUnavailableError(f"the sandbox ended while starting (exit code {code}); see its message above")
    state: dict[str, Any] = json.loads(line)
    if "error" in state:
        raise getattr(errors, state["error"], GuardianUnavailableError)(state["message"])
    return state
