"""Rows of features in order of time, as every learner takes them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Design:
    """Features of consecutive candles of one pair or of several pairs, one pair after the other.

    Rows that must not be trained on are part of it too: a sequence learner looks back over them.

    Attributes
    ----------
    matrix
        Shape ``(rows, features)``, finite, C-contiguous. Row ``i`` is known at the close of its candle.
    names
        One per feature.
    run_start
        Shape ``(rows,)``: position of the first row of the unbroken run of candles (one pair, no gap) that the row
        belongs to. What looks back from a row stops there.
    categorical
        Positions of the features that hold codes 0, 1, 2, … without order, e.g. the pair.
    """

    matrix: NDArray[np.float32]
    names: tuple[str, ...]
    run_start: NDArray[np.intp]
    categorical: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.matrix)


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows of a design with what is to be learnt from them.

    Attributes
    ----------
    design
        The features.
    rows
        Shape ``(n,)``: positions in the design, ascending.
    label
        Shape ``(n,)``: finite; for probabilities 0.0 or 1.0.
    weight
        Shape ``(n,)``: finite, not below 0, with mean about 1. A row of weight 0 must make no difference.
    """

    design: Design
    rows: NDArray[np.intp]
    label: NDArray[np.float64]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: NDArray[np.intp] | NDArray[np.bool_]) -> "Examples":
        """Return the examples at ``positions`` of this object (not of the design)."""
        return Examples(self.design, self.rows[positions], self.label[positions], self.weight[positions])

    @property
    def features(self) -> NDArray[np.float32]:
        """The features of the examples, shape ``(n, features)``; a copy."""
        return self.design.matrix[self.rows]
