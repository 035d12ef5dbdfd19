"""The volatility that scales barriers, reversals and weights."""

import numpy as np
import pandas as pd

from freqai_ext.errors import SettingsError
from freqai_ext.labels.labels import require_columns


def trailing_volatility(candles: pd.DataFrame, volatility_candles: int) -> pd.Series:
    """Root mean square of the last ``volatility_candles`` log returns from close to close, per candle.

    Known at the close of the row's own candle; missing for the first ``volatility_candles`` rows. The mean return is
    taken as zero, so a steady trend has a volatility too. Times the root of a horizon in candles, it is the size of a
    usual move over that horizon, e.g. 0.01 for 1 %.

    Raises
    ------
    SettingsError
        If ``volatility_candles`` is below 2.
    MarketDataError
        If the column ``close`` is missing.
    """
    if volatility_candles < 2:
        raise SettingsError(f"volatility_candles: {volatility_candles} is not valid; it must be at least 2")
    require_columns(candles, "close")
    squares = np.log(candles["close"]).diff() ** 2
    return pd.Series(np.sqrt(squares.rolling(volatility_candles).mean()), name="volatility")
