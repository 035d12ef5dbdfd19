"""Labels that mark the turning points of the trend."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.errors import MarketDataError, SettingsError
from freqai_ext.labels.labels import closes_of, require_columns


@dataclass(frozen=True, eq=False)
class ExtremaLabels:
    """Bottoms and tops of the trend, and when they are known.

    Attributes
    ----------
    name
        What the label says.
    values
        +1.0 at bottoms, -1.0 at tops, 0.0 between them; missing where that is not known.
    known_at
        UTC time at which the next extremum, the row itself included, is confirmed; missing where the label is, since
        no one knows when the last leg will end. So the rows known at any moment are all up to the last extremum
        confirmed by then, and ``known_at <= now`` is false for the others.
    """

    name: str
    values: pd.Series
    known_at: pd.Series


def trend_extrema(candles: pd.DataFrame, timeframe: str, *, reversal_ratio: float | pd.Series) -> ExtremaLabels:
    """Mark the closes at which the trend turns (zigzag).

    A top is the highest close since the last bottom, confirmed by the first later close that is ``reversal_ratio``
    or more below it: top / close >= 1 + ratio. Bottoms mirror this: close / bottom >= 1 + ratio. Of equal closes the
    first is the extremum. Confirmed extrema never change.

    The rows up to the first extremum are missing, for candles before the first could belong to that leg, and so are
    the rows after the last confirmed one.

    Parameters
    ----------
    candles
        Columns ``date``, ``close``; oldest first.
    timeframe
        Timeframe of ``candles``, e.g. ``"5m"``.
    reversal_ratio
        Size of a turn, e.g. 0.01 for 1 %: one for all candles, or one per candle that is known at its close, e.g.
        ``8 * trailing_volatility(candles, 288)``. A candle whose own is missing or 0 confirms nothing.

    Raises
    ------
    SettingsError
        If a ratio is below 0, or the one for all is 0, their index is not that of the candles, or the
        timeframe is not valid.
    MarketDataError
        If a column is missing or a close is missing or not above 0.
    """
    require_columns(candles, "date", "close")
    sizes = np.log1p(_ratios(reversal_ratio, candles.index))
    turns, confirmations, first_is_bottom = _turning_points(_log_closes(candles), sizes)
    values = np.full(len(candles), np.nan)
    confirmed = np.full(len(candles), -1)
    if len(turns) > 1:
        labelled = slice(turns[0] + 1, turns[-1] + 1)
        values[labelled] = 0.0
        values[turns[1::2]] = -1.0 if first_is_bottom else 1.0
        values[turns[2::2]] = 1.0 if first_is_bottom else -1.0
        confirmed[labelled] = np.repeat(confirmations[1:], np.diff(turns))
    return ExtremaLabels(
        name="trend_extrema",
        values=pd.Series(values, index=candles.index, name="trend_extrema"),
        known_at=closes_of(candles, timeframe, confirmed).rename("known_at"),
    )


def _log_closes(candles: pd.DataFrame) -> NDArray[np.float64]:
    closes = candles["close"].to_numpy(np.float64)
    if (wrong := np.flatnonzero(~(closes > 0.0))).size:
        date = candles["date"].iloc[wrong[0]]
        raise MarketDataError(f"candles: close is {closes[wrong[0]]} at {date}; it must be above 0: drop that candle")
    return np.asarray(np.log(closes))


def _ratios(reversal_ratio: float | pd.Series, index: pd.Index) -> NDArray[np.float64]:
    if isinstance(reversal_ratio, pd.Series):
        if not reversal_ratio.index.equals(index):
            raise SettingsError("reversal_ratio: its index is not that of the candles; make it from the same candles")
        # The volatility of a price that stands still is 0, of which any tick would be a turn.
        reversal_ratio = reversal_ratio.mask(reversal_ratio == 0.0, np.inf).fillna(np.inf)
    ratios = np.broadcast_to(np.asarray(reversal_ratio, np.float64), index.shape)
    if (wrong := ratios[~(ratios > 0.0)]).size:
        raise SettingsError(f"reversal_ratio: {wrong[0]} is not valid; it must be above 0, e.g. 0.01")
    return ratios


def _turning_points(
    prices: NDArray[np.float64], sizes: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """Return the rows of the extrema, the rows that confirm them, and whether the first is a bottom.

    ``prices`` and ``sizes`` are logarithms. Each extremum depends on the one before, so this is a loop; it runs on
    lists, which Python reads several times faster than arrays.
    """
    rise, fall = prices - np.minimum.accumulate(prices), np.maximum.accumulate(prices) - prices
    beginnings = np.flatnonzero((rise >= sizes) | (fall >= sizes))
    if not len(beginnings):
        return np.empty(0, np.int64), np.empty(0, np.int64), True
    first = int(beginnings[0])
    first_is_bottom = bool(rise[first] >= sizes[first])
    sign = 1.0 if first_is_bottom else -1.0
    turns, confirmations = [int(np.argmin(sign * prices[: first + 1]))], [first]
    # Prices turned upside down make a falling leg a rising one: the two lists change places at each turn. The extreme
    # of a new leg is sought from the turn on, since the candles before the confirmation belong to that leg.
    leg, mirrored, steps = (sign * prices).tolist(), (-sign * prices).tolist(), sizes.tolist()
    extreme = max(range(turns[0] + 1, first + 1), key=leg.__getitem__)
    for row in range(first + 1, len(leg)):
        if leg[row] > leg[extreme]:
            extreme = row
        elif leg[extreme] - leg[row] >= steps[row]:
            turns.append(extreme)
            confirmations.append(row)
            leg, mirrored = mirrored, leg
            extreme = max(range(extreme + 1, row + 1), key=leg.__getitem__)
    return np.array(turns), np.array(confirmations), first_is_bottom
