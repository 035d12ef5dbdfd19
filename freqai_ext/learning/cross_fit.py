"""Models of folds: the number of rounds that serves them together, and their forecasts of rows they have not seen."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Fitted

Positions = NDArray[np.intp]
Folds = Sequence[tuple[Positions, Positions]]
"""Positions in the examples to train on and to test on, purged by whoever makes them."""


def common_rounds(models: Sequence[Fitted], rows: Sequence[int]) -> tuple[int, ...]:
    """Return for each part the number of rounds whose loss, averaged over the folds' models, is least.

    A fold does not get to choose for itself, which would flatter its forecasts.

    Parameters
    ----------
    models
        One per fold, each watched on its fold's test rows.
    rows
        Number of test rows of each fold: its say in the average.

    Returns
    -------
    tuple
        Empty where a model has no rounds or no curves, or the models do not have the same parts.
    """
    curves = [model.curves for model in models]
    parts = {len(each) for each in curves} | {len(model.rounds) for model in models}
    if len(parts) != 1 or parts == {0} or any(not len(curve) for each in curves for curve in each):
        return ()
    best = []
    for part in zip(*curves, strict=True):
        shortest = min(len(curve) for curve in part)
        mean = np.average([curve[:shortest] for curve in part], axis=0, weights=rows)
        best.append(int(np.argmin(mean)) + 1)
    return tuple(best)


def fold_forecasts(
    models: Sequence[Fitted], rounds: tuple[int, ...], examples: Examples, folds: Folds
) -> list[NDArray[np.float64]]:
    """Return for each fold what its model says of the test rows, after ``rounds`` where there are any.

    Raises
    ------
    ValueError
        If a forecast is not finite.
    """
    forecasts = []
    for model, (_, test) in zip(models, folds, strict=True):
        forecast = (model.at(rounds) if rounds else model).predict(examples.design, examples.rows[test])
        if not np.isfinite(forecast).all():
            raise ValueError("a forecast of an unseen row is not finite")
        forecasts.append(forecast)
    return forecasts
