"""The pair beside a reference pair, e.g. the market's largest coin."""

import numpy as np
import pandas as pd

from freqai_ext.errors import MarketDataError
from freqai_ext.features._windows import Array, correlation, lag, ratio, rolling_comoments
from freqai_ext.features.candles import RETURN_RESOLUTION, Candles
from freqai_ext.features.family import Columns


def reference_close(candles: pd.DataFrame, reference: pd.DataFrame) -> Array:
    """Close of the reference pair that is known when each of the ``candles`` closes.

    Joined backward as-of on the opening time: where the reference has no candle of that time, its last earlier close
    stands; before its first candle it is NaN. Both frames need the same timeframe, as with a longer one the reference
    candle of that opening time would not be closed yet.

    Raises
    ------
    MarketDataError
        If a column is missing, the reference is not sorted by date, or the timeframes differ.
    """
    for name, frame in (("candles", candles), ("reference", reference)):
        missing = [column for column in ("date", "close") if column not in frame.columns]
        if missing:
            raise MarketDataError(f"{name}: no column {', '.join(missing)}; needed are date, close")
    if not reference["date"].is_monotonic_increasing:
        raise MarketDataError("reference: the dates are not sorted; sort the candles by date")
    step, reference_step = _timeframe(candles), _timeframe(reference)
    if step is not None and reference_step is not None and step != reference_step:
        raise MarketDataError(
            f"reference: its candles are {reference_step} apart and the pair's {step}; "
            f"give candles of the same timeframe"
        )
    dates = reference["date"].to_numpy("datetime64[ns]")
    row = np.searchsorted(dates, candles["date"].to_numpy("datetime64[ns]"), side="right") - 1
    closes = np.append(reference["close"].to_numpy(np.float64), np.nan)
    return closes[row]


def cross_asset(candles: Candles, window: int) -> Columns:
    """The pair's log returns beside the reference's over ``window`` candles.

    - ``relative_strength``: log return over the window minus the reference's.
    - ``reference_correlation``: correlation of the candles' returns, in [-1, 1]; 0 where one does not move.
    - ``reference_beta``: slope of the pair's returns on the reference's; 0 where the reference does not move.
    - ``residual_return``: log return over the window minus beta times the reference's.

    Raises
    ------
    MarketDataError
        If ``candles`` has no reference close.
    """
    if candles.reference_close is None:
        raise MarketDataError("cross_asset: no reference candles; give them, or leave the family 'cross_asset' out")
    log_reference = np.log(candles.reference_close)
    returns, reference_returns = candles.log_return, log_reference - lag(log_reference, 1)
    own, other, together = rolling_comoments(returns, reference_returns, window)
    least = window * RETURN_RESOLUTION**2
    beta = ratio(together, other, neutral=0.0, floor=least)
    move = candles.log_close - lag(candles.log_close, window)
    reference_move = log_reference - lag(log_reference, window)
    return {
        "relative_strength": move - reference_move,
        "reference_correlation": correlation(own, other, together, least),
        "reference_beta": beta,
        "residual_return": move - beta * reference_move,
    }


def _timeframe(frame: pd.DataFrame) -> pd.Timedelta | None:
    """Return the shortest distance of two candles: gaps only lengthen it."""
    if len(frame) < 2:
        return None
    return pd.Timedelta(frame["date"].diff().min())
