"""How large a move is to be expected, whichever way it goes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

# Pulls the exponents towards equal shares with the force of so many rows.
_PRIOR_ROWS = 50.0
# A label of 0 has no logarithm; smaller than this share of the usual one, it tells no more.
_SMALLEST_SHARE = 1e-3


@dataclass(frozen=True, eq=False)
class MoveSize:
    """``size = factor * product of volatility_k ** exponent_k`` over windows of several lengths.

    Volatility is more than one number: minutes and days of it together forecast the size of a move better than either,
    and from the size come the odds of earning the costs and the width of the interval.

    Attributes
    ----------
    factor
        Makes the root mean square of outcomes in units of their size 1.
    exponents
        Shape ``(terms,)``.

    References
    ----------
    Corsi (2009), A simple approximate long-memory model of realized volatility.
    """

    factor: float
    exponents: NDArray[np.float64]

    @classmethod
    def fit(cls, terms: NDArray[np.float64], outcome: NDArray[np.float64], weight: NDArray[np.float64]) -> Self:
        """Learn the size from outcomes.

        Parameters
        ----------
        terms
            Shape ``(rows, terms)``: volatilities over windows of several lengths, positive, known at each row.
        outcome
            Shape ``(rows,)``: what is to be forecast, or how far it lay from its forecast.
        weight
            Shape ``(rows,)``: how many independent observations a row is worth.
        """
        count = terms.shape[1]
        even = np.full(count, 1.0 / count)
        logs = np.log(terms)
        present = np.abs(outcome)
        usual = float(np.median(present[present > 0.0])) if (present > 0.0).any() else 1.0
        target = np.log(np.maximum(present, _SMALLEST_SHARE * usual)) - logs @ even
        total = float(weight.sum())
        if total > 0.0:
            centred = logs - np.average(logs, axis=0, weights=weight)
            weighted = centred * weight[:, None]
            scale = float(np.mean(np.var(logs, axis=0))) or 1.0
            penalty = _PRIOR_ROWS * scale * np.eye(count)
            shift = np.linalg.solve(weighted.T @ centred + penalty, weighted.T @ (target - target.mean()))
            even = even + shift
        shape = np.exp(logs @ even)
        power = float(np.average((outcome / shape) ** 2, weights=weight)) if total > 0.0 else 0.0
        return cls(float(np.sqrt(power)) if power > 0.0 else 1.0, even)

    def predict(self, terms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the expected size of each row, shape ``(rows,)``; NaN where a term is missing."""
        return np.asarray(self.factor * np.exp(np.log(terms) @ self.exponents), dtype=np.float64)
