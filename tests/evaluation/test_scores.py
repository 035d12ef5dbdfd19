"""Skill, odds, coverage: what they count."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.evaluation.coverage import score_coverage
from freqai_ext.evaluation.estimates import Estimator
from freqai_ext.evaluation.odds import score_odds
from freqai_ext.evaluation.options import EvaluationOptions
from freqai_ext.evaluation.sample import Sample
from freqai_ext.evaluation.skill import compare, expected_value_bets, forecast_bets, score_number

from .samples import make_rows, make_sample

ESTIMATOR = Estimator(EvaluationOptions(samples=30), block_candles=24)


def test_cells_are_all_pairs_months_and_both():
    cells = score_number(make_sample(), ESTIMATOR, (), {}).cells
    assert [(cell.pair, cell.month) for cell in cells] == [
        (None, None),
        ("A/USDT", None),
        ("B/USDT", None),
        (None, "2025-01"),
        (None, "2025-02"),
        ("A/USDT", "2025-01"),
        ("B/USDT", "2025-01"),
        ("A/USDT", "2025-02"),
        ("B/USDT", "2025-02"),
    ]
    assert sum(cell.rank_ic.rows for cell in cells[5:]) == cells[0].rank_ic.rows


def test_pairs_with_skill_are_counted_and_spread_is_relative():
    sample = make_sample()
    scale = np.where(sample.pair == "A/USDT", 0.2, 5.0)
    forecast = Sample(sample.pair, sample.month, sample.date, sample.actual, sample.actual * scale)
    scores = score_number(forecast, ESTIMATOR, (), {6: sample})
    assert (scores.pairs_with_skill, scores.pairs) == (1, 2)
    assert scores.ic == pytest.approx(1.0)
    assert scores.spread == pytest.approx(np.std(forecast.forecast) / np.std(sample.actual))
    assert [point.horizon_candles for point in scores.decay] == [6]
    assert scores.decay[0].rank_ic == ESTIMATOR.rank_ic(sample)


def test_forecasts_of_other_outcomes_are_not_compared():
    sample, other = make_sample(), make_sample(seed=1)
    assert compare(sample, other, ESTIMATOR) is None
    assert compare(sample, sample, ESTIMATOR).rank_ic.value == 0.0


def bets_of(actual, forecast):
    rows = make_rows(days=1, pairs=("A/USDT",)).head(len(actual))
    return Sample.of(rows, pd.Series(actual), pd.Series(forecast))


def test_bets_pay_costs_and_go_short_only_where_one_can():
    sample = bets_of([0.01, -0.01, 0.01, 0.0], [0.005, -0.005, 0.001, 0.004])
    spot = forecast_bets(sample, 20.0, short=False)
    assert (spot.rows, spot.bets, spot.hit_rate) == (4, 2, 0.5)
    assert spot.mean_net_bps == pytest.approx((80 - 20) / 2)
    futures = forecast_bets(sample, 20.0, short=True)
    assert (futures.bets, futures.hit_rate) == (3, pytest.approx(2 / 3))


def test_bets_on_the_expected_value_are_on_rises():
    found = expected_value_bets(bets_of([0.01, -0.01, 0.01], [3.0, -1.0, 0.5]), 20.0)
    assert (found.bets, found.hit_rate, found.mean_net_bps) == (2, 1.0, pytest.approx(80.0))
    assert expected_value_bets(bets_of([0.01], [-1.0]), 20.0).bets == 0


def test_odds_are_scored_against_the_base_rate_and_wild_ones_clipped():
    rows = make_rows()
    random = np.random.default_rng(2)
    chance = random.uniform(0.2, 0.8, len(rows))
    happened = (random.uniform(size=len(rows)) < chance).astype(float)
    chance[:96] = 1.5
    scores = score_odds("p_up", "a rise", Sample.of(rows, pd.Series(happened), pd.Series(chance)), ESTIMATOR)
    assert scores.clipped_share == 96 / len(rows)
    assert scores.base_rate_brier == pytest.approx(happened.mean() * (1 - happened.mean()))
    parts = scores.reliability - scores.resolution + scores.base_rate_brier + scores.within_bins
    assert scores.brier == pytest.approx(parts)
    assert sum(point.rows for point in scores.curve) == len(rows)
    assert [each.pair for each in scores.pairs] == ["A/USDT", "B/USDT"]
    assert scores.auc > 0.6
    assert scores.base_rate_log_loss == pytest.approx(np.log(2), abs=0.02)


def test_coverage_is_by_pair_month_and_week():
    sample = make_sample()
    width = np.where(sample.pair == "A/USDT", 10.0, 0.0)
    lower = Sample(sample.pair, sample.month, sample.date, sample.actual, sample.actual * 0 - width)
    upper = Sample(sample.pair, sample.month, sample.date, sample.actual, sample.actual * 0 + width)
    found = score_coverage(lower, upper, 0.8)
    assert found.coverage == pytest.approx(0.5)
    assert [(cell.name, cell.coverage, cell.mean_width) for cell in found.pairs] == [
        ("A/USDT", 1.0, 20.0),
        ("B/USDT", 0.0, 0.0),
    ]
    assert [month.name for month in found.months] == ["2025-01", "2025-02"]
    # 2025-01-20 is a Monday.
    assert [week.name for week in found.weeks] == ["2025-01-20", "2025-01-27", "2025-02-03"]
    outside = np.abs(sample.where("B/USDT").actual).mean()
    assert found.interval_score == pytest.approx((20.0 + 2 / 0.2 * outside) / 2)


def test_bounds_that_cross_are_swapped_and_counted():
    sample = make_sample()
    one = Sample(sample.pair, sample.month, sample.date, sample.actual, sample.actual + 1.0)
    other = Sample(sample.pair, sample.month, sample.date, sample.actual, sample.actual - 1.0)
    found = score_coverage(one, other, 0.8)
    assert (found.crossed_share, found.coverage, found.mean_width) == (1.0, 1.0, pytest.approx(2.0))
