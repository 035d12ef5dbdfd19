"""Where the candle stands in the day and in the week."""

import numpy as np

from freqai_ext.features.candles import Candles
from freqai_ext.features.family import Columns

DAY_NS = 24 * 3600 * 10**9
WEEK_NS = 7 * DAY_NS
MONDAY_NS = 4 * DAY_NS
"""From the epoch, a Thursday, to the first Monday."""


def calendar(candles: Candles) -> Columns:
    """Time of day and of week, UTC, of the candle's *open*, each as the sine and cosine of its angle.

    - ``hour_sin``, ``hour_cos``: one turn a day, from midnight.
    - ``weekday_sin``, ``weekday_cos``: one turn a week, from Monday midnight.
    """
    nanoseconds = candles.date.to_numpy("datetime64[ns]").astype(np.int64)
    day = 2.0 * np.pi * (nanoseconds % DAY_NS) / DAY_NS
    week = 2.0 * np.pi * ((nanoseconds - MONDAY_NS) % WEEK_NS) / WEEK_NS
    return {
        "hour_sin": np.sin(day),
        "hour_cos": np.cos(day),
        "weekday_sin": np.sin(week),
        "weekday_cos": np.cos(week),
    }
