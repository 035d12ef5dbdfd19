"""The targets of the example strategy and their settings."""

import pandas as pd
from pydantic import Field

from freqai_ext._settings import Settings
from freqai_ext.labels.barriers import Touch, reaches_loss, reaches_profit
from freqai_ext.labels.labels import Labels
from freqai_ext.labels.returns import forward_return


class LabelSettings(Settings):
    """Thresholds of the targets, as returns from the close of a candle.

    Attributes
    ----------
    buy_threshold
        Profit that makes a candle a buy, above 0.
    sell_threshold
        Loss that makes a candle a sell, below 0.
    stoploss_threshold
        Loss that a stop must prevent, below 0.
    touch
        Whether a level counts as reached by a high or low (``"extreme"``) or only by a close (``"close"``).
    """

    buy_threshold: float = Field(default=0.01, gt=0.0)
    sell_threshold: float = Field(default=-0.01, lt=0.0, gt=-1.0)
    stoploss_threshold: float = Field(default=-0.05, lt=0.0, gt=-1.0)
    touch: Touch = "extreme"


def make_targets(
    candles: pd.DataFrame, horizon_candles: int, timeframe: str, settings: LabelSettings | None = None
) -> dict[str, Labels]:
    """Return the four targets ``buy``, ``sell``, ``roi`` and ``stoploss``.

    ``buy``, ``sell`` and ``stoploss`` are 1.0 where the price reaches their threshold within ``horizon_candles``, else
    0.0; ``roi`` is the return at the end of the horizon. Each is known when the last candle of the horizon closes and
    missing where there is none.

    Raises
    ------
    SettingsError
        If the horizon or timeframe is not valid.
    MarketDataError
        If a column is missing.
    """
    chosen = settings or LabelSettings()
    touch = chosen.touch
    return {
        "buy": reaches_profit(candles, chosen.buy_threshold, horizon_candles, timeframe, touch),
        "sell": reaches_loss(candles, chosen.sell_threshold, horizon_candles, timeframe, touch),
        "roi": forward_return(candles, horizon_candles, timeframe),
        "stoploss": reaches_loss(candles, chosen.stoploss_threshold, horizon_candles, timeframe, touch),
    }
