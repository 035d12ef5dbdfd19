"""Scores and their intervals."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.evaluation.estimates import Estimator
from freqai_ext.evaluation.options import EvaluationOptions
from freqai_ext.evaluation.sample import Sample
from freqai_ext.validation import BlockBootstrap, brier_score, rank_information_coefficient

from .samples import make_rows, make_sample

ESTIMATOR = Estimator(EvaluationOptions(samples=200), block_candles=24)


def with_forecast(sample, forecast):
    return Sample(sample.pair, sample.month, sample.date, sample.actual, np.asarray(forecast, float))


def test_rank_ic_is_the_mean_over_pairs_and_close_to_the_full_bootstrap():
    sample = make_sample()
    found = ESTIMATOR.rank_ic(sample)
    by_pair = [rank_information_coefficient(each.actual, each.forecast) for each in map(sample.where, sample.pairs)]
    assert found.value == pytest.approx(np.mean(by_pair))
    full = BlockBootstrap(24, samples=200).score(
        "rank_information_coefficient",
        sample.actual,
        sample.forecast,
        times=sample.date.asi8,
        groups=sample.pair.codes,
    )
    assert (found.lower, found.upper) == pytest.approx((full.lower, full.upper), abs=0.01)
    assert found.excludes_zero


def test_a_pair_of_constant_forecasts_counts_as_no_skill():
    sample = make_sample()
    constant = with_forecast(sample, np.where(sample.pair == "A/USDT", 0.0, sample.forecast))
    alone = ESTIMATOR.rank_ic(sample.where("B/USDT"))
    found = ESTIMATOR.rank_ic(constant)
    assert (found.value, found.lower, found.upper) == pytest.approx(
        (alone.value / 2, alone.lower / 2, alone.upper / 2), abs=1e-12
    )
    assert ESTIMATOR.rank_ic(with_forecast(sample, np.zeros(len(sample)))).value == 0.0


def test_too_few_blocks_give_no_interval():
    found = ESTIMATOR.rank_ic(make_sample(days=4))
    assert np.isfinite(found.value)
    assert np.isnan(found.lower)
    assert not found.excludes_zero


def test_no_rows_give_no_score():
    nothing = make_sample().where("C/USDT")
    for score in (ESTIMATOR.rank_ic, ESTIMATOR.rmse_skill, ESTIMATOR.brier_skill):
        assert np.isnan(score(nothing).value)


def test_brier_skill_compares_with_the_base_rate():
    rows = make_rows()
    random = np.random.default_rng(1)
    chance = random.uniform(0.1, 0.9, len(rows))
    happened = (random.uniform(size=len(rows)) < chance).astype(float)
    sample = Sample.of(rows, pd.Series(happened), pd.Series(chance))
    found = ESTIMATOR.brier_skill(sample)
    base = brier_score(happened, np.full(len(rows), happened.mean()))
    assert found.value == pytest.approx(1 - brier_score(happened, chance) / base)
    assert found.lower < found.value < found.upper


def test_a_difference_is_paired_on_the_rows_of_both():
    better, worse = make_sample(signal=0.6), make_sample(signal=0.5)
    missing = np.arange(len(worse)) % 7 != 0
    found = ESTIMATOR.rank_ic_difference(better, worse.take(missing))
    assert found.rows == missing.sum()
    assert found.excludes_zero
    assert found.value > 0
    wide = ESTIMATOR.rank_ic(better)
    assert found.upper - found.lower < wide.upper - wide.lower
    assert ESTIMATOR.rmse_skill_difference(better, better).value == 0.0


def test_rows_with_a_missing_value_are_left_out():
    rows = make_rows()
    values = pd.Series(np.arange(len(rows), dtype=float))
    sample = Sample.of(rows, values.where(values > 0), values.where(values != 5, np.inf))
    assert len(sample) == len(rows) - 2
    assert sample.months == ("2025-01", "2025-02")
    assert len(sample.where(month="2025-01")) == 2 * 12 * 24 - 2
