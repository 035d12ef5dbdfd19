"""From a model's prediction columns to one number that a strategy can act on."""

import pandas as pd

from freqai_ext.labels import LabelSettings


def expected_return(predictions: pd.DataFrame, settings: LabelSettings) -> pd.Series:
    """Return the forecast return over the label horizon, as a ratio (0.01 is +1 %).

    A model of the forward return gives it directly. From classes or hits it is the probability of each threshold
    times the threshold: ``P(up) * buy_threshold + P(down) * sell_threshold``. Rows without a prediction are 0.
    """
    if "&-roi" in predictions:
        return column(predictions, "&-roi")
    for up, down in (("up", "down"), ("buy_yes", "sell_yes"), ("&-buy", "&-sell")):
        if up in predictions or down in predictions:
            gain = column(predictions, up) * settings.buy_threshold
            return gain + column(predictions, down) * settings.sell_threshold
    return pd.Series(0.0, index=predictions.index)


def stoploss_risk(predictions: pd.DataFrame) -> pd.Series:
    """Return the forecast probability that the stop-loss threshold is touched; 0 where no model says so."""
    name = "stoploss_yes" if "stoploss_yes" in predictions else "&-stoploss"
    return column(predictions, name).clip(0.0, 1.0)


def column(predictions: pd.DataFrame, name: str) -> pd.Series:
    """Return a prediction column as numbers; 0 where it is absent (before the first training) or empty."""
    if name not in predictions:
        return pd.Series(0.0, index=predictions.index)
    return pd.to_numeric(predictions[name], errors="coerce").fillna(0.0)
