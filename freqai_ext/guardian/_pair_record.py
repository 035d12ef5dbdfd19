"""The recorded features of one pair in memory, as the model's columns."""

from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from freqai_ext.guardian._transforms import FloatArray, trailing_median
from freqai_ext.guardian.schema import MODEL_COLUMNS, SCHEMA

FloatT = TypeVar("FloatT", bound=np.floating)

_LIMIT: Final = 10.0
_FIRST_SPARE_ROWS: Final = 256
_AGAINST_OWN_PAST: Final = [place for place, column in enumerate(MODEL_COLUMNS) if column.against_own_past]


@dataclass(frozen=True)
class KnownFeatures:
    """What was known of a pair at some moments.

    Attributes
    ----------
    values
        float32 of shape (moments, columns), columns as in :data:`~freqai_ext.guardian.schema.MODEL_COLUMNS`; finite,
        and 0 where nothing was known.
    age_s
        Seconds since the row became known, of shape (moments,); the highest age where there is none.
    available
        Whether there is a row, of shape (moments,).
    """

    values: npt.NDArray[np.float32]
    age_s: FloatArray
    available: npt.NDArray[np.bool_]


class PairRecord:
    """Rows of one pair in the order in which they became known; about 220 bytes each.

    One thread at a time may call :meth:`extend`, while others call :meth:`as_of`.

    Parameters
    ----------
    since_s
        From when on the rows are all there, UTC seconds.
    times_s
        When each row became known, UTC seconds, ascending; shape (rows,).
    recorded
        Shape (rows, columns), columns as in :data:`~freqai_ext.guardian.schema.SCHEMA`.
    keep_s
        :meth:`extend` may drop rows that became known longer ago than this.
    """

    def __init__(self, since_s: float, times_s: FloatArray, recorded: FloatArray, keep_s: float) -> None:
        self.since_s, self.keep_s = since_s, keep_s
        levels = _levels(recorded)
        own_past = levels[:, _AGAINST_OWN_PAST]
        values = _values(levels, trailing_median(times_s, own_past))
        self._rows = _Rows(times_s, values, own_past, len(times_s))

    def extend(self, time_s: float, recorded: FloatArray) -> bool:
        """Add the row ``recorded``, of shape (columns,), that became known at ``time_s``.

        Returns
        -------
        bool
            False where it is older than what is there, as after a clock was set back: then nothing was added.
        """
        rows = self._rows
        if rows.count and time_s <= rows.times_s[rows.count - 1]:
            return bool(np.any(rows.times_s[: rows.count] == time_s))
        if rows.count == len(rows.times_s):
            self.since_s = max(self.since_s, time_s - self.keep_s)
            rows = rows.with_room(self.since_s)
        levels = _levels(recorded[np.newaxis, :])
        here, end = rows.count, rows.count + 1
        rows.times_s[here] = time_s
        rows.own_past[here] = levels[0, _AGAINST_OWN_PAST]
        median = trailing_median(rows.times_s[:end], rows.own_past[:end], here)
        rows.values[here] = _values(levels, median)[0]
        # Readers see the row from here on, all of it.
        self._rows = replace(rows, count=end)
        return True

    def as_of(self, moments_s: FloatArray, max_age_s: float) -> KnownFeatures:
        """Return what was known at each of ``moments_s`` (UTC seconds, any order) and not older than ``max_age_s``."""
        rows = self._rows
        values = np.zeros((len(moments_s), len(MODEL_COLUMNS)), dtype=np.float32)
        age_s = np.full(len(moments_s), max_age_s)
        if rows.count == 0:
            return KnownFeatures(values, age_s, np.zeros(len(moments_s), dtype=bool))
        latest = np.searchsorted(rows.times_s[: rows.count], moments_s, side="right") - 1
        found_age_s = moments_s - rows.times_s[np.maximum(latest, 0)]
        available = (latest >= 0) & (found_age_s <= max_age_s)
        values[available] = rows.values[latest[available]]
        age_s[available] = found_age_s[available]
        return KnownFeatures(values, age_s, available)


@dataclass(frozen=True)
class _Rows:
    """Arrays with room for more; the first ``count`` rows are there and never change."""

    times_s: FloatArray
    values: npt.NDArray[np.float32]
    own_past: FloatArray
    count: int

    def with_room(self, since_s: float) -> "_Rows":
        first = int(np.searchsorted(self.times_s[: self.count], since_s))
        spare = max(_FIRST_SPARE_ROWS, (self.count - first) // 8)
        return _Rows(
            _roomy(self.times_s[first : self.count], spare),
            _roomy(self.values[first : self.count], spare),
            _roomy(self.own_past[first : self.count], spare),
            self.count - first,
        )


def _roomy(array: npt.NDArray[FloatT], spare: int) -> npt.NDArray[FloatT]:
    return np.concatenate([array, np.zeros((spare, *array.shape[1:]), dtype=array.dtype)])


def _levels(recorded: FloatArray) -> FloatArray:
    columns = {column.name: recorded[:, place] for place, column in enumerate(SCHEMA)}
    levels = np.full((len(recorded), len(MODEL_COLUMNS)), np.nan)
    with np.errstate(all="ignore"):
        for place, column in enumerate(MODEL_COLUMNS):
            assert column.transform is not None
            levels[:, place] = column.transform(columns, column.name)
    levels[~np.isfinite(levels)] = np.nan
    return levels


def _values(levels: FloatArray, medians: FloatArray) -> npt.NDArray[np.float32]:
    values = levels.copy()
    values[:, _AGAINST_OWN_PAST] -= medians
    # One absurd number must not set the scale for all others.
    return np.nan_to_num(np.clip(values, -_LIMIT, _LIMIT), nan=0.0).astype(np.float32)
