"""How Guardian's trades have gone of late, as columns of the model."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.guardian.symbols import canonical_symbol
from freqai_ext.guardian.trades._candle_closes import candle_closes_s
from freqai_ext.guardian.trades.closed_trade import ClosedTrade

Array: TypeAlias = NDArray[np.float64]

PREFIX: Final = "guardian-trades_"
MARKET_PREFIX: Final = "guardian-trades_market_"

RECENT_TRADES: Final = 10
HIT_RATE_TRADES: Final = 50
DAY_S: Final = 86_400.0
MEMORY_S: Final = 90.0 * DAY_S
COUNTED_S: Final = 30.0 * DAY_S
RECENT_S: Final = 7.0 * DAY_S
LARGEST_BPS: Final = 1000.0
PRIOR_TRADES: Final = 5.0
"""Means are shrunk as if there had been so many more trades of 0."""

_RESOLUTION: Final = 2.0**-20


def trade_columns(
    trades: Sequence[ClosedTrade], candle_dates: "pd.Series[pd.Timestamp]", candle_s: float, symbol: str
) -> pd.DataFrame:
    """Return what was known of Guardian's trades at the close of each candle.

    A trade counts from :attr:`ClosedTrade.known_at_s` on. "The last" are those of the last 90 days.

    Parameters
    ----------
    trades
        Of any symbols, in any order.
    candle_dates
        Opening times of the candles, UTC.
    candle_s
        Length of a candle in seconds.
    symbol
        Freqtrade's pair or Guardian's symbol.

    Returns
    -------
    DataFrame
        float64, always finite, the index of ``candle_dates``, always the same columns; 0 is neutral in each and its
        value where there are no trades. Of the pair, and with ``market_`` in the name of all pairs together:

        - ``recent_return_bps``: mean return of the last 10 trades, each cut at 1000 bps, shrunk by 5 trades of 0.
        - ``hit_rate``: share of winners among the last 50, less 0.5, with one win and one loss added.
        - ``holding_log``: mean of log(1 + minutes held) of the last 10, shrunk in the same way.
        - ``slippage_bps``: mean of those of the last 10 whose slippage is known, cut and shrunk as the return.
        - ``count_30d_log``: log(1 + trades in the last 30 days).
        - ``recency``: 1 at the moment of the last trade, falling to 0 within 7 days.
    """
    closes_s = candle_closes_s(candle_dates, candle_s)
    ordered = sorted(trades, key=_order)
    canonical = canonical_symbol(symbol.removesuffix(":USDT"))
    own = [trade for trade in ordered if trade.symbol == canonical]
    columns = {
        f"{prefix}{name}": values
        for prefix, chosen in ((PREFIX, own), (MARKET_PREFIX, ordered))
        for name, values in _columns(chosen, closes_s).items()
    }
    return pd.DataFrame(columns, index=candle_dates.index)


def _order(trade: ClosedTrade) -> tuple[float, float, str, float, float]:
    return trade.known_at_s, trade.closed_at_s, trade.symbol, trade.opened_at_s, trade.return_bps


def _columns(trades: Sequence[ClosedTrade], closes_s: Array) -> Mapping[str, Array]:
    known_s = np.array([trade.known_at_s for trade in trades], dtype=np.float64)
    returns_bps = np.array([trade.return_bps for trade in trades], dtype=np.float64)
    slippage_bps = np.array([_or_nan(trade.slippage_bps) for trade in trades], dtype=np.float64)
    has_slippage = np.isfinite(slippage_bps)
    holding_log = np.log1p(np.maximum([trade.holding_min for trade in trades], 0.0))

    end = np.searchsorted(known_s, closes_s, side="right")
    remembered = np.searchsorted(known_s, closes_s - MEMORY_S, side="right")
    recent = np.maximum(end - RECENT_TRADES, remembered)
    judged = np.maximum(end - HIT_RATE_TRADES, remembered)
    counted = end - np.searchsorted(known_s, closes_s - COUNTED_S, side="right")
    weight = end - recent + PRIOR_TRADES
    return {
        "recent_return_bps": _sums(_cut(returns_bps), recent, end) / weight,
        "hit_rate": (_sums(returns_bps > 0.0, judged, end) + 1.0) / (end - judged + 2.0) - 0.5,
        "holding_log": _sums(holding_log, recent, end) / weight,
        "slippage_bps": _sums(np.where(has_slippage, _cut(slippage_bps), 0.0), recent, end)
        / (_sums(has_slippage, recent, end) + PRIOR_TRADES),
        "count_30d_log": np.log1p(counted.astype(np.float64)),
        "recency": _recency(known_s, end, closes_s),
    }


def _sums(values: NDArray[np.float64] | NDArray[np.bool_], start: NDArray[np.int64], end: NDArray[np.int64]) -> Array:
    """Return the sum of the values from each start to each end, which it does not include."""
    # Multiples of a power of two are added without rounding, so a sum is the same whatever trades came before.
    exact = np.round(np.asarray(values, dtype=np.float64) / _RESOLUTION) * _RESOLUTION
    totals = np.concatenate([[0.0], np.cumsum(exact)])
    sums: Array = totals[end] - totals[start]
    return sums


def _recency(known_s: Array, end: NDArray[np.int64], closes_s: Array) -> Array:
    if not known_s.size:
        return np.zeros_like(closes_s)
    age_s = closes_s - known_s[np.maximum(end - 1, 0)]
    recency: Array = np.where(end > 0, 1.0 - np.minimum(age_s / RECENT_S, 1.0), 0.0)
    return recency


def _cut(values_bps: Array) -> Array:
    return np.clip(values_bps, -LARGEST_BPS, LARGEST_BPS)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
