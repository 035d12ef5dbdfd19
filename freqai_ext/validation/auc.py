"""How well a forecast ranks events above non-events."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from freqai_ext.validation._rows import check_outcomes, complete_rows


def auc(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Area under the ROC curve: the chance that an event has the higher forecast than a non-event.

    Equal forecasts count one half (Mann-Whitney). 0.5 is no skill, 1 a perfect order. Only the order matters, so any
    number serves as forecast.

    Parameters
    ----------
    actual
        1 where the event happened, else 0. Rows in which a value is missing are left out.
    forecast
        One number per outcome.

    Returns
    -------
    float
        In [0, 1]; NaN without events or without non-events.

    Raises
    ------
    ValueError
        If the shapes differ, or an outcome is neither 0 nor 1.
    """
    truth, guess = complete_rows(actual=actual, forecast=forecast)
    check_outcomes(truth)
    events = float(truth.sum())
    others = truth.size - events
    if not events or not others:
        return float("nan")
    ranks = np.asarray(pd.Series(guess).rank(), np.float64)
    return float((ranks @ truth - events * (events + 1.0) / 2.0) / (events * others))
