"""Binary targets, from training set to probabilities."""

from dataclasses import replace

import numpy as np
import pytest

from freqai_ext.signals import SignalSettings, fit_signal
from freqai_ext.uncertainty import BetaCalibration, IsotonicCalibration, PlattCalibration, TemperatureCalibration
from freqai_ext.validation import expected_calibration_error, log_loss

NAME = "&-up"
KINDS = {
    "temperature": TemperatureCalibration,
    "platt": PlattCalibration,
    "beta": BetaCalibration,
    "isotonic": IsotonicCalibration,
}


def settings_of(**given) -> SignalSettings:
    return SignalSettings.model_validate({"calibration": "platt", **given})


def uncertain(forecast) -> np.ndarray:
    return np.column_stack([forecast.value, forecast.lower, forecast.upper])


@pytest.mark.parametrize("calibration", ["auto", *KINDS])
def test_probabilities_of_later_rows_are_calibrated_by_every_kind(make_market, line_learner, calibration):
    market = make_market(12_000, signal=0.7)
    signal = fit_signal(
        {NAME: line_learner}, market.training(6000, names=(NAME,)), settings_of(calibration=calibration)
    )
    question = market.question(6000, 12_000)
    forecast, truth = signal.predict(question)[NAME], market.labels[NAME][0, 6000:]
    raw = signal.targets[NAME].fitted.predict(question.design, question.rows)[:, 0]
    error, raw_error = (
        expected_calibration_error(truth, chance, binning="equal_count") for chance in (forecast.value, raw)
    )
    assert error < 0.035
    assert error < raw_error
    assert log_loss(truth, forecast.value) < log_loss(truth, raw)
    if calibration != "auto":
        assert isinstance(signal.targets[NAME].calibration, KINDS[calibration])


def test_where_the_probability_lies_contains_it_and_widens_with_confidence(make_market, line_learner):
    market = make_market()
    widths = []
    for coverage in (0.5, 0.8, 0.95):
        signal = fit_signal({NAME: line_learner}, market.training(1200, names=(NAME,)), settings_of(coverage=coverage))
        forecast = signal.predict(market.question(1200, 1500))[NAME]
        assert (forecast.lower < forecast.value).all()
        assert (forecast.value < forecast.upper).all()
        assert ((forecast.lower > 0.0) & (forecast.upper < 1.0)).all()
        assert forecast.odds is None
        widths.append((forecast.upper - forecast.lower).mean())
    assert widths == sorted(widths)


def test_a_wrong_base_rate_of_the_learner_is_mended(make_market, line_learner):
    market = make_market(6000, signal=0.3)
    training = market.training(4000, names=(NAME,))
    rare = np.where(np.isnan(training.targets[0].label), np.nan, market.returns[0, :4000] > 0.01)
    training = replace(training, targets=(replace(training.targets[0], label=rare),))
    forecast = fit_signal({NAME: line_learner}, training, settings_of()).predict(market.question(0, 4000))[NAME]
    assert np.nanmean(rare) < 0.2
    assert forecast.value.mean() == pytest.approx(np.nanmean(rare), abs=0.02)


def test_noise_gives_probabilities_near_the_base_rate(make_market, line_learner):
    market = make_market(6000, signal=0.0)
    signal = fit_signal({NAME: line_learner}, market.training(4000, names=(NAME,)), settings_of())
    forecast = signal.predict(market.question(4000, 6000))[NAME]
    assert np.abs(forecast.value - 0.5).max() < 0.15


def test_each_pair_has_its_own_base_rate_as_far_as_its_rows_support_it(make_market, line_learner):
    market = make_market(4000, pairs=2, signal=0.0)
    training = market.training(names=(NAME,))
    label = training.targets[0].label.copy()
    label[4000:] = np.where(np.random.default_rng(0).random(4000) < 0.8, 1.0, label[4000:])
    training = replace(training, targets=(replace(training.targets[0], label=label),))
    signal = fit_signal({NAME: line_learner}, training, settings_of())
    means = [
        signal.predict(market.question(0, 100, 0, pair))[NAME].value.mean() for pair in (*market.pairs, "NEW/USDT")
    ]
    assert means[0] < means[2] < means[1]


