"""What a model that gives odds takes from the candles beside the features."""

import numpy as np
import numpy.typing as npt
import pandas as pd

# A flat market still needs a unit: 0.1 basis points a candle.
LEAST_VOLATILITY = 1e-5


def close_times_ns(frame: pd.DataFrame, candle_ns: int) -> npt.NDArray[np.int64]:
    """Return the UTC close of each candle in nanoseconds since 1970."""
    return np.asarray(pd.DatetimeIndex(frame["date"]).as_unit("ns").asi8 + candle_ns, dtype=np.int64)


def volatility(close: pd.Series, candles: int) -> npt.NDArray[np.float64]:
    """Return the root mean square of the last ``candles`` log returns at each row, per candle.

    As :func:`freqai_ext.labels.trailing_volatility`, but the first rows make do with the returns there are, so that a
    short history costs no training rows. NaN for the first row, which has none.
    """
    squares = pd.Series(np.log(close.astype(float))).diff() ** 2
    usual = np.sqrt(squares.rolling(candles, min_periods=1).mean())
    return np.asarray(usual.clip(lower=LEAST_VOLATILITY), dtype=np.float64)


def run_starts(
    made_at_ns: npt.NDArray[np.int64], complete: npt.NDArray[np.bool_], candle_ns: int
) -> npt.NDArray[np.intp]:
    """Return for each row where its unbroken run begins: after a gap, and before and after an incomplete row."""
    rows = len(made_at_ns)
    begins = np.ones(rows, dtype=bool)
    begins[1:] = (np.diff(made_at_ns) != candle_ns) | ~complete[1:] | ~complete[:-1]
    return np.maximum.accumulate(np.where(begins, np.arange(rows), 0))
