"""Repair of live retraining under pandas 3.1 and later.

Candles that FreqAI loads from disk carry dates in milliseconds with one time-zone object, candles that arrive from
the exchange carry pandas' own unit and another. Concatenating the two gives a column of dtype ``object``, ``.dt``
fails on it, and every retraining after the first one raises. Bringing the candles from disk to the exchange's dtype
once, right after they were loaded, keeps the column a date for the life of the bot.
"""

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from freqtrade.configuration import TimeRange
    from freqtrade.freqai.data_drawer import FreqaiDataDrawer
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen


def exchange_date_dtype() -> object:
    """Return the dtype that Freqtrade gives to the dates of candles from an exchange, under this pandas."""
    return pd.to_datetime(pd.Series([0]), unit="ms", utc=True).dtype


def align_history_dates(drawer: "FreqaiDataDrawer") -> None:
    """Bring the dates of every candle frame held by ``drawer`` to the exchange's dtype, in place."""
    dtype = exchange_date_dtype()
    for frames in drawer.historic_data.values():
        for timeframe, candles in frames.items():
            if len(candles) and candles["date"].dtype != dtype:
                frames[timeframe] = candles.assign(date=candles["date"].astype(dtype))


def repair_history_dates(drawer: "FreqaiDataDrawer") -> None:
    """Make ``drawer`` align the dates of the candles each time it loads them from disk."""
    load = drawer.load_all_pair_histories

    def load_and_align(timerange: "TimeRange", dk: "FreqaiDataKitchen") -> None:
        load(timerange, dk)
        align_history_dates(drawer)

    drawer.load_all_pair_histories = load_and_align
