"""Lengths of timeframes."""

import re
from datetime import timedelta

import pandas as pd

from freqai_ext.errors import SettingsError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def timeframe_to_timedelta(timeframe: str) -> pd.Timedelta:
    """Return the length of a candle of ``timeframe``, e.g. ``"5m"``, ``"1h"``, ``"1d"`` or ``"1w"``.

    Raises
    ------
    SettingsError
        If it is not a positive whole number and one of s, m, h, d, w. Months have no fixed length.

    Examples
    --------
    >>> timeframe_to_timedelta("5m")
    Timedelta('0 days 00:05:00')
    """
    match = re.fullmatch(r"([1-9][0-9]*)([smhdw])", timeframe)
    if match is None:
        raise SettingsError(
            f"timeframe: {timeframe!r} is not valid; write a whole number and s, m, h, d or w, e.g. 5m, 1h, 1d"
        )
    return pd.Timedelta(timedelta(**{_UNITS[match[2]]: int(match[1])}))
