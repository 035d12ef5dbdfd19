"""Temperature scaling."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit, logit

from freqai_ext.uncertainty._log_odds import fit_log_odds
from freqai_ext.uncertainty.calibration import Calibration


class TemperatureCalibration(Calibration):
    """Divide the log odds by a temperature: ``logit(p') = logit(p) / temperature``.

    Corrects over- and underconfidence; a probability of one half stays where it is, so a wrong base rate does too.

    Attributes
    ----------
    temperature
        In (0, 1000]. Above 1 the forecasts were too sure; at 1000 they say no more than one half.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), On Calibration of Modern Neural Networks. Ours has a prior N(1, 1) on
    ``1 / temperature``.
    """

    temperature: float = Field(default=1.0, gt=0.0, le=1000.0)

    @classmethod
    def _fit(cls, chance: NDArray[np.float64], happened: NDArray[np.float64], weight: NDArray[np.float64]) -> Self:
        (slope,) = fit_log_odds(logit(chance)[:, None], happened, weight, [1.0], [(1e-3, None)])
        return cls(temperature=1.0 / slope)

    def _predict(self, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(expit(logit(chance) / self.temperature))
