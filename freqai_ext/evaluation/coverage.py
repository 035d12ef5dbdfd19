"""Whether intervals hold what they promise, and when."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.evaluation.sample import Sample
from freqai_ext.validation import pinball_loss, score_interval


@dataclass(frozen=True)
class CoverageCell:
    """Coverage and mean width of the intervals of a pair, a month or a week.

    Attributes
    ----------
    name
        The pair; the month as ``2025-03``; the week as the date of its Monday.
    """

    name: str
    rows: int
    coverage: float
    mean_width: float


@dataclass(frozen=True)
class CoverageScores:
    """Scores of prediction intervals.

    Attributes
    ----------
    nominal
        Share of outcomes that they promise to hold.
    coverage
        Share that they held.
    mean_width
        In the unit of the target.
    interval_score
        Width, plus ``2 / (1 - nominal)`` times how far an outcome lies outside (Gneiting and Raftery 2007); the less,
        the better, in the unit of the target.
    crossed_share
        Share of rows whose bounds were the wrong way round; they were swapped.
    """

    nominal: float
    rows: int
    coverage: float
    mean_width: float
    interval_score: float
    crossed_share: float
    pairs: tuple[CoverageCell, ...]
    months: tuple[CoverageCell, ...]
    weeks: tuple[CoverageCell, ...]


@dataclass(frozen=True, eq=False)
class _Bounds:
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    actual: NDArray[np.float64]

    def take(self, chosen: NDArray[np.bool_]) -> Self:
        return type(self)(self.lower[chosen], self.upper[chosen], self.actual[chosen])

    def cell(self, name: str) -> CoverageCell:
        found = score_interval(self.actual, self.lower, self.upper)
        return CoverageCell(name, found.rows, found.coverage, found.mean_width)


def score_coverage(lower: Sample, upper: Sample, nominal: float) -> CoverageScores:
    """Return the scores of the intervals between two samples of the same rows.

    Parameters
    ----------
    nominal
        Share of outcomes that the intervals promise to hold, between 0 and 1.
    """
    low, high = lower.paired_with(upper)
    crossed = low.forecast > high.forecast
    bounds = _Bounds(np.minimum(low.forecast, high.forecast), np.maximum(low.forecast, high.forecast), low.actual)
    all_rows = bounds.cell("all")
    tail = (1.0 - nominal) / 2.0
    losses = pinball_loss(bounds.actual, bounds.lower, tail) + pinball_loss(bounds.actual, bounds.upper, 1.0 - tail)
    date = low.date.tz_localize(None)
    weeks = (date.normalize() - pd.to_timedelta(date.day_of_week, unit="D")).strftime("%Y-%m-%d")
    return CoverageScores(
        nominal=nominal,
        rows=all_rows.rows,
        coverage=all_rows.coverage,
        mean_width=all_rows.mean_width,
        interval_score=losses / tail,
        crossed_share=float(crossed.mean()) if len(low) else 0.0,
        pairs=_cells(bounds, np.asarray(low.pair.astype(object))),
        months=_cells(bounds, np.asarray(low.month.astype(object))),
        weeks=_cells(bounds, np.asarray(weeks, dtype=object)),
    )


def _cells(bounds: _Bounds, names: NDArray[np.object_]) -> tuple[CoverageCell, ...]:
    return tuple(bounds.take(names == name).cell(str(name)) for name in sorted(set(names.tolist())))
