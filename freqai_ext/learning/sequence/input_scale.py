"""Robust scaling of features, learnt from the rows trained on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.design import Design

_CLIP_DEVIATIONS = 5.0
_NORMAL_INTERQUARTILE_RANGE = 1.349
_MOST_ROWS_MEASURED = 20_000


@dataclass(frozen=True, eq=False)
class InputScale:
    """Numbers as deviations from the median, and codes as they are.

    Attributes
    ----------
    numeric
        Positions of the features that are numbers.
    categorical
        Positions of the features that are codes.
    median
        One per number.
    per_deviation
        One per number: 1 over its spread, which is the interquartile range in standard deviations of a normal, or the
        standard deviation where half of the values are one; 0 for a constant feature, which is thereby left out.
    cardinalities
        One per code: how many codes there are. Others, never seen in training, are all read as this number.
    """

    numeric: NDArray[np.intp]
    categorical: NDArray[np.intp]
    median: NDArray[np.float32]
    per_deviation: NDArray[np.float32]
    cardinalities: tuple[int, ...]

    @classmethod
    def measure(cls, design: Design, rows: NDArray[np.intp]) -> "InputScale":
        """Return the scale of the features at ``rows``; of many rows 20,000, evenly spaced, are measured."""
        categorical = np.array(sorted(design.categorical), dtype=np.intp)
        numeric = np.setdiff1d(np.arange(design.matrix.shape[1]), categorical)
        spaced = np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS_MEASURED)).astype(np.intp)
        numbers = design.matrix[np.ix_(rows[spaced], numeric)]
        low, median, high = np.quantile(numbers, (0.25, 0.5, 0.75), axis=0)
        spread = (high - low) / _NORMAL_INTERQUARTILE_RANGE
        spread = np.where(spread > 0.0, spread, numbers.std(axis=0, dtype=np.float64))
        varied = (numbers != numbers[:1]).any(axis=0) & (spread > np.finfo(np.float32).tiny)
        per_deviation = np.divide(1.0, spread, out=np.zeros_like(spread), where=varied)
        largest = [int(design.matrix[rows, position].max()) for position in categorical]
        return cls(
            numeric,
            categorical,
            median.astype(np.float32),
            per_deviation.astype(np.float32),
            tuple(code + 1 for code in largest),
        )

    def numbers(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the numbers of ``matrix`` as deviations from the median, within -5 and 5; ``(rows, numeric)``."""
        numbers = (matrix[:, self.numeric] if self.categorical.size else matrix) - self.median
        numbers *= self.per_deviation
        return np.clip(numbers, -_CLIP_DEVIATIONS, _CLIP_DEVIATIONS, out=numbers)

    def codes(self, matrix: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the codes of ``matrix``, shape ``(rows, categorical)``."""
        codes = matrix[:, self.categorical].astype(np.int64)
        sizes = np.array(self.cardinalities, dtype=np.int64)
        return np.where((codes < 0) | (codes >= sizes), sizes, codes)
