"""Logistic regression with a prior on its coefficients and bounds, which the parametric calibrations share."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit


def fit_log_odds(
    inputs: ArrayLike,
    happened: NDArray[np.float64],
    weight: NDArray[np.float64],
    prior_means: Sequence[float],
    bounds: Sequence[tuple[float | None, float | None]],
) -> list[float]:
    """Return the most probable coefficients of ``log odds = inputs @ coefficients``.

    The prior of each coefficient is normal with its mean and variance 1. The penalised loss is strictly convex, so
    there is one solution, also where the classes can be separated or one is absent; without rows it is the prior.
    """
    terms = np.asarray(inputs, dtype=np.float64)
    means = np.asarray(prior_means, dtype=np.float64)
    total = 1.0 + weight.sum()

    def loss(coefficients: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = terms @ coefficients
        away = coefficients - means
        value = weight @ (np.logaddexp(0.0, odds) - happened * odds) + 0.5 * away @ away
        gradient = terms.T @ (weight * (expit(odds) - happened)) + away
        return value / total, gradient / total

    found = minimize(
        loss, means, jac=True, bounds=bounds, method="L-BFGS-B", options={"gtol": 1e-10, "ftol": 1e-15, "maxiter": 500}
    )
    return [float(coefficient) for coefficient in found.x]
