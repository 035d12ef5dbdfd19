"""How much of a forecast's size is to be believed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGEST_FACTOR = 1.5
PRIOR_MEAN = 0.5
PRIOR_SD = 0.25


@dataclass(frozen=True)
class Shrinkage:
    """A factor for forecasts.

    Attributes
    ----------
    factor
        What forecasts are multiplied by.
    slope
        Regression of labels on out-of-fold forecasts through the origin; 1 where they are as large as they should be.
    slope_error
        Standard error of ``slope``; labels of one period count as one observation.
    """

    factor: float
    slope: float
    slope_error: float


def learn_shrinkage(
    forecast: NDArray[np.float64],
    label: NDArray[np.float64],
    weight: NDArray[np.float64],
    period: NDArray[np.int64],
    least: float,
) -> Shrinkage:
    """Return the factor that is most probable, given how out-of-fold forecasts did and a prior.

    The slope of labels on forecasts through the origin minimises the squared error. A window holds few independent
    labels, so the slope of one is mostly noise: it is combined with a normal prior of mean 0.5 and deviation 0.25, each
    with the weight of its own certainty.

    The factor can exceed 1, up to 1.5: a forecast of labels cut at one standard deviation is too small by 1.46 where
    errors are normal.

    Parameters
    ----------
    forecast, label, weight
        Shape ``(rows,)``, of rows that the model was not trained on.
    period
        Shape ``(rows,)``: number of the period, e.g. the day, that a row belongs to. Rows of one period are taken to
        depend on each other as much as they do, across pairs too; periods are taken to be independent, so they should
        be longer than the label's horizon.
    least
        Lower bound of the factor.

    References
    ----------
    Liang & Zeger (1986), Longitudinal data analysis using generalized linear models, for the error by clusters.
    """
    power = float(np.sum(weight * forecast**2))
    if not power > 0.0:
        return Shrinkage(least, 0.0, float("inf"))
    slope = float(np.sum(weight * forecast * label)) / power
    _, cluster = np.unique(period, return_inverse=True)
    clusters = int(cluster.max()) + 1
    if clusters < 2:
        return Shrinkage(float(np.clip(PRIOR_MEAN, least, LARGEST_FACTOR)), slope, float("inf"))
    scores = np.bincount(cluster, weight * forecast * (label - slope * forecast))
    error = float(np.sqrt(clusters / (clusters - 1) * np.sum(scores**2))) / power
    certainty = 1.0 / max(error, 1e-12) ** 2
    believed = (certainty * slope + PRIOR_MEAN / PRIOR_SD**2) / (certainty + 1.0 / PRIOR_SD**2)
    return Shrinkage(float(np.clip(believed, least, LARGEST_FACTOR)), slope, error)
