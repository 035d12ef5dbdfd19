"""Scores against SciPy and by hand."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from freqai_ext import validation as package
from freqai_ext.validation import (
    ForecastScores,
    information_coefficient,
    mae,
    rank_information_coefficient,
    rmse,
    rmse_skill,
    score_forecast,
)


def pairs(seed: int, size: int = 50):
    generator = np.random.default_rng(seed)
    actual = generator.normal(size=size).round(1)
    return actual, (0.3 * actual + generator.normal(size=size)).round(1)


@given(st.integers(0, 2**32 - 1))
def test_correlations_are_scipys_also_with_ties(seed):
    actual, forecast = pairs(seed)
    assert information_coefficient(actual, forecast) == pytest.approx(pearsonr(actual, forecast).statistic)
    assert rank_information_coefficient(actual, forecast) == pytest.approx(spearmanr(actual, forecast).statistic)


@given(st.integers(0, 2**32 - 1))
def test_pairs_with_a_missing_value_do_not_count(seed):
    actual, forecast = pairs(seed)
    holed_actual, holed_forecast = actual.copy(), forecast.copy()
    holed_actual[[3, 7]] = np.nan
    holed_forecast[[7, 20]] = np.nan
    kept = np.delete(np.arange(50), [3, 7, 20])
    expected = score_forecast(actual[kept], forecast[kept])
    assert expected.pairs == 47
    assert astuple(score_forecast(holed_actual, holed_forecast)) == pytest.approx(astuple(expected))


def test_errors_by_hand():
    assert rmse([1.0, -1.0], [4.0, 3.0]) == pytest.approx(math.sqrt(12.5))
    assert mae([1.0, -1.0], [4.0, 3.0]) == pytest.approx(3.5)


def test_skill_is_one_if_perfect_zero_if_naive_and_negative_if_worse():
    actual = np.array([1.0, -2.0, 3.0])
    assert rmse_skill(actual, actual) == 1.0
    assert rmse_skill(actual, np.zeros(3)) == 0.0
    assert rmse_skill(actual, -actual) == -1.0
    assert rmse_skill(actual, actual / 2, naive=actual / 2) == 0.0
    assert rmse_skill(actual, np.zeros(3), naive=2.0) == pytest.approx(1.0 - math.sqrt(14.0) / math.sqrt(18.0))


def test_skill_compares_both_forecasts_on_the_same_pairs():
    actual = np.array([1.0, 2.0, 100.0, 50.0])
    forecast, naive = np.array([0.5, 1.0, np.nan, 25.0]), np.array([0.0, 0.0, 0.0, np.nan])
    assert rmse_skill(actual, forecast, naive) == pytest.approx(0.5)


def test_scores_that_are_not_defined_are_nan():
    constant = information_coefficient([1.0, 2.0], [5.0, 5.0]), rank_information_coefficient([1.0, 1.0], [1.0, 2.0])
    assert all(math.isnan(score) for score in constant)
    nothing = score_forecast([np.nan, 1.0], [1.0, np.nan])
    assert nothing.pairs == 0
    assert all(math.isnan(score) for score in astuple(nothing)[1:])
    assert math.isnan(rmse_skill([0.0, 0.0], [1.0, 1.0]))


def test_all_scores_are_gathered():
    actual, forecast = pairs(1)
    assert score_forecast(actual, forecast) == ForecastScores(
        pairs=50,
        information_coefficient=information_coefficient(actual, forecast),
        rank_information_coefficient=rank_information_coefficient(actual, forecast),
        rmse=rmse(actual, forecast),
        mae=mae(actual, forecast),
        rmse_skill=rmse_skill(actual, forecast),
    )


def test_forecasts_of_another_length_are_refused():
    with pytest.raises(
        ValueError, match=r"actual and forecast have the shapes \(3,\) and \(2,\); give one value of each"
    ):
        rmse([1.0, 2.0, 3.0], [1.0, 2.0])


def test_public_names_are_these():
    assert sorted(package.__all__) == [
        "Binning",
        "BlockBootstrap",
        "BlockScheme",
        "BootstrapInterval",
        "BrierDecomposition",
        "Fold",
        "ForecastScores",
        "HitRate",
        "IntervalScores",
        "PurgedKFold",
        "PurgedWalkForward",
        "ReliabilityCurve",
        "ScoreName",
        "auc",
        "brier_score",
        "decompose_brier_score",
        "expected_calibration_error",
        "hit_rate",
        "information_coefficient",
        "log_loss",
        "mae",
        "pinball_loss",
        "rank_information_coefficient",
        "reliability_curve",
        "rmse",
        "rmse_skill",
        "score_forecast",
        "score_interval",
    ]
    assert all(hasattr(package, name) for name in package.__all__)
