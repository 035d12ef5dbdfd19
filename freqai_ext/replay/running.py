"""Runs a replay exchange in a process of its own, for tests and commands."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from freqai_ext._services.loopback.child import ChildServer
from freqai_ext._services.loopback.guard import CONTROL_HEADERS
from freqai_ext.errors import ReplayError
from freqai_ext.replay.config import exchange_config
from freqai_ext.replay.settings import ReplaySettings, epoch_of


class ReplayExchange(ChildServer):
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
    The server ends with this process, even if that is killed. Entering the context raises MarketDataError when candles
    are missing or malformed, and ReplayError when the port is in use or the server does not start.
    """

    module = "freqai_ext.replay"
    name = "replay exchange"
    error = ReplayError
    start_timeout_s = 120.0

    def __init__(self, settings: ReplaySettings | None = None, *, port: int = 0) -> None:
        super().__init__()
        self.settings = settings or ReplaySettings()
        self._asked_port = port

    @property
    def url(self) -> str:
        """Address of the server, ``http://127.0.0.1:<port>``."""
        return f"http://127.0.0.1:{self._listening['port']}"

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs it serves."""
        return tuple(self._listening["pairs"])

    @property
    def span(self) -> tuple[datetime, datetime]:
        """First and last time at which all pairs have candles (after re-dating)."""
        state = self._listening
        return _moment(state["start_ms"]), _moment(state["end_ms"])

    def exchange_config(self, pairs: Sequence[str] | None = None, stake_currency: str | None = None) -> dict[str, Any]:
        """Return the Freqtrade configuration that points to this exchange; see :func:`exchange_config`."""
        wanted = tuple(pairs or self.pairs)
        stake = stake_currency or wanted[0].partition("/")[2].partition(":")[0]
        return exchange_config(self.url, wanted, self.settings.trading_mode, stake, self.pairs)

    def set_clock(self, when: datetime, rate: float = 0.0) -> None:
        """Set a settable clock; ``rate`` simulated seconds then pass in each real one.

        Raises
        ------
        ReplayError
            When the exchange runs on the wall clock.
        """
        answer = httpx.post(
            f"{self.url}/_sim/clock",
            params={"now_ms": epoch_of(when), "rate": rate},
            headers=CONTROL_HEADERS,
            trust_env=False,
        )
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

    def _order(self) -> dict[str, Any]:
        return {"port": self._asked_port, "settings": self.settings.model_dump(mode="json")}


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
