"""How the learning rate goes."""

import math
from typing import Literal

_RISE = 0.3
_FIRST = 0.04
_LAST = 0.001


def learning_rate_factor(schedule: Literal["one_cycle", "cosine"], progress: float) -> float:
    """Return the share of the peak learning rate at ``progress``, from 0 (first step) to 1 (end of the plan).

    References
    ----------
    Smith and Topin (2018), Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates.
    """
    if schedule == "cosine":
        return _between(1.0, _LAST, progress)
    if progress < _RISE:
        return _between(_FIRST, 1.0, progress / _RISE)
    return _between(1.0, _LAST, (progress - _RISE) / (1.0 - _RISE))


def _between(first: float, last: float, progress: float) -> float:
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
