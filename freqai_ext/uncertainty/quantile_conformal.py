"""Conformalised quantile regression."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from freqai_ext.uncertainty._saved import Saved
from freqai_ext.uncertainty.conformal_scores import (
    Intervals,
    checked_scale,
    conformity_scores,
    learned_quantile,
    widen,
)


class QuantileConformal(Saved):
    """Forecast quantiles, moved apart or together until they cover what they promise.

    The intervals are ``[lower - margin * scale, upper + margin * scale]`` and keep the shape that the quantile
    regression gave them: wide where it was unsure, skewed where it saw skew. Valid where rows are exchangeable.

    Attributes
    ----------
    coverage
        Promised share of outcomes within, in (0, 1).
    margin
        Widening at each end, in units of ``scale``; negative where the quantiles were too far apart. Where it would
        make the ends cross, the interval is their middle.

    References
    ----------
    Romano, Patterson & Candès (2019), Conformalized Quantile Regression.
    """

    coverage: float = Field(gt=0.0, lt=1.0)
    margin: float = Field(allow_inf_nan=False)

    @classmethod
    def fit(
        cls, lower: ArrayLike, upper: ArrayLike, outcome: ArrayLike, coverage: float, scale: ArrayLike = 1.0
    ) -> Self:
        """Learn the margin from quantile forecasts that were not trained on, and their outcomes, ``(rows,)`` each.

        Raises
        ------
        ValueError
            If a value is missing, a scale is not positive, or there are too few rows for the coverage.
        """
        scores = np.atleast_1d(conformity_scores(lower, upper, outcome, scale))
        return cls(coverage=coverage, margin=learned_quantile(scores, coverage))

    def intervals(self, lower: ArrayLike, upper: ArrayLike, scale: ArrayLike = 1.0) -> Intervals:
        """Return the intervals for quantile forecasts of shape ``(rows,)``."""
        return widen(lower, upper, self.margin * checked_scale(scale))
