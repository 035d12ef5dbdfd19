"""Runs a replay exchange in a process of its own, for tests and commands."""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import httpx

from freqai_ext import errors
from freqai_ext.errors import ReplayError
from freqai_ext.replay.config import exchange_config
from freqai_ext.replay.settings import ReplaySettings, epoch_of

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 5.0


class ReplayExchange:
    """A running replay exchange.

    Parameters
    ----------
    settings
        What to serve; by default a generated spot market on the wall clock.
    port
        Port on the loopback interface; 0 takes a free one.

    Examples
    --------
    >>> with ReplayExchange(ReplaySettings(days=30, clock="sim")) as exchange:  # doctest: +SKIP
    ...     config = base_config | exchange.exchange_config()

    Notes
    -----
    The server ends with this process, even if that is killed.
    """

    def __init__(self, settings: ReplaySettings | None = None, *, port: int = 0) -> None:
        self.settings = settings or ReplaySettings()
        self._asked_port = port
        self._process: subprocess.Popen[str] | None = None
        self._state: dict[str, Any] = {}

    def __enter__(self) -> "ReplayExchange":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Address of the server, ``http://127.0.0.1:<port>``."""
        return f"http://127.0.0.1:{self._running()['port']}"

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs it serves."""
        return tuple(self._running()["pairs"])

    @property
    def span(self) -> tuple[datetime, datetime]:
        """First and last time at which all pairs have candles (after re-dating)."""
        state = self._running()
        return _moment(state["start_ms"]), _moment(state["end_ms"])

    def start(self) -> None:
        """Start the server and wait until it listens.

        Raises
        ------
        MarketDataError
            When candles are missing or malformed.
        ReplayError
            When the port is in use, or the server does not start.
        """
        order = {"port": self._asked_port, "settings": self.settings.model_dump(mode="json")}
        # A session of its own: Ctrl-C must reach the bot, not the exchange it is still talking to.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "freqai_ext.replay"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            self._state = self._handshake(self._process, order)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; does nothing when it is not running."""
        process, self._process, self._state = self._process, None, {}
        if process is None:
            return
        if process.stdin:
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

    def exchange_config(self, pairs: Sequence[str] | None = None, stake_currency: str | None = None) -> dict[str, Any]:
        """Return the Freqtrade configuration that points to this exchange; see :func:`exchange_config`."""
        wanted = tuple(pairs or self.pairs)
        stake = stake_currency or wanted[0].partition("/")[2].partition(":")[0]
        return exchange_config(self.url, wanted, self.settings.trading_mode, stake)

    def set_clock(self, when: datetime, rate: float = 0.0) -> None:
        """Set a settable clock; ``rate`` simulated seconds then pass in each real one.

        Raises
        ------
        ReplayError
            When the exchange runs on the wall clock.
        """
        answer = httpx.post(f"{self.url}/_sim/clock", params={"now_ms": epoch_of(when), "rate": rate}, trust_env=False)
        if answer.status_code != httpx.codes.OK:
            raise ReplayError(f"cannot set the clock: {answer.text}; use ReplaySettings(clock='sim')")

    def clock(self) -> datetime:
        """Return the time on the exchange."""
        return _moment(self._get("/_sim/clock")["now_ms"])

    def health(self) -> dict[str, Any]:
        """Return the state of the server and how often each path was asked for."""
        return self._get("/_sim/health")

    def _get(self, path: str) -> dict[str, Any]:
        state: dict[str, Any] = httpx.get(self.url + path, trust_env=False).raise_for_status().json()
        return state

    def _running(self) -> dict[str, Any]:
        if not self._state:
            raise ReplayError("the replay exchange is not running; use it in a with statement, or call start()")
        return self._state

    @staticmethod
    def _handshake(process: "subprocess.Popen[str]", order: dict[str, Any]) -> dict[str, Any]:
        if process.stdin is None or process.stdout is None:
            raise ReplayError("the replay exchange has no pipes")
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
            raise ReplayError(f"the replay exchange ended while starting (exit code {code}); see its message above")
        state: dict[str, Any] = json.loads(line)
        if "error" in state:
            raise getattr(errors, state["error"], ReplayError)(state["message"])
        return state


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
