"""Labels that say whether the price reaches a level within the horizon."""

from typing import Literal, TypeAlias

import pandas as pd

from freqai_ext.errors import SettingsError
from freqai_ext.labels.labels import Labels, known_at

Touch: TypeAlias = Literal["extreme", "close"]


def reaches_profit(
    candles: pd.DataFrame, threshold: float, horizon_candles: int, timeframe: str, touch: Touch = "extreme"
) -> Labels:
    """1.0 where one of the next ``horizon_candles`` candles reaches ``threshold`` above the close, else 0.0.

    Known when the last of these candles closes, also where the level was reached before: if hits were known earlier
    than misses, the newest known labels would be hits only, and a model trained on them would learn that the price
    always rises.

    Parameters
    ----------
    candles
        Columns ``date``, ``high``, ``low``, ``close``; oldest first.
    threshold
        Return above 0, e.g. 0.01 for +1 %.
    horizon_candles
        Number of later candles that are looked at.
    timeframe
        Timeframe of ``candles``, e.g. ``"5m"``.
    touch
        ``"extreme"``: their highs count; ``"close"``: only their closes.

    Raises
    ------
    SettingsError
        If the threshold is not above 0, or the horizon or timeframe is not valid.
    """
    if not threshold > 0.0:
        raise SettingsError(f"threshold: {threshold} is not valid; a profit must be above 0, e.g. 0.01")
    known = known_at(candles, horizon_candles, timeframe)
    price = candles["high"] if touch == "extreme" else candles["close"]
    best = price.rolling(horizon_candles).max().shift(-horizon_candles) / candles["close"] - 1.0
    return _labels("reaches_profit", best >= threshold, best, known, horizon_candles)


def reaches_loss(
    candles: pd.DataFrame, threshold: float, horizon_candles: int, timeframe: str, touch: Touch = "extreme"
) -> Labels:
    """1.0 where one of the next ``horizon_candles`` candles reaches ``threshold`` below the close, else 0.0.

    As :func:`reaches_profit`, with lows and a ``threshold`` below 0, e.g. -0.05 for -5 %.
    """
    if not threshold < 0.0:
        raise SettingsError(f"threshold: {threshold} is not valid; a loss must be below 0, e.g. -0.01")
    known = known_at(candles, horizon_candles, timeframe)
    price = candles["low"] if touch == "extreme" else candles["close"]
    worst = price.rolling(horizon_candles).min().shift(-horizon_candles) / candles["close"] - 1.0
    return _labels("reaches_loss", worst <= threshold, worst, known, horizon_candles)


def _labels(name: str, hit: pd.Series, extreme: pd.Series, known: pd.Series, horizon_candles: int) -> Labels:
    return Labels(name, hit.astype("float64").where(extreme.notna()).rename(name), known, horizon_candles)
