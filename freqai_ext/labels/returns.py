"""Labels that are returns or classes of returns."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from freqai_ext.errors import SettingsError
from freqai_ext.labels.labels import Labels, known_at


def forward_return(candles: pd.DataFrame, horizon_candles: int, timeframe: str) -> Labels:
    """Return from the close of each candle to the close ``horizon_candles`` later, e.g. 0.01 for +1 %.

    Known when that later candle closes.
    """
    known = known_at(candles, horizon_candles, timeframe)
    values = candles["close"].shift(-horizon_candles) / candles["close"] - 1.0
    return Labels("forward_return", values.rename("forward_return"), known, horizon_candles)


def forward_returns(candles: pd.DataFrame, horizons: Iterable[int], timeframe: str) -> dict[int, Labels]:
    """Return the :func:`forward_return` of each of ``horizons``, in candles, under its horizon.

    Each is known at its own time: the longest horizon decides when a row may train a model of all of them.
    """
    return {horizon: forward_return(candles, horizon, timeframe) for horizon in horizons}


def mean_forward_return(candles: pd.DataFrame, horizon_candles: int, timeframe: str) -> Labels:
    """Return from the close of each candle to the mean of the next ``horizon_candles`` closes.

    This is the target of FreqAI's example strategies.
    Known when the last of these candles closes.
    """
    known = known_at(candles, horizon_candles, timeframe)
    mean = candles["close"].rolling(horizon_candles).mean().shift(-horizon_candles)
    values = mean / candles["close"] - 1.0
    return Labels("mean_forward_return", values.rename("mean_forward_return"), known, horizon_candles)


def direction(
    candles: pd.DataFrame,
    horizon_candles: int,
    timeframe: str,
    down_threshold: float = -0.01,
    up_threshold: float = 0.01,
) -> Labels:
    """Class of the forward return: ``"up"``, ``"flat"`` or ``"down"``.

    It is up from ``up_threshold`` on and down from ``down_threshold`` on, the thresholds included.

    Known when the candle ``horizon_candles`` later closes; missing where there is none.

    Raises
    ------
    SettingsError
        Unless ``down_threshold`` is below ``up_threshold``.
    """
    if not down_threshold < up_threshold:
        raise SettingsError(
            f"down_threshold: {down_threshold} is not valid; it must be below up_threshold {up_threshold}"
        )
    move = forward_return(candles, horizon_candles, timeframe)
    classes = np.select([move.values >= up_threshold, move.values <= down_threshold], ["up", "down"], "flat")
    values = pd.Series(classes, index=candles.index, name="direction").where(move.values.notna())
    return Labels("direction", values, move.known_at, horizon_candles)
