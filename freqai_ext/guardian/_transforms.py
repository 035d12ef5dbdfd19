"""From recorded numbers to numbers without a scale, in which 0 says "nothing special".

A transform sees recorded rows one by one, never their neighbours; what it cannot compute is NaN. The one comparison in
time, with a column's own past, is :func:`trailing_median`.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.indexers import BaseIndexer

FloatArray = npt.NDArray[np.float64]
Transform = Callable[[Mapping[str, FloatArray], str], FloatArray]
"""Takes the recorded columns by name, each of shape (rows,), and the name of its own."""

TRAILING_S: Final = 7 * 86_400.0
"""How far back a column is compared with itself."""

_FEW_ROWS: Final = 16


def as_given(recorded: Mapping[str, FloatArray], name: str) -> FloatArray:
    """The number itself: it is a share, an imbalance or a log ratio already."""
    return recorded[name]


def centred(middle: float, half_range: float) -> Transform:
    """-1 to 1 around ``middle``."""
    return lambda recorded, name: (recorded[name] - middle) / half_range


def log_return(recorded: Mapping[str, FloatArray], name: str) -> FloatArray:
    """The log return of a change in percent."""
    return np.log1p(_where_above(recorded[name], -100.0) / 100.0)


def signed_log1p(recorded: Mapping[str, FloatArray], name: str) -> FloatArray:
    """The logarithm of 1 and the magnitude, with the sign: the scale is not known, and large values must not rule."""
    return np.copysign(np.log1p(np.abs(recorded[name])), recorded[name])


def log(recorded: Mapping[str, FloatArray], name: str) -> FloatArray:
    """The logarithm of a ratio, or of a level that is compared with its own past."""
    return np.log(_where_above(recorded[name], 0.0))


def log_ratio_to(other: str) -> Transform:
    """The logarithm of the ratio to another column of the same unit."""
    return lambda recorded, name: log(recorded, name) - log(recorded, other)


def distance_to(price: str) -> Transform:
    """How far a price is from another, as a share of that."""
    return lambda recorded, name: _where_above(recorded[name], 0.0) / _where_above(recorded[price], 0.0) - 1.0


def recency(recorded: Mapping[str, FloatArray], name: str) -> FloatArray:
    """1 for what happened just now, towards 0 the more bars ago it was."""
    return 1.0 / (1.0 + np.maximum(recorded[name], 0.0))


def trailing_median(times_s: FloatArray, levels: FloatArray, first: int = 0) -> FloatArray:
    """Median of each column over the :data:`TRAILING_S` up to and with each row, from row ``first`` on.

    Parameters
    ----------
    times_s
        Shape (rows,), ascending.
    levels
        Shape (rows, columns); NaN is passed over.

    Returns
    -------
    ndarray
        Shape (rows - first, columns); NaN where there is no number in the window.
    """
    starts = np.searchsorted(times_s, times_s[first:] - TRAILING_S, side="right")
    if len(starts) <= _FEW_ROWS:
        medians = [_medians(levels[start : first + row + 1]) for row, start in enumerate(starts)]
        return np.array(medians).reshape(len(starts), levels.shape[1])
    used = int(starts[0])
    window = _TrailingWindow(times_s=times_s[used:])
    return pd.DataFrame(levels[used:]).rolling(window, min_periods=1).median().to_numpy()[first - used :]


class _TrailingWindow(BaseIndexer):
    times_s: FloatArray

    def get_window_bounds(
        self,
        num_values: int = 0,
        min_periods: int | None = None,
        center: bool | None = None,
        closed: str | None = None,
        step: int | None = None,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        del min_periods, center, closed, step  # pandas checks that they are taken
        starts = np.searchsorted(self.times_s, self.times_s - TRAILING_S, side="right")
        return starts.astype(np.int64), np.arange(1, num_values + 1, dtype=np.int64)


def _medians(levels: FloatArray) -> list[float]:
    known = (column[~np.isnan(column)] for column in levels.T)
    return [float(np.median(column)) if len(column) else np.nan for column in known]


def _where_above(values: FloatArray, floor: float) -> FloatArray:
    return np.where(values > floor, values, np.nan)
