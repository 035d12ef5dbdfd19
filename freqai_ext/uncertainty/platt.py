"""Platt scaling of log odds."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit, logit

from freqai_ext.uncertainty._log_odds import fit_log_odds
from freqai_ext.uncertainty.calibration import Calibration


class PlattCalibration(Calibration):
    """Stretch and shift the log odds: ``logit(p') = slope * logit(p) + intercept``.

    Corrects confidence and base rate.

    Attributes
    ----------
    slope
        At least 0. Below 1 the forecasts were too sure; at 0 they told nothing and the base rate remains.
    intercept
        Above 0 the event was more frequent than forecast.

    References
    ----------
    Platt (1999), Probabilistic Outputs for Support Vector Machines. In place of his smoothed targets ours has priors
    N(1, 1) on the slope and N(0, 1) on the intercept.
    """

    slope: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    intercept: float = Field(default=0.0, allow_inf_nan=False)

    @classmethod
    def _fit(cls, chance: NDArray[np.float64], happened: NDArray[np.float64], weight: NDArray[np.float64]) -> Self:
        terms = np.column_stack([logit(chance), np.ones(chance.size)])
        slope, intercept = fit_log_odds(terms, happened, weight, [1.0, 0.0], [(0.0, None), (None, None)])
        return cls(slope=slope, intercept=intercept)

    def _predict(self, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(expit(self.slope * logit(chance) + self.intercept))
