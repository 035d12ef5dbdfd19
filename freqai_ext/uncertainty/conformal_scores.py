"""Conformity scores and their quantile, on which every conformal interval rests."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Intervals:
    """Prediction intervals ``[lower, upper]``, both ends included; shape ``(rows,)`` each, NaN where there is none."""

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


def conformity_scores(
    lower: ArrayLike, upper: ArrayLike, outcome: ArrayLike, scale: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Return how far each outcome lies outside its band ``[lower, upper]``, in units of ``scale``; inside is negative.

    For a forecast of one number give it as both ends: the score is the absolute error. ``scale`` is a forecast of the
    error's size, e.g. volatility, known when the forecast is made; intervals are wide where it is large.

    Raises
    ------
    ValueError
        If a scale is not positive.
    """
    unit = checked_scale(scale)
    truth = np.asarray(outcome, dtype=np.float64)
    return np.maximum(np.asarray(lower, dtype=np.float64) - truth, truth - np.asarray(upper, dtype=np.float64)) / unit


def conformal_quantile(scores: ArrayLike, coverage: float) -> float:
    """Return the ``ceil((n + 1) * coverage)``-th smallest of ``n`` scores, ``inf`` where that is more than ``n``.

    A new score, exchangeable with these, is at most this number with probability at least ``coverage``, and at most
    ``coverage + 1 / (n + 1)`` where scores do not tie (Vovk, Gammerman & Shafer 2005).

    Raises
    ------
    ValueError
        If ``coverage`` is not in (0, 1) or a score is missing.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    if np.isnan(ordered).any():
        raise ValueError("scores: some are missing; give the scores of rows whose outcome is known")
    rank = conformal_rank(ordered.size, coverage)
    return float(ordered[rank - 1]) if rank <= ordered.size else math.inf


def conformal_rank(rows: int, coverage: float) -> int:
    """Return which of ``rows`` sorted scores, counted from 1, bounds a new one with probability ``coverage``."""
    if not 0.0 < coverage < 1.0:
        raise ValueError(f"coverage: {coverage} is not valid; it must lie between 0 and 1")
    # Binary fractions make 25 * 0.28 exceed 7.
    return math.ceil((rows + 1) * coverage - 1e-9)


def widen(lower: ArrayLike, upper: ArrayLike, margin: NDArray[np.float64]) -> Intervals:
    """Return ``[lower - margin, upper + margin]``; where a margin below 0 makes the ends cross, both are the middle."""
    low = np.asarray(lower, dtype=np.float64) - margin
    high = np.asarray(upper, dtype=np.float64) + margin
    middle = (low + high) / 2.0
    crossed = low > high
    return Intervals(np.where(crossed, middle, low), np.where(crossed, middle, high))


def checked_scale(scale: ArrayLike) -> NDArray[np.float64]:
    """Return ``scale`` as numbers, if all that are there are positive and finite."""
    unit = np.asarray(scale, dtype=np.float64)
    if ((unit <= 0.0) | np.isinf(unit)).any():
        raise ValueError("scale: some are not positive and finite; give e.g. the volatility, with a floor above 0")
    return unit


def learned_quantile(scores: NDArray[np.float64], coverage: float) -> float:
    """Return :func:`conformal_quantile`, if there are enough scores for it to be finite."""
    quantile = conformal_quantile(scores, coverage)
    if math.isinf(quantile):
        # From ceil((n + 1) * coverage) <= n.
        needed = math.ceil(coverage / (1.0 - coverage) - 1e-9)
        raise ValueError(
            f"{scores.size} rows are too few for a coverage of {coverage}; give at least {needed}, or lower it"
        )
    return quantile
