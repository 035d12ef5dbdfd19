"""Scores of a forecast of a real number.

All compare ``actual`` with ``forecast`` pair by pair; pairs in which either is missing are left out. A score is NaN
where it is not defined: without pairs, or for the correlations where either side does not vary.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from freqai_ext.validation._rows import complete_rows


@dataclass(frozen=True)
class ForecastScores:
    """Scores of one forecast; see the functions of these names.

    Attributes
    ----------
    pairs
        Number of pairs that entered.
    information_coefficient, rank_information_coefficient
        In [-1, 1]; 0 is no skill. For returns a few hundredths are good.
    rmse, mae
        Errors, in the unit of the forecast quantity.
    rmse_skill
        1 is perfect, 0 as good as forecasting zero, below 0 worse than that.
    """

    pairs: int
    information_coefficient: float
    rank_information_coefficient: float
    rmse: float
    mae: float
    rmse_skill: float


def score_forecast(actual: ArrayLike, forecast: ArrayLike) -> ForecastScores:
    """Return all scores of ``forecast``; the skill is against forecasting zero."""
    truth, _ = complete_rows(actual=actual, forecast=forecast)
    return ForecastScores(
        pairs=truth.size,
        information_coefficient=information_coefficient(actual, forecast),
        rank_information_coefficient=rank_information_coefficient(actual, forecast),
        rmse=rmse(actual, forecast),
        mae=mae(actual, forecast),
        rmse_skill=rmse_skill(actual, forecast),
    )


def information_coefficient(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Pearson correlation of forecast and outcome (Grinold & Kahn 2000)."""
    return _correlation(*complete_rows(actual=actual, forecast=forecast))


def rank_information_coefficient(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Spearman correlation: that of the ranks, equal values sharing their mean rank."""
    truth, guess = complete_rows(actual=actual, forecast=forecast)
    return _correlation(_ranks(truth), _ranks(guess))


def rmse(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Root of the mean squared error."""
    truth, guess = complete_rows(actual=actual, forecast=forecast)
    return float(np.sqrt(np.mean((truth - guess) ** 2))) if truth.size else float("nan")


def mae(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Mean absolute error."""
    truth, guess = complete_rows(actual=actual, forecast=forecast)
    return float(np.mean(np.abs(truth - guess))) if truth.size else float("nan")


def rmse_skill(actual: ArrayLike, forecast: ArrayLike, naive: ArrayLike = 0.0) -> float:
    """1 minus the forecast's RMSE over that of the ``naive`` forecast, a number or one per pair.

    NaN where the naive forecast is perfect.
    Both errors are taken over the pairs in which no value is missing.
    """
    truth, guess = np.asarray(actual, np.float64), np.asarray(forecast, np.float64)
    base = np.broadcast_to(np.asarray(naive, np.float64), truth.shape)
    known = ~np.isnan(base)
    naive_error = rmse(truth[known & ~np.isnan(guess)], base[known & ~np.isnan(guess)])
    if not naive_error > 0.0:
        return float("nan")
    return 1.0 - rmse(truth[known], guess[known]) / naive_error


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    if x.size < 2 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(pd.Series(values).rank(), np.float64)
