"""Would Guardian's own entry have paid? The answer as a target, and how much it wins and loses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
import pandas as pd

from freqai_ext.errors import SettingsError
from freqai_ext.guardian.symbols import canonical_symbol
from freqai_ext.guardian.trades._candle_closes import candle_closes_s
from freqai_ext.guardian.trades.closed_trade import ClosedTrade
from freqai_ext.labels import Labels

LABEL_NAME: Final = "guardian_pays"

LARGEST_RETURN_BPS: Final = 2000.0
PRIOR_TRADES: Final = 10.0


@dataclass(frozen=True, slots=True)
class EntryOutcome:
    """What became of a position that Guardian opened and has closed.

    Attributes
    ----------
    symbol
        Canonical, such as ``"BTCUSDT"``.
    entered_at_s
        When its first coin was bought, UTC seconds.
    known_at_s
        When the last of it was sold and written down, UTC seconds.
    entry_value
        What it had cost, in the quote currency.
    return_bps
        After fees, of all its trades together, weighted by what they had cost.
    """

    symbol: str
    entered_at_s: float
    known_at_s: float
    entry_value: float
    return_bps: float

    @property
    def pays(self) -> bool:
        """Whether more came out than went in."""
        return self.return_bps > 0.0


@dataclass(frozen=True)
class PayOff:
    """How much Guardian's entries win and lose: one of probability ``p`` has ``p * win_bps - (1 - p) * loss_bps``.

    Attributes
    ----------
    win_bps, loss_bps
        Mean return of those that paid, and mean loss of the others; both 0 or more, in basis points after fees.
    trades
        How many entries they are made of.
    """

    win_bps: float
    loss_bps: float
    trades: int

    def ev_bps(self, probability: float) -> float:
        """Return the expected return of an entry that pays with ``probability``."""
        return probability * self.win_bps - (1.0 - probability) * self.loss_bps


def entry_outcomes(trades: Sequence[ClosedTrade]) -> tuple[EntryOutcome, ...]:
    """Return the outcome of every entry whose position is closed, oldest first.

    A position that is sold in parts has one outcome, known when the last part is sold; one of which more than dust is
    left has none yet.
    """
    ordered = sorted(trades, key=lambda trade: (trade.symbol, trade.opened_at_s, trade.closed_at_s))
    outcomes = []
    for (symbol, entered_at_s), group in groupby(ordered, key=lambda trade: (trade.symbol, trade.opened_at_s)):
        parts = list(group)
        if not parts[-1].closes_position:
            continue
        value = sum(part.entry_value for part in parts)
        outcomes.append(
            EntryOutcome(
                symbol,
                entered_at_s,
                max(part.known_at_s for part in parts),
                value,
                sum(part.return_bps * part.entry_value for part in parts) / value,
            )
        )
    return tuple(sorted(outcomes, key=lambda outcome: (outcome.entered_at_s, outcome.symbol)))


def pays_label(
    trades: Sequence[ClosedTrade], candle_dates: "pd.Series[pd.Timestamp]", candle_s: float, symbol: str
) -> Labels:
    """Return whether Guardian's entry into the pair paid, at the last candle that had closed by then.

    So the features of that candle are what a model could have told Guardian before the entry. An entry without a candle
    that closed less than one candle before it is left out.

    Parameters
    ----------
    trades
        Of any symbols, in any order.
    candle_dates
        Opening times of the candles, UTC, oldest first.
    candle_s
        Length of a candle in seconds.
    symbol
        Freqtrade's pair or Guardian's symbol.

    Returns
    -------
    Labels
        ``guardian_pays``: 1.0 or 0.0 at candles with an entry, else missing. Of several entries at one candle those
        that hold at least half of the value decide. ``known_at`` is when the last of these positions was closed, and
        the close of the candle where there is none; ``horizon_candles`` is the longest time to it, at least 1.
    """
    closes_s = candle_closes_s(candle_dates, candle_s)
    known_s = closes_s.copy()
    paid, value = np.zeros_like(closes_s), np.zeros_like(closes_s)
    canonical = canonical_symbol(symbol.removesuffix(":USDT"))
    for outcome in entry_outcomes([trade for trade in trades if trade.symbol == canonical]):
        row = int(np.searchsorted(closes_s, outcome.entered_at_s, side="right")) - 1
        if row < 0 or outcome.entered_at_s >= closes_s[row] + candle_s:
            continue
        value[row] += outcome.entry_value
        paid[row] += outcome.entry_value * outcome.pays
        known_s[row] = max(known_s[row], outcome.known_at_s)
    entered = value > 0.0
    values = np.where(entered, paid >= 0.5 * value, np.nan)
    longest = max((known_s - closes_s)[entered], default=candle_s)
    # Rounded up, so that it is never early; the inner rounding takes off the noise of binary fractions.
    known_ms = np.ceil(np.round(known_s * 1e3, 3)).astype(np.int64)
    known_at = pd.to_datetime(known_ms, unit="ms", utc=True).as_unit("ms")
    return Labels(
        LABEL_NAME,
        pd.Series(values, index=candle_dates.index, name=LABEL_NAME),
        pd.Series(known_at, index=candle_dates.index, name="known_at"),
        max(1, math.ceil(longest / candle_s)),
    )


def enough(trades: Sequence[ClosedTrade], min_trades: int) -> None:
    """Check that there are enough closed positions to learn from.

    Raises
    ------
    SettingsError
        If there are fewer than ``min_trades``; it names both numbers.
    """
    found = len(entry_outcomes(trades))
    if found < min_trades:
        raise SettingsError(
            f"freqai_ext.guardian.trades.min_trades: meta_label needs {min_trades} closed trades of Guardian's in the "
            f"training window, and there are {found}; train on a longer window, wait for more trades, or set "
            "freqai_ext.guardian.trades.meta_label to false"
        )


def payoff(trades: Sequence[ClosedTrade]) -> PayOff:
    """Return how much Guardian's closed positions win and lose.

    Returns are cut at 2000 bps. Both means are shrunk towards the mean size of all returns, as if there had been 10
    more trades of that size on either side; without trades both are 0.
    """
    outcomes = entry_outcomes(trades)
    if not outcomes:
        return PayOff(0.0, 0.0, 0)
    returns_bps = np.array([outcome.return_bps for outcome in outcomes], dtype=np.float64)
    sizes = np.minimum(np.abs(returns_bps), LARGEST_RETURN_BPS)
    prior = PRIOR_TRADES * float(sizes.mean())
    wins, losses = sizes[returns_bps > 0.0], sizes[returns_bps <= 0.0]
    return PayOff(
        (float(wins.sum()) + prior) / (wins.size + PRIOR_TRADES),
        (float(losses.sum()) + prior) / (losses.size + PRIOR_TRADES),
        len(outcomes),
    )
