"""How often acting on a forecast pays after costs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from freqai_ext.errors import SettingsError
from freqai_ext.validation._rows import complete_rows


@dataclass(frozen=True)
class HitRate:
    """What became of the bets that a forecast of returns suggests.

    Attributes
    ----------
    rows
        Number of rows that entered.
    bets
        Number of rows on which the forecast bets.
    rate
        Share of bets whose net return is above zero; NaN without bets.
    mean_net_return
        Mean net return of a bet; NaN without bets. Overlapping bets count as if each were made.
    """

    rows: int
    bets: int
    rate: float
    mean_net_return: float


def hit_rate(actual: ArrayLike, forecast: ArrayLike, cost: float) -> HitRate:
    """Bet on the forecast's side wherever it promises more than ``cost``; count the bets that paid.

    The net return of a bet is ``sign(forecast) * actual - cost``.

    Parameters
    ----------
    actual, forecast
        Return and its forecast, as ratios. Rows in which a value is missing are left out. Where only rises can be bet
        on, as in spot markets, pass ``np.maximum(forecast, 0.0)``.
    cost
        Cost of entry and exit together, as a ratio: 0.002 is 20 basis points.

    Raises
    ------
    ValueError
        If the shapes differ.
    SettingsError
        If the cost is below 0.
    """
    if not cost >= 0.0:
        raise SettingsError(f"cost: {cost} is not valid; it must be at least 0, e.g. 0.002 for 20 basis points")
    truth, guess = complete_rows(actual=actual, forecast=forecast)
    bet = np.abs(guess) > cost
    net = np.sign(guess[bet]) * truth[bet] - cost
    if not net.size:
        return HitRate(truth.size, 0, float("nan"), float("nan"))
    return HitRate(truth.size, net.size, float(np.mean(net > 0.0)), float(net.mean()))
