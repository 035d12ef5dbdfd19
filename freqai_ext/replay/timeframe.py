"""Timeframes: their length, where their candles begin, and what Bybit calls them."""

import re

import numpy as np
from numpy.typing import NDArray

from freqai_ext.errors import MarketDataError

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

BYBIT_INTERVALS = {
    "1m": "1",
    "3m": "3",
    "5m": "5",
    "15m": "15",
    "30m": "30",
    "1h": "60",
    "2h": "120",
    "4h": "240",
    "6h": "360",
    "12h": "720",
    "1d": "D",
    "1w": "W",
    "1M": "M",
}
"""Freqtrade's name of a timeframe to Bybit's ``interval`` parameter."""

_UNIT_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": WEEK_MS, "M": 30 * DAY_MS}

# The Unix epoch is a Thursday; weekly candles begin on Mondays.
_FIRST_MONDAY_MS = 4 * DAY_MS


def timeframe_ms(timeframe: str) -> int:
    """Return the length of a candle in milliseconds (a month counts 30 days, for ordering only).

    Raises
    ------
    MarketDataError
        When ``timeframe`` is not a number followed by one of ``m``, ``h``, ``d``, ``w``, ``M``.
    """
    match = re.fullmatch(r"([1-9]\d*)([mhdwM])", timeframe)
    if match is None:
        raise MarketDataError(f"timeframe {timeframe!r} is not a number and a unit; write one like 5m, 1h or 1d")
    return int(match[1]) * _UNIT_MS[match[2]]


def candle_opens(open_ms: NDArray[np.int64], timeframe: str) -> NDArray[np.int64]:
    """Return, for every time, the opening time of the candle of ``timeframe`` it lies in (UTC, milliseconds)."""
    if timeframe.endswith("M"):
        months = open_ms.astype("datetime64[ms]").astype("datetime64[M]")
        return months.astype("datetime64[ms]").astype(np.int64)
    length = timeframe_ms(timeframe)
    offset = _FIRST_MONDAY_MS if timeframe.endswith("w") else 0
    return open_ms - (open_ms - offset) % length
