"""Scores with block-bootstrap intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freqai_ext.evaluation.options import EvaluationOptions
from freqai_ext.evaluation.sample import Sample
from freqai_ext.validation import BlockBootstrap, BootstrapInterval, ScoreName

FEWEST_BLOCKS = 5
"""With fewer blocks than this no interval is given: the resamples would be few of a kind."""

_NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A score and its interval.

    Attributes
    ----------
    rows
        That entered.
    value
        NaN where the score is not defined.
    lower, upper
        NaN where there is no interval, for want of blocks.
    """

    rows: int
    value: float
    lower: float = _NAN
    upper: float = _NAN

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.lower > 0.0 or self.upper < 0.0


@dataclass(frozen=True)
class Estimator:
    """Scores samples. A score of several pairs is the mean of theirs, and rows of one time are drawn together.

    Ranks are taken once within each pair, and the resamples draw rows with these ranks: ranking each would
    cost ten times as much and differ little, since a block takes its share of all ranks.

    Attributes
    ----------
    block_candles
        Consecutive candles that are drawn together.
    """

    options: EvaluationOptions
    block_candles: int

    def rank_ic(self, sample: Sample) -> Estimate:
        """Return the rank correlation; a pair whose forecasts are all alike has 0, since it orders nothing."""
        varies = sample.take(_in_varying_pairs(sample))
        if not len(varies):
            return Estimate(len(sample), 0.0 if len(sample) else _NAN)
        found = self._score(
            "information_coefficient", varies, varies.ranks(varies.actual), varies.ranks(varies.forecast)
        )
        share = len(varies.pairs) / len(sample.pairs)
        return Estimate(len(sample), found.value * share, found.lower * share, found.upper * share)

    def rmse_skill(self, sample: Sample) -> Estimate:
        """Return 1 - RMSE / RMSE of forecasting zero."""
        return self._score("rmse_skill", sample, sample.actual, sample.forecast)

    def brier_skill(self, sample: Sample) -> Estimate:
        """Return 1 - Brier score / that of forecasting the base rate; all rows of all pairs are scored together.

        The base rate is that of the rows themselves, which no forecaster knows beforehand.
        """
        base_rate = sample.actual.mean() if len(sample) else _NAN
        # 1 - RMSE ratio of the deviations from the base rate, of which this is the square.
        found = self._score("rmse_skill", sample, sample.actual - base_rate, sample.forecast - base_rate, by_pair=False)
        value, lower, upper = (1.0 - (1.0 - each) ** 2 for each in (found.value, found.lower, found.upper))
        return Estimate(len(sample), value, lower, upper)

    def rank_ic_difference(self, sample: Sample, other: Sample) -> Estimate:
        """Return how much higher the rank correlation is than that of ``other``, on the rows of both."""
        first, second = sample.paired_with(other)
        ranks = first.ranks(first.actual), first.ranks(first.forecast), first.ranks(second.forecast)
        return self._difference("information_coefficient", first, *ranks)

    def rmse_skill_difference(self, sample: Sample, other: Sample) -> Estimate:
        """Return how much higher the RMSE skill is than that of ``other``, on the rows of both."""
        first, second = sample.paired_with(other)
        return self._difference("rmse_skill", first, first.actual, first.forecast, second.forecast)

    def _score(
        self,
        name: ScoreName,
        sample: Sample,
        actual: NDArray[np.float64],
        forecast: NDArray[np.float64],
        *,
        by_pair: bool = True,
    ) -> Estimate:
        if not len(sample):
            return Estimate(0, _NAN)
        groups = sample.pair.codes if by_pair else None
        bootstrap, enough = self._bootstrap(sample)
        found = bootstrap.score(name, actual, forecast, times=sample.date.asi8, groups=groups)
        return _estimate(found, enough)

    def _difference(
        self,
        name: ScoreName,
        sample: Sample,
        actual: NDArray[np.float64],
        forecast: NDArray[np.float64],
        other: NDArray[np.float64],
    ) -> Estimate:
        if not len(sample):
            return Estimate(0, _NAN)
        bootstrap, enough = self._bootstrap(sample)
        found = bootstrap.difference(name, actual, forecast, other, times=sample.date.asi8, groups=sample.pair.codes)
        return _estimate(found, enough)

    def _bootstrap(self, sample: Sample) -> tuple[BlockBootstrap, bool]:
        times = sample.date.nunique()
        enough = times >= FEWEST_BLOCKS * self.block_candles
        return (
            BlockBootstrap(
                min(self.block_candles, times),
                samples=self.options.samples if enough else 1,
                level=self.options.level,
                seed=self.options.seed,
            ),
            enough,
        )


def _estimate(found: BootstrapInterval, enough: bool) -> Estimate:
    if not enough:
        return Estimate(found.rows, found.estimate)
    return Estimate(found.rows, found.estimate, found.lower, found.upper)


def _in_varying_pairs(sample: Sample) -> NDArray[np.bool_]:
    chosen = np.zeros(len(sample), dtype=np.bool_)
    for code in np.unique(sample.pair.codes):
        rows = sample.pair.codes == code
        chosen |= rows & bool(np.ptp(sample.forecast[rows]) > 0.0)
    return chosen
