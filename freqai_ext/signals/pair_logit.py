"""Logistic regression with a prior, and an intercept of its own for each pair."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

MAX_LOGIT = 13.8  # 1e-6 on either side, as in freqai_ext.uncertainty
_ITERATIONS = 100
_TOLERANCE = 1e-9
_INTERCEPT_SD = 2.0


@dataclass(frozen=True, eq=False)
class PairLogit:
    """``P(outcome) = logistic(intercept + shift[pair] + slopes · x)``.

    Attributes
    ----------
    intercept
        Common to all pairs.
    slopes
        Shape ``(inputs,)``.
    shift
        Shape ``(pairs,)``: what each pair adds to the intercept.
    covariance
        Shape ``(1 + inputs, 1 + inputs)``: of intercept and slopes.
    """

    intercept: float
    slopes: NDArray[np.float64]
    shift: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        inputs: NDArray[np.float64],
        pair: NDArray[np.intp],
        outcome: NDArray[np.float64],
        weight: NDArray[np.float64],
        *,
        pairs: int,
        slope_mean: ArrayLike,
        slope_sd: float,
        shift_sd: float = 0.1,
    ) -> Self:
        """Return the most probable coefficients given the rows and normal priors.

        Parameters
        ----------
        inputs
            Shape ``(rows, inputs)``, finite.
        pair
            Shape ``(rows,)``: number of each row's pair.
        outcome
            Shape ``(rows,)``: 0 or 1.
        weight
            Shape ``(rows,)``: how many independent observations a row is worth, e.g. 1/24 where labels span 24 candles.
        pairs
            Number of pairs.
        slope_mean, slope_sd
            Prior of the slopes. No rows give ``slope_mean``.
        shift_sd
            Prior deviation of a pair's own intercept, in log odds. Small: pairs differ less than their samples do.
        """
        mean = np.concatenate([[0.0], np.broadcast_to(np.asarray(slope_mean, dtype=np.float64), inputs.shape[1:])])
        sd = np.concatenate([[_INTERCEPT_SD], np.full(inputs.shape[1], slope_sd)])
        size = len(mean)
        prior_mean = np.concatenate([mean, np.zeros(pairs)])
        precision = 1.0 / np.concatenate([sd, np.full(pairs, shift_sd)]) ** 2
        matrix = np.concatenate([np.ones((len(inputs), 1)), inputs, np.eye(pairs)[pair]], axis=1)
        coefficients, hessian = _most_probable(matrix, outcome, weight, prior_mean, precision)
        covariance = np.asarray(np.linalg.inv(hessian)[:size, :size], dtype=np.float64)
        return cls(float(coefficients[0]), coefficients[1:size], coefficients[size:], covariance)

    def log_odds(self, inputs: NDArray[np.float64], pair: int) -> NDArray[np.float64]:
        """Return the log odds of rows of one pair; a pair that was not trained on, -1, has no shift."""
        shift = float(self.shift[pair]) if pair >= 0 else 0.0
        return np.clip(self.intercept + shift + inputs @ self.slopes, -MAX_LOGIT, MAX_LOGIT)

    def predict(self, inputs: NDArray[np.float64], pair: int) -> NDArray[np.float64]:
        """Return the probabilities of rows of one pair, shape ``(rows,)``."""
        return _logistic(self.log_odds(inputs, pair))

    def band(self, inputs: NDArray[np.float64], pair: int, deviations: float) -> NDArray[np.float64]:
        """Return the probabilities ``deviations`` standard errors below and above, shape ``(rows, 2)``."""
        with_one = np.concatenate([np.ones((len(inputs), 1)), inputs], axis=1)
        error = np.sqrt(np.einsum("ij,jk,ik->i", with_one, self.covariance, with_one))
        centre = self.log_odds(inputs, pair)
        ends = np.column_stack([centre - deviations * error, centre + deviations * error])
        return _logistic(np.clip(ends, -MAX_LOGIT, MAX_LOGIT))


def _most_probable(
    matrix: NDArray[np.float64],
    outcome: NDArray[np.float64],
    weight: NDArray[np.float64],
    prior_mean: NDArray[np.float64],
    precision: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coefficients, and the matrix of second derivatives there, by Newton's method."""

    def log_posterior(coefficients: NDArray[np.float64]) -> float:
        odds, away = matrix @ coefficients, coefficients - prior_mean
        return float(weight @ (outcome * odds - np.logaddexp(0.0, odds)) - 0.5 * precision @ away**2)

    coefficients, hessian = prior_mean, np.diag(precision)
    reached = log_posterior(coefficients)
    for _ in range(_ITERATIONS):
        chance = _logistic(matrix @ coefficients)
        gradient = matrix.T @ (weight * (outcome - chance)) - precision * (coefficients - prior_mean)
        hessian = (matrix * (weight * chance * (1.0 - chance))[:, None]).T @ matrix + np.diag(precision)
        step = np.linalg.solve(hessian, gradient)
        # A full step overshoots where the prior is far off or classes are nearly separated, and can go in circles.
        while (tried := log_posterior(coefficients + step)) < reached and float(np.abs(step).max()) > _TOLERANCE:
            step = 0.5 * step
        if float(np.abs(step).max()) <= _TOLERANCE:
            break
        coefficients, reached = coefficients + step, tried
    return coefficients, hessian


def _logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(expit(log_odds), dtype=np.float64)
