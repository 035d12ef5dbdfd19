"""Candles of one pair and timeframe as NumPy arrays."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.replay.timeframe import candle_opens, timeframe_ms

PRICE_COLUMNS = ("open", "high", "low", "close")
OHLCV_COLUMNS = ("date", *PRICE_COLUMNS, "volume")


@dataclass(frozen=True)
class Candles:
    """Candles in time order. The candle opened at ``open_ms`` is known at ``open_ms`` + the timeframe.

    Parameters
    ----------
    timeframe
        Length of a candle, e.g. ``"5m"``.
    open_ms
        Opening times, UTC milliseconds, strictly increasing; shape ``(n,)``.
    open, high, low, close
        Prices in the quote currency; shape ``(n,)``.
    volume
        Traded amount in the base currency; shape ``(n,)``.
    """

    timeframe: str
    open_ms: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.open_ms)

    def __getitem__(self, rows: slice) -> "Candles":
        return Candles(self.timeframe, self.open_ms[rows], *(column[rows] for column in self.columns()))

    @property
    def end_ms(self) -> int:
        """When the last candle closes."""
        return int(self.open_ms[-1]) + timeframe_ms(self.timeframe)

    def columns(self) -> Iterator[NDArray[np.float64]]:
        """Yield open, high, low, close and volume."""
        return iter((self.open, self.high, self.low, self.close, self.volume))

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, timeframe: str) -> "Candles":
        """Return the candles of a Freqtrade data frame (``date`` with time zone, open, high, low, close, volume)."""
        values = (frame[name].to_numpy(np.float64) for name in (*PRICE_COLUMNS, "volume"))
        return cls(timeframe, epoch_ms(frame["date"]), *values)

    def to_frame(self) -> pd.DataFrame:
        """Return a Freqtrade data frame; ``date`` is ``datetime64[ms, UTC]``."""
        date = pd.to_datetime(self.open_ms, unit="ms", utc=True).as_unit("ms")
        return pd.DataFrame(dict(zip(OHLCV_COLUMNS, (date, *self.columns()), strict=True)))

    def resampled(self, timeframe: str) -> "Candles":
        """Return candles of a longer timeframe; incomplete ones at either end are kept as far as they go."""
        if timeframe == self.timeframe or not len(self):
            return Candles(timeframe, self.open_ms, *self.columns())
        opens = candle_opens(self.open_ms, timeframe)
        first = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
        last = np.append(first[1:], len(opens)) - 1
        return Candles(
            timeframe,
            opens[first],
            self.open[first],
            np.maximum.reduceat(self.high, first),
            np.minimum.reduceat(self.low, first),
            self.close[last],
            np.add.reduceat(self.volume, first),
        )

    def without_volume(self) -> "Candles":
        """Return the same prices with no volume, as mark prices have."""
        return replace(self, volume=np.zeros_like(self.volume))

    def shifted(self, shift_ms: int) -> "Candles":
        """Return the same candles at other dates."""
        return replace(self, open_ms=self.open_ms + shift_ms)


def epoch_ms(dates: "pd.Series[pd.Timestamp]") -> NDArray[np.int64]:
    """Return dates with a time zone, of whatever unit, as UTC milliseconds."""
    return dates.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ms]").astype(np.int64)
