"""Whether intervals hold what they promise, and how wide they are for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from freqai_ext.validation._rows import complete_rows


@dataclass(frozen=True)
class IntervalScores:
    """Scores of a prediction interval.

    Attributes
    ----------
    rows
        Number of rows that entered.
    coverage
        Share of outcomes in the closed interval ``[lower, upper]``; that of a good 80 % interval is near 0.8.
    mean_width
        Mean of ``upper - lower``, in the unit of the outcome. At equal coverage the narrower interval says more.
    """

    rows: int
    coverage: float
    mean_width: float


def score_interval(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> IntervalScores:
    """Return coverage and width; rows in which a value is missing are left out, and without rows both are NaN.

    Raises
    ------
    ValueError
        If the shapes differ, or a lower bound lies above its upper bound.
    """
    truth, low, high = complete_rows(actual=actual, lower=lower, upper=upper)
    if crossed := int((low > high).sum()):
        raise ValueError(f"lower: above upper in {crossed} of {truth.size} rows; sort the two bounds of each row")
    if not truth.size:
        return IntervalScores(0, float("nan"), float("nan"))
    return IntervalScores(
        rows=truth.size,
        coverage=float(np.mean((low <= truth) & (truth <= high))),
        mean_width=float(np.mean(high - low)),
    )
