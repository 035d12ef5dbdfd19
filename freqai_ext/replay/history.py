"""What is known about one pair over the whole tape: the common input of exchange and data directory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from freqai_ext.errors import MarketDataError
from freqai_ext.replay.ohlcv import Candles
from freqai_ext.replay.timeframe import HOUR_MS, candle_opens, timeframe_ms

TradingMode = Literal["spot", "futures"]

FUNDING_INTERVAL_MS = 8 * HOUR_MS
DEFAULT_FUNDING_RATE = 0.0001


@dataclass(frozen=True)
class FundingRates:
    """Funding rates of a perpetual: what longs pay shorts at ``time_ms``, as a share of the position."""

    time_ms: NDArray[np.int64]
    rate: NDArray[np.float64]

    def shifted(self, shift_ms: int) -> "FundingRates":
        """Return the same rates at other dates."""
        return FundingRates(self.time_ms + shift_ms, self.rate)


@dataclass(frozen=True)
class PairHistory:
    """All candles of one pair.

    Parameters
    ----------
    pair
        Freqtrade's name, ``BTC/USDT`` (spot) or ``BTC/USDT:USDT`` (futures).
    base
        Candles of the shortest timeframe; everything served is made of them.
    longer
        Stored candles of longer timeframes that reach further back than ``base``.
    mark
        Mark price candles of a perpetual, or ``None`` where the last price stands for it.
    funding
        Funding rates of a perpetual, or ``None`` where the default rate stands for them.
    tick
        Smallest price step, where known; else it is read off the first prices.
    """

    pair: str
    base: Candles
    longer: Mapping[str, Candles] = field(default_factory=dict)
    mark: Candles | None = None
    funding: FundingRates | None = None
    tick: float | None = None

    def candles(self, timeframe: str) -> Candles:
        """Return the candles of ``timeframe``: made of the shortest one, before its beginning the stored ones.

        Raises
        ------
        MarketDataError
            When ``timeframe`` is shorter than the shortest stored one.
        """
        if timeframe_ms(timeframe) < timeframe_ms(self.base.timeframe):
            raise MarketDataError(
                f"{self.pair}: no {timeframe} candles; the shortest timeframe at hand is {self.base.timeframe}"
            )
        made = self.base.resampled(timeframe)
        if len(made) and candle_opens(self.base.open_ms[:1], timeframe)[0] < self.base.open_ms[0]:
            made = made[1:]
        stored = self.longer.get(timeframe)
        if stored is None or not len(made):
            return made
        return joined(stored[: int(np.searchsorted(stored.open_ms, made.open_ms[0]))], made)

    def shifted(self, shift_ms: int) -> "PairHistory":
        """Return the same history at other dates."""
        return PairHistory(
            self.pair,
            self.base.shifted(shift_ms),
            {timeframe: candles.shifted(shift_ms) for timeframe, candles in self.longer.items()},
            self.mark.shifted(shift_ms) if self.mark else None,
            self.funding.shifted(shift_ms) if self.funding else None,
            self.tick,
        )


class HistorySource(Protocol):
    """Where the exchange gets its candles from: a data directory or a generated market."""

    trading_mode: TradingMode

    def pairs(self) -> Sequence[str]:
        """Return the names of all pairs."""

    def history(self, pair: str) -> PairHistory:
        """Return everything known about ``pair``."""


def joined(earlier: Candles, later: Candles) -> Candles:
    """Return the candles of both, one after the other."""
    pairs = zip(earlier.columns(), later.columns(), strict=True)
    opens = np.concatenate([earlier.open_ms, later.open_ms])
    return Candles(later.timeframe, opens, *(np.concatenate(pair) for pair in pairs))
