"""The view of a candle frame that feature families read."""

from functools import cached_property

import numpy as np
import pandas as pd

from freqai_ext.errors import MarketDataError
from freqai_ext.features._windows import Array, lag

COLUMNS = ("date", "open", "high", "low", "close", "volume")

RETURN_RESOLUTION = 1e-12
"""Log returns whose standard deviation is not above this are the rounding noise of a constant move."""


class Candles:
    """Candles as NumPy arrays, with the pieces that several families share computed once.

    Parameters
    ----------
    frame
        One row per candle, oldest first: ``date`` (the opening time, UTC), ``open``, ``high``, ``low``, ``close`` and
        ``volume``. It is read, never changed. A candle is known when it has closed.
    reference_close
        For the cross-asset family: the reference pair's close that is known at each candle of ``frame``.

    Raises
    ------
    MarketDataError
        If a column is missing.
    """

    def __init__(self, frame: pd.DataFrame, reference_close: Array | None = None) -> None:
        missing = [column for column in COLUMNS if column not in frame.columns]
        if missing:
            raise MarketDataError(f"candles: no column {', '.join(missing)}; needed are {', '.join(COLUMNS)}")
        self.date = frame["date"]
        self.open = frame["open"].to_numpy(np.float64)
        self.high = frame["high"].to_numpy(np.float64)
        self.low = frame["low"].to_numpy(np.float64)
        self.close = frame["close"].to_numpy(np.float64)
        self.volume = frame["volume"].to_numpy(np.float64)
        self.reference_close = reference_close

    def __len__(self) -> int:
        return self.close.size

    @cached_property
    def log_close(self) -> Array:
        """Natural logarithm of the close."""
        logarithm: Array = np.log(self.close)
        return logarithm

    @cached_property
    def log_return(self) -> Array:
        """Log return from the previous close; NaN at the first candle."""
        change: Array = self.log_close - lag(self.log_close, 1)
        return change

    @cached_property
    def range(self) -> Array:
        """High minus low."""
        height: Array = self.high - self.low
        return height

    @cached_property
    def true_range(self) -> Array:
        """Wilder's true range; NaN at the first candle."""
        previous = lag(self.close, 1)
        height: Array = np.maximum(self.high, previous) - np.minimum(self.low, previous)
        return height

    @cached_property
    def typical_price(self) -> Array:
        """Mean of high, low and close."""
        mean: Array = (self.high + self.low + self.close) / 3.0
        return mean
