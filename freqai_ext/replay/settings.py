"""What a replay exchange is made of; also the message from the process that starts it to its own."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from freqai_ext._settings import Settings
from freqai_ext.replay.candles import CandleStore
from freqai_ext.replay.clock import Clock, SettableClock, WallClock
from freqai_ext.replay.exchange import ReplayedExchange
from freqai_ext.replay.history import HistorySource, PairHistory, TradingMode
from freqai_ext.replay.market import DEFAULT_START, GeneratedMarket, MarketParameters
from freqai_ext.replay.redating import End, RedatedSource
from freqai_ext.replay.timeframe import BYBIT_INTERVALS, DAY_MS, timeframe_ms

DEFAULT_BASES = ("BTC", "ETH", "SOL", "XRP")


class ReplaySettings(Settings):
    """Settings of a replay exchange.

    With ``data`` it serves that Freqtrade data directory, else a generated market of ``seed``, ``start`` and ``days``.
    """

    data: Path | None = Field(
        default=None, description="Freqtrade data directory (feather); without it a market is generated"
    )
    pairs: tuple[str, ...] = Field(
        default=(), description="Pairs to serve; by default all in data, or BTC, ETH, SOL and XRP"
    )
    timeframes: tuple[str, ...] = Field(default=(), description="Timeframes that will be asked for; by default any")
    trading_mode: TradingMode = Field(default="spot", description="spot or futures")
    seed: int = Field(default=7, ge=0, description="Seed of the generated market")
    start: datetime = Field(default=DEFAULT_START, description="First day of the generated market, UTC")
    days: int = Field(default=90, ge=1, description="Length of the generated market")
    clock: Literal["wall", "sim"] = Field(
        default="wall", description="Real time with re-dated candles, or a settable clock"
    )
    now: datetime | None = Field(
        default=None, description="Where the settable clock stands first; by default at the end"
    )
    history_days: float | None = Field(
        default=None, gt=0, description="History behind now on the wall clock; default: half"
    )
    end: End = Field(default="stop", description="At the end of the candles on the wall clock: stop, or loop")
    fill_gaps: bool = Field(default=False, description="Fill missing candles with the last close and no volume")
    keep_listed: bool = Field(default=False, description="List pairs as traded whose candles have ended")

    @field_validator("timeframes")
    @classmethod
    def _served(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in BYBIT_INTERVALS]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not among {', '.join(BYBIT_INTERVALS)}")
        return value

    def source(self) -> HistorySource:
        """Return the candles to serve, at their own dates.

        Raises
        ------
        MarketDataError
            When candles are missing or malformed.
        """
        if self.data is None:
            return GeneratedMarket(self.market_parameters())
        store = CandleStore(self.data, self.trading_mode, timeframes=self.timeframes or None, fill_gaps=self.fill_gaps)
        return _Selected(store, self.pairs) if self.pairs else store

    def market_parameters(self) -> MarketParameters:
        """Return the parameters of the generated market."""
        shortest = min((*self.timeframes, "5m"), key=timeframe_ms)
        return MarketParameters(
            seed=self.seed,
            pairs=self.pairs or default_pairs(self.trading_mode),
            days=self.days,
            timeframe=shortest,
            start=self.start,
        )

    def exchange(self) -> ReplayedExchange:
        """Return the exchange these settings describe.

        Raises
        ------
        MarketDataError
            When candles are missing or malformed.
        ReplayError
            When the wall clock does not fit into the candles.
        """
        source = self.source()
        if self.clock == "wall":
            history_ms = None if self.history_days is None else int(self.history_days * DAY_MS)
            now_ms = time.time_ns() // 1_000_000
            return ReplayedExchange(RedatedSource(source, now_ms, history_ms, end=self.end), WallClock())
        exchange = ReplayedExchange(source, SettableClock(0), keep_listed=self.keep_listed)
        clock: Clock = exchange.clock
        if isinstance(clock, SettableClock):
            end_ms = exchange.end_ms if self.keep_listed else exchange.span_ms[1]
            clock.set(end_ms if self.now is None else epoch_of(self.now))
        return exchange


def default_pairs(trading_mode: TradingMode) -> tuple[str, ...]:
    """Return the pairs of a generated market where none are named."""
    suffix = ":USDT" if trading_mode == "futures" else ""
    return tuple(f"{base}/USDT{suffix}" for base in DEFAULT_BASES)


def epoch_of(moment: datetime) -> int:
    """Return a date as UTC milliseconds; a date without a time zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


class _Selected:
    """Some pairs of a source."""

    def __init__(self, source: CandleStore, pairs: Sequence[str]) -> None:
        self.trading_mode: TradingMode = source.trading_mode
        self._source = source
        self._pairs = tuple(pairs)

    def pairs(self) -> Sequence[str]:
        return self._pairs

    def history(self, pair: str) -> PairHistory:
        return self._source.history(pair)
