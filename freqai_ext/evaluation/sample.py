"""Rows to score: what was forecast of one target, and what happened."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of several pairs, in each of which both values are known.

    Attributes
    ----------
    pair, month
        Of each row; months are written ``2025-03``, UTC.
    date
        Candle open of each row, UTC.
    actual, forecast
        Shape ``(rows,)``.
    """

    pair: pd.Categorical
    month: pd.Categorical
    date: pd.DatetimeIndex
    actual: NDArray[np.float64]
    forecast: NDArray[np.float64]

    @classmethod
    def of(cls, rows: pd.DataFrame, actual: pd.Series, forecast: pd.Series) -> Self:
        """Return the rows in which neither value is missing.

        Parameters
        ----------
        rows
            With ``pair`` and ``date``.
        """
        truth = pd.to_numeric(actual, errors="coerce").to_numpy(dtype=np.float64)
        guess = pd.to_numeric(forecast, errors="coerce").to_numpy(dtype=np.float64)
        known = np.isfinite(truth) & np.isfinite(guess)
        date = pd.DatetimeIndex(rows["date"])[known]
        return cls(
            pd.Categorical(rows["pair"].to_numpy()[known]),
            pd.Categorical(date.strftime("%Y-%m")),
            date,
            truth[known],
            guess[known],
        )

    def __len__(self) -> int:
        return len(self.actual)

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs that have rows, sorted."""
        return tuple(sorted(map(str, self.pair.unique())))

    @property
    def months(self) -> tuple[str, ...]:
        """The months that have rows, in order."""
        return tuple(sorted(map(str, self.month.unique())))

    def where(self, pair: str | None = None, month: str | None = None) -> Self:
        """Return the rows of a pair, a month, or both."""
        chosen = np.ones(len(self), dtype=np.bool_)
        if pair is not None:
            chosen &= np.asarray(self.pair == pair)
        if month is not None:
            chosen &= np.asarray(self.month == month)
        return self.take(chosen)

    def take(self, chosen: Mask) -> Self:
        """Return the rows for which ``chosen`` is true."""
        return type(self)(
            self.pair[chosen], self.month[chosen], self.date[chosen], self.actual[chosen], self.forecast[chosen]
        )

    def paired_with(self, other: Self) -> tuple[Self, Self]:
        """Return both samples on the rows, by pair and candle, that they have in common."""
        keys, others = (
            pd.MultiIndex.from_arrays([each.pair.astype(object), each.date.as_unit("ns")]) for each in (self, other)
        )
        position = others.get_indexer(keys)
        found = position >= 0
        there = position[found]
        matched = type(other)(
            other.pair[there], other.month[there], other.date[there], other.actual[there], other.forecast[there]
        )
        return self.take(found), matched

    def ranks(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the ranks of ``values`` within each pair; equal ones share their mean rank."""
        return np.asarray(pd.Series(values).groupby(self.pair.codes).rank(), np.float64)
