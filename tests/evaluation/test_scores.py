"""Skill, odds, coverage: what they count."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.evaluation.bets import BetScorer
from freqai_ext.evaluation.coverage import score_coverage
from freqai_ext.evaluation.estimates import Estimator
from freqai_ext.evaluation.odds import score_odds
from freqai_ext.evaluation.options import EvaluationOptions
from freqai_ext.evaluation.sample import Sample
from freqai_ext.evaluation.skill import compare, score_number

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


def test_a_forecast_of_zero_has_no_pair_with_skill():
    sample = make_sample()
    zero = Sample(sample.pair, sample.month, sample.date, sample.actual, sample.actual * 0.0)
    assert score_number(zero, ESTIMATOR, (), {}).pairs_with_skill == 0


def bet_scorer(*, short=False):
    hour = pd.Timedelta(hours=1)
    return BetScorer(EvaluationOptions(samples=200), 20.0, horizon=6 * hour, block=24 * hour, short=short)


def bets_of(actual, forecast):
    rows = make_rows(days=1, pairs=("A/USDT",)).head(len(actual))
    return Sample.of(rows, pd.Series(actual), pd.Series(forecast))


def test_bets_pay_costs_and_go_short_only_where_one_can():
    sample = bets_of([0.01, -0.01, 0.01, 0.0], [0.005, -0.005, 0.001, 0.004])
    spot = bet_scorer().on_forecast(sample)
    assert (spot.rows, spot.bets, spot.hit_rate) == (4, 2, 0.5)
    assert spot.mean_net_bps.value == pytest.approx((80 - 20) / 2)
    futures = bet_scorer(short=True).on_forecast(sample)
    assert (futures.bets, futures.hit_rate) == (3, pytest.approx(2 / 3))


def test_bets_on_the_expected_value_are_on_rises():
    found = bet_scorer().on_expected_value(bets_of([0.01, -0.01, 0.01], [3.0, -1.0, 0.5]))
    assert (found.bets, found.hit_rate, found.mean_net_bps.value) == (2, 1.0, pytest.approx(80.0))
    none = bet_scorer().on_expected_value(bets_of([0.01], [-1.0]))
    assert (none.bets, none.independent, none.busiest_day_bets) == (0, 0, 0)


def test_bets_of_one_day_are_few_independent_events_and_get_no_interval():
    rows = make_rows(days=20)
    day = (rows["date"] >= "2025-01-25") & (rows["date"] < "2025-01-26")
    forecast = pd.Series(np.where(day, 0.01, 0.0))
    found = bet_scorer().on_forecast(Sample.of(rows, pd.Series(np.full(len(rows), 0.05)), forecast))
    # Two pairs, 24 hours, outcomes of 6 hours: 48 bets, but only 4 events.
    assert (found.bets, found.independent, found.busiest_day_bets) == (48, 4, 48)
    assert found.hit_rate == 1.0
    assert np.isnan(found.mean_net_bps.lower)


def test_the_interval_of_bets_that_lie_together_is_wide():
    rows = make_rows(days=40, pairs=("A/USDT",))
    random = np.random.default_rng(3)
    lucky = (rows["date"] >= "2025-02-01") & (rows["date"] < "2025-02-02")
    actual = pd.Series(random.normal(0.002, 0.01, len(rows)) + 0.05 * lucky)
    # As many bets as on the lucky day, and one for each other day.
    forecast = pd.Series(np.where(lucky | (rows["date"].dt.hour == 0), 0.01, 0.0))
    found = bet_scorer().on_forecast(Sample.of(rows, actual, forecast))
    assert (found.bets, found.independent) == (63, 43)
    assert found.mean_net_bps.value > 150
    assert found.mean_net_bps.lower < 50


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
