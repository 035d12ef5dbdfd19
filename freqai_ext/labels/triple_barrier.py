"""Labels that say which of three barriers a position meets first: profit, loss or time."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.errors import SettingsError
from freqai_ext.labels.labels import Labels, closes_of, known_at, require_columns
from freqai_ext.labels.volatility import trailing_volatility

Side: TypeAlias = Literal["long", "short"]
_Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BarrierLabels(Labels):
    """Which barrier a position opened at each close meets first.

    ``values`` are +1.0 (profit), -1.0 (loss) or 0.0 (time). Like them, all attributes below have one value per candle
    and are missing where the label is.

    There are two times. ``known_at`` is the end of the full horizon, for choosing training rows: at any moment the
    rows known by it are all rows up to some point, whatever became of them. Rows chosen by ``resolved_at`` would, near
    the end, be only those that met a barrier fast, and a model trained on them would expect too few time-outs and too
    much of whichever barrier is nearer. ``resolved_at`` is the end of the position, for overlap: after it nothing of
    the label is still open, so weights and concurrency count up to it.

    Attributes
    ----------
    returns
        Return of the position, before costs: gains are above 0 for shorts too.
    barrier_width
        Return at which a barrier of multiple 1 stands.
    candles_held
        Number of candles after the row's own until the barrier is met, from 1 to ``horizon_candles``.
    resolved_at
        UTC close of the candle in which the barrier is met; not later than ``known_at``.
    """

    returns: pd.Series
    barrier_width: pd.Series
    candles_held: pd.Series
    resolved_at: pd.Series


def triple_barrier(
    candles: pd.DataFrame,
    horizon_candles: int,
    timeframe: str,
    *,
    volatility_candles: int,
    profit_multiple: float,
    loss_multiple: float,
    side: Side = "long",
) -> BarrierLabels:
    """Label each candle by the first barrier that a position opened at its close meets.

    The profit and loss barriers stand ``profit_multiple`` and ``loss_multiple`` times the move that is usual over the
    horizon away from the close: :func:`trailing_volatility`, known at that close, times the root of
    ``horizon_candles``. The time barrier is the close of the last candle of the horizon.

    A high or low that just meets a barrier counts. Where one candle meets both, the order is not known and the loss is
    taken as first. A position leaves at the barrier, or at the open of a candle that opens beyond it.

    A label is missing where the data end before the horizon does, where the volatility is missing or zero (no barrier
    can be placed) and where a price within the horizon is missing.

    Parameters
    ----------
    candles
        Columns ``date``, ``open``, ``high``, ``low``, ``close``; oldest first.
    horizon_candles
        Number of later candles after which the position is closed.
    timeframe
        Timeframe of ``candles``, e.g. ``"5m"``.
    volatility_candles
        Number of returns that the volatility is taken from, at least 2.
    profit_multiple, loss_multiple
        Distances of the barriers, above 0; ``math.inf`` leaves a barrier out.
    side
        Whether the position gains when the price rises (``"long"``) or falls (``"short"``).

    Raises
    ------
    SettingsError
        If an argument is not valid.
    MarketDataError
        If a column is missing.

    References
    ----------
    Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 3.
    """
    _check(profit_multiple, loss_multiple, side)
    known = known_at(candles, horizon_candles, timeframe)
    require_columns(candles, "date", "open", "high", "low", "close")
    prices = candles[["open", "high", "low", "close"]]
    width = trailing_volatility(candles, volatility_candles) * np.sqrt(horizon_candles)
    intact = prices.notna().all(axis=1).rolling(horizon_candles + 1).sum().shift(-horizon_candles)
    labelled = (intact == horizon_candles + 1) & (width > 0.0)
    outcome, returns, held = _first_touches(
        prices.to_numpy(np.float64),
        profit_multiple * width.to_numpy(np.float64),
        loss_multiple * width.to_numpy(np.float64),
        np.flatnonzero(labelled),
        horizon_candles,
        1.0 if side == "long" else -1.0,
    )
    last = np.where(labelled, np.arange(len(candles)) + np.nan_to_num(held).astype(np.int64), -1)
    index = candles.index
    return BarrierLabels(
        name="triple_barrier",
        values=pd.Series(outcome, index=index, name="triple_barrier"),
        known_at=known,
        horizon_candles=horizon_candles,
        returns=pd.Series(returns, index=index, name="returns"),
        barrier_width=width.where(labelled).rename("barrier_width"),
        candles_held=pd.Series(held, index=index, name="candles_held"),
        resolved_at=closes_of(candles, timeframe, last).rename("resolved_at"),
    )


def _first_touches(
    prices: _Array, profit: _Array, loss: _Array, rows: NDArray[np.int64], horizon_candles: int, sign: float
) -> tuple[_Array, _Array, _Array]:
    """Return outcome, return and candles held of ``rows``, NaN elsewhere.

    ``prices`` has the columns open, high, low, close; ``profit`` and ``loss`` are distances above 0. It goes through
    the horizon candle by candle with all rows that are still open, so memory does not grow with the horizon.
    """
    outcome, returns, held = np.full((3, len(prices)), np.nan)
    opens, highs, lows, closes = np.ascontiguousarray(prices.T)
    # Signed prices make a short a long: what is good for the position is higher.
    best, worst = (highs, lows) if sign > 0.0 else (-lows, -highs)
    opens = sign * opens
    ceiling, floor = sign * closes + closes * profit, sign * closes - closes * loss
    outcome[rows], held[rows] = 0.0, horizon_candles
    returns[rows] = sign * (closes[rows + horizon_candles] / closes[rows] - 1.0)
    for ahead in range(1, horizon_candles + 1):
        later = rows + ahead
        lost = worst[later] <= floor[rows]
        won = (best[later] >= ceiling[rows]) & ~lost
        for met, result, barrier, beyond in ((lost, -1.0, floor, np.minimum), (won, 1.0, ceiling, np.maximum)):
            ended = rows[met]
            leaves_at = beyond(barrier[ended], opens[ended + ahead])
            outcome[ended], held[ended] = result, ahead
            returns[ended] = leaves_at / closes[ended] - sign
        rows = rows[~(lost | won)]
    return outcome, returns, held


def _check(profit_multiple: float, loss_multiple: float, side: str) -> None:
    for name, multiple in (("profit_multiple", profit_multiple), ("loss_multiple", loss_multiple)):
        if not multiple > 0.0:
            raise SettingsError(f"{name}: {multiple} is not valid; it must be above 0, e.g. 1.0")
    if side not in ("long", "short"):
        raise SettingsError(f"side: {side!r} is not valid; write 'long' or 'short'")
