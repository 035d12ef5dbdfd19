"""Whether probabilities mean what they say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from freqai_ext.validation._bins import Binning, sort_into_bins
from freqai_ext.validation._rows import binary_rows


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """What happened where about the same probability was forecast; one value per bin that holds a row.

    Attributes
    ----------
    forecast
        Mean forecast probability, ascending.
    observed
        Share of rows in which the event happened. A calibrated forecast has it equal to ``forecast``, up to chance.
    count
        Number of rows.
    """

    forecast: NDArray[np.float64]
    observed: NDArray[np.float64]
    count: NDArray[np.int64]


def reliability_curve(
    actual: ArrayLike, probability: ArrayLike, *, bins: int = 10, binning: Binning = "equal_width"
) -> ReliabilityCurve:
    """Return the reliability curve.

    Parameters
    ----------
    actual
        1 where the event happened, else 0. Rows in which a value is missing are left out.
    probability
        Forecast probability of the event, in [0, 1].
    bins
        Number of bins. Those without a row are left out.
    binning
        ``"equal_width"``: bins of [0, 1]; ``"equal_count"``: between quantiles of the forecasts, equal ones together.
        A bin includes its upper edge.

    Raises
    ------
    ValueError
        If the shapes differ or a value is out of range.
    SettingsError
        If ``bins`` or ``binning`` is not valid.
    """
    sorted_rows = sort_into_bins(*binary_rows(actual, probability), bins, binning)
    return ReliabilityCurve(sorted_rows.forecast, sorted_rows.observed, sorted_rows.count)


def expected_calibration_error(
    actual: ArrayLike, probability: ArrayLike, *, bins: int = 10, binning: Binning = "equal_width"
) -> float:
    """Mean distance of the :func:`reliability_curve` from the diagonal, weighted by rows (ECE; Naeini et al. 2015).

    0 is calibrated, and NaN is returned without rows. Chance alone makes it positive, the more so the fewer rows a bin
    holds: with n rows in k bins by up to about 0.4 sqrt(k / n).
    """
    curve = reliability_curve(actual, probability, bins=bins, binning=binning)
    if not curve.count.size:
        return float("nan")
    return float(np.average(np.abs(curve.observed - curve.forecast), weights=curve.count))
