"""How good forecasts of a number are: per pair and month, in comparison, and over longer horizons."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from freqai_ext.evaluation.bets import Bets
from freqai_ext.evaluation.estimates import Estimate, Estimator
from freqai_ext.evaluation.sample import Sample
from freqai_ext.validation import information_coefficient, mae, rmse


@dataclass(frozen=True)
class SkillCell:
    """Scores of the rows of a pair, a month, both, or all.

    Attributes
    ----------
    pair, month
        ``None`` for all; scores of several pairs are the mean of theirs.
    rank_ic
        Rank correlation of forecast and outcome.
    rmse_skill
        1 - RMSE / RMSE of forecasting zero.
    """

    pair: str | None
    month: str | None
    rank_ic: Estimate
    rmse_skill: Estimate


@dataclass(frozen=True)
class DecayPoint:
    """Rank correlation of the forecasts with the return over a horizon."""

    horizon_candles: int
    rank_ic: Estimate


@dataclass(frozen=True)
class NumberScores:
    """Scores of the forecasts of one number.

    Attributes
    ----------
    cells
        All rows first, then each pair, each month, and each pair in each month.
    ic
        Correlation of forecast and outcome, mean over pairs.
    rmse, mae
        Over all rows, in the unit of the target.
    spread
        Standard deviation of the forecasts over that of the outcomes.
    pairs_with_skill, pairs
        Number of pairs whose RMSE skill is above 0, which a forecast of zero does not reach, and of all.
    """

    cells: tuple[SkillCell, ...]
    ic: float
    rmse: float
    mae: float
    spread: float
    pairs_with_skill: int
    pairs: int
    bets: tuple[Bets, ...]
    decay: tuple[DecayPoint, ...]

    @property
    def pooled(self) -> SkillCell:
        """The scores of all rows."""
        return self.cells[0]


@dataclass(frozen=True)
class Difference:
    """How much better the forecasts are than the baseline's, on the rows that both have."""

    rank_ic: Estimate
    rmse_skill: Estimate


def score_number(
    sample: Sample, estimator: Estimator, bets: tuple[Bets, ...], decay_samples: Mapping[int, Sample]
) -> NumberScores:
    """Return all scores of the forecasts of a number.

    Parameters
    ----------
    decay_samples
        By horizon in candles: the forecasts beside the returns over that horizon.
    """
    cells = [_cell(sample, estimator, None, None)]
    cells += [_cell(sample, estimator, pair, None) for pair in sample.pairs]
    cells += [_cell(sample, estimator, None, month) for month in sample.months]
    cells += [_cell(sample, estimator, pair, month) for month in sample.months for pair in sample.pairs]
    by_pair = [cell for cell in cells if cell.pair is not None and cell.month is None]
    with_skill = sum(cell.rmse_skill.value > 0.0 for cell in by_pair)
    spread = float(np.std(sample.forecast) / np.std(sample.actual)) if np.ptp(sample.actual) > 0.0 else float("nan")
    correlations = [information_coefficient(each.actual, each.forecast) for each in map(sample.where, sample.pairs)]
    return NumberScores(
        cells=tuple(cells),
        ic=float(np.mean(np.nan_to_num(correlations))),
        rmse=rmse(sample.actual, sample.forecast),
        mae=mae(sample.actual, sample.forecast),
        spread=spread,
        pairs_with_skill=int(with_skill),
        pairs=len(by_pair),
        bets=bets,
        decay=tuple(DecayPoint(horizon, estimator.rank_ic(each)) for horizon, each in decay_samples.items()),
    )


def compare(sample: Sample, baseline: Sample, estimator: Estimator) -> Difference | None:
    """Return how much better ``sample`` is; ``None`` where the two do not forecast the same outcomes."""
    mine, theirs = sample.paired_with(baseline)
    if not len(mine) or not np.allclose(mine.actual, theirs.actual, rtol=1e-9, atol=1e-12):
        return None
    return Difference(estimator.rank_ic_difference(sample, baseline), estimator.rmse_skill_difference(sample, baseline))


def _cell(sample: Sample, estimator: Estimator, pair: str | None, month: str | None) -> SkillCell:
    rows = sample if pair is month is None else sample.where(pair, month)
    return SkillCell(pair, month, estimator.rank_ic(rows), estimator.rmse_skill(rows))
