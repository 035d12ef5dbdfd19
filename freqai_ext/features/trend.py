"""Trend: its direction, strength and straightness."""

import numpy as np

from freqai_ext.features._windows import (
    Array,
    ema,
    ema_terms,
    lag,
    ratio,
    rolling_sum,
    rolling_trend_correlation,
    wilder_mean,
    wilder_terms,
)
from freqai_ext.features.candles import Candles
from freqai_ext.features.family import Columns

MACD_FAST = 12
MACD_SLOW = 26
MACD_SIGNAL = 9


def directional_movement(candles: Candles, period: int) -> Columns:
    """Directional movement system (Wilder 1978).

    - ``adx``: average directional index, in [0, 100]: strength of the trend, whatever its direction.
    - ``di_spread``: 100 times (+DI - -DI) / (+DI + -DI), in [-100, 100]: its direction; 0 without any movement.
    """
    up = candles.high - lag(candles.high, 1)
    down = lag(candles.low, 1) - candles.low
    plus = wilder_mean(_keep(up, (up > down) & (up > 0.0)), period)
    minus = wilder_mean(_keep(down, (down > up) & (down > 0.0)), period)
    spread = 100.0 * ratio(plus - minus, plus + minus, neutral=0.0)
    return {"adx": wilder_mean(np.abs(spread), period), "di_spread": spread}


def directional_movement_warm_up_candles(period: int) -> int:
    """Leading candles without a value: Wilder's average of changes, and again of the index."""
    return 2 * wilder_terms(period) - 1


def ema_distance(candles: Candles, period: int) -> Columns:
    """Log of the close over its exponential moving average of span ``period``."""
    return {"ema_distance": candles.log_close - np.log(ema(candles.close, period))}


def ema_distance_warm_up_candles(period: int) -> int:
    """Leading candles without a value."""
    return ema_terms(period) - 1


def straightness(candles: Candles, period: int) -> Columns:
    """How straight the way of the price was.

    - ``trend_correlation``: correlation of the log close with time over ``period`` candles, in [-1, 1]; its square is
      the R squared of a straight line, its sign the direction. 0 in a still market.
    - ``efficiency_ratio``: net move over the sum of all moves of ``period`` candles (Kaufman 1995), in [0, 1]; 0 in a
      still market.
    """
    net = np.abs(candles.close - lag(candles.close, period))
    path = rolling_sum(np.abs(candles.close - lag(candles.close, 1)), period)
    return {
        "trend_correlation": rolling_trend_correlation(candles.log_close, period),
        "efficiency_ratio": np.minimum(ratio(net, path, neutral=0.0), 1.0),
    }


def macd(candles: Candles) -> Columns:
    """Moving average convergence divergence (Appel 1979), spans 12, 26 and 9, divided by the close.

    - ``macd_line``: fast minus slow exponential average of the close.
    - ``macd_signal``: exponential average of the line.
    - ``macd_histogram``: line minus signal.
    - ``macd_crossover``: 1 where the line crosses above the signal, -1 where it crosses below, else 0.
    """
    line = ema(candles.close, MACD_FAST) - ema(candles.close, MACD_SLOW)
    signal = ema(line, MACD_SIGNAL)
    histogram = line - signal
    before = lag(histogram, 1)
    crossed_up = ((histogram > 0.0) & (before <= 0.0)).astype(np.float64)
    crossed_down = ((histogram < 0.0) & (before >= 0.0)).astype(np.float64)
    return {
        "macd_line": line / candles.close,
        "macd_signal": signal / candles.close,
        "macd_histogram": histogram / candles.close,
        "macd_crossover": np.where(np.isnan(histogram + before), np.nan, crossed_up - crossed_down),
    }


def macd_warm_up_candles(_window: int) -> int:
    """Leading candles without a value: slow average, signal, and one for the crossover."""
    return ema_terms(MACD_SLOW) + ema_terms(MACD_SIGNAL) - 1


def _keep(values: Array, condition: np.ndarray) -> Array:
    return np.where(np.isnan(values), np.nan, np.where(condition, values, 0.0))
