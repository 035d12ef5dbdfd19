"""Confidence intervals of scores whose rows depend on their neighbours."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from freqai_ext.errors import SettingsError
from freqai_ext.validation._resampling import BlockScheme, sample_weights
from freqai_ext.validation._rows import complete_rows
from freqai_ext.validation._weighted_scores import WEIGHTED_SCORES

ScoreName: TypeAlias = Literal["information_coefficient", "rank_information_coefficient", "rmse", "mae", "rmse_skill"]


@dataclass(frozen=True)
class BootstrapInterval:
    """A score, or a difference of scores, with its confidence interval.

    Attributes
    ----------
    rows
        Number of rows that entered.
    estimate
        The score of the rows as they are; NaN where it is not defined.
    lower, upper
        Quantiles of the resamples' scores, the percentile interval; NaN if a resample's score is not defined.
    """

    rows: int
    estimate: float
    lower: float
    upper: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.lower > 0.0 or self.upper < 0.0


@dataclass(frozen=True)
class BlockBootstrap:
    """Draws blocks of consecutive times again and looks at how a score varies.

    Attributes
    ----------
    block_length
        Consecutive times that are drawn together; at least the label horizon in candles, better a few times that,
        since overlapping labels make neighbours alike. Too short a block makes the interval too narrow.
    samples
        Number of resamples.
    level
        Share of the resamples inside the interval, between 0 and 1.
    scheme
        ``"circular"``: a block may run over the end to the start, so that all times count alike (Politis & Romano
        1992); ``"moving"``: it may not (Künsch 1989).
    seed
        The same seed gives the same interval.

    Raises
    ------
    SettingsError
        If a value is out of range.
    """

    block_length: int
    samples: int = 1000
    level: float = 0.95
    scheme: BlockScheme = "circular"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (("block_length", self.block_length), ("samples", self.samples)):
            if value < 1:
                raise SettingsError(f"{name}: {value} is not valid; it must be at least 1")
        if not 0.0 < self.level < 1.0:
            raise SettingsError(f"level: {self.level} is not valid; it must lie between 0 and 1, e.g. 0.95")
        if self.scheme not in ("circular", "moving"):
            raise SettingsError(f"scheme: {self.scheme!r} is not valid; write 'circular' or 'moving'")

    def score(
        self,
        name: ScoreName,
        actual: ArrayLike,
        forecast: ArrayLike,
        *,
        times: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> BootstrapInterval:
        """Return the confidence interval of a score.

        Parameters
        ----------
        name
            A score of :class:`~freqai_ext.validation.ForecastScores`. Ranks are taken again in each resample.
        actual, forecast
            Outcome and forecast. Rows in which a value is missing are left out before blocks are formed.
        times
            Time of each row. Rows of one time are drawn together, so that pairs that move together do not count as
            independent. Without it, each row is a time, oldest first.
        groups
            What each row belongs to, e.g. its pair; the score is then the mean of the groups' scores. Without it, all
            rows are scored together.

        Raises
        ------
        ValueError
            If the shapes differ, or a time or group is missing.
        SettingsError
            If the score is not known or a block is longer than the data.
        """
        (truth, guess), rows = _complete(times, groups, actual=actual, forecast=forecast)
        return self._interval(name, truth, [guess], rows)

    def difference(
        self,
        name: ScoreName,
        actual: ArrayLike,
        forecast: ArrayLike,
        other: ArrayLike,
        *,
        times: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> BootstrapInterval:
        """Return the confidence interval of the score of ``forecast`` minus that of ``other``.

        Paired: each resample scores both on the same rows, those in which no value is missing. What the two have in
        common cancels, so the interval tells more than their own intervals side by side. The rest is as in
        :meth:`score`.
        """
        (truth, guess, rival), rows = _complete(times, groups, actual=actual, forecast=forecast, other=other)
        return self._interval(name, truth, [guess, rival], rows)

    def _interval(
        self, name: ScoreName, actual: NDArray[np.float64], forecasts: list[NDArray[np.float64]], rows: "_Rows"
    ) -> BootstrapInterval:
        if name not in WEIGHTED_SCORES:
            raise SettingsError(f"name: {name!r} is not valid; write one of {', '.join(WEIGHTED_SCORES)}")
        if not actual.size:
            return BootstrapInterval(0, float("nan"), float("nan"), float("nan"))
        times = int(rows.time.max()) + 1
        if self.block_length > times:
            raise SettingsError(
                f"block_length: {self.block_length} is not valid for {times} times; it must be at most that, and the "
                "interval means something only with many blocks"
            )
        (estimate,) = _score_or_difference(name, actual, forecasts, np.ones((1, times)), rows)
        rows_per_time = -(-actual.size // times)
        draws = sample_weights(times, self.block_length, self.samples, self.scheme, self.seed, rows_per_time)
        resampled = [_score_or_difference(name, actual, forecasts, some, rows) for some in draws]
        tail = (1.0 - self.level) / 2.0
        lower, upper = np.quantile(np.concatenate(resampled), [tail, 1.0 - tail])
        return BootstrapInterval(actual.size, float(estimate), float(lower), float(upper))


@dataclass(frozen=True, eq=False)
class _Rows:
    """For each row the number of its time, and for each group its rows."""

    time: NDArray[np.intp]
    groups: list[NDArray[np.intp]]


def _complete(
    times: ArrayLike | None, groups: ArrayLike | None, **columns: ArrayLike
) -> tuple[list[NDArray[np.float64]], _Rows]:
    count = np.size(next(iter(columns.values())))
    time = np.arange(count) if times is None else _numbered("times", times, count)
    group = np.zeros(count, np.intp) if groups is None else _numbered("groups", groups, count)
    *values, position = complete_rows(**columns, position=np.arange(count))
    kept = position.astype(np.intp)
    members = [np.flatnonzero(group[kept] == number) for number in np.unique(group[kept])]
    return values, _Rows(np.unique(time[kept], return_inverse=True)[1], members)


def _numbered(name: str, labels: ArrayLike, count: int) -> NDArray[np.intp]:
    """Return labels as their places in their sorted order."""
    numbers = np.asarray(pd.factorize(pd.Series(labels), sort=True)[0], np.intp)
    if len(numbers) != count or (numbers < 0).any():
        raise ValueError(f"{name}: {int((numbers >= 0).sum())} given for {count} rows; give one for each row")
    return numbers


def _score_or_difference(
    name: ScoreName,
    actual: NDArray[np.float64],
    forecasts: list[NDArray[np.float64]],
    draws: NDArray[np.float64],
    rows: _Rows,
) -> NDArray[np.float64]:
    """Return for each sample the score of the first forecast, less that of the second where there is one."""
    score = WEIGHTED_SCORES[name]
    means = np.zeros((len(forecasts), len(draws)))
    for members in rows.groups:
        drawn = draws[:, rows.time[members]]
        means += [score(actual[members], forecast[members], drawn) for forecast in forecasts]
    means /= len(rows.groups)
    return np.asarray(means[0] - means[1:].sum(axis=0))
