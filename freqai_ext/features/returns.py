"""Price and returns: how far, how steadily and in what shape the price has moved."""

import numpy as np

from freqai_ext.features._windows import (
    lag,
    ratio,
    rolling_correlation,
    rolling_max,
    rolling_min,
    rolling_moments,
    rolling_std,
    rolling_sum,
)
from freqai_ext.features.candles import RETURN_RESOLUTION, Candles
from freqai_ext.features.family import Columns


def return_shape(candles: Candles, period: int) -> Columns:
    """Shape of the last ``period`` log returns.

    - ``return_z``: the last return in standard deviations from the mean; 0 where returns do not vary.
    - ``return_autocorrelation``: correlation of each return with the one before it, in [-1, 1].
    - ``downside_share``: share of the squared returns that fell (Barndorff-Nielsen, Kinnebrock & Shephard 2010,
      realised semivariance), in [0, 1]; 0.5 where the price has not moved.
    """
    returns = candles.log_return
    mean, squares = rolling_moments(returns, period)
    squared = returns * returns
    falling = np.where(returns > 0.0, 0.0, squared)
    return {
        "return_z": ratio(returns - mean, np.sqrt(squares / period), neutral=0.0, floor=RETURN_RESOLUTION),
        "return_autocorrelation": rolling_correlation(returns, lag(returns, 1), period, RETURN_RESOLUTION),
        "downside_share": ratio(rolling_sum(falling, period), rolling_sum(squared, period), neutral=0.5),
    }


def momentum(candles: Candles, window: int) -> Columns:
    """How far the price has moved.

    - ``momentum``: log return over ``window`` candles.
    - ``price_momentum``: the same in standard deviations of such a move, i.e. over the standard deviation of the
      ``window`` returns times ``sqrt(window)``; 0 where returns do not vary.
    """
    move = candles.log_close - lag(candles.log_close, window)
    spread = rolling_std(candles.log_return, window)
    return {
        "momentum": move,
        "price_momentum": ratio(move, spread * np.sqrt(window), neutral=0.0, floor=RETURN_RESOLUTION),
    }


def drawdown(candles: Candles, window: int) -> Columns:
    """Distance to the extremes of the last ``window`` candles, the present one included.

    - ``drawdown``: log of the close over the highest high, at most 0.
    - ``run_up``: log of the close over the lowest low, at least 0.
    """
    return {
        "drawdown": candles.log_close - np.log(rolling_max(candles.high, window)),
        "run_up": candles.log_close - np.log(rolling_min(candles.low, window)),
    }
