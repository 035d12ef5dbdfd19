"""The RSI of every period that hyperopt may choose, each in a column of its own."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
import talib


def rsi_column(period: int) -> str:
    """Return the column of one period."""
    return f"rsi_{period}"


def rsi_columns(close: pd.Series, periods: Iterable[int]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the RSI of each period, known at the close of each candle; NaN in the first ``period`` rows.

    Freqtrade computes indicators once and then tries parameters, so that a period can only be chosen among columns.
    """
    values = close.to_numpy(dtype=np.float64)
    return {rsi_column(period): talib.RSI(values, timeperiod=period) for period in periods}
