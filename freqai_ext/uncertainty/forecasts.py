"""Forecasts with the times at which they are made and answered."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from freqai_ext.uncertainty.conformal_scores import checked_scale


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Bands ``[lower, upper]`` that a model forecasts, in order of time.

    Attributes
    ----------
    made_at
        Shape ``(rows,)``, UTC, increasing: when the forecast is made, i.e. the close of its candle.
    known_at
        Shape ``(rows,)``, UTC, each after ``made_at``: from when on the outcome is known.
    lower, upper
        Shape ``(rows,)``: ends of the band, e.g. two quantiles; the same twice for a forecast of one number. NaN where
        there is no forecast.
    scale
        Shape ``(rows,)`` or one number, positive: unit in which errors are compared, e.g. volatility times the square
        root of the horizon, known at ``made_at``. NaN where there is no forecast.

    Raises
    ------
    ValueError
        If shapes differ, times have no zone or are out of order, or a scale is not positive.
    """

    made_at: pd.DatetimeIndex
    known_at: pd.DatetimeIndex
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    scale: NDArray[np.float64]

    def __init__(
        self, made_at: object, known_at: object, lower: ArrayLike, upper: ArrayLike, scale: ArrayLike = 1.0
    ) -> None:
        made, known = utc_times(made_at, "made_at"), utc_times(known_at, "known_at")
        low, high = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
        unit = np.broadcast_to(checked_scale(scale), low.shape)
        if not len(made) == len(known) == low.size == high.size or low.ndim != 1 or high.ndim != 1:
            raise ValueError(
                f"made_at, known_at, lower and upper have {len(made)}, {len(known)}, {low.size} and {high.size} rows; "
                "give one of each per forecast"
            )
        if not (made.is_monotonic_increasing and made.is_unique):
            raise ValueError("made_at: not increasing; sort the forecasts by time and give each once")
        if not (known > made).all():
            raise ValueError("known_at: some are not after made_at; a forecast is made before its outcome is known")
        object.__setattr__(self, "made_at", made)
        object.__setattr__(self, "known_at", known)
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)
        object.__setattr__(self, "scale", unit)


def utc_times(times: object, name: str) -> pd.DatetimeIndex:
    """Return ``times`` in UTC to the microsecond."""
    index = pd.DatetimeIndex(times)  # type: ignore[arg-type]
    if index.tz is None:
        raise ValueError(f"{name}: times have no zone; localise them to UTC")
    return index.tz_convert("UTC").as_unit("us")
