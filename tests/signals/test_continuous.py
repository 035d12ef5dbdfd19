"""Continuous targets, from training set to forecasts."""

from dataclasses import replace

import numpy as np
import pytest

from freqai_ext.learning.design import Design
from freqai_ext.signals import SignalSettings, fit_signal
from freqai_ext.validation import expected_calibration_error, information_coefficient

CANDLE_NS = 300 * 1_000_000_000
HORIZON = 6
NAME = "&-return"


def settings_of(**given) -> SignalSettings:
    return SignalSettings.model_validate({"round_trip_cost_bps": 20.0, **given})


def all_arrays(forecast) -> np.ndarray:
    odds = forecast.odds
    columns = [forecast.value, forecast.lower, forecast.upper, odds.p_up, odds.p_down, odds.ev_bps, odds.confidence]
    return np.column_stack(columns)


def test_the_signal_is_learnt_and_forecasts_of_later_rows_have_the_right_size(make_market, line_learner):
    market = make_market(2400)
    signal = fit_signal({NAME: line_learner}, market.training(1600), settings_of())
    forecast = signal.predict(market.question(1600, 2400))[NAME]
    truth = market.returns[0, 1600:]
    assert information_coefficient(truth, forecast.value) == pytest.approx(0.5, abs=0.08)
    slope = truth @ forecast.value / (forecast.value @ forecast.value)
    assert slope == pytest.approx(1.0, abs=0.2)
    # Twice the volatility, twice the size: the question's rows are all in the second half, so ask the first too.
    calm = signal.predict(market.question(0, 1200))[NAME]
    assert np.std(forecast.value) == pytest.approx(2.0 * np.std(calm.value), rel=0.15)


def test_noise_is_not_believed(make_market, line_learner):
    market = make_market(2400, signal=0.0)
    signal = fit_signal({NAME: line_learner}, market.training(1600), settings_of())
    assert signal.targets[NAME].shrinkage.factor < 0.5
    forecast = signal.predict(market.question(1600, 2400))[NAME]
    assert np.abs(forecast.value).max() < 0.05 * np.std(market.returns[0, 1600:])
    assert forecast.odds.confidence.max() < 0.2
    assert forecast.odds.ev_bps.max() < -15.0


def test_intervals_hold_the_promised_share_of_later_outcomes(make_market, line_learner):
    market = make_market(3000)
    for intervals in ("quantiles", "residuals"):
        for coverage in (0.8, 0.9):
            settings = settings_of(intervals=intervals, coverage=coverage)
            signal = fit_signal({NAME: line_learner}, market.training(1500), settings)
            forecast = signal.predict(market.question(1500, 3000))[NAME]
            truth = market.returns[0, 1500:]
            held = (forecast.lower <= truth) & (truth <= forecast.upper)
            assert held.mean() == pytest.approx(coverage, abs=0.03)
            assert (forecast.lower <= forecast.value).all()
            assert (forecast.value <= forecast.upper).all()


def test_odds_of_later_rows_are_calibrated_and_say_what_their_names_say(make_market, line_learner):
    market = make_market(20_000)
    signal = fit_signal({NAME: line_learner}, market.training(10_000), settings_of())
    forecast = signal.predict(market.question(10_000, 20_000))[NAME]
    odds, truth, cost = forecast.odds, market.returns[0, 10_000:], 0.002
    for happened, chance in ((truth > cost, odds.p_up), (truth < -cost, odds.p_down)):
        assert expected_calibration_error(happened.astype(float), chance, binning="equal_count") < 0.03
        assert np.ptp(chance) > 0.3
    np.testing.assert_allclose(odds.ev_bps, (forecast.value - cost) * 1e4, atol=1e-9)
    assert ((odds.confidence >= 0.0) & (odds.confidence <= 1.0)).all()
    sure = odds.confidence > np.quantile(odds.confidence, 0.8)
    right = np.sign(truth) == np.sign(forecast.value)
    assert right[sure].mean() > right[~sure].mean() + 0.1
    assert (1.0 + odds.confidence[sure].mean()) / 2.0 == pytest.approx(right[sure].mean(), abs=0.04)


