"""Split conformal intervals around a forecast of one number."""

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


class SplitConformal(Saved):
    """Intervals ``point -+ quantile * scale``, of one width in units of ``scale``.

    They cover at least the promised share where the rows to come are exchangeable with those it was fitted on. Prices
    drift through regimes, so they are not: see :class:`AdaptiveConformal`.

    Attributes
    ----------
    coverage
        Promised share of outcomes within, in (0, 1).
    quantile
        Half the width, in units of ``scale``.

    References
    ----------
    Papadopoulos et al. (2002), Inductive Confidence Machines for Regression; Lei et al. (2018), Distribution-Free
    Predictive Inference for Regression.
    """

    coverage: float = Field(gt=0.0, lt=1.0)
    quantile: float = Field(ge=0.0, allow_inf_nan=False)

    @classmethod
    def fit(cls, point: ArrayLike, outcome: ArrayLike, coverage: float, scale: ArrayLike = 1.0) -> Self:
        """Learn the width from forecasts that were not trained on, and their outcomes, shape ``(rows,)`` each.

        Raises
        ------
        ValueError
            If a value is missing, a scale is not positive, or there are too few rows for the coverage.
        """
        scores = np.atleast_1d(conformity_scores(point, point, outcome, scale))
        return cls(coverage=coverage, quantile=learned_quantile(scores, coverage))

    def intervals(self, point: ArrayLike, scale: ArrayLike = 1.0) -> Intervals:
        """Return the intervals around forecasts of shape ``(rows,)``."""
        return widen(point, point, self.quantile * checked_scale(scale))
