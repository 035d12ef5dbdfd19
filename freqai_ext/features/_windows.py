"""Statistics over the last ``window`` values at every row, each from those values alone.

Every function folds a window out of blocks of 1, 2, 4, 8, ... values, so a window of ``n`` costs about ``log2(n)``
vector operations. Unlike a running or cumulative sum, no rounding error and no NaN travels beyond its own window, and
a value does not depend on where the history begins: it is the same to the last bit however much of the past is loaded.
Rows whose window is not complete are NaN. A window of equal values has a variance of exactly zero.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

EMA_WEIGHT_KEPT = 0.99
"""Share of an exponential average's infinite weight that its finite window holds."""


def rolling_sum(values: Array, window: int) -> Array:
    """Sum of the last ``window`` values."""
    return _fold(values, window, lambda newer, older, _newer_size, _older_size: newer + older)


def rolling_mean(values: Array, window: int) -> Array:
    """Mean of the last ``window`` values; exact for equal values."""

    def merge(newer: Array, older: Array, newer_size: int, older_size: int) -> Array:
        return newer + (older - newer) * (older_size / (newer_size + older_size))

    return _fold(values, window, merge)


def rolling_max(values: Array, window: int) -> Array:
    """Largest of the last ``window`` values."""
    return _fold(values, window, lambda newer, older, _newer_size, _older_size: np.maximum(newer, older))


def rolling_min(values: Array, window: int) -> Array:
    """Smallest of the last ``window`` values."""
    return _fold(values, window, lambda newer, older, _newer_size, _older_size: np.minimum(newer, older))


def rolling_moments(values: Array, window: int) -> tuple[Array, Array]:
    """Mean and sum of squared deviations from it (Chan, Golub & LeVeque 1979, pairwise)."""

    def merge(newer: Array, older: Array, newer_size: int, older_size: int) -> Array:
        size = newer_size + older_size
        gap = older[0] - newer[0]
        merged = np.empty((2, gap.size))
        merged[0] = newer[0] + gap * (older_size / size)
        merged[1] = newer[1] + older[1] + gap * gap * (newer_size * older_size / size)
        return merged

    mean, squares = _fold(np.stack((values, _zero_where_known(values))), window, merge)
    return mean, squares


def rolling_std(values: Array, window: int, ddof: int = 0) -> Array:
    """Standard deviation of the last ``window`` values with divisor ``window - ddof``."""
    return np.sqrt(rolling_moments(values, window)[1] / (window - ddof))


def rolling_comoments(x: Array, y: Array, window: int) -> tuple[Array, Array, Array]:
    """Sums of ``dx*dx``, ``dy*dy`` and ``dx*dy``, with ``dx`` and ``dy`` the deviations from the window's means."""

    def merge(newer: Array, older: Array, newer_size: int, older_size: int) -> Array:
        size = newer_size + older_size
        gap = older[:2] - newer[:2]
        weight = newer_size * older_size / size
        merged = newer + older
        merged[:2] = newer[:2] + gap * (older_size / size)
        merged[2:4] += gap * gap * weight
        merged[4] += gap[0] * gap[1] * weight
        return merged

    nothing = _zero_where_known(x + y)
    folded = _fold(np.stack((x, y, nothing, nothing, nothing)), window, merge)
    return folded[2], folded[3], folded[4]


def rolling_correlation(x: Array, y: Array, window: int, floor: float = 0.0) -> Array:
    """Pearson correlation of the last ``window`` pairs, in [-1, 1].

    It is 0 where the standard deviation of ``x`` or ``y`` is not above ``floor``: the rounding noise of a series that
    does not move must not look like a relation.
    """
    return correlation(*rolling_comoments(x, y, window), least=window * floor**2)


def correlation(xx: Array, yy: Array, xy: Array, least: float = 0.0) -> Array:
    """Pearson correlation from the results of :func:`rolling_comoments`; 0 unless both squares are above ``least``."""
    moving = np.where((xx <= least) | (yy <= least), 0.0, np.sqrt(xx * yy))
    return np.clip(ratio(xy, moving, neutral=0.0), -1.0, 1.0)


