"""Weights of several forecasts of one thing, learnt from forecasts of rows that none of them was trained on.

Overlapping labels leave few independent rows, too few to tell similar members apart, and equal weights are hard to beat
then. So both functions draw the weights to equality, the more the fewer rows there are.

References
----------
Breiman (1996), Stacked regressions. Claeskens et al. (2016), The forecast combination puzzle.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

_EM_ITERATIONS = 1000
_EM_TOLERANCE = 1e-9
_LEAST_CHANCE = 1e-9


def shrinking_weights(
    forecasts: NDArray[np.float64], label: NDArray[np.float64], weight: NDArray[np.float64], overlap: float = 1.0
) -> NDArray[np.float64]:
    """Return weights, not negative and of a sum of at most 1, of the combination with the least squared error.

    A sum below 1 draws the combination to zero, which serves where members forecast more than there is to know.

    Parameters
    ----------
    forecasts
        Shape ``(rows, members)``.
    label, weight
        Shape ``(rows,)``.
    overlap
        Number of rows that are worth one, since their labels share most of their interval.

    Returns
    -------
    ndarray
        Shape ``(members,)``. The prior, that each differs from their mean by about ``1 / members``, counts as the
        ``overlap`` says.
    """
    members = forecasts.shape[1]
    scaled = weight * (len(label) / weight.sum())
    power = float(np.mean(scaled * label**2))
    if not power > 0.0:
        return np.zeros(members)
    # With zero as one more member the weights lie on a simplex, where the error is that of the weighted mean distance.
    distances = np.column_stack([forecasts, np.zeros(len(label))]) - label[:, None]
    prior = np.zeros((members, members + 1))
    prior[:, :members] = np.eye(members) - 1.0 / members
    rows = np.concatenate([np.sqrt(scaled)[:, None] * distances, np.sqrt(power * overlap) * members * prior])
    triangle = np.asarray(np.linalg.qr(rows, mode="r"), dtype=np.float64)
    # All rows but the last are homogeneous in the weights: scaling the solution to a sum of 1 keeps it the best one.
    level = float(np.sqrt(np.mean(np.sum(triangle**2, axis=0))))
    system = np.concatenate([triangle, np.full((1, members + 1), level)])
    solution, _ = nnls(system, np.concatenate([np.zeros(len(triangle)), [level]]))
    return np.asarray(solution[:members] / solution.sum(), dtype=np.float64)


def pooling_weights(
    chances: NDArray[np.float64], outcome: NDArray[np.float64], weight: NDArray[np.float64], overlap: float = 1.0
) -> NDArray[np.float64]:
    """Return weights, not negative and of sum 1, of the mean of probabilities with the least log loss.

    Found by expectation maximisation, which converges to the only optimum. Each member starts with the weight of one
    independent row, so none is ruled out.

    Parameters
    ----------
    chances
        Shape ``(rows, members)``: probabilities of 1.
    outcome, weight
        Shape ``(rows,)``; outcomes are 0 or 1.
    overlap
        As in :func:`shrinking_weights`.
    """
    members = chances.shape[1]
    likelihood = np.maximum(np.where(outcome[:, None] == 1.0, chances, 1.0 - chances), _LEAST_CHANCE)
    rows = weight * (len(outcome) / weight.sum() / max(overlap, 1.0))
    shares = np.full(members, 1.0 / members)
    for _ in range(_EM_ITERATIONS):
        joint = likelihood * shares
        claimed = 1.0 + rows @ (joint / joint.sum(axis=1, keepdims=True))
        updated = claimed / claimed.sum()
        moved = float(np.abs(updated - shares).max())
        shares = updated
        if moved < _EM_TOLERANCE:
            break
    return np.asarray(shares, dtype=np.float64)
