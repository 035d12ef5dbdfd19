"""Beta calibration."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit

from freqai_ext.uncertainty._log_odds import fit_log_odds
from freqai_ext.uncertainty.calibration import Calibration


class BetaCalibration(Calibration):
    """Bend both ends apart: ``logit(p') = a * ln(p) - b * ln(1 - p) + c``.

    Corrects confidence and base rate, and does so differently for high and low probabilities. With ``a == b`` it is
    Platt's on log odds.

    Attributes
    ----------
    a, b
        At least 0, which keeps the map monotone.
    c
        Shift of the log odds.

    References
    ----------
    Kull, Silva Filho & Flach (2017), Beta calibration. Ours has priors N(1, 1) on ``a`` and ``b`` and N(0, 1) on
    ``c``, and keeps ``a`` and ``b`` at or above 0 while fitting.
    """

    a: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    b: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    c: float = Field(default=0.0, allow_inf_nan=False)

    @classmethod
    def _fit(cls, chance: NDArray[np.float64], happened: NDArray[np.float64], weight: NDArray[np.float64]) -> Self:
        terms = np.column_stack([np.log(chance), -np.log1p(-chance), np.ones(chance.size)])
        bounds = [(0.0, None), (0.0, None), (None, None)]
        a, b, c = fit_log_odds(terms, happened, weight, [1.0, 1.0, 0.0], bounds)
        return cls(a=a, b=b, c=c)

    def _predict(self, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(expit(self.a * np.log(chance) - self.b * np.log1p(-chance) + self.c))
