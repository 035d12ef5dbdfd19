"""What a model's prediction columns say of one horizon, for a position of either side."""

import re
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from freqai_ext.strategies._forecast import column

Side = Literal["long", "short"]

_TARGET = re.compile(r"&-return_\d+")


def target_name(horizon_candles: int) -> str:
    """Return the FreqAI target of the return over a horizon."""
    return f"&-return_{horizon_candles}"


def prediction_columns(horizon_candles: int) -> tuple[str, ...]:
    """Return every column in which a model may speak of a horizon, and the ones common to all horizons."""
    target = target_name(horizon_candles)
    names = ("p_up", "p_down", "ev_bps", "confidence")
    return (target, f"{target}_lo", f"{target}_hi", *(f"{name}_return_{horizon_candles}" for name in names), *names)


@dataclass(frozen=True, eq=False)
class SideOdds:
    """The odds as a position of one side sees them, one value per candle.

    Attributes
    ----------
    ev_bps
        Expected return of entering now, less the round-trip cost, in basis points.
    hold_bps
        Expected return of staying in, in basis points; the cost is spent whether one leaves now or later.
    p_win, p_lose
        Probability that the price moves by more than the round-trip cost for the position, and against it.
    worst_bps, best_bps
        Ends of the interval that holds the return, in basis points.
    """

    ev_bps: pd.Series
    hold_bps: pd.Series
    p_win: pd.Series
    p_lose: pd.Series
    worst_bps: pd.Series
    best_bps: pd.Series


@dataclass(frozen=True, eq=False)
class Odds:
    """What is expected of the price over one horizon, one value per candle, known at the close of the candle.

    Attributes
    ----------
    trusted
        Whether there is a forecast that the model trusts.
    expected_bps, low_bps, high_bps
        Expected return and the ends of its interval, in basis points; NaN where they are not known.
    p_up, p_down
        Probability that the return exceeds the round-trip cost, and that it falls below minus the cost.
    confidence
        0 where up and down are equally likely, 1 where the sign is certain.
    ev_bps, short_ev_bps
        Expected return less the round-trip cost of a long and of a short position.
    knows_probability, knows_interval
        Whether the model gives such columns at all.
    """

    trusted: pd.Series
    expected_bps: pd.Series
    low_bps: pd.Series
    high_bps: pd.Series
    p_up: pd.Series
    p_down: pd.Series
    confidence: pd.Series
    ev_bps: pd.Series
    short_ev_bps: pd.Series
    knows_probability: bool
    knows_interval: bool

    def of(self, side: Side) -> SideOdds:
        """Return the odds of a long position, or of a short one, which mirrors it."""
        if side == "long":
            return SideOdds(self.ev_bps, self.expected_bps, self.p_up, self.p_down, self.low_bps, self.high_bps)
        return SideOdds(self.short_ev_bps, -self.expected_bps, self.p_down, self.p_up, -self.high_bps, -self.low_bps)


def read_odds(predictions: pd.DataFrame, horizon_candles: int, cost_bps: float, prefix: str = "") -> Odds:
    """Return the odds over a horizon from a model's columns, or as much of them as the model gives.

    Parameters
    ----------
    predictions
        Candles with ``do_predict``, the target ``&-return_<horizon>`` and, from models that give odds, its ``_lo`` and
        ``_hi``, and ``p_up``, ``p_down``, ``ev_bps``, ``confidence`` with the suffix ``_return_<horizon>``. A model of
        a single return writes the latter without a suffix. A model without them is taken at its expected return.
    cost_bps
        Round-trip cost in basis points.
    prefix
        Stands before the name of each column.
    """
    frame = predictions[[name for name in predictions if str(name).startswith(prefix)]]
    frame = frame.rename(columns=lambda name: str(name).removeprefix(prefix))
    target = target_name(horizon_candles)
    single = sum(bool(_TARGET.fullmatch(str(name))) for name in frame) == 1
    suffix = "" if single and f"p_up_return_{horizon_candles}" not in frame else f"_return_{horizon_candles}"

    def values(name: str, factor: float = 1.0) -> pd.Series:
        if target not in frame or name not in frame:
            return pd.Series(float("nan"), index=frame.index)
        return pd.to_numeric(frame[name], errors="coerce").astype(float) * factor

    expected = values(target, 1e4)
    told = values(f"ev_bps{suffix}")
    ev = told if f"ev_bps{suffix}" in frame else expected - cost_bps
    return Odds(
        trusted=column(frame, "do_predict").eq(1) & expected.notna(),
        expected_bps=expected,
        low_bps=values(f"{target}_lo", 1e4),
        high_bps=values(f"{target}_hi", 1e4),
        p_up=values(f"p_up{suffix}"),
        p_down=values(f"p_down{suffix}"),
        confidence=values(f"confidence{suffix}"),
        ev_bps=ev,
        short_ev_bps=-(ev + cost_bps) - cost_bps,
        knows_probability={f"p_up{suffix}", f"p_down{suffix}", f"confidence{suffix}"} <= set(frame),
        knows_interval={f"{target}_lo", f"{target}_hi"} <= set(frame),
    )
