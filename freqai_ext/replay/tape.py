"""One pair as it unfolds: what can be known of its price at a given time."""

import zlib
from dataclasses import dataclass

import numpy as np

from freqai_ext.replay.history import PairHistory
from freqai_ext.replay.timeframe import timeframe_ms

_TICK_SAMPLE = 500
_DEPTH_HOURS_MS = 3_600_000


@dataclass(frozen=True)
class OpenCandle:
    """The shortest candle in progress, as far as it has come."""

    open: float
    high: float
    low: float
    close: float
    volume: float


class Tape:
    """The history of one pair, read up to a given time.

    Inside the shortest candle the price runs in straight lines from the open over both extremes to the close.
    A coin that depends on nothing but the candle's place on the tape decides which extreme comes first, so the
    first move says nothing about the close. Candles that begin after the time asked for are never looked at.
    """

    def __init__(self, history: PairHistory) -> None:
        self.history = history
        self.base = history.base
        self.length_ms = timeframe_ms(self.base.timeframe)
        self.start_ms = int(self.base.open_ms[0])
        self.end_ms = self.base.end_ms
        self.tick = history.tick or _tick_of(self.base.close[:_TICK_SAMPLE])
        self.price_decimals = max(0, round(-np.log10(self.tick)))
        self._salt = zlib.crc32(history.pair.encode())
        self._window = max(1, _DEPTH_HOURS_MS // self.length_ms)
        self._volume_sum = np.concatenate([[0.0], np.cumsum(self.base.volume)])
        self._turnover_sum = np.concatenate([[0.0], np.cumsum(self.base.volume * self.base.close)])

    def position(self, now_ms: int) -> int:
        """Return the row of the candle in progress; the number of rows when the tape has ended."""
        return min(max((now_ms - self.start_ms) // self.length_ms, 0), len(self.base))

    def open_candle(self, now_ms: int) -> OpenCandle:
        """Return the candle in progress up to ``now_ms``; at the tape's end the last one."""
        row = self.position(now_ms)
        base = self.base
        if row == len(base):
            row -= 1
            return OpenCandle(*(float(column[row]) for column in base.columns()))
        opening, high, low, close, volume = (float(column[row]) for column in base.columns())
        elapsed = max(now_ms - self.start_ms - row * self.length_ms, 0) / self.length_ms
        turns = (opening, high, low, close) if self._high_first(row) else (opening, low, high, close)
        leg = min(int(elapsed * 3), 2)
        between = turns[leg] + (turns[leg + 1] - turns[leg]) * (elapsed * 3 - leg)
        price = opening if elapsed == 0 else min(max(round(between, self.price_decimals), low), high)
        seen = (*turns[: leg + 1], price)
        return OpenCandle(opening, max(seen), min(seen), price, volume * elapsed)

    def price(self, now_ms: int) -> float:
        """Return the last traded price."""
        return self.open_candle(now_ms).close

    def usual_volume(self, now_ms: int) -> float:
        """Return the mean volume of a candle over the last hour (of the first one, before any has closed)."""
        row = max(self.position(now_ms), 1)
        first = max(row - self._window, 0)
        if self.position(now_ms) == 0:
            return float(self.base.volume[0]) or 1.0
        return float(self._volume_sum[row] - self._volume_sum[first]) / (row - first)

    def totals(self, first: int, row: int) -> tuple[float, float]:
        """Return volume and turnover of the closed candles from ``first`` up to ``row``, exclusive."""
        return (
            float(self._volume_sum[row] - self._volume_sum[first]),
            float(self._turnover_sum[row] - self._turnover_sum[first]),
        )

    def _high_first(self, row: int) -> bool:
        return bool((row * 0x9E3779B97F4A7C15 + self._salt * 0xBF58476D1CE4E5B9) >> 37 & 1)


def _tick_of(prices: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Return the price step that all ``prices`` are multiples of, from 1 down to 1e-8."""
    for decimals in range(9):
        if np.allclose(prices, np.round(prices, decimals), rtol=1e-12, atol=0):
            return float(f"1e-{decimals}")
    return 1e-8
