"""Servers of this package, started, watched and ended from the process that wants them."""

import json
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar, Final, Self

import httpx
from pydantic import BaseModel

from freqai_ext import errors
from freqai_ext._services.loopback.clock import epoch_s
from freqai_ext._services.loopback.guard import CONTROL_HEADERS
from freqai_ext.errors import FreqaiExtError, SettingsError

STOP_TIMEOUT_S: Final = 5.0


class ChildServer(ABC):
    """A server in a process of its own, which ends with this process, even if that is killed.

    Attributes
    ----------
    module
        What ``python -m`` runs. It speaks with this process by :mod:`freqai_ext._services.loopback.parent`.
    name
        For texts.
    error
        Raised where it does not start, or is asked for something while it does not run.
    start_timeout_s
        Real seconds until it must listen.
    """

    module: ClassVar[str]
    name: ClassVar[str]
    error: ClassVar[type[FreqaiExtError]]
    start_timeout_s: ClassVar[float] = 60.0

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._said: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it listens.

        Raises
        ------
        FreqaiExtError
            When it does not start; of the kind that the server names, such as for a port that is in use.
        """
        # A session of its own: Ctrl-C must reach the bot, not the server that it is still talking to.
        self._process = subprocess.Popen(  # noqa: S603 - a module of this package
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            self._said = self._handshake(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; does nothing when it is not running."""
        process, self._process, self._said = self._process, None, {}
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

    @abstractmethod
    def _order(self) -> dict[str, Any]:
        """Return what the server is to be."""

    @property
    def _listening(self) -> dict[str, Any]:
        """What the server said when it listened."""
        if not self._said:
            raise self._not_running()
        return self._said

    def _not_running(self) -> FreqaiExtError:
        return self.error(f"{self.name}: not running; use it in a with statement, or call start()")

    def _handshake(self, process: "subprocess.Popen[str]") -> dict[str, Any]:
        if process.stdin is None or process.stdout is None:
            raise self.error(f"{self.name}: no pipes")
        watchdog = threading.Timer(self.start_timeout_s, process.kill)
        watchdog.start()
        try:
            process.stdin.write(json.dumps(self._order()) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watchdog.cancel()
        if not line:
            raise self.error(f"{self.name}: ended while starting (exit code {process.wait()}); see its message above")
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise getattr(errors, said["error"], self.error)(said["message"])
        return said


class ControlledServer(ChildServer):
    """A server with a port for its control: its clock, its faults and its settings.

    It says its ``host`` and its ``ports`` by name, that of the control as ``control``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._control: httpx.Client | None = None

    @property
    def control_url(self) -> str:
        """Address of the control routes, which answers also while what it controls is down."""
        return self._address("control")

    def start(self) -> None:
        """Start the server and wait until it listens; raises what :meth:`ChildServer.start` does."""
        super().start()
        self._control = httpx.Client(base_url=self.control_url, headers=CONTROL_HEADERS, trust_env=False, timeout=30.0)

    def stop(self) -> None:
        """Stop the server; does nothing when it is not running."""
        control, self._control = self._control, None
        if control is not None:
            control.close()
        super().stop()

    def set_clock(self, now: datetime | float, rate: float = 0.0) -> None:
        """Set a settable clock to a date or UTC seconds; ``rate`` simulated seconds then pass in each real one."""
        now_s = epoch_s(now) if isinstance(now, datetime) else now
        self._ask("POST", "/_sim/clock", params={"now_ms": round(now_s * 1_000), "rate": rate})

    def clock(self) -> datetime:
        """Return the server's time."""
        return datetime.fromtimestamp(self._ask("GET", "/_sim/clock")["now_ms"] / 1_000, UTC)

    def state(self) -> dict[str, Any]:
        """Return time, settings without secrets, what happened so far, requests and faults."""
        state: dict[str, Any] = self._ask("GET", "/_sim/state")
        return state

    def remove_faults(self, number: int | None = None) -> None:
        """Take a fault away, or all."""
        self._ask("DELETE", "/_sim/faults", params={} if number is None else {"number": number})

    def change(self, **settings: object) -> None:
        """Change settings while it runs."""
        self._ask("POST", "/_sim/settings", json=settings)

    def _add_fault(self, fault: BaseModel) -> int:
        number: int = self._ask("POST", "/_sim/faults", json=fault.model_dump(mode="json"))[0]
        return number

    def _ask(self, method: str, path: str, **details: Any) -> Any:
        if self._control is None:
            raise self._not_running()
        answer = self._control.request(method, path, **details)
        content = answer.json()
        if answer.status_code != httpx.codes.OK:
            raise SettingsError(f"{self.name}: {content.get('error', content)}")
        return content

    def _address(self, which: str) -> str:
        return f"http://{self._listening['host']}:{self._listening['ports'][which]}"
