"""Scores of intervals, quantiles and bets."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss

from freqai_ext.errors import SettingsError
from freqai_ext.validation import HitRate, IntervalScores, hit_rate, mae, pinball_loss, score_interval


@given(seed=st.integers(0, 2**32 - 1), quantile=st.floats(0.01, 0.99))
def test_pinball_loss_is_scikit_learns(seed, quantile):
    actual, forecast = np.random.default_rng(seed).normal(size=(2, 50))
    expected = mean_pinball_loss(actual, forecast, alpha=quantile)
    assert pinball_loss(actual, forecast, quantile) == pytest.approx(expected)
    assert pinball_loss(np.append(actual, np.nan), np.append(forecast, 1.0), quantile) == pytest.approx(expected)
    assert pinball_loss(actual, forecast, 0.5) == pytest.approx(mae(actual, forecast) / 2)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_the_true_quantile_loses_least(quantile):
    actual = np.random.default_rng(0).normal(size=50_000)
    losses = [pinball_loss(actual, np.full(50_000, norm.ppf(quantile) + shift), quantile) for shift in (-0.1, 0.0, 0.1)]
    assert min(losses) == losses[1]


def test_an_interval_covers_its_bounds_and_rows_with_a_missing_value_do_not_count():
    scores = score_interval(
        [1.0, 2.0, 3.0, 4.0, np.nan, 0.0], [1.0, 0.0, 3.5, 4.5, 0.0, np.nan], [2.0, 2.0, 4.5, 7.0, 9.0, 1.0]
    )
    assert scores == IntervalScores(rows=4, coverage=0.5, mean_width=1.625)


def test_a_normal_interval_covers_what_it_should():
    actual = np.random.default_rng(1).normal(size=20_000)
    bound = np.full(20_000, norm.ppf(0.9))
    scores = score_interval(actual, -bound, bound)
    assert scores.coverage == pytest.approx(0.8, abs=0.01)
    assert scores.mean_width == pytest.approx(2 * norm.ppf(0.9))


def test_bets_pay_by_hand():
    actual = [0.03, 0.001, -0.02, 0.01, 0.05, 0.002, np.nan]
    forecast = [0.01, 0.01, -0.01, -0.01, 0.002, 0.01, 0.01]
    result = hit_rate(actual, forecast, cost=0.002)
    assert result == HitRate(6, 5, pytest.approx(0.4), pytest.approx((0.03 + 0.001 + 0.02 - 0.01 + 0.002) / 5 - 0.002))
    rises_only = hit_rate(actual, np.maximum(forecast, 0.0), cost=0.002)
    assert (rises_only.bets, rises_only.rate) == (3, pytest.approx(1 / 3))


@given(st.integers(0, 2**32 - 1))
def test_without_costs_the_hit_rate_is_the_share_of_right_signs(seed):
    actual, forecast = np.random.default_rng(seed).normal(size=(2, 50))
    result = hit_rate(actual, forecast, cost=0.0)
    assert result.bets == 50
    assert result.rate == pytest.approx(np.mean(np.sign(actual) == np.sign(forecast)))


def test_without_rows_or_bets_scores_are_nan():
    empty = score_interval([np.nan], [0.0], [1.0])
    assert empty.rows == 0
    assert math.isnan(empty.coverage)
    assert math.isnan(empty.mean_width)
    assert math.isnan(pinball_loss([], [], 0.5))
    no_bet = hit_rate([0.1], [0.001], cost=0.002)
    assert (no_bet.rows, no_bet.bets) == (1, 0)
    assert math.isnan(no_bet.rate)
    assert math.isnan(no_bet.mean_net_return)


def test_crossed_bounds_are_refused():
    with pytest.raises(ValueError, match="lower: above upper in 1 of 2 rows; sort the two bounds of each row"):
        score_interval([0.0, 0.0], [1.0, -1.0], [0.0, 1.0])


@pytest.mark.parametrize("quantile", [0.0, 1.0, 90, math.nan])
def test_a_wrong_quantile_is_named(quantile):
    with pytest.raises(
        SettingsError, match=f"quantile: {quantile} is not valid; it must lie between 0 and 1, e.g. 0.9"
    ):
        pinball_loss([0.0], [0.0], quantile)


@pytest.mark.parametrize("cost", [-0.001, math.nan])
def test_a_wrong_cost_is_named(cost):
    with pytest.raises(SettingsError, match=f"cost: {cost} is not valid; it must be at least 0, e.g. 0.002 for 20"):
        hit_rate([0.0], [0.0], cost)
