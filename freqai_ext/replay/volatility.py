"""The volatility of the generated market: regimes, clustering and a daily season.

Everything is drawn in time order, so that a longer simulation begins with the shorter one of the same seed.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from freqai_ext.replay.timeframe import DAY_MS, HOUR_MS

FloatArray = NDArray[np.float64]


class Regime(IntEnum):
    """State of the whole market."""

    CALM = 0
    TREND = 1
    TURBULENT = 2


MEAN_SPELL_HOURS = np.array([36.0, 30.0, 8.0])
"""How long a regime lasts on average; the length of a spell is geometric."""

TRANSITIONS = np.array([[0.0, 0.65, 0.35], [0.7, 0.0, 0.3], [0.6, 0.4, 0.0]])
"""From row to column: what follows a regime when its spell ends."""

VOLATILITY_FACTOR = np.array([0.7, 1.0, 1.9])
"""Volatility in a regime relative to a trend."""

TREND_DRIFT = 0.02
"""Drift of a trend per candle, as a share of a candle's volatility; up and down are equally likely."""


@dataclass(frozen=True)
class RegimePath:
    """Regime and trend direction (-1, 0, 1) of every candle; shape ``(n,)``."""

    regime: NDArray[np.int64]
    direction: NDArray[np.int64]


def regime_path(random: np.random.Generator, n: int, candle_ms: int) -> RegimePath:
    """Draw the regimes of ``n`` candles from a Markov chain that starts calm."""
    regime = np.empty(n, np.int64)
    direction = np.zeros(n, np.int64)
    state, start = int(Regime.CALM), 0
    while start < n:
        mean_candles = MEAN_SPELL_HOURS[state] * HOUR_MS / candle_ms
        stop = start + int(random.geometric(1 / max(mean_candles, 1.0)))
        regime[start:stop] = state
        up = 1 if random.random() < 0.5 else -1
        if state == Regime.TREND:
            direction[start:stop] = up
        state = int(random.choice(3, p=TRANSITIONS[state]))
        start = stop
    return RegimePath(regime, direction)


def clustering(
    random: np.random.Generator, n: int, candle_ms: int, *, half_life_hours: float, spread: float
) -> FloatArray:
    """Draw a slowly moving volatility factor around 1: the exponential of a first-order autoregression.

    Parameters
    ----------
    half_life_hours
        After this time half of a deviation is gone.
    spread
        Standard deviation of the factor's logarithm.
    """
    persistence = 0.5 ** (candle_ms / (half_life_hours * HOUR_MS))
    shocks = random.standard_normal(n) * spread * np.sqrt(1 - persistence**2)
    level = lfilter([1.0], [1.0, -persistence], shocks)
    return np.asarray(np.exp(level - spread**2 / 2), np.float64)


def daily_season(open_ms: NDArray[np.int64]) -> FloatArray:
    """Return the volatility factor of the hour and the weekday: highest around 15:00 UTC, quieter at weekends."""
    hour = (open_ms % DAY_MS) / HOUR_MS
    day = (open_ms // DAY_MS + 3) % 7
    season = 1 + 0.25 * np.cos((hour - 15) / 24 * 2 * np.pi) + 0.08 * np.cos((hour - 1) / 12 * 2 * np.pi)
    return np.asarray(season * np.where(day >= 5, 0.8, 1.0), np.float64)
