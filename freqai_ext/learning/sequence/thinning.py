"""Which rows a pass trains on."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def thinned_passes(examples: int, stride: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield without end the positions of one pass after the other, in random order.

    Each pass takes every ``stride``-th example; ``stride`` passes in a row, counted from the first, take each example
    exactly once, in a random order of the beginnings.
    """
    while True:
        for beginning in rng.permutation(stride):
            yield rng.permutation(np.arange(beginning, examples, stride))