def test_rows_without_weight_or_label_make_no_difference_at_all(make_market, line_learner):
    market = make_market()
    training = market.training(1200, names=(NAME,))
    generator = np.random.default_rng(0)
    rows = generator.choice(1200, 300, replace=False)
    weight, label, matrix = training.weight.copy(), training.targets[0].label.copy(), training.design.matrix.copy()
    weight[rows] = 0.0
    label[rows] = 1.0 - label[rows]
    matrix[rows] = 1e3
    matrix[np.isnan(label)] = -1e3
    spoilt = replace(
        training,
        design=replace(training.design, matrix=matrix),
        weight=weight,
        targets=(replace(training.targets[0], label=label),),
    )
    asked = [
        uncertain(fit_signal({NAME: line_learner}, each, settings_of()).predict(market.question(1200, 1500))[NAME])
        for each in (replace(training, weight=weight), spoilt)
    ]
    np.testing.assert_array_equal(asked[0], asked[1])


def test_a_row_without_volatility_still_has_a_probability(make_market, line_learner):
    market = make_market()
    signal = fit_signal({NAME: line_learner}, market.training(1200, names=(NAME,)), settings_of())
    question = replace(market.question(1200, 1210), volatility=np.full(10, np.nan))
    assert np.isfinite(uncertain(signal.predict(question)[NAME])).all()


@pytest.mark.parametrize("calibration", ["auto", *KINDS])
@pytest.mark.parametrize("rows", [12, 30, 60])
def test_windows_too_short_for_folds_give_probabilities_within_bounds(make_market, line_learner, rows, calibration):
    market = make_market(400)
    training = market.training(rows, names=(NAME,))
    signal = fit_signal({NAME: line_learner}, training, settings_of(calibration=calibration))
    found = uncertain(signal.predict(market.question(rows, rows + 100))[NAME])
    assert ((found > 0.0) & (found < 1.0)).all()


@pytest.mark.parametrize("calibration", ["auto", *KINDS])
def test_a_class_that_occurs_in_one_fold_only_is_learnt_without_failing(make_market, line_learner, calibration):
    market = make_market(600)
    training = market.training(names=(NAME,))
    late = np.where(np.arange(600) > 560, training.targets[0].label, np.minimum(training.targets[0].label, 0.0))
    training = replace(training, targets=(replace(training.targets[0], label=late),))
    signal = fit_signal({NAME: line_learner}, training, settings_of(calibration=calibration))
    value = signal.predict(market.question(0, 600))[NAME].value
    assert ((value > 0.0) & (value < 0.5)).all()


@pytest.mark.parametrize("happened", [0.0, 1.0])
def test_one_class_only_is_forecast_as_it_is(make_market, line_learner, happened):
    market = make_market(200)
    training = market.training(names=(NAME,))
    label = np.where(np.isnan(training.targets[0].label), np.nan, happened)
    training = replace(training, targets=(replace(training.targets[0], label=label),))
    forecast = fit_signal({NAME: line_learner}, training, settings_of()).predict(market.question(0, 200))[NAME]
    assert (uncertain(forecast) == happened).all()
    assert forecast.odds is None
    assert line_learner.fits == []


def test_labels_that_overlap_leave_the_probability_less_certain(make_market, line_learner):
    market = make_market()
    training = market.training(1200, names=(NAME,))
    widths = []
    for horizon in (1, 24):
        target = replace(training.targets[0], horizon_candles=horizon)
        signal = fit_signal({NAME: line_learner}, replace(training, targets=(target,)), settings_of())
        forecast = signal.predict(market.question(1200, 1500))[NAME]
        widths.append((forecast.upper - forecast.lower).mean())
    assert widths[1] > 1.5 * widths[0]
