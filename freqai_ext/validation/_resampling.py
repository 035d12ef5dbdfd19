"""Block bootstrap samples, written as how often each row is drawn."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

BlockScheme: TypeAlias = Literal["circular", "moving"]
"""Blocks may run over the end to the start, so that all times are drawn equally often; or they may not."""

CELLS_AT_ONCE = 2_000_000
"""Samples times rows held in memory at once: 16 MB an array."""


def sample_weights(
    times: int, block_length: int, samples: int, scheme: BlockScheme, seed: int, rows_per_time: int = 1
) -> Iterator[NDArray[np.float64]]:
    """Yield how often each sample draws each time, a few samples at once, of shape (samples, times).

    A sample is a run of blocks whose starts are drawn with replacement; the last block is cut, so that each sample
    draws ``times`` in all. The samples depend on the seed and not on how many are yielded at once.

    Parameters
    ----------
    times
        Number of times in the data.
    block_length
        Times in a block, between 1 and ``times``.
    rows_per_time
        Rows that the caller has for each time; the more, the fewer samples at once.
    """
    generator = np.random.default_rng(seed)
    blocks = -(-times // block_length)
    lengths = np.full(blocks, block_length)
    lengths[-1] = times - (blocks - 1) * block_length
    starts = generator.integers(times if scheme == "circular" else times - block_length + 1, size=(samples, blocks))
    at_once = max(1, CELLS_AT_ONCE // (times * rows_per_time))
    for first in range(0, samples, at_once):
        yield _draws(starts[first : first + at_once], lengths, times)


def _draws(starts: NDArray[np.int64], lengths: NDArray[np.int64], times: int) -> NDArray[np.float64]:
    # Beyond the end there is room for a block that runs over it; that part is folded back to the start.
    width = 2 * times + 1
    offsets = np.arange(len(starts))[:, None] * width
    cells = len(starts) * width
    steps = np.bincount((starts + offsets).ravel(), minlength=cells).astype(np.float64)
    steps -= np.bincount((starts + lengths + offsets).ravel(), minlength=cells)
    draws = np.cumsum(steps.reshape(len(starts), width), axis=1)
    return draws[:, :times] + draws[:, times : 2 * times]
