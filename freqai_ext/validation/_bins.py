"""Probabilities sorted into bins."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from freqai_ext.errors import SettingsError

Binning: TypeAlias = Literal["equal_width", "equal_count"]
"""Bins of equal width, or bins that hold about equally many forecasts."""


@dataclass(frozen=True, eq=False)
class Bins:
    """The bins that hold a forecast, in ascending order.

    ``index`` is each row's bin; the others have one value per bin: number of rows, mean forecast, share of events.
    """

    index: NDArray[np.intp]
    count: NDArray[np.int64]
    forecast: NDArray[np.float64]
    observed: NDArray[np.float64]


def sort_into_bins(actual: NDArray[np.float64], probability: NDArray[np.float64], bins: int, binning: Binning) -> Bins:
    """Return the bins; an edge belongs to the bin below it, so equal forecasts share a bin.

    Raises
    ------
    SettingsError
        If there is no bin, or the binning is not known.
    """
    if bins < 1:
        raise SettingsError(f"bins: {bins} is not valid; it must be at least 1")
    levels = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    if binning not in ("equal_width", "equal_count"):
        raise SettingsError(f"binning: {binning!r} is not valid; write 'equal_width' or 'equal_count'")
    inner_edges = levels if binning == "equal_width" or not probability.size else np.quantile(probability, levels)
    _, index, count = np.unique(np.searchsorted(inner_edges, probability), return_inverse=True, return_counts=True)
    return Bins(
        index=index,
        count=count,
        forecast=np.bincount(index, probability) / count,
        observed=np.bincount(index, actual) / count,
    )
