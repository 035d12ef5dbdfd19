"""When each row's label begins and is known, as integers that compare fast."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from freqai_ext.errors import SettingsError


@dataclass(frozen=True, eq=False)
class LabelTimes:
    """The half-open label intervals ``[date, known_at)`` in nanoseconds since the epoch, UTC; one per row."""

    date: NDArray[np.int64]
    known_at: NDArray[np.int64]

    @classmethod
    def of(cls, dates: ArrayLike, known_at: ArrayLike) -> "LabelTimes":
        """Check and convert; times without a zone are taken as UTC.

        Raises
        ------
        ValueError
            If the lengths differ, a time is missing or no time, or a label is known no later than its date.
        """
        starts, stops = _nanoseconds("dates", dates), _nanoseconds("known_at", known_at)
        if starts.shape != stops.shape:
            raise ValueError(
                f"dates and known_at have the lengths {len(starts)} and {len(stops)}; give one of each per row"
            )
        if (early := stops <= starts).any():
            row = int(early.argmax())
            raise ValueError(
                f"known_at: {timestamp(stops[row])} in row {row} is not after its date {timestamp(starts[row])}; "
                "give the time at which the label is known"
            )
        return cls(starts, stops)

    def __len__(self) -> int:
        return len(self.date)


def timestamp(nanoseconds: np.int64) -> pd.Timestamp:
    """Return the UTC time."""
    return pd.Timestamp(int(nanoseconds), unit="ns", tz="UTC")


def length(name: str, value: timedelta, least: timedelta = timedelta(0)) -> int:
    """Return ``value`` in nanoseconds; ``name`` is for the message of the SettingsError."""
    if not isinstance(value, timedelta) or value < least:
        rule = "above zero" if least else "of at least zero"
        raise SettingsError(f"{name}: {value!r} is not valid; give a time delta {rule}, e.g. pd.Timedelta('2h')")
    return int(pd.Timedelta(value).as_unit("ns").value)


def _nanoseconds(name: str, times: ArrayLike) -> NDArray[np.int64]:
    series = pd.Series(np.asarray(times) if isinstance(times, list | tuple) else times)
    if not pd.api.types.is_datetime64_any_dtype(series):
        raise ValueError(f"{name}: holds {series.dtype}, not times; give the candles' UTC times")
    if series.isna().any():
        raise ValueError(f"{name}: missing in row {int(series.isna().to_numpy().argmax())}; give a time for each row")
    return pd.DatetimeIndex(pd.to_datetime(series, utc=True)).as_unit("ns").asi8