def test_a_higher_cost_lowers_the_odds_and_the_expected_value(make_market, line_learner):
    market = make_market()
    cheap, dear = (
        fit_signal({NAME: line_learner}, market.training(1200), settings_of(round_trip_cost_bps=cost))
        .predict(market.question(1200, 1500))[NAME]
        .odds
        for cost in (5.0, 40.0)
    )
    np.testing.assert_allclose(cheap.ev_bps - dear.ev_bps, 35.0)
    assert (cheap.p_up > dear.p_up).all()
    assert (cheap.p_down > dear.p_down).all()
    assert np.allclose(cheap.confidence, dear.confidence)


def test_labels_are_learnt_in_units_of_their_size_and_the_mean_from_cut_ones(make_market, line_learner):
    training = make_market().training()
    label = training.targets[0].label.copy()
    label[100] = 0.3
    training = replace(training, targets=(replace(training.targets[0], label=label),))
    signal = fit_signal({NAME: line_learner}, training, settings_of(label_limit=1.5, intervals="quantiles"))
    (head, examples, _), (spread_head, spread, _) = line_learner.fits[3], line_learner.fits[-1]
    assert head.quantiles == ()
    assert examples.label.max() == 1.5
    assert spread_head.quantiles == pytest.approx((0.1, 0.9))
    assert spread.label[100] == spread.label.max() == 5.0
    units = training.volatility * np.sqrt(HORIZON) * signal.targets[NAME].unit
    known = np.isfinite(label) & (np.arange(1500) != 100)
    np.testing.assert_allclose(spread.label * units[examples.rows], np.where(known, label, 5.0 * units)[examples.rows])


def test_the_unit_makes_labels_of_usual_size_one(make_market, line_learner):
    signal = fit_signal({NAME: line_learner}, make_market().training(), settings_of(label_limit=4.0))
    assert signal.targets[NAME].unit == pytest.approx(1.0, abs=0.05)
    assert np.sqrt(np.mean(line_learner.fits[3][1].label ** 2)) == pytest.approx(1.0, abs=0.01)


def test_what_the_cut_takes_from_the_forecast_the_factor_gives_back(make_market, line_learner):
    market = make_market(6000)
    signal = fit_signal({NAME: line_learner}, market.training(4000), settings_of(label_limit=1.0))
    forecast, truth = signal.predict(market.question(4000, 6000))[NAME].value, market.returns[0, 4000:]
    assert signal.targets[NAME].shrinkage.factor > 1.2
    assert truth @ forecast / (forecast @ forecast) == pytest.approx(1.0, abs=0.12)


def test_without_volatility_scaling_forecasts_do_not_follow_the_volatility(make_market, line_learner):
    market = make_market(2000)
    signal = fit_signal({NAME: line_learner}, market.training(1600), settings_of(scale_by_volatility=False))
    question = market.question(1600, 2000)
    forecast = signal.predict(question)[NAME]
    louder = signal.predict(replace(question, volatility=10.0 * question.volatility))[NAME]
    np.testing.assert_array_equal(forecast.value, louder.value)
    assert signal.targets[NAME].unit == pytest.approx(np.sqrt(np.nanmean(market.training(1600).targets[0].label ** 2)))


def test_without_shrinkage_forecasts_stay_as_they_are(make_market, line_learner):
    market = make_market(signal=0.0)
    training, question = market.training(1200), market.question(1200, 1500)
    signal = fit_signal({NAME: line_learner}, training, settings_of(shrinkage="none"))
    assert signal.targets[NAME].shrinkage.factor == 1.0
    fitted = signal.targets[NAME].fitted
    raw = fitted.predict(question.design, question.rows)[:, 0]
    unit = question.volatility * np.sqrt(HORIZON) * signal.targets[NAME].unit
    np.testing.assert_allclose(signal.predict(question)[NAME].value, raw * unit)


def test_a_row_without_volatility_has_no_forecast_and_changes_no_other(make_market, line_learner):
    market = make_market()
    signal, other = (fit_signal({NAME: line_learner}, market.training(1200), settings_of()) for _ in range(2))
    question = market.question(1200, 1210)
    spoilt = replace(question, volatility=np.where(np.arange(10) == 4, np.nan, question.volatility))
    whole, holed = all_arrays(signal.predict(question)[NAME]), all_arrays(other.predict(spoilt)[NAME])
    assert np.isnan(holed[4]).all()
    np.testing.assert_array_equal(np.delete(holed, 4, axis=0), np.delete(whole, 4, axis=0))


