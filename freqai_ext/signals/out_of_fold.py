"""Forecasts of rows by models that have not seen them, and the model fitted to all rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.cross_fit import Folds, common_rounds, fold_forecasts
from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Fitted, Head, Learner


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What models fitted without a row's fold say of it.

    Attributes
    ----------
    positions
        Shape ``(n,)``: positions in the examples that have a forecast, ascending.
    forecast
        Shape ``(n, outputs)``.
    rounds
        Rounds of each part that served best over all folds together; empty where there are none or no folds.
    """

    positions: NDArray[np.intp]
    forecast: NDArray[np.float64]
    rounds: tuple[int, ...]


def fit_with_out_of_fold(
    learner: Learner,
    head: Head,
    examples: Examples,
    folds: Folds,
    former: Fitted | None = None,
) -> tuple[Fitted, OutOfFold]:
    """Return the model of all ``examples``, and the out-of-fold forecasts of the same learner.

    Each fold's model is watched on its test rows. The number of rounds that serves the folds together best
    (:func:`~freqai_ext.learning.cross_fit.common_rounds`) makes the forecasts of all folds and the final model.

    Parameters
    ----------
    folds
        Positions in ``examples`` from :func:`~freqai_ext.signals.folds.purged_folds`; may be none.
    former
        An earlier model that the final one continues; the folds' models do not, since it has seen their test rows.
    """
    fitted = [learner.fit(head, examples.take(train), examples.take(test)) for train, test in folds]
    rounds = common_rounds(fitted, [len(test) for _, test in folds])
    parts = fold_forecasts(fitted, rounds, examples, folds)
    final = learner.fit(head, examples, rounds=rounds or None, former=former)
    if not parts:
        return final, OutOfFold(np.empty(0, dtype=np.intp), np.empty((0, head.outputs)), rounds)
    positions = np.concatenate([test for _, test in folds])
    forecast = np.concatenate(parts)
    order = np.argsort(positions, kind="stable")
    return final, OutOfFold(positions[order], forecast[order], rounds)
