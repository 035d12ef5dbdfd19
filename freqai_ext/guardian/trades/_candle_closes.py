"""When the candles of a frame close."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def candle_closes_s(candle_dates: "pd.Series[pd.Timestamp]", candle_s: float) -> NDArray[np.float64]:
    """Return the closes of candles as UTC seconds, from their opening times; dates without a zone are UTC."""
    dates = pd.DatetimeIndex(pd.to_datetime(candle_dates, utc=True))
    milliseconds = dates.tz_localize(None).to_numpy("datetime64[ms]").astype(np.int64)
    return milliseconds / 1e3 + candle_s
