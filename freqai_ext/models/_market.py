"""What a model that gives odds takes from the candles beside the features."""

import threading

import numpy as np
import numpy.typing as npt
import pandas as pd

from freqai_ext.signals import SignalSettings

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


def volatilities(close: pd.Series, settings: SignalSettings) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the volatility that is the unit of labels, and those that forecast the size of a move."""
    terms = np.column_stack([volatility(close, candles) for candles in settings.size_candles])
    return volatility(close, settings.volatility_candles), terms


def run_starts(
    made_at_ns: npt.NDArray[np.int64], complete: npt.NDArray[np.bool_], candle_ns: int
) -> npt.NDArray[np.intp]:
    """Return for each row where its unbroken run begins: after a gap, and before and after an incomplete row."""
    rows = len(made_at_ns)
    begins = np.ones(rows, dtype=bool)
    begins[1:] = (np.diff(made_at_ns) != candle_ns) | ~complete[1:] | ~complete[:-1]
    return np.maximum.accumulate(np.where(begins, np.arange(rows), 0))


def without_trades(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return for each row whether its candle repeats a price at which nobody traded.

    So do the candles with which Freqtrade fills gaps, those of a halted market, and those after a delisting.
    """
    prices = ["open", "high", "low", "close"]
    if not {*prices, "volume"} <= set(frame.columns):
        return np.zeros(len(frame), dtype=bool)
    # A market without volumes, as of an index, still moves.
    flat = frame[prices].to_numpy(dtype=np.float64)
    return np.asarray((frame["volume"].to_numpy() == 0) & (flat == flat[:, :1]).all(axis=1), dtype=np.bool_)


class RememberedFrames:
    """The newest frame of each thread, from which FreqAI cuts the rows that it hands to a model."""

    def __init__(self) -> None:
        self._frames: dict[int, tuple[str, pd.DataFrame]] = {}

    def put(self, pair: str, frame: pd.DataFrame) -> None:
        """Remember a pair's whole frame for this thread."""
        self._frames[threading.get_ident()] = (pair, frame)

    def around(self, rows: pd.DataFrame, pair: str) -> tuple[pd.DataFrame, int]:
        """Return the frame that ``rows`` were cut from, and the position of their first there; else themselves."""
        known, frame = self._frames.get(threading.get_ident(), ("", rows))
        if known == pair and frame is not rows and len(rows):
            dates = pd.DatetimeIndex(frame["date"])
            first = int(dates.searchsorted(pd.Timestamp(rows["date"].iloc[0])))
            if dates[first : first + len(rows)].equals(pd.DatetimeIndex(rows["date"])):
                return frame.set_axis(frame.columns.str.replace(":", ""), axis=1), first
        return rows, 0
