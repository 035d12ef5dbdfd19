"""Features as numbers of the bins that their values fall in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_ROWS_MEASURED = 20_000


@dataclass(frozen=True, eq=False)
class QuantileBins:
    """Bins of each feature that hold about as many rows each.

    Attributes
    ----------
    edges
        Shape ``(bins - 1, features)``, ascending by column. A bin holds its lower edge and not its upper one.
    kept
        Positions of the features that are codes already and are left as they are.
    """

    edges: NDArray[np.float32]
    kept: tuple[int, ...]

    @classmethod
    def measure(cls, features: NDArray[np.float32], bins: int, kept: tuple[int, ...]) -> "QuantileBins":
        """Return the bins of ``features``, shape ``(rows, features)``; of many rows 20,000 are measured."""
        spaced = np.linspace(0, len(features) - 1, min(len(features), _MOST_ROWS_MEASURED)).astype(np.intp)
        ordered = np.sort(features[spaced], axis=0)
        # Values that occur, so that a value of many rows is in one bin and its neighbours are not.
        firsts = np.ceil(len(ordered) * np.arange(1, bins) / bins).astype(np.intp)
        edges = ordered[np.minimum(firsts, len(ordered) - 1)]
        for position in np.flatnonzero((np.diff(edges, axis=0) == 0).any(axis=0)):
            edges[:, position] = _distinct_edges(ordered[:, position], edges[:, position])
        return cls(edges, kept)

    def numbers(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the number of each value's bin, from 0, same shape."""
        columns = np.ascontiguousarray(features.T)
        numbers = np.empty_like(columns)
        for position, (edges, column) in enumerate(zip(self.edges.T, columns, strict=True)):
            numbers[position] = column if position in self.kept else np.searchsorted(edges, column, side="right")
        return np.ascontiguousarray(numbers.T)


def _distinct_edges(ordered: NDArray[np.float32], edges: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return edges that differ where values repeat: rare values get what the frequent ones leave over."""
    distinct = np.unique(ordered)[1:]
    if len(distinct) <= len(edges):
        return np.concatenate([distinct, np.full(len(edges) - len(distinct), np.inf, dtype=np.float32)])
    taken = np.intersect1d(distinct, edges)
    left = np.setdiff1d(distinct, taken)
    spare = np.linspace(0, len(left) - 1, len(edges) - len(taken)).astype(np.intp)
    return np.sort(np.concatenate([taken, left[spare]]))
