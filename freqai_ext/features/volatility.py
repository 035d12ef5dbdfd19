"""Volatility: close to close, from the range within candles, and in bands around the mean price."""

import numpy as np

from freqai_ext.features._windows import (
    Array,
    lag,
    ratio,
    rolling_mean,
    rolling_moments,
    rolling_std,
    wilder_mean,
    wilder_terms,
)
from freqai_ext.features.candles import Candles
from freqai_ext.features.family import Columns

BOLLINGER_DEVIATIONS = 2.0


def close_to_close(candles: Candles, window: int) -> Array:
    """Sample standard deviation of the last ``window`` log returns, per candle."""
    return rolling_std(candles.log_return, window, ddof=1)


def parkinson(candles: Candles, window: int) -> Array:
    """Volatility per candle from highs and lows (Parkinson 1980): ``ln(H/L)^2 / (4 ln 2)``, averaged, its root."""
    height = np.log(candles.high / candles.low)
    variance: Array = rolling_mean(height * height, window) / (4.0 * np.log(2.0))
    return np.sqrt(variance)


def garman_klass(candles: Candles, window: int) -> Array:
    """Volatility per candle (Garman & Klass 1980): ``ln(H/L)^2 / 2 - (2 ln 2 - 1) ln(C/O)^2``, averaged, its root."""
    height = np.log(candles.high / candles.low)
    body = np.log(candles.close / candles.open)
    variance = 0.5 * height * height - (2.0 * np.log(2.0) - 1.0) * body * body
    return np.sqrt(np.maximum(rolling_mean(variance, window), 0.0))


def rogers_satchell(candles: Candles, window: int) -> Array:
    """Volatility per candle that a drift does not bias (Rogers & Satchell 1991).

    ``ln(H/C) ln(H/O) + ln(L/C) ln(L/O)``, averaged, its root.
    """
    return np.sqrt(np.maximum(rolling_mean(_rogers_satchell_variance(candles), window), 0.0))


def yang_zhang(candles: Candles, window: int) -> Array:
    """Volatility per candle, free of drift and aware of opening gaps (Yang & Zhang 2000).

    Variance of ``ln(O/C_previous)`` plus ``k`` times the variance of ``ln(C/O)`` plus ``1 - k`` times Rogers-Satchell,
    with ``k = 0.34 / (1.34 + (window + 1) / (window - 1))``; both variances with divisor ``window - 1``.
    """
    gap = np.log(candles.open / lag(candles.close, 1))
    body = np.log(candles.close / candles.open)
    share = 0.34 / (1.34 + (window + 1.0) / (window - 1.0))
    gap_variance = rolling_moments(gap, window)[1] / (window - 1)
    body_variance = rolling_moments(body, window)[1] / (window - 1)
    within = rolling_mean(_rogers_satchell_variance(candles), window)
    return np.sqrt(np.maximum(gap_variance + share * body_variance + (1.0 - share) * within, 0.0))


def bollinger(candles: Candles, period: int) -> Columns:
    """Bollinger bands (Bollinger 2001): the mean close plus and minus two of its standard deviations.

    - ``bollinger_position``: place of the close between the bands, 0 at the lower and 1 at the upper; 0.5 in a still
      market.
    - ``bollinger_width``: distance of the bands over the mean.
    """
    mean, squares = rolling_moments(candles.close, period)
    deviation = np.sqrt(squares / period)
    reach = BOLLINGER_DEVIATIONS * deviation
    above_middle = ratio(candles.close - mean, 2.0 * reach, neutral=0.0)
    return {"bollinger_position": 0.5 + above_middle, "bollinger_width": 2.0 * reach / mean}


def average_true_range(candles: Candles, period: int) -> Columns:
    """``atr_ratio``: Wilder's average true range (Wilder 1978) over the close."""
    return {"atr_ratio": wilder_mean(candles.true_range, period) / candles.close}


def average_true_range_warm_up_candles(period: int) -> int:
    """Leading candles without a value."""
    return wilder_terms(period)


def range_volatility(candles: Candles, period: int) -> Columns:
    """Volatility from the range within candles, and what the estimators say beside each other.

    The estimators move together, so one stands for the level and the others tell what they add, as ``(a - b) / (a +
    b)`` in [-1, 1]; 0 where both are zero.

    - ``yang_zhang``: volatility per candle.
    - ``parkinson_excess``: Parkinson against close to close. Positive: candles swing wider than their closes tell.
    - ``garman_klass_excess``: Garman-Klass against Parkinson. Positive: the swings end near where they began.
    - ``rogers_satchell_excess``: Rogers-Satchell against Garman-Klass. Negative: the candles run one way.
    """
    parkinsons, garman_klasses = parkinson(candles, period), garman_klass(candles, period)
    return {
        "yang_zhang": yang_zhang(candles, period),
        "parkinson_excess": _excess(parkinsons, close_to_close(candles, period)),
        "garman_klass_excess": _excess(garman_klasses, parkinsons),
        "rogers_satchell_excess": _excess(rogers_satchell(candles, period), garman_klasses),
    }


def volatility(candles: Candles, window: int) -> Columns:
    """``volatility``: sample standard deviation of the last ``window`` log returns, per candle."""
    return {"volatility": close_to_close(candles, window)}


def _rogers_satchell_variance(candles: Candles) -> Array:
    high_close, high_open = np.log(candles.high / candles.close), np.log(candles.high / candles.open)
    low_close, low_open = np.log(candles.low / candles.close), np.log(candles.low / candles.open)
    variance: Array = high_close * high_open + low_close * low_open
    return variance


def _excess(estimate: Array, base: Array) -> Array:
    return ratio(estimate - base, estimate + base, neutral=0.0)
