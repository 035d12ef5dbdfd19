"""Isotonic calibration."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator
from sklearn.isotonic import IsotonicRegression

from freqai_ext.uncertainty.calibration import Calibration

_PRIOR_GRID = np.linspace(0.0, 1.0, 21)


class IsotonicCalibration(Calibration):
    """The non-decreasing map that fits the outcomes best, straight between its knots.

    Corrects any monotone distortion, and needs the most rows: thousands. The prior is 21 rows, evenly spread over
    [0, 1], whose outcome is their own probability.

    Attributes
    ----------
    knots
        Probabilities in [0, 1], increasing, at least two.
    levels
        The calibrated probability at each knot, never decreasing.

    References
    ----------
    Zadrozny & Elkan (2002), Transforming Classifier Scores into Accurate Multiclass Probability Estimates.
    """

    knots: tuple[float, ...] = (0.0, 1.0)
    levels: tuple[float, ...] = (0.0, 1.0)

    @model_validator(mode="after")
    def _is_monotone(self) -> Self:
        if len(self.knots) != len(self.levels) or len(self.knots) < 2:
            raise ValueError("knots and levels must be of one length, at least 2")
        for name, values in (("knots", self.knots), ("levels", self.levels)):
            if not all(0.0 <= value <= 1.0 for value in values) or list(values) != sorted(values):
                raise ValueError(f"{name} must lie in [0, 1] and never decrease")
        return self

    @classmethod
    def _fit(cls, chance: NDArray[np.float64], happened: NDArray[np.float64], weight: NDArray[np.float64]) -> Self:
        fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(
            np.concatenate([chance, _PRIOR_GRID]),
            np.concatenate([happened, _PRIOR_GRID]),
            np.concatenate([weight, np.ones(_PRIOR_GRID.size)]),
        )
        return cls(knots=fitted.X_thresholds_.tolist(), levels=fitted.y_thresholds_.tolist())

    def _predict(self, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.interp(chance, self.knots, self.levels)
