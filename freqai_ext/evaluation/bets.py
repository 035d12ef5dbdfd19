"""What became of the bets that forecasts of a return suggest, after costs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.evaluation.estimates import FEWEST_BLOCKS, Estimate
from freqai_ext.evaluation.options import EvaluationOptions
from freqai_ext.evaluation.sample import Sample


@dataclass(frozen=True)
class Bets:
    """Bets after costs. Overlapping bets count as if each were made, so their number says little.

    Attributes
    ----------
    rule
        ``forecast``: where its size exceeds the costs, in its direction, rises only in spot markets. ``ev_bps``: where
        the expected value after costs is above zero, on a rise.
    rows, bets
        Rows that could be bet on, and those that were.
    independent
        Bets whose outcomes do not overlap: counted in order of time, all pairs together, each at least a label horizon
        after the one before. Pairs move together, so bets of one time count as one.
    busiest_day_bets
        Bets on the UTC day that has most of them.
    hit_rate
        Share whose return after costs was above zero; NaN without bets.
    mean_net_bps
        Mean return after costs, in basis points. Its interval draws blocks of calendar time, those without bets
        included; there is none with fewer than five independent bets.
    """

    rule: str
    rows: int
    bets: int
    independent: int
    busiest_day_bets: int
    hit_rate: float
    mean_net_bps: Estimate


@dataclass(frozen=True)
class BetScorer:
    """Scores bets.

    Attributes
    ----------
    cost_bps
        Cost of entry and exit together, in basis points.
    horizon
        Time from a bet to its outcome.
    block
        Calendar time that the bootstrap draws together; at least the horizon.
    short
        Whether falls can be bet on.
    """

    options: EvaluationOptions
    cost_bps: float
    horizon: pd.Timedelta
    block: pd.Timedelta
    short: bool

    def on_forecast(self, sample: Sample) -> Bets:
        """Return the bets on forecasts of a return that exceed the costs."""
        size = np.abs(sample.forecast) if self.short else sample.forecast
        return self._bets("forecast", sample, size > self.cost_bps / 1e4, np.sign(sample.forecast))

    def on_expected_value(self, sample: Sample) -> Bets:
        """Return the bets on a rise wherever the expected value after costs, the sample's forecast, is above zero."""
        return self._bets("ev_bps", sample, sample.forecast > 0.0, np.ones(len(sample)))

    def _bets(self, rule: str, sample: Sample, bet: NDArray[np.bool_], side: NDArray[np.float64]) -> Bets:
        chosen = sample.take(bet)
        net_bps = side[bet] * chosen.actual * 1e4 - self.cost_bps
        independent = _independent(chosen.date, self.horizon)
        return Bets(
            rule=rule,
            rows=len(sample),
            bets=len(chosen),
            independent=independent,
            busiest_day_bets=int(pd.Series(chosen.date.floor("D")).value_counts().max()) if len(chosen) else 0,
            hit_rate=float(np.mean(net_bps > 0.0)) if len(chosen) else float("nan"),
            mean_net_bps=self._mean(sample.date, chosen.date, net_bps, enough=independent >= FEWEST_BLOCKS),
        )

    def _mean(
        self, rows: pd.DatetimeIndex, bets: pd.DatetimeIndex, net_bps: NDArray[np.float64], *, enough: bool
    ) -> Estimate:
        """Return the mean; its interval is that of a ratio of sums over blocks drawn with replacement."""
        if not len(bets):
            return Estimate(0, float("nan"))
        # A block is a stretch of the calendar: consecutive bets may lie weeks apart.
        blocks = int((rows.max() - rows.min()) // self.block) + 1
        if not enough or blocks < FEWEST_BLOCKS:
            return Estimate(len(bets), float(net_bps.mean()))
        block = np.asarray((bets - rows.min()) // self.block, dtype=np.intp)
        sums, counts = np.bincount(block, net_bps, blocks), np.bincount(block, minlength=blocks)
        options = self.options
        draws = np.random.default_rng(options.seed).integers(blocks, size=(options.samples, blocks))
        drawn = counts[draws].sum(axis=1)
        means = sums[draws].sum(axis=1)[drawn > 0] / drawn[drawn > 0]
        tail = (1.0 - options.level) / 2.0
        lower, upper = np.quantile(means, [tail, 1.0 - tail])
        return Estimate(len(bets), float(net_bps.mean()), float(lower), float(upper))


def _independent(dates: pd.DatetimeIndex, horizon: pd.Timedelta) -> int:
    count, free_from = 0, pd.Timestamp.min.tz_localize("UTC")
    for date in dates.unique().sort_values():
        if date >= free_from:
            count, free_from = count + 1, date + horizon
    return count
