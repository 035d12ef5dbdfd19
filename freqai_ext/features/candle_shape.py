"""The shape of the candle."""

import numpy as np

from freqai_ext.features._windows import ratio, rolling_mean
from freqai_ext.features.candles import Candles
from freqai_ext.features.family import Columns

RANGE_WINDOW = 24


def candle_shape(candles: Candles) -> Columns:
    """Body and shadows of the candle as shares of its range; a candle without a range has none of them.

    - ``candle_body``: close minus open, in [-1, 1].
    - ``candle_upper_shadow``: high minus the higher of open and close, in [0, 1].
    - ``candle_lower_shadow``: the lower of open and close minus low, in [0, 1].
    - ``candle_range_ratio``: its range over the mean range of the last 24 candles; 1 in a still market.
    """
    top, bottom = np.maximum(candles.open, candles.close), np.minimum(candles.open, candles.close)
    height = candles.range
    return {
        "candle_body": ratio(candles.close - candles.open, height, neutral=0.0),
        "candle_upper_shadow": ratio(candles.high - top, height, neutral=0.0),
        "candle_lower_shadow": ratio(bottom - candles.low, height, neutral=0.0),
        "candle_range_ratio": ratio(height, rolling_mean(height, RANGE_WINDOW), neutral=1.0),
    }


def candle_shape_warm_up_candles(_window: int) -> int:
    """Leading candles without a value."""
    return RANGE_WINDOW - 1