def with_spoilt_rows(training, rows: np.ndarray, *, weight: float = 1.0):
    """Return the training set with other features and weights in ``rows``, and other labels where there are any."""
    generator = np.random.default_rng(7)
    matrix, weights = training.design.matrix.copy(), training.weight.copy()
    matrix[rows] = 1e3 * generator.normal(size=(len(rows), 3))
    weights[rows] = weight
    targets = []
    for target in training.targets:
        label = target.label.copy()
        label[rows] = np.where(np.isfinite(label[rows]), 1.0 - label[rows], np.nan)
        targets.append(replace(target, label=label))
    design = Design(matrix, training.design.names, training.design.run_start)
    return replace(training, design=design, weight=weights, targets=tuple(targets))


def test_training_rows_without_all_volatilities_teach_nothing(make_market, line_learner):
    market = make_market()
    training = market.training(1200)
    terms = np.column_stack([training.volatility, 2.0 * training.volatility])
    terms[100:150, 1] = np.nan
    weight = training.weight.copy()
    weight[100:150] = 0.0
    question = market.question(1200, 1500)
    question = replace(question, volatility_terms=np.column_stack([question.volatility, 2.0 * question.volatility]))
    holed, without = (
        all_arrays(fit_signal({NAME: line_learner}, each, settings_of()).predict(question)[NAME])
        for each in (
            replace(training, volatility_terms=terms),
            replace(training, volatility_terms=np.nan_to_num(terms, nan=1.0), weight=weight),
        )
    )
    assert np.isfinite(holed).all()
    np.testing.assert_array_equal(holed, without)


def test_the_size_of_moves_follows_the_volatility_that_tells_it(make_market, line_learner):
    market = make_market(3000, signal=0.3)
    generator = np.random.default_rng(5)
    quick = np.exp(0.5 * generator.normal(size=3000))
    market = replace(market, returns=market.returns * quick)
    terms = np.column_stack([market.volatility[0], market.volatility[0] * quick**2])
    training = replace(market.training(2000), volatility_terms=terms[:2000])
    signal = fit_signal({NAME: line_learner}, training, settings_of(intervals="residuals"))
    forecast = signal.predict(replace(market.question(2000, 3000), volatility_terms=terms[2000:]))[NAME]
    widths, truth = forecast.upper - forecast.lower, market.returns[0, 2000:]
    assert np.corrcoef(np.log(widths), np.log(quick[2000:]))[0, 1] > 0.9
    held = (forecast.lower <= truth) & (truth <= forecast.upper)
    wild = quick[2000:] > np.median(quick[2000:])
    assert held[wild].mean() == pytest.approx(0.8, abs=0.06)
    assert held[~wild].mean() == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("pairs", [1, 2])
def test_rows_without_weight_make_no_difference_at_all(make_market, line_learner, pairs):
    market = make_market(pairs=pairs)
    training = market.training(1200)
    rows = np.random.default_rng(0).choice(len(training.pair), 400, replace=False)
    weight = training.weight.copy()
    weight[rows] = 0.0
    asked = [
        all_arrays(fit_signal({NAME: line_learner}, each, settings_of()).predict(market.question(1200, 1500))[NAME])
        for each in (replace(training, weight=weight), with_spoilt_rows(training, rows, weight=0.0))
    ]
    np.testing.assert_array_equal(asked[0], asked[1])


def test_rows_whose_label_is_not_known_make_no_difference_at_all(make_market, line_learner):
    market = make_market()
    training = market.training(1200)
    unknown = np.flatnonzero(np.isnan(training.targets[0].label))
    assert unknown.tolist() == list(range(1200 - HORIZON, 1200))
    asked = [
        all_arrays(fit_signal({NAME: line_learner}, each, settings_of()).predict(market.question(1200, 1500))[NAME])
        for each in (training, with_spoilt_rows(training, unknown))
    ]
    np.testing.assert_array_equal(asked[0], asked[1])


def test_weights_count_by_their_ratios(make_market, line_learner):
    market = make_market()
    training, question = market.training(1200), market.question(1200, 1500)
    once, scaled = (
        fit_signal({NAME: line_learner}, replace(training, weight=factor * training.weight), settings_of())
        for factor in (1.0, 0.125)
    )
    np.testing.assert_allclose(all_arrays(once.predict(question)[NAME]), all_arrays(scaled.predict(question)[NAME]))


