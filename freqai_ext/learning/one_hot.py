"""Scaled features with a column for each code, as linear models and perceptrons take them."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.sequence.input_scale import InputScale


def one_hot_columns(inputs: InputScale) -> int:
    """Return how many columns :func:`one_hot_inputs` makes."""
    return len(inputs.numeric) + sum(inputs.cardinalities)


def one_hot_inputs(inputs: InputScale, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the scaled numbers, then 0 or 1 for each code of each category; a code never seen has only zeros.

    Shape ``(rows, columns)``.
    """
    numbers = inputs.numbers(matrix)
    if not inputs.cardinalities:
        return numbers
    codes = inputs.codes(matrix)
    flags = [
        codes[:, position, None] == np.arange(cardinality) for position, cardinality in enumerate(inputs.cardinalities)
    ]
    return np.concatenate([numbers, *(flag.astype(np.float32) for flag in flags)], axis=1)


def sum_by_feature(inputs: InputScale, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the columns of each feature add up to, shape ``(features,)``."""
    numbers = len(inputs.numeric)
    totals = np.zeros(numbers + len(inputs.categorical))
    totals[inputs.numeric] = columns[:numbers]
    ends = np.cumsum((numbers, *inputs.cardinalities))
    for position, (first, end) in zip(inputs.categorical, pairwise(ends), strict=True):
        totals[position] = columns[first:end].sum()
    return totals
