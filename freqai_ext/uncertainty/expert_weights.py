"""Aggregation of experts who each forecast a quantile."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class ExpertWeights:
    """Weights of experts, learned from their pinball losses by Bernstein online aggregation.

    With linearised losses and one learning rate for all experts, set from the range and the sum of squares of the
    regrets seen, so it has no setting. The weighted mean forecast does nearly as well as the best fixed mixture.

    Parameters
    ----------
    regrets
        Each expert's second-order regret so far; zeros to start.
    squares, largest
        Sum of the squares, over time, of the largest regret, and the largest of them; zeros to start.

    References
    ----------
    Wintenberger (2017), Optimal learning with Bernstein Online Aggregation. There each expert has a rate of its own.
    """

    def __init__(self, regrets: Sequence[float], squares: float = 0.0, largest: float = 0.0) -> None:
        self.regrets = np.asarray(regrets, dtype=np.float64)
        self.squares = squares
        self.largest = largest

    @property
    def weights(self) -> NDArray[np.float64]:
        """One weight per expert; not negative, and their sum is 1."""
        raw = np.exp(self._rate() * (self.regrets - self.regrets.max()))
        return np.asarray(raw / raw.sum())

    def update(self, forecasts: NDArray[np.float64], outcome: float, level: float) -> None:
        """Learn from ``outcome`` how good the experts' ``forecasts`` of its quantile at ``level`` were."""
        mean = float(self.weights @ forecasts)
        slope = (1.0 if outcome <= mean else 0.0) - level
        regret = slope * (mean - forecasts)
        worst = float(np.abs(regret).max())
        self.largest = max(self.largest, worst)
        self.squares += worst**2
        self.regrets = self.regrets + regret - self._rate() * regret**2

    def _rate(self) -> float:
        if self.squares == 0.0:
            return 0.0
        return min(0.5 / self.largest, math.sqrt(math.log(self.regrets.size) / self.squares))
