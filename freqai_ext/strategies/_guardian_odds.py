"""What a model's newest prediction says to Guardian."""

from dataclasses import dataclass
from math import nan
from typing import Any, Literal

import pandas as pd


@dataclass(frozen=True)
class Forecast:
    """The forecast of one candle.

    Attributes
    ----------
    probability
        That a long pays its costs, or that the price rises.
    ev_bps
        Expected return of a long position less the round-trip cost, in basis points.
    confidence
        In [0, 1]; ``None`` where there is none.
    horizon_min
        How far it reaches.
    trusted
        Whether ``do_predict`` is 1.
    """

    probability: float
    ev_bps: float
    confidence: float | None
    horizon_min: float
    trusted: bool


NO_FORECAST = Forecast(nan, nan, None, 0.0, False)
"""What is known where no model has spoken."""


def newest_forecast(
    predictions: pd.DataFrame,
    horizon_candles: int,
    candle_s: float,
    probability: Literal["long_pays", "price_up"],
    cost_bps: float,
) -> Forecast | None:
    """Return the forecast of the last row, ``None`` where the model writes no odds of that horizon.

    Parameters
    ----------
    predictions
        Candles with a model's columns. ``p_up_return_<horizon>`` and so on come first, then ``p_up`` and so on, which
        models of a single return write.
    horizon_candles
        The horizon in candles.
    cost_bps
        Round-trip cost in basis points, by which ``ev_bps`` is less than the expected return. The chance that the price
        rises follows from ``confidence`` and the sign of that return.
    """
    suffix = f"_return_{horizon_candles}"
    if f"p_up{suffix}" not in predictions:
        suffix = ""
    if f"p_up{suffix}" not in predictions or f"ev_bps{suffix}" not in predictions:
        return None
    confidence = _newest(predictions, f"confidence{suffix}")
    chance, ev_bps = _newest(predictions, f"p_up{suffix}"), _newest(predictions, f"ev_bps{suffix}")
    if probability == "price_up":
        chance = 0.5 + 0.5 * (confidence if ev_bps + cost_bps > 0 else -confidence)
    return Forecast(
        probability=chance,
        ev_bps=ev_bps,
        confidence=None if confidence != confidence else confidence,
        horizon_min=horizon_candles * candle_s / 60.0,
        trusted=_newest(predictions, "do_predict") == 1.0,
    )


def why_no_odds(model: Any, predictions: pd.DataFrame) -> str:
    """Return the log line for a model whose predictions hold no odds: Guardian is sent forecasts of returns alone."""
    name = type(model).__name__
    if getattr(model, "mixes_targets", False):
        targets = [
            str(column) for column in predictions if str(column).startswith("&") and f"{column}_lo" in predictions
        ]
        return (
            f"none of the strategy's targets is a return ({', '.join(targets) or 'it sets only classes'}), so Guardian "
            "gets no forecasts; set the return of the close as a target, or name the one that is a return in "
            "freqai_ext.signal.return_targets"
        )
    return (
        f"{name} writes no p_up and ev_bps, so Guardian gets no forecasts; choose a model that gives odds, such as "
        "CalibratedSignalModel"
    )


def _newest(predictions: pd.DataFrame, name: str) -> float:
    """Return the last value of a column, NaN where it is absent or no number.

    This is read in the bot's loop: of one column after the other, a row of a wide table would cost a millisecond.
    """
    if name not in predictions:
        return nan
    try:
        return float(predictions[name].array[-1])
    except (TypeError, ValueError):
        return nan
