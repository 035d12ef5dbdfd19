"""The block bootstrap: draws, weighted scores and the coverage of its intervals."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext import validation as package
from freqai_ext.errors import SettingsError
from freqai_ext.validation import BlockBootstrap, _resampling
from freqai_ext.validation._resampling import sample_weights
from freqai_ext.validation._weighted_scores import WEIGHTED_SCORES

SEEDS = st.integers(0, 2**32 - 1)
SCHEMES = ["circular", "moving"]
NAMES = list(WEIGHTED_SCORES)


def forecasts(seed: int, rows: int = 60, forecasts: int = 1):
    """Outcome and forecasts, with ties."""
    generator = np.random.default_rng(seed)
    actual = generator.normal(size=rows).round(1)
    return actual, *(0.3 * actual + generator.normal(size=(forecasts, rows))).round(1)


def smooth(generator, shape, length):
    """Noise averaged over ``length`` steps, as overlapping labels are."""
    noise = generator.normal(size=(*shape[:-1], shape[-1] + length - 1))
    sums = np.cumsum(np.concatenate([np.zeros((*shape[:-1], 1)), noise], axis=-1), axis=-1)
    return (sums[..., length:] - sums[..., :-length]) / np.sqrt(length)


@settings(deadline=None)
@given(seed=SEEDS, times=st.integers(1, 40), data=st.data())
@pytest.mark.parametrize("scheme", SCHEMES)
def test_draws_are_the_blocks_laid_end_to_end(scheme, seed, times, data):
    length = data.draw(st.integers(1, times))
    draws = np.concatenate(list(sample_weights(times, length, 5, scheme, seed)))
    blocks = -(-times // length)
    starts = np.random.default_rng(seed).integers(
        times if scheme == "circular" else times - length + 1, size=(5, blocks)
    )
    for sample, firsts in zip(draws, starts, strict=True):
        rows = np.concatenate([np.arange(first, first + length) for first in firsts])[:times] % times
        assert sample.tolist() == np.bincount(rows, minlength=times).tolist()


@settings(deadline=None)
@given(SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_weighted_score_is_that_of_the_repeated_rows(name, seed):
    actual, forecast = forecasts(seed)
    draws = np.concatenate(list(sample_weights(60, 7, 4, "circular", seed)))
    repeated = [np.repeat(np.arange(60), sample.astype(int)) for sample in draws]
    expected = [getattr(package, name)(actual[rows], forecast[rows]) for rows in repeated]
    np.testing.assert_allclose(WEIGHTED_SCORES[name](actual, forecast, draws), expected, atol=1e-12)


@pytest.mark.parametrize("name", ["information_coefficient", "rank_information_coefficient"])
def test_a_resample_that_does_not_vary_has_no_correlation(name):
    draws = np.array([[2.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    scores = WEIGHTED_SCORES[name](np.array([0.1, 0.1, 0.3, 0.4]), np.array([1.0, 2.0, 3.0, 4.0]), draws)
    assert np.isnan(scores).tolist() == [True, True, False]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_block_of_all_times_leaves_no_doubt(scheme, name):
    actual, forecast = forecasts(0)
    interval = BlockBootstrap(60, samples=20, scheme=scheme).score(name, actual, forecast)
    expected = pytest.approx(getattr(package, name)(actual, forecast))
    assert (interval.estimate, interval.lower, interval.upper) == (expected, expected, expected)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_interval_is_that_of_resamples_scored_one_by_one(scheme):
    actual, forecast, other = forecasts(1, forecasts=2)
    score = package.rank_information_coefficient
    differences = []
    for sample in np.concatenate(list(sample_weights(60, 5, 200, scheme, 9))):
        rows = np.repeat(np.arange(60), sample.astype(int))
        differences.append(score(actual[rows], forecast[rows]) - score(actual[rows], other[rows]))
    interval = BlockBootstrap(5, samples=200, level=0.9, scheme=scheme, seed=9).difference(
        "rank_information_coefficient", actual, forecast, other
    )
    assert interval.rows == 60
    assert interval.estimate == pytest.approx(score(actual, forecast) - score(actual, other))
    assert (interval.lower, interval.upper) == pytest.approx(tuple(np.quantile(differences, [0.05, 0.95])))


def test_intervals_of_overlapping_labels_hold_what_they_promise_only_with_long_blocks():
    generator = np.random.default_rng(0)
    actual, forecast = smooth(generator, (200, 2, 600), 12).transpose(1, 0, 2)

    def coverage(block_length):
        bootstrap = BlockBootstrap(block_length, samples=200, level=0.9)
        intervals = [bootstrap.score("information_coefficient", *each) for each in zip(actual, forecast, strict=True)]
        return np.mean([not interval.excludes_zero for interval in intervals])

    assert coverage(40) > 0.8
    assert coverage(1) < 0.6


def test_a_paired_difference_is_narrower_than_the_scores_suggest():
    generator = np.random.default_rng(2)
    actual = generator.normal(size=800)
    forecast = 0.1 * actual + generator.normal(size=800)
    other = forecast + 0.1 * generator.normal(size=800)
    bootstrap = BlockBootstrap(10, samples=300)
    alone = bootstrap.score("information_coefficient", actual, forecast)
    paired = bootstrap.difference("information_coefficient", actual, forecast, other)
    assert paired.upper - paired.lower < 0.3 * (alone.upper - alone.lower)
    same = bootstrap.difference("information_coefficient", actual, forecast, forecast)
    assert (same.estimate, same.lower, same.upper) == (0.0, 0.0, 0.0)
    assert not same.excludes_zero


def test_pairs_that_move_together_do_not_count_as_independent():
    actual, forecast = forecasts(3, rows=300)
    bootstrap = BlockBootstrap(5)
    once = bootstrap.score("information_coefficient", actual, forecast)
    times = np.tile(pd.date_range("2025-01-01", periods=300, freq="5min", tz="UTC"), 4)
    copies = np.tile(actual, 4), np.tile(forecast, 4)
    together = bootstrap.score("information_coefficient", *copies, times=times)
    assert (together.rows, together.lower, together.upper) == (
        1200,
        pytest.approx(once.lower),
        pytest.approx(once.upper),
    )
    apart = bootstrap.score("information_coefficient", *copies)
    assert apart.upper - apart.lower < 0.7 * (once.upper - once.lower)


def test_rows_with_times_may_come_in_any_order():
    actual, forecast = forecasts(4)
    order = np.random.default_rng(0).permutation(60)
    bootstrap = BlockBootstrap(5, samples=50)
    in_order = bootstrap.score("information_coefficient", actual, forecast)
    mixed = bootstrap.score("information_coefficient", actual[order], forecast[order], times=order)
    assert (mixed.estimate, mixed.lower, mixed.upper) == pytest.approx(
        (in_order.estimate, in_order.lower, in_order.upper)
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_score_of_groups_is_the_mean_of_their_scores(name):
    actual, forecast = forecasts(5)
    pairs = np.repeat(["BTC/USDT", "ETH/USDT", "XRP/USDT"], 20)
    interval = BlockBootstrap(4, samples=50).score(
        name, actual, forecast, times=np.tile(np.arange(20), 3), groups=pairs
    )
    score = getattr(package, name)
    mean = np.mean([score(actual[pairs == pair], forecast[pairs == pair]) for pair in np.unique(pairs)])
    assert interval.estimate == pytest.approx(mean)
    assert interval.lower < mean < interval.upper


def test_rows_with_a_missing_value_leave_no_trace():
    actual, forecast, other = forecasts(6, forecasts=2)
    holed_actual, holed_other = actual.copy(), other.copy()
    holed_actual[3], holed_other[40] = np.nan, np.nan
    kept = np.delete(np.arange(60), [3, 40])
    bootstrap = BlockBootstrap(5, samples=50)
    expected = bootstrap.difference("mae", actual[kept], forecast[kept], other[kept])
    assert expected.rows == 58
    assert bootstrap.difference("mae", holed_actual, forecast, holed_other) == expected


def test_the_seed_decides_and_the_memory_does_not(monkeypatch):
    actual, forecast = forecasts(7)
    first = BlockBootstrap(5, samples=50).score("rmse", actual, forecast)
    assert BlockBootstrap(5, samples=50, seed=1).score("rmse", actual, forecast) != first
    monkeypatch.setattr(_resampling, "CELLS_AT_ONCE", 60 * 7)
    again = BlockBootstrap(5, samples=50).score("rmse", actual, forecast)
    assert (again.lower, again.upper) == pytest.approx((first.lower, first.upper), rel=1e-12)


def test_without_rows_or_where_a_score_is_not_defined_the_interval_is_nan():
    empty = BlockBootstrap(5).score("rmse", [np.nan], [1.0])
    assert empty.rows == 0
    assert math.isnan(empty.estimate)
    constant = BlockBootstrap(2).score("information_coefficient", [1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    assert all(math.isnan(value) for value in (constant.estimate, constant.lower, constant.upper))
    assert not constant.excludes_zero


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BlockBootstrap(0), "block_length: 0 is not valid; it must be at least 1"),
        (lambda: BlockBootstrap(5, samples=0), "samples: 0 is not valid; it must be at least 1"),
        (lambda: BlockBootstrap(5, level=95), "level: 95 is not valid; it must lie between 0 and 1, e.g. 0.95"),
        (lambda: BlockBootstrap(5, scheme="fixed"), "scheme: 'fixed' is not valid; write 'circular' or 'moving'"),
        (
            lambda: BlockBootstrap(5).score("rmse", [1.0] * 4, [1.0] * 4),
            "block_length: 5 is not valid for 4 times; it must be at most that",
        ),
        (
            lambda: BlockBootstrap(1).score("r2", [1.0], [1.0]),
            "name: 'r2' is not valid; write one of information_coefficient, rank_information_coefficient, rmse, mae",
        ),
    ],
)
def test_a_wrong_setting_is_named(call, message):
    with pytest.raises(SettingsError, match=message):
        call()


def test_rows_without_a_time_or_group_are_refused():
    with pytest.raises(ValueError, match="times: 2 given for 3 rows; give one for each row"):
        BlockBootstrap(1).score("rmse", [1.0] * 3, [1.0] * 3, times=[0, 1])
    with pytest.raises(ValueError, match="groups: 2 given for 3 rows; give one for each row"):
        BlockBootstrap(1).score("rmse", [1.0] * 3, [1.0] * 3, groups=["a", None, "b"])
