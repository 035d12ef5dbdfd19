"""The Brier score and what it is made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from freqai_ext.validation._bins import Binning, sort_into_bins
from freqai_ext.validation._rows import binary_rows


@dataclass(frozen=True)
class BrierDecomposition:
    """``score = reliability - resolution + uncertainty + within_bins``.

    Attributes
    ----------
    rows
        Number of rows that entered.
    score
        The Brier score.
    reliability
        Mean squared distance of the bins' mean forecast from their share of events; 0 is calibrated.
    resolution
        Variance of the bins' share of events; the higher, the better the forecast tells cases apart.
    uncertainty
        Variance of the outcome: the score of always forecasting the base rate.
    within_bins
        Spread of the forecasts inside the bins less twice their covariance with the outcome there; 0 where each bin
        holds one forecast value, as in Murphy's own decomposition (Stephenson et al. 2008).
    """

    rows: int
    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


def brier_score(actual: ArrayLike, probability: ArrayLike) -> float:
    """Mean squared difference of probability and outcome (Brier 1950).

    0 is perfect; always forecasting the base rate gives its ``uncertainty``, at most 0.25.

    Parameters
    ----------
    actual
        1 where the event happened, else 0. Rows in which a value is missing are left out.
    probability
        Forecast probability of the event, in [0, 1].

    Returns
    -------
    float
        In [0, 1]; NaN without rows.

    Raises
    ------
    ValueError
        If the shapes differ or a value is out of range.
    """
    truth, chance = binary_rows(actual, probability)
    return float(np.mean((chance - truth) ** 2)) if truth.size else float("nan")


def decompose_brier_score(
    actual: ArrayLike, probability: ArrayLike, *, bins: int = 10, binning: Binning = "equal_width"
) -> BrierDecomposition:
    """Return the parts of the Brier score; all are NaN without rows.

    Parameters and errors are those of :func:`~freqai_ext.validation.reliability_curve`, whose bins these are.

    References
    ----------
    Murphy (1973), A new vector partition of the probability score. Journal of Applied Meteorology 12.
    Stephenson, Coelho and Jolliffe (2008), Two extra components in the Brier score decomposition. Weather and
    Forecasting 23.
    """
    truth, chance = binary_rows(actual, probability)
    parts = sort_into_bins(truth, chance, bins, binning)
    if not truth.size:
        return BrierDecomposition(0, *[float("nan")] * 5)
    base_rate = truth.mean()
    forecast_deviation = chance - parts.forecast[parts.index]
    outcome_deviation = truth - parts.observed[parts.index]
    return BrierDecomposition(
        rows=truth.size,
        score=brier_score(truth, chance),
        reliability=float(np.average((parts.forecast - parts.observed) ** 2, weights=parts.count)),
        resolution=float(np.average((parts.observed - base_rate) ** 2, weights=parts.count)),
        uncertainty=float(base_rate * (1.0 - base_rate)),
        within_bins=float(np.mean(forecast_deviation**2 - 2.0 * forecast_deviation * outcome_deviation)),
    )
