"""The scores of many resamples at once, each given by how often it draws every row.

Each function takes outcomes and forecasts of shape (rows,) and the draws of shape (samples, rows), whole numbers, and
returns one score per sample: that of the function of the same name in ``scores`` on the rows so repeated.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def information_coefficient(actual: Array, forecast: Array, draws: Array) -> Array:
    if not actual.size:
        return np.full(len(draws), np.nan)
    x, y = actual - actual.mean(), forecast - forecast.mean()
    total = draws.sum(axis=1)
    sums = draws @ np.column_stack([x, y, x * x, y * y, x * y])
    mean_x, mean_y, square_x, square_y, product = (_ratio(column, total, total > 0.0) for column in sums.T)
    variance_x, variance_y = square_x - mean_x**2, square_y - mean_y**2
    # A constant leaves nothing but rounding.
    varies = (variance_x > 1e-12 * square_x) & (variance_y > 1e-12 * square_y)
    spread = np.sqrt(np.where(varies, variance_x * variance_y, 1.0))
    return _ratio(product - mean_x * mean_y, spread, varies)


def rank_information_coefficient(actual: Array, forecast: Array, draws: Array) -> Array:
    if not actual.size:
        return np.full(len(draws), np.nan)
    x, spread_x = _rank_deviations(actual, draws)
    y, spread_y = _rank_deviations(forecast, draws)
    spread = spread_x * spread_y
    return _ratio(np.einsum("sr,sr,sr->s", draws, x, y), spread, spread > 0.0)


def rmse(actual: Array, forecast: Array, draws: Array) -> Array:
    return np.asarray(np.sqrt(_mean((actual - forecast) ** 2, draws)))


def mae(actual: Array, forecast: Array, draws: Array) -> Array:
    return _mean(np.abs(actual - forecast), draws)


def rmse_skill(actual: Array, forecast: Array, draws: Array) -> Array:
    naive_error = np.sqrt(_mean(actual**2, draws))
    return 1.0 - _ratio(rmse(actual, forecast, draws), naive_error, naive_error > 0.0)


WEIGHTED_SCORES: dict[str, Callable[[Array, Array, Array], Array]] = {
    function.__name__: function
    for function in (information_coefficient, rank_information_coefficient, rmse, mae, rmse_skill)
}


def _mean(values: Array, draws: Array) -> Array:
    total = draws.sum(axis=1)
    return _ratio(draws @ values, total, total > 0.0)


def _ratio(numerator: Array, denominator: Array, defined: NDArray[np.bool_]) -> Array:
    return np.asarray(np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=defined))


def _rank_deviations(values: Array, draws: Array) -> tuple[Array, Array]:
    """Return how far each row's rank within each sample is from the mean rank, and the root of the sum of squares.

    Equal values share their mean rank, so a value drawn d times after c smaller ones has the rank c + (d + 1) / 2.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    is_first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    drawn = np.add.reduceat(draws[:, order], np.flatnonzero(is_first), axis=1)
    total = drawn.sum(axis=1, keepdims=True)
    deviation = np.cumsum(drawn, axis=1) - (drawn + total) / 2.0
    distinct = np.empty(order.size, np.intp)
    distinct[order] = np.cumsum(is_first) - 1
    spread = np.asarray(np.sqrt(np.einsum("sv,sv,sv->s", drawn, deviation, deviation)))
    return deviation[:, distinct], spread