def test_outcomes_that_become_known_later_change_no_forecast(make_market, line_learner):
    market = make_market()
    forecasts = []
    for spoil in (False, True):
        signal = fit_signal({NAME: line_learner}, market.training(1200), settings_of())
        question = market.question(1200, 1400)
        outcome = question.outcomes[NAME].copy()
        if spoil:
            # The outcome of the row made at candle 1300 - HORIZON becomes known at the close of candle 1300.
            outcome.iloc[1300 - HORIZON :] = 99.0
        forecasts.append(all_arrays(signal.predict(replace(question, outcomes={NAME: outcome}))[NAME]))
    np.testing.assert_array_equal(forecasts[0][:100], forecasts[1][:100])
    assert (forecasts[0][100:] != forecasts[1][100:]).any()


def test_a_window_too_short_for_folds_gives_cautious_forecasts(make_market, line_learner):
    market = make_market(400)
    signal = fit_signal({NAME: line_learner}, market.training(30), settings_of())
    assert signal.targets[NAME].shrinkage.factor == 0.05
    forecast = signal.predict(market.question(30, 130))[NAME]
    assert np.isfinite(all_arrays(forecast)).all()
    truth = market.returns[0, 30:130]
    assert ((forecast.lower <= truth) & (truth <= forecast.upper)).mean() > 0.75


def test_one_fold_learns_from_the_newest_quarter(make_market, line_learner):
    market = make_market()
    signal = fit_signal({NAME: line_learner}, market.training(1200), settings_of(folds=1))
    assert len(line_learner.fits) == 2
    tested = line_learner.fits[0][1]
    # Three quarters of the rows with a label, less those whose label reaches into the rest.
    assert tested.rows.tolist() == list(range(round(0.75 * (1200 - HORIZON)) - HORIZON + 1))
    assert 0.5 < signal.targets[NAME].shrinkage.factor <= 1.5


def test_a_target_without_any_row_to_learn_from_is_refused_by_name(make_market, line_learner):
    training = make_market(100).training()
    nothing = replace(training.targets[0], label=np.full(100, np.nan))
    with pytest.raises(ValueError, match="&-return: no row has a known label, whole features and a weight above 0"):
        fit_signal({NAME: line_learner}, replace(training, targets=(nothing,)), settings_of())


def test_an_interval_holds_its_forecast_even_where_the_quantiles_do_not(make_market, line_learner):
    market = make_market()
    signal = fit_signal({NAME: line_learner}, market.training(1200), settings_of(intervals="quantiles"))
    target = signal.targets[NAME]
    for offsets in ((5.0, 6.0), (-6.0, -5.0)):
        signal.targets[NAME] = replace(target, spread=replace(target.spread, offsets=offsets))
        forecast = signal.predict(market.question(1200, 1205))[NAME]
        assert ((forecast.lower == forecast.value) | (forecast.upper == forecast.value)).all()
        assert (forecast.lower < forecast.upper).all()


def test_the_raw_scale_stretches_forecasts_to_the_size_of_labels_and_nothing_else(make_market, line_learner):
    market = make_market(2400, signal=0.1)
    expected, raw = (
        fit_signal({NAME: line_learner}, market.training(1600), settings_of(forecast_scale=scale)).predict(
            market.question(1600, 2400)
        )[NAME]
        for scale in ("expected", "raw")
    )
    truth = market.returns[0, 1600:]
    assert np.std(expected.value) < 0.3 * np.std(truth)
    assert np.std(raw.value) == pytest.approx(np.std(truth), rel=0.25)
    np.testing.assert_allclose(np.corrcoef(raw.value, expected.value)[0, 1], 1.0)
    for column in ("lower", "upper"):
        np.testing.assert_array_equal(getattr(raw, column), getattr(expected, column))
    for column in ("p_up", "p_down", "ev_bps", "confidence"):
        np.testing.assert_array_equal(getattr(raw.odds, column), getattr(expected.odds, column))


def test_forecasts_that_are_all_zero_stay_so_on_the_raw_scale(make_market):
    class Zero:
        name, history_rows = "zero", 0

        def fit(self, head, train, evaluation=None, rounds=None, former=None):
            return self

        def at(self, rounds):
            return self

        rounds, curves = (), ()

        def predict(self, design, rows):
            return np.zeros((len(rows), 1))

        def importance(self):
            return None

    market = make_market(800)
    signal = fit_signal({NAME: Zero()}, market.training(600), settings_of(forecast_scale="raw"))
    assert (signal.predict(market.question(600, 800))[NAME].value == 0.0).all()
