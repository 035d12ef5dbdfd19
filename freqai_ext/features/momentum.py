"""Momentum oscillators: where the price stands in its recent moves and range."""

import numpy as np

from freqai_ext.features._windows import (
    Array,
    lag,
    ratio,
    rolling_max,
    rolling_mean,
    rolling_mean_absolute_deviation,
    rolling_min,
    wilder_mean,
    wilder_terms,
)
from freqai_ext.features.candles import Candles
from freqai_ext.features.family import Columns

OVERBOUGHT = 70.0
OVERSOLD = 30.0
STOCHASTIC_SMOOTHING = 3
CCI_SCALE = 0.015


def rsi(candles: Candles, period: int) -> Columns:
    """Relative strength index (Wilder 1978) and its divergence from the price.

    - ``rsi``: 100 times the average gain over the average gain plus loss, Wilder's averages; 50 in a still market.
    - ``rsi_overbought``, ``rsi_oversold``: 1 above 70, and below 30; else 0.
    - ``rsi_divergence``: place of the close in the range of the last ``period`` closes, minus place of the RSI in its
      own; in [-1, 1]. Positive: a high price that the RSI does not confirm (bearish); negative: the reverse.
    """
    change = candles.close - lag(candles.close, 1)
    gain = wilder_mean(np.maximum(change, 0.0), period)
    loss = wilder_mean(np.maximum(-change, 0.0), period)
    index = 100.0 * ratio(gain, gain + loss, neutral=0.5)
    return {
        "rsi": index,
        "rsi_overbought": _flag(index, index > OVERBOUGHT),
        "rsi_oversold": _flag(index, index < OVERSOLD),
        "rsi_divergence": _place_in_range(candles.close, period) - _place_in_range(index, period),
    }


def rsi_warm_up_candles(period: int) -> int:
    """Leading candles without a value: Wilder's average of changes, then the range of the index."""
    return wilder_terms(period) + period - 1


def williams_r(candles: Candles, period: int) -> Columns:
    """Williams %R (Williams 1973): place of the close below the highest high of the range, in [-100, 0].

    -50 where the range is zero. It is the fast stochastic %K minus 100.
    """
    return {"williams_r": _fast_stochastic(candles, period) - 100.0}


def stochastic(candles: Candles, period: int) -> Columns:
    """Slow stochastic oscillator (Lane 1984), in [0, 100]; 50 where the range is zero.

    - ``stochastic_k``: mean of the last three fast %K.
    - ``stochastic_cross``: ``stochastic_k`` minus %D, the mean of its last three: positive above its signal line. %D
      itself would say nearly the same as %K.
    """
    slow = rolling_mean(_fast_stochastic(candles, period), STOCHASTIC_SMOOTHING)
    return {"stochastic_k": slow, "stochastic_cross": slow - rolling_mean(slow, STOCHASTIC_SMOOTHING)}


def stochastic_warm_up_candles(period: int) -> int:
    """Leading candles without a value: the range, then two means of three."""
    return period - 1 + 2 * (STOCHASTIC_SMOOTHING - 1)


def cci(candles: Candles, period: int) -> Columns:
    """Commodity channel index (Lambert 1980): typical price from its mean, in 0.015 mean absolute deviations.

    0 where the typical price does not vary.
    """
    price = candles.typical_price
    mean = rolling_mean(price, period)
    deviation = rolling_mean_absolute_deviation(price, mean, period)
    return {"cci": ratio(price - mean, CCI_SCALE * deviation, neutral=0.0)}


def _fast_stochastic(candles: Candles, period: int) -> Array:
    lowest = rolling_min(candles.low, period)
    return 100.0 * ratio(candles.close - lowest, rolling_max(candles.high, period) - lowest, neutral=0.5)


def _place_in_range(values: Array, window: int) -> Array:
    lowest = rolling_min(values, window)
    return ratio(values - lowest, rolling_max(values, window) - lowest, neutral=0.5)


def _flag(values: Array, condition: np.ndarray) -> Array:
    return np.where(np.isnan(values), np.nan, condition.astype(np.float64))
