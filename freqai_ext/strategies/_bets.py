"""When a bet is worth entering, when it is off, and how much it deserves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd

from freqai_ext.strategies._kelly import kelly_share
from freqai_ext.strategies._odds import Odds, Side
from freqai_ext.strategies._signals import all_of

ENTRY_TAGS: Final[dict[Side, str]] = {"long": "odds_up", "short": "odds_down"}


@dataclass(frozen=True)
class EntryRule:
    """What a forecast must promise. A model that does not give a column is not asked for it.

    Attributes
    ----------
    min_probability
        Least probability of a gain beyond the costs.
    min_ev_bps
        The expected value net of costs must exceed this, in basis points.
    min_confidence
        Least confidence in the sign.
    interval
        ``"off"``; ``"loss_bounded"``: the worse end of the interval must be above ``-max_interval_loss_bps``;
        ``"clears_cost"``: the whole interval must lie beyond the costs.
    max_interval_loss_bps
        See ``interval``.
    cost_bps
        Round-trip cost in basis points.
    """

    min_probability: float
    min_ev_bps: float
    min_confidence: float
    interval: Literal["off", "loss_bounded", "clears_cost"]
    max_interval_loss_bps: float
    cost_bps: float


@dataclass(frozen=True)
class ExitRule:
    """What ends a bet before its horizon.

    Attributes
    ----------
    kind
        ``"odds_turned"``: a move against the position is the likelier one, and has at least ``probability``;
        ``"expectation_gone"``: the expected return of staying is below ``expected_bps``; ``"interval_loss"``: the worse
        end of the interval is below ``-interval_loss_bps``; ``"horizon"``: nothing does.
    probability, expected_bps, interval_loss_bps
        See ``kind``.
    """

    kind: Literal["odds_turned", "expectation_gone", "interval_loss", "horizon"]
    probability: float
    expected_bps: float
    interval_loss_bps: float

    def tag(self, odds: Odds) -> str:
        """Return the rule that is followed: a model that lacks what ``kind`` looks at is judged by its expectation."""
        blind = (self.kind == "odds_turned" and not odds.knows_probability) or (
            self.kind == "interval_loss" and not odds.knows_interval
        )
        return "expectation_gone" if blind else self.kind


def entries(odds: Odds, side: Side, rule: EntryRule) -> pd.Series:
    """Return the candles after which a position of ``side`` is worth entering."""
    seen = odds.of(side)
    conditions = [odds.trusted, seen.ev_bps > rule.min_ev_bps]
    if odds.knows_probability:
        conditions += [seen.p_win >= rule.min_probability, odds.confidence >= rule.min_confidence]
    if odds.knows_interval and rule.interval == "loss_bounded":
        conditions.append(seen.worst_bps > -rule.max_interval_loss_bps)
    if odds.knows_interval and rule.interval == "clears_cost":
        conditions.append(seen.worst_bps > rule.cost_bps)
    return all_of(conditions)


def exits(odds: Odds, side: Side, rule: ExitRule) -> pd.Series:
    """Return the candles after which a position of ``side`` is to be left."""
    seen, kind = odds.of(side), rule.tag(odds)
    if kind == "odds_turned":
        return odds.trusted & (seen.p_lose > seen.p_win) & (seen.p_lose >= rule.probability)
    if kind == "expectation_gone":
        return odds.trusted & (seen.hold_bps < rule.expected_bps)
    if kind == "interval_loss":
        return odds.trusted & (seen.worst_bps < -rule.interval_loss_bps)
    return pd.Series(False, index=odds.trusted.index)


def bet_columns(odds: Odds, close: pd.Series) -> dict[str, pd.Series]:
    """Return the odds as columns of the analysed candles, for plots and for the callbacks of later candles.

    ``bet_knows_probability`` and ``bet_knows_interval`` tell an unknown value (NaN) of a model that gives none from a
    missing one. The interval is also given as prices.
    """
    return {
        "bet_trusted": odds.trusted.astype(int),
        "bet_expected_bps": odds.expected_bps,
        "bet_low_bps": odds.low_bps,
        "bet_high_bps": odds.high_bps,
        "bet_low_price": close * (1.0 + odds.low_bps / 1e4),
        "bet_high_price": close * (1.0 + odds.high_bps / 1e4),
        "bet_p_up": odds.p_up,
        "bet_p_down": odds.p_down,
        "bet_confidence": odds.confidence,
        "bet_ev_bps": odds.ev_bps,
        "bet_short_ev_bps": odds.short_ev_bps,
        "bet_knows_probability": pd.Series(int(odds.knows_probability), index=close.index),
        "bet_knows_interval": pd.Series(int(odds.knows_interval), index=close.index),
    }


def bet_share(candle: "pd.Series | Mapping[str, Any]", side: Side, coverage: float) -> float | None:
    """Return the Kelly share of the capital for a position entered after ``candle``, a row with :func:`bet_columns`.

    ``None`` where the model gives nothing to judge the risk by.
    """
    long = side == "long"
    knows_probability, knows_interval = candle["bet_knows_probability"] == 1, candle["bet_knows_interval"] == 1
    if not (knows_probability or knows_interval):
        return None
    ends = (float(candle["bet_low_bps"]), float(candle["bet_high_bps"]))
    up, down = float(candle["bet_p_up"]), float(candle["bet_p_down"])
    return kelly_share(
        float(candle["bet_ev_bps" if long else "bet_short_ev_bps"]),
        interval_bps=ends if knows_interval else None,
        odds=((up, down) if long else (down, up)) if knows_probability else None,
        coverage=coverage,
    )
