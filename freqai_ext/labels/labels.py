"""A label with the time at which it is known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.errors import MarketDataError, SettingsError
from freqai_ext.labels.timeframe import timeframe_to_timedelta


@dataclass(frozen=True, eq=False)
class Labels:
    """What is to be forecast at each candle, and when the answer is known.

    Attributes
    ----------
    name
        What the label says.
    values
        One value per candle; missing where the data end before the horizon does.
    known_at
        UTC time from which the value is known, one per candle and never missing: the close of the last candle of the
        horizon. A split must keep a row out of any training set that ends before it.
    horizon_candles
        Number of candles after the row's own that the label looks at.
    """

    name: str
    values: pd.Series
    known_at: pd.Series
    horizon_candles: int


def known_at(candles: pd.DataFrame, horizon_candles: int, timeframe: str) -> pd.Series:
    """Return the close of the candle ``horizon_candles`` rows later.

    A candle closes one ``timeframe`` after its ``date``. The horizon counts rows, so a gap in the candles delays it.
    Beyond the last row the time is reckoned as if candles followed without a gap, so it is later than the last close.

    Raises
    ------
    SettingsError
        If the horizon is shorter than one candle or the timeframe is not valid.
    MarketDataError
        If a column is missing.
    """
    if horizon_candles < 1:
        raise SettingsError(f"horizon_candles: {horizon_candles} is not valid; it must be at least 1")
    require_columns(candles, "date", "high", "low", "close")
    candle = timeframe_to_timedelta(timeframe)
    dates = pd.DatetimeIndex(candles["date"])
    if len(dates):
        to_come = pd.date_range(dates[-1] + candle, periods=horizon_candles, freq=candle)
        dates = pd.DatetimeIndex(dates.append(to_come))
    return pd.Series(dates[horizon_candles:] + candle, index=candles.index, name="known_at")


def closes_of(candles: pd.DataFrame, timeframe: str, rows: NDArray[np.int64]) -> pd.Series:
    """Return, for each candle, the UTC time at which the candle at position ``rows`` closes; missing where it is -1."""
    closes = pd.DatetimeIndex(candles["date"]) + timeframe_to_timedelta(timeframe)
    return pd.Series(closes[np.maximum(rows, 0)], index=candles.index).where(rows >= 0)


def require_columns(candles: pd.DataFrame, *columns: str) -> None:
    """Raise a :class:`MarketDataError` that names the ``columns`` that ``candles`` lack."""
    missing = [column for column in columns if column not in candles.columns]
    if missing:
        raise MarketDataError(f"candles: no column {', '.join(missing)}; needed are {', '.join(columns)}")
