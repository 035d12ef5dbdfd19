"""Rows of a forecast in which no value is missing."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def complete_rows(**columns: ArrayLike) -> list[NDArray[np.float64]]:
    """Return the columns as float64, without the rows in which one of them is missing.

    Raises
    ------
    ValueError
        If they are not one-dimensional and of one length; the message has their names.
    """
    arrays = [np.asarray(column, np.float64) for column in columns.values()]
    if any(array.shape != arrays[0].shape or array.ndim != 1 for array in arrays):
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise ValueError(f"{' and '.join(columns)} have the shapes {shapes}; give one value of each per outcome")
    complete = ~np.any([np.isnan(array) for array in arrays], axis=0)
    return [array[complete] for array in arrays]


def binary_rows(actual: ArrayLike, probability: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return outcomes and probabilities as :func:`complete_rows` does, after a check of their range.

    Raises
    ------
    ValueError
        If the shapes differ, an outcome is neither 0 nor 1, or a probability lies outside [0, 1].
    """
    truth, chance = complete_rows(actual=actual, probability=probability)
    check_outcomes(truth)
    if wrong := chance[(chance < 0.0) | (chance > 1.0)].tolist():
        raise ValueError(f"probability: {wrong[0]} is not valid; it must lie in [0, 1]")
    return truth, chance


def check_outcomes(actual: NDArray[np.float64]) -> None:
    """Raise a ValueError that names the first outcome that is neither 0 nor 1."""
    if wrong := actual[(actual != 0.0) & (actual != 1.0)].tolist():
        raise ValueError(f"actual: {wrong[0]} is not valid; an outcome is 1 where the event happened, else 0")
