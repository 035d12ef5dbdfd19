"""A market made of waves: any symbol, at any time, the same for the same seed, with nothing to store."""

import math
import random
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freqai_ext.guardian.sandbox.snapshot import Hourly, MarketRow

_HOURS: Final = 24 * 31
_S_PER_HOUR: Final = 3_600.0
_SAMPLES_PER_HOUR: Final = 4
_PERIODS_H: Final = (1.3, 4.1, 11.0, 29.0, 83.0, 240.0, 700.0)
_AMPLITUDES: Final = (0.002, 0.005, 0.010, 0.020, 0.035, 0.060, 0.090)
_PAD: Final = 0.0005


class SyntheticMarket:
    """Prices are sums of waves whose phases come from seed and symbol.

    Parameters
    ----------
    symbols
        Such as ``"BTCUSDT"``, in the order of the exchange's list.
    seed
        Another one gives another market.
    """

    def __init__(self, symbols: Sequence[str], seed: int) -> None:
        self._coins = [_Coin(symbol, seed) for symbol in symbols]

    def rows(self, now_s: float) -> Sequence[MarketRow]:
        """Return the rows as of ``now_s`` (UTC seconds)."""
        return [coin.row(now_s) for coin in self._coins]


class _Coin:
    def __init__(self, symbol: str, seed: int) -> None:
        draw = random.Random(f"{seed}:{symbol}")  # noqa: S311
        self._symbol = symbol
        self._phases = np.array([draw.uniform(0.0, 2.0 * math.pi) for _ in _PERIODS_H])
        stretch = draw.uniform(0.6, 1.6)
        self._rates = 2.0 * math.pi / (np.array(_PERIODS_H) * draw.uniform(0.9, 1.1))
        self._amplitudes = np.array(_AMPLITUDES) * stretch
        self._base = 10.0 ** draw.uniform(-1.0, 4.5)
        self._turnover_per_h = 10.0 ** draw.uniform(4.6, 7.0)
        self._spread = 10.0 ** draw.uniform(-4.3, -3.2)

    def row(self, now_s: float) -> MarketRow:
        # The candle of the running hour has not closed, and is not there.
        step = _SAMPLES_PER_HOUR
        running = math.floor(now_s / _S_PER_HOUR)
        grid = running + np.arange(-_HOURS * step, 1) / step
        prices = self._prices(grid)
        inside = np.stack([prices[k : k + (_HOURS - 1) * step + 1 : step] for k in range(step + 1)])
        closes = prices[step::step]
        high, low = inside.max(axis=0) * (1.0 + _PAD), inside.min(axis=0) * (1.0 - _PAD)
        volumes = self._turnover(grid[:-1:step]) / closes
        last, before = self._prices(np.array([now_s, now_s - 24.0 * _S_PER_HOUR]) / _S_PER_HOUR)
        turnover = float((volumes[-24:] * closes[-24:]).sum())
        bid_share = 0.5 + 0.4 * math.sin(now_s / 5_000.0 + float(self._phases[0]))
        depth = turnover / 2_000.0 / last
        return MarketRow(
            symbol=self._symbol,
            last=float(last),
            change_pct=float(last / before - 1.0) * 100.0,
            high=max(float(high[-24:].max()), float(last)),
            low=min(float(low[-24:].min()), float(last)),
            turnover=turnover,
            volume=float(volumes[-24:].sum()),
            bid=float(last) * (1.0 - 0.5 * self._spread),
            ask=float(last) * (1.0 + 0.5 * self._spread),
            bid_size=float(depth * bid_share),
            ask_size=float(depth * (1.0 - bid_share)),
            hourly=Hourly(np.arange(running - _HOURS, running), high, low, closes, volumes),
        )

    def _prices(self, hours: NDArray[np.float64]) -> NDArray[np.float64]:
        waves = np.sin(np.outer(hours, self._rates) + self._phases) @ self._amplitudes
        return np.asarray(self._base * np.exp(waves))

    def _turnover(self, hours: NDArray[np.float64]) -> NDArray[np.float64]:
        daily = np.sin(2.0 * math.pi * hours / 24.0 + self._phases[1])
        return np.asarray(self._turnover_per_h * np.exp(0.4 * daily + 0.2 * np.sin(hours * self._rates[2])))
