"""The score of a forecast quantile."""

import numpy as np
from numpy.typing import ArrayLike

from freqai_ext.errors import SettingsError
from freqai_ext.validation._rows import complete_rows


def pinball_loss(actual: ArrayLike, forecast: ArrayLike, quantile: float) -> float:
    """Mean of ``quantile * (actual - forecast)`` above the forecast and ``(1 - quantile) * (forecast - actual)`` below.

    The true quantile has the least expected loss (Koenker & Bassett 1978); at 0.5 it is half the mean absolute error.

    Parameters
    ----------
    actual, forecast
        Outcome and its forecast quantile. Rows in which a value is missing are left out.
    quantile
        Share of outcomes that should lie below the forecast, between 0 and 1.

    Returns
    -------
    float
        In the unit of the outcome; NaN without rows.

    Raises
    ------
    ValueError
        If the shapes differ.
    SettingsError
        If ``quantile`` is not between 0 and 1.
    """
    if not 0.0 < quantile < 1.0:
        raise SettingsError(f"quantile: {quantile} is not valid; it must lie between 0 and 1, e.g. 0.9")
    truth, guess = complete_rows(actual=actual, forecast=forecast)
    if not truth.size:
        return float("nan")
    error = truth - guess
    return float(np.mean(np.maximum(quantile * error, (quantile - 1.0) * error)))
