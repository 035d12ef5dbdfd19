"""Volume and money flow. A window without any volume gives the neutral value."""

import numpy as np

from freqai_ext.features._windows import (
    Array,
    lag,
    ratio,
    rolling_correlation,
    rolling_mean,
    rolling_moments,
    rolling_sum,
)
from freqai_ext.features.candles import Candles
from freqai_ext.features.family import Columns


def money_flow(candles: Candles, period: int) -> Columns:
    """Whether the money went in or out.

    - ``mfi``: money flow index (Quong & Soudack 1989): 100 times the share of the traded value in candles whose
      typical price rose, among those in which it changed, in [0, 100]; neutral 50.
    - ``cmf``: Chaikin money flow (Chaikin 1994): mean place of the close in its candle, -1 at the low and 1 at the
      high, weighted by volume; neutral 0.
    - ``signed_volume``: volume of rising minus volume of falling candles over all volume, in [-1, 1]; neutral 0.
    """
    change = candles.typical_price - lag(candles.typical_price, 1)
    value = candles.typical_price * candles.volume
    rising = rolling_sum(_where(change > 0.0, value, change), period)
    falling = rolling_sum(_where(change < 0.0, value, change), period)
    place = ratio(2.0 * candles.close - candles.low - candles.high, candles.range, neutral=0.0)
    volume = rolling_sum(candles.volume, period)
    direction = np.sign(candles.close - lag(candles.close, 1))
    return {
        "mfi": 100.0 * ratio(rising, rising + falling, neutral=0.5),
        "cmf": ratio(rolling_sum(place * candles.volume, period), volume, neutral=0.0),
        "signed_volume": ratio(rolling_sum(direction * candles.volume, period), volume, neutral=0.0),
    }


def volume_shape(candles: Candles, period: int) -> Columns:
    """How the volume stands to its past and to the price.

    - ``volume_z``: the volume in standard deviations from its mean; 0 where it does not vary.
    - ``volume_price_correlation``: correlation of close and volume, in [-1, 1]; 0 where one of them does not vary.
    - ``vwap_distance``: log of the close over the volume-weighted average typical price; 0 without volume.
    """
    mean, squares = rolling_moments(candles.volume, period)
    volume = rolling_sum(candles.volume, period)
    traded_at = ratio(rolling_sum(candles.typical_price * candles.volume, period), volume, neutral=np.nan)
    traded_at = np.where(volume == 0.0, candles.close, traded_at)
    return {
        "volume_z": ratio(candles.volume - mean, np.sqrt(squares / period), neutral=0.0),
        "volume_price_correlation": rolling_correlation(candles.close, candles.volume, period),
        "vwap_distance": candles.log_close - np.log(traded_at),
    }


def volume_change(candles: Candles, window: int) -> Columns:
    """How the volume changes over ``window`` candles.

    - ``volume_ratio``: the volume over its mean; 1 without volume.
    - ``volume_change``: ``(a - b) / (a + b)`` of the volume and the volume ``window`` candles ago, in [-1, 1].
    - ``volume_momentum``: the same of the mean volume of the last ``window`` candles and of the ``window`` before them.
    """
    volume = candles.volume
    mean = rolling_mean(volume, window)
    return {
        "volume_ratio": ratio(volume, mean, neutral=1.0),
        "volume_change": _relative_change(volume, lag(volume, window)),
        "volume_momentum": _relative_change(mean, lag(mean, window)),
    }


def volume_change_warm_up_candles(window: int) -> int:
    """Leading candles without a value."""
    return 2 * window - 1


def _relative_change(now: Array, before: Array) -> Array:
    return ratio(now - before, now + before, neutral=0.0)


def _where(condition: np.ndarray, values: Array, known: Array) -> Array:
    return np.where(np.isnan(known), np.nan, np.where(condition, values, 0.0))
