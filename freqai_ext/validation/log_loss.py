"""The logarithmic score of probabilities."""

import numpy as np
from numpy.typing import ArrayLike

from freqai_ext.validation._rows import binary_rows

SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)
"""Probabilities are kept this far from 0 and 1, so that one certain forecast that fails costs 36, not infinity."""


def log_loss(actual: ArrayLike, probability: ArrayLike) -> float:
    """Mean of minus the natural logarithm of the probability given to what happened.

    0 is perfect; forecasting 0.5 throughout gives ln 2 = 0.693.

    Parameters
    ----------
    actual
        1 where the event happened, else 0. Rows in which a value is missing are left out.
    probability
        Forecast probability of the event, in [0, 1].

    Returns
    -------
    float
        In nats; NaN without rows.

    Raises
    ------
    ValueError
        If the shapes differ or a value is out of range.
    """
    truth, chance = binary_rows(actual, probability)
    if not truth.size:
        return float("nan")
    chance = np.clip(chance, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    return float(-np.mean(np.where(truth == 1.0, np.log(chance), np.log1p(-chance))))
