"""Slippage of trades made of fills, from Guardian's own list of trades."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from freqai_ext.guardian.trades.closed_trade import ClosedTrade

SAME_TRADE_WITHIN_S: Final = 60.0
"""A trade of the list whose exit is this near to one made of fills is the same."""


def with_slippage(trades: Sequence[ClosedTrade], listed: Sequence[ClosedTrade]) -> tuple[ClosedTrade, ...]:
    """Return ``trades`` with the slippage of the nearest exit of the same symbol in ``listed``, within 60 s.

    Such a trade is not known before that exit is.
    """
    by_symbol: dict[str, list[ClosedTrade]] = {}
    for trade in sorted(listed, key=_closed_at_s):
        if trade.slippage_bps is not None:
            by_symbol.setdefault(trade.symbol, []).append(trade)
    return tuple(_joined(trade, _nearest(trade, by_symbol.get(trade.symbol, ()))) for trade in trades)


def _nearest(trade: ClosedTrade, candidates: Sequence[ClosedTrade]) -> ClosedTrade | None:
    place = bisect_left(candidates, trade.closed_at_s, key=_closed_at_s)
    around = candidates[max(place - 1, 0) : place + 1]
    near = [one for one in around if abs(one.closed_at_s - trade.closed_at_s) <= SAME_TRADE_WITHIN_S]
    return min(near, key=lambda one: abs(one.closed_at_s - trade.closed_at_s), default=None)


def _joined(trade: ClosedTrade, found: ClosedTrade | None) -> ClosedTrade:
    if found is None:
        return trade
    recorded_at_s = max(trade.recorded_at_s or 0.0, found.known_at_s)
    return replace(trade, slippage_bps=found.slippage_bps, recorded_at_s=recorded_at_s)


def _closed_at_s(trade: ClosedTrade) -> float:
    return trade.closed_at_s
