"""Scores of probabilities against scikit-learn and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve

from freqai_ext.errors import SettingsError
from freqai_ext.validation import (
    auc,
    brier_score,
    decompose_brier_score,
    expected_calibration_error,
    log_loss,
    reliability_curve,
)

SEEDS = st.integers(0, 2**32 - 1)
BINNINGS = ["equal_width", "equal_count"]


def probabilities(seed: int, rows: int = 200, digits: int = 2):
    """Outcomes and probabilities with ties; both outcomes occur."""
    generator = np.random.default_rng(seed)
    chance = generator.beta(1.0, 2.0, rows).round(digits)
    actual = (generator.random(rows) < chance**1.5).astype(float)
    actual[:2] = [0.0, 1.0]
    return actual, chance


@given(SEEDS)
def test_scores_are_scikit_learns(seed):
    actual, chance = probabilities(seed)
    assert auc(actual, chance) == pytest.approx(metrics.roc_auc_score(actual, chance))
    assert auc(actual, np.log(chance + 0.01)) == pytest.approx(metrics.roc_auc_score(actual, chance))
    assert log_loss(actual, chance) == pytest.approx(metrics.log_loss(actual, chance))
    assert brier_score(actual, chance) == pytest.approx(metrics.brier_score_loss(actual, chance))


@given(seed=SEEDS, bins=st.integers(1, 20))
@pytest.mark.parametrize(("binning", "strategy"), [("equal_width", "uniform"), ("equal_count", "quantile")])
def test_the_reliability_curve_is_scikit_learns(binning, strategy, seed, bins):
    actual, chance = probabilities(seed)
    curve = reliability_curve(actual, chance, bins=bins, binning=binning)
    observed, forecast = calibration_curve(actual, chance, n_bins=bins, strategy=strategy)
    np.testing.assert_allclose(curve.observed, observed)
    np.testing.assert_allclose(curve.forecast, forecast)
    assert curve.count.sum() == 200
    error = sum(curve.count * abs(observed - forecast)) / 200
    assert expected_calibration_error(actual, chance, bins=bins, binning=binning) == pytest.approx(error)


@given(seed=SEEDS, bins=st.integers(1, 20))
@pytest.mark.parametrize("binning", BINNINGS)
def test_the_parts_of_the_brier_score_add_up(binning, seed, bins):
    parts = decompose_brier_score(*probabilities(seed), bins=bins, binning=binning)
    assert parts.score == pytest.approx(brier_score(*probabilities(seed)))
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
    assert parts.score == pytest.approx(total, abs=1e-12)
    assert parts.resolution <= parts.uncertainty + 1e-12


@given(SEEDS)
def test_with_one_forecast_value_per_bin_the_parts_are_murphys(seed):
    actual, chance = probabilities(seed, digits=1)
    parts = decompose_brier_score(actual, chance, bins=100)
    values = np.unique(chance)
    weight = np.array([(chance == value).mean() for value in values])
    share = np.array([actual[chance == value].mean() for value in values])
    assert parts.within_bins == pytest.approx(0.0, abs=1e-12)
    assert parts.reliability == pytest.approx(weight @ (values - share) ** 2)
    assert parts.resolution == pytest.approx(weight @ (share - actual.mean()) ** 2)
    assert parts.uncertainty == pytest.approx(actual.mean() * (1 - actual.mean()))


@pytest.mark.parametrize("binning", BINNINGS)
def test_equal_count_bins_are_even_and_equal_width_bins_are_not(binning):
    actual, chance = probabilities(3, rows=1000, digits=15)
    count = reliability_curve(actual, chance, binning=binning).count
    assert (np.ptp(count) <= 1) == (binning == "equal_count")


def test_calibration_error_is_near_zero_if_calibrated_and_the_bias_if_not():
    generator = np.random.default_rng(0)
    chance = generator.uniform(0.2, 0.8, 100_000)
    actual = generator.random(100_000) < chance
    assert expected_calibration_error(actual, chance) < 0.01
    assert expected_calibration_error(actual, chance + 0.1) == pytest.approx(0.1, abs=0.01)


def test_a_certain_forecast_that_fails_costs_thirty_six_and_not_infinity():
    assert log_loss([1.0, 0.0], [1.0, 0.0]) == pytest.approx(0.0, abs=1e-12)
    assert log_loss([1.0], [0.0]) == pytest.approx(36.04, abs=0.01)
    assert log_loss([0.0], [1.0]) == pytest.approx(36.04, abs=0.01)


@pytest.mark.parametrize("score", [auc, log_loss, brier_score, expected_calibration_error])
def test_rows_with_a_missing_value_do_not_count(score):
    actual, chance = probabilities(5)
    holed_actual, holed_chance = actual.copy(), chance.copy()
    holed_actual[[3, 7]] = np.nan
    holed_chance[[7, 20]] = np.nan
    kept = np.delete(np.arange(200), [3, 7, 20])
    assert score(holed_actual, holed_chance) == pytest.approx(score(actual[kept], chance[kept]))
    assert score(holed_actual, holed_chance) != score(actual, chance)


def test_without_rows_scores_are_nan_and_curves_empty():
    for score in (auc, log_loss, brier_score, expected_calibration_error):
        assert math.isnan(score([np.nan], [0.5]))
    for binning in BINNINGS:
        assert reliability_curve([], [], binning=binning).count.size == 0
        parts = decompose_brier_score([], [], binning=binning)
        assert parts.rows == 0
        assert math.isnan(parts.reliability)
    assert math.isnan(auc([1.0, 1.0], [0.2, 0.3]))


@pytest.mark.parametrize("score", [log_loss, brier_score, reliability_curve, decompose_brier_score])
def test_values_out_of_range_are_named(score):
    with pytest.raises(ValueError, match=r"probability: 1\.2 is not valid; it must lie in \[0, 1\]"):
        score([0.0, 1.0], [0.5, 1.2])
    with pytest.raises(ValueError, match=r"actual: -1\.0 is not valid; an outcome is 1 where the event happened"):
        score([1.0, -1.0], [0.5, 0.2])
    with pytest.raises(ValueError, match=r"actual and probability have the shapes \(1,\) and \(2,\); give one value"):
        score([1.0], [0.5, 0.2])


def test_auc_names_an_outcome_that_is_none():
    with pytest.raises(ValueError, match=r"actual: 2\.0 is not valid; an outcome is 1 where the event happened"):
        auc([1.0, 2.0], [0.5, 0.2])


def test_wrong_bins_are_named():
    with pytest.raises(SettingsError, match="bins: 0 is not valid; it must be at least 1"):
        reliability_curve([1.0], [0.5], bins=0)
    with pytest.raises(SettingsError, match="binning: 'even' is not valid; write 'equal_width' or 'equal_count'"):
        decompose_brier_score([1.0], [0.5], binning="even")
