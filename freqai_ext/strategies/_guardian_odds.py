"""What a model's predictions say to Guardian, and how many of them Guardian would act on."""

from dataclasses import dataclass
from math import nan
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

Event = Literal["long_pays", "price_up"]
EVENTS: Final[tuple[Event, ...]] = ("long_pays", "price_up")
"""What ``freqai_ext.guardian.probability`` may name."""

_P_UP: Final = "p_up_return_"


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
    probability: Event,
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
    suffix = _suffix(predictions, horizon_candles)
    if suffix is None:
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


def _suffix(predictions: pd.DataFrame, horizon_candles: int) -> str | None:
    """Return what follows the names of the horizon's columns, ``None`` where it has none."""
    suffix = f"_return_{horizon_candles}"
    if f"p_up{suffix}" not in predictions:
        # Those without a name are of the first of several returns, which is another one.
        suffix = "" if not trained_horizons(predictions) else suffix
    return suffix if f"p_up{suffix}" in predictions and f"ev_bps{suffix}" in predictions else None


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


@dataclass(frozen=True)
class Passing:
    """How many forecasts of one horizon Guardian would act on; those that the model does not trust are left out.

    Attributes
    ----------
    horizon_candles, probability
        As ``freqai_ext.guardian.horizon_candles`` and ``.probability`` choose them.
    trusted
        Forecasts with ``do_predict`` 1.
    highest_probability, highest_ev_bps
        Of these; NaN where there are none.
    probable, worthwhile
        How many reach ``ai_buy_threshold``, and how many ``ai_min_ev_bps``.
    passing
        How many reach both.
    days
        On how many days, UTC, any does.
    """

    horizon_candles: int
    probability: Event
    trusted: int
    highest_probability: float
    highest_ev_bps: float
    probable: int
    worthwhile: int
    passing: int
    days: int


def trained_horizons(predictions: pd.DataFrame) -> tuple[int, ...]:
    """Return the horizons, in candles, of which there are odds; empty where the model writes them without a name."""
    named = (name.removeprefix(_P_UP) for name in map(str, predictions.columns) if name.startswith(_P_UP))
    return tuple(sorted(int(name) for name in named if name.isdigit()))


def count_passing(
    predictions: pd.DataFrame,
    horizon_candles: int,
    probability: Event,
    cost_bps: float,
    *,
    buy_threshold: float,
    min_ev_bps: float,
) -> Passing | None:
    """Count the forecasts that pass Guardian's thresholds, ``None`` where the model writes no odds of that horizon.

    Parameters
    ----------
    predictions
        Shape ``(pairs x candles, ...)``: ``date``, ``do_predict`` and the model's columns.
    horizon_candles, probability, cost_bps
        As for :func:`newest_forecast`.
    buy_threshold, min_ev_bps
        Guardian's ``ai_buy_threshold`` and ``ai_min_ev_bps``.
    """
    suffix = _suffix(predictions, horizon_candles)
    if suffix is None:
        return None
    rows = predictions[predictions["do_predict"] == 1]
    chance, ev_bps = rows[f"p_up{suffix}"], rows[f"ev_bps{suffix}"]
    if probability == "price_up":
        chance = _price_up(rows[f"confidence{suffix}"], ev_bps, cost_bps)
    probable, worthwhile = chance >= buy_threshold, ev_bps >= min_ev_bps
    passing = probable & worthwhile
    return Passing(
        horizon_candles=horizon_candles,
        probability=probability,
        trusted=len(rows),
        highest_probability=float(chance.max()),
        highest_ev_bps=float(ev_bps.max()),
        probable=int(probable.sum()),
        worthwhile=int(worthwhile.sum()),
        passing=int(passing.sum()),
        days=int(rows["date"][passing].dt.floor("D").nunique()),
    )


def _price_up(confidence: pd.Series, ev_bps: pd.Series, cost_bps: float) -> pd.Series:
    return 0.5 + 0.5 * confidence * np.where(ev_bps + cost_bps > 0, 1.0, -1.0)