def rolling_trend_correlation(values: Array, window: int) -> Array:
    """Pearson correlation of the last ``window`` values with time, in [-1, 1]; 0 where they are equal."""

    def merge(newer: Array, older: Array, newer_size: int, older_size: int) -> Array:
        size = newer_size + older_size
        gap = older[0] - newer[0]
        weight = newer_size * older_size / size
        merged = newer + older
        merged[0] = newer[0] + gap * (older_size / size)
        merged[1] += gap * gap * weight
        merged[2] -= gap * (0.5 * size) * weight
        return merged

    nothing = _zero_where_known(values)
    _, squares, with_time = _fold(np.stack((values, nothing, nothing)), window, merge)
    time_squares = np.full(values.size, window * (window**2 - 1) / 12.0)
    return correlation(squares, time_squares, with_time)


def rolling_mean_absolute_deviation(values: Array, mean: Array, window: int) -> Array:
    """Mean of ``|value - mean|`` over the last ``window`` values, ``mean`` being that window's."""
    deviation = np.full(values.size, np.nan)
    if values.size < window:
        return deviation
    center = mean[window - 1 :]
    total = np.zeros(center.size)
    for lag in range(window):
        total += np.abs(values[window - 1 - lag : values.size - lag] - center)
    deviation[window - 1 :] = total / window
    return deviation


def ema(values: Array, span: int) -> Array:
    """Exponential average with ``alpha = 2 / (span + 1)`` over its last :func:`ema_terms` values."""
    return _exponential_mean(values, 1.0 - 2.0 / (span + 1.0))


def ema_terms(span: int) -> int:
    """Number of values that enter :func:`ema`."""
    return _terms(1.0 - 2.0 / (span + 1.0))


def wilder_mean(values: Array, period: int) -> Array:
    """Wilder's average, ``alpha = 1 / period``, over its last :func:`wilder_terms` values."""
    return _exponential_mean(values, 1.0 - 1.0 / period)


def wilder_terms(period: int) -> int:
    """Number of values that enter :func:`wilder_mean`."""
    return _terms(1.0 - 1.0 / period)


def lag(values: Array, rows: int) -> Array:
    """Return ``values`` of ``rows`` rows earlier; the first ``rows`` are NaN."""
    shifted = np.full(values.size, np.nan)
    shifted[rows:] = values[: max(values.size - rows, 0)]
    return shifted


def ratio(numerator: Array, denominator: Array, neutral: float, floor: float = 0.0) -> Array:
    """``numerator / denominator``, and ``neutral`` where the denominator is not above ``floor``; NaN stays NaN."""
    quotient = np.full(numerator.size, neutral)
    np.divide(numerator, denominator, out=quotient, where=~(denominator <= floor))
    return quotient


def _terms(decay: float) -> int:
    if decay <= 0.0:
        return 1
    return math.ceil(math.log(1.0 - EMA_WEIGHT_KEPT) / math.log(decay))


def _exponential_mean(values: Array, decay: float) -> Array:
    def merge(newer: Array, older: Array, newer_size: int, older_size: int) -> Array:
        older_weight = decay**newer_size * (1.0 - decay**older_size)
        return newer + (older - newer) * (older_weight / (1.0 - decay ** (newer_size + older_size)))

    return _fold(values, _terms(decay), merge)


def _zero_where_known(values: Array) -> Array:
    return np.where(np.isnan(values), np.nan, 0.0)


def _fold(values: Array, window: int, merge: Callable[[Array, Array, int, int], Array]) -> Array:
    """Merge the last ``window`` values at each row; the last axis of ``values`` runs along the rows.

    ``block`` holds every stretch of ``size`` values and ``folded`` the ``covered`` newest values of each window. Both
    are indexed by their oldest value, so slices line them up without copies.
    """
    rows = values.shape[-1]
    result = np.full(values.shape, np.nan)
    if window < 1:
        raise ValueError(f"window: {window} is not valid; it must be at least 1")
    if rows < window:
        return result
    block, size = values, 1
    folded, covered = values[..., :0], 0
    while True:
        if window & size:
            if covered:
                reach = rows - covered - size + 1
                folded = merge(folded[..., size:], block[..., :reach], covered, size)
            else:
                folded = block
            covered += size
        if covered == window:
            break
        block = merge(block[..., size:], block[..., :-size], size, size)
        size *= 2
    result[..., window - 1 :] = folded
    return result
