"""All targets together: order, odds, continuing, keeping."""

import json
from dataclasses import replace

import cloudpickle
import numpy as np
import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.signals import SignalSettings, Target, fit_signal
from freqai_ext.signals.binary import BinarySignal
from freqai_ext.signals.constant import ConstantSignal
from freqai_ext.signals.continuous import ContinuousSignal

HORIZON = 6
RETURN, UP = "&-return", "&-up"


def settings_of(**given) -> SignalSettings:
    return SignalSettings.model_validate({"calibration": "platt", **given})


def with_target(training, name: str, label: np.ndarray, kind: str = "continuous"):
    known = np.where(np.isfinite(training.targets[0].label), label, np.nan)
    target = Target(name, kind, known, HORIZON, training.targets[0].known_at_ns, is_return=True)
    return replace(training, targets=(*training.targets, target))


def learners_of(training, learner) -> dict:
    return {target.name: learner for target in training.targets}


def numbers(forecast) -> np.ndarray:
    columns = [forecast.value, forecast.lower, forecast.upper]
    if forecast.odds is not None:
        columns += [forecast.odds.p_up, forecast.odds.p_down, forecast.odds.ev_bps, forecast.odds.confidence]
    return np.column_stack(columns)


def same(forecasts, others) -> bool:
    return list(forecasts) == list(others) and all(
        np.array_equal(numbers(forecasts[name]), numbers(others[name]), equal_nan=True) for name in forecasts
    )


@pytest.fixture
def two_returns(make_market):
    """A market and 1200 rows of it with two returns, the longer of which is named first, and a direction."""
    market = make_market()
    training = market.training(1200, names=(RETURN, UP))
    longer = replace(training.targets[0], name="&-return_48")
    return market, replace(training, targets=(longer, *training.targets))


def test_every_target_is_answered_in_the_order_of_the_strategy_and_returns_get_odds(two_returns, line_learner):
    market, training = two_returns
    signal = fit_signal(learners_of(training, line_learner), training, settings_of())
    forecasts = signal.predict(market.question(1200, 1500))
    assert list(forecasts) == ["&-return_48", RETURN, UP]
    assert [forecast.odds is None for forecast in forecasts.values()] == [False, False, True]
    assert signal.returns == ("&-return_48", RETURN)
    assert [type(target) for target in signal.targets.values()] == [ContinuousSignal, ContinuousSignal, BinarySignal]
    np.testing.assert_array_equal(forecasts[RETURN].value, forecasts["&-return_48"].value)


def test_each_target_has_a_learner_of_its_own(two_returns, line_learner):
    _, training = two_returns
    other = type(line_learner)(name="other")
    fit_signal({**learners_of(training, line_learner), UP: other}, training, settings_of())
    assert {head.kind for head, _, _ in other.fits} == {"probability"}
    assert {head.kind for head, _, _ in line_learner.fits} == {"distribution"}


def test_return_targets_choose_and_order_what_gets_odds(two_returns, line_learner):
    market, training = two_returns
    for chosen in ((RETURN, "&-return_48"), (RETURN,)):
        settings = settings_of(return_targets=chosen)
        signal = fit_signal(learners_of(training, line_learner), training, settings)
        assert signal.returns == chosen
        forecasts = signal.predict(market.question(1200, 1210))
        assert {name for name, forecast in forecasts.items() if forecast.odds is not None} == set(chosen)


@pytest.mark.parametrize("name", [UP, "&-roi"])
def test_a_return_target_that_is_none_is_refused_and_those_there_are_named(two_returns, line_learner, name):
    _, training = two_returns
    with pytest.raises(SettingsError) as refused:
        fit_signal(learners_of(training, line_learner), training, settings_of(return_targets=(name,)))
    assert str(refused.value) == (
        f"freqai_ext.signal.return_targets: '{name}' is no continuous target of the strategy; "
        "those are &-return_48, &-return"
    )
    assert line_learner.fits == []


def test_without_continuous_targets_the_message_says_that_there_are_none(make_market, line_learner):
    training = make_market().training(names=(UP,))
    with pytest.raises(SettingsError, match="those are none"):
        fit_signal({UP: line_learner}, training, settings_of(return_targets=(UP,)))


@pytest.mark.parametrize(
    ("value", "p_up", "p_down", "ev_bps", "confidence"),
    [(0.0, 0.0, 0.0, -20.0, 0.0), (0.01, 1.0, 0.0, 80.0, 1.0), (-0.01, 0.0, 1.0, -120.0, 1.0)],
)
def test_a_label_of_one_value_is_forecast_as_it_is(make_market, line_learner, value, p_up, p_down, ev_bps, confidence):
    market = make_market(300)
    training = with_target(market.training(200), "&-still", np.full(200, value))
    signal = fit_signal(learners_of(training, line_learner), training, settings_of())
    assert isinstance(signal.targets["&-still"], ConstantSignal)
    forecast = signal.predict(market.question(200, 300))["&-still"]
    assert (numbers(forecast)[:, :3] == value).all()
    np.testing.assert_allclose(
        numbers(forecast)[:, 3:], np.tile([p_up, p_down, ev_bps, confidence], (100, 1)), atol=2e-6
    )
    assert signal.returns == (RETURN, "&-still")
    assert np.isfinite(signal.feature_importances_).all()


def test_a_value_that_only_rows_without_weight_have_does_not_make_a_label_vary(make_market, line_learner):
    training = with_target(make_market(300).training(), "&-still", (np.arange(300) < 5).astype(float))
    weight = np.where(np.arange(300) < 5, 0.0, 1.0)
    signal = fit_signal(learners_of(training, line_learner), replace(training, weight=weight), settings_of())
    assert isinstance(signal.targets["&-still"], ConstantSignal)


def test_the_features_that_matter_are_told(two_returns, line_learner):
    _, training = two_returns
    signal = fit_signal(learners_of(training, line_learner), training, settings_of())
    assert signal.feature_names == ("a", "b", "c")
    assert signal.feature_importances_.sum() == pytest.approx(1.0)
    assert signal.feature_importances_[0] > 0.7


def test_where_all_labels_are_constant_no_feature_matters(make_market, line_learner):
    market = make_market(100)
    training = with_target(market.training(), "&-still", np.zeros(100))
    training = replace(training, targets=training.targets[1:])
    signal = fit_signal(learners_of(training, line_learner), training, settings_of())
    assert signal.feature_importances_.tolist() == [0.0, 0.0, 0.0]


def test_a_former_signal_is_continued_by_the_final_models_only(two_returns, line_learner):
    _, training = two_returns
    settings = settings_of(intervals="quantiles")
    former = fit_signal(learners_of(training, line_learner), training, settings)
    line_learner.fits.clear()
    fit_signal(learners_of(training, line_learner), training, settings, former)
    continued = [(len(examples), before) for _, examples, before in line_learner.fits if before is not None]
    # Each return has a model of its mean and one of its quantiles.
    assert [size for size, _ in continued] == [1200 - HORIZON] * 5
    expected = [
        each
        for target in former.targets.values()
        for each in (target.fitted, getattr(target, "spread", None))
        if each is not None
    ]
    assert all(before is each for (_, before), each in zip(continued, expected, strict=True))


def test_a_former_of_another_kind_is_not_continued(make_market, line_learner):
    training = make_market().training(names=(UP,))
    former = fit_signal({UP: line_learner}, training, settings_of())
    line_learner.fits.clear()
    continuous = replace(
        training, targets=(replace(training.targets[0], kind="continuous", label=training.targets[0].label + 0.5),)
    )
    fit_signal({UP: line_learner}, continuous, settings_of(), former)
    assert [before for _, _, before in line_learner.fits if before is not None] == []


def test_the_same_rows_give_the_same_signal(two_returns, line_learner):
    market, training = two_returns
    first, second = (fit_signal(learners_of(training, line_learner), training, settings_of()) for _ in range(2))
    assert same(first.predict(market.question(1200, 1500)), second.predict(market.question(1200, 1500)))


def test_asking_again_or_candle_by_candle_changes_no_answer(two_returns, line_learner):
    market, training = two_returns
    first, second = (fit_signal(learners_of(training, line_learner), training, settings_of()) for _ in range(2))
    whole = first.predict(market.question(1200, 1300))
    assert same(first.predict(market.question(1200, 1300)), whole)
    single = [second.predict(market.question(row, row + 1)) for row in range(1200, 1300)]
    for name, forecast in whole.items():
        apart = np.concatenate([numbers(each[name]) for each in single])
        np.testing.assert_allclose(apart, numbers(forecast), rtol=1e-12)


def test_a_pickled_signal_goes_on_as_the_one_it_was_made_of(two_returns, line_learner):
    market, training = two_returns
    signal = fit_signal(learners_of(training, line_learner), training, settings_of())
    signal.predict(market.question(1200, 1300))
    loaded = cloudpickle.loads(cloudpickle.dumps(signal))
    assert same(loaded.predict(market.question(1300, 1500)), signal.predict(market.question(1300, 1500)))
    np.testing.assert_array_equal(loaded.feature_importances_, signal.feature_importances_)


def test_a_pair_that_was_not_trained_on_has_values_and_odds_but_no_intervals(make_market, line_learner):
    market = make_market(pairs=2)
    training = market.training(1200, names=(RETURN, UP))
    signal = fit_signal(learners_of(training, line_learner), training, settings_of())
    known = signal.predict(market.question(1200, 1300, 0))
    stranger = signal.predict(market.question(1200, 1300, 0, "NEW/USDT"))
    np.testing.assert_array_equal(stranger[RETURN].value, known[RETURN].value)
    assert np.isnan(stranger[RETURN].lower).all()
    assert np.isnan(stranger[RETURN].upper).all()
    assert np.isfinite(stranger[RETURN].odds.p_up).all()
    assert (stranger[RETURN].odds.p_up != known[RETURN].odds.p_up).all()
    assert np.isfinite(numbers(stranger[UP])).all()
    assert signal.interval_state("NEW/USDT") == {}


def test_each_pair_learns_its_own_intervals(make_market, line_learner):
    market = make_market(2000, pairs=2)
    wild = np.array([1.0, 4.0])[:, None]
    market = replace(market, returns=market.returns * wild)
    training = market.training(1200)
    signal = fit_signal({RETURN: line_learner}, training, settings_of(intervals="residuals"))
    for number in (0, 1):
        forecast = signal.predict(market.question(1200, 2000, number))[RETURN]
        truth = market.returns[number, 1200:]
        assert ((forecast.lower <= truth) & (truth <= forecast.upper)).mean() == pytest.approx(0.8, abs=0.05)


def test_intervals_go_on_from_a_saved_state(two_returns, line_learner):
    market, training = two_returns
    (pair,) = training.pairs
    signal, restarted = (fit_signal(learners_of(training, line_learner), training, settings_of()) for _ in range(2))
    signal.predict(market.question(1200, 1350))
    state = json.loads(json.dumps(signal.interval_state(pair), allow_nan=False))
    assert list(state) == ["&-return_48", RETURN]
    restarted.restore_intervals(pair, state)
    # The newest candles are asked again.
    assert same(restarted.predict(market.question(1345, 1500)), signal.predict(market.question(1345, 1500)))


def test_a_state_of_another_training_target_or_pair_is_passed_over(make_market, line_learner):
    market = make_market()
    earlier, signal, untouched = (
        fit_signal({RETURN: line_learner}, market.training(until), settings_of()) for until in (900, 1200, 1200)
    )
    earlier.predict(market.question(900, 1100))
    state = earlier.interval_state("P0/USDT")
    own = signal.interval_state("P0/USDT")
    signal.restore_intervals("P0/USDT", state)
    signal.restore_intervals("P0/USDT", {"&-other": own[RETURN]})
    signal.restore_intervals("NEW/USDT", own)
    assert same(signal.predict(market.question(1200, 1500)), untouched.predict(market.question(1200, 1500)))


@pytest.mark.parametrize("state", [[], "text", None, {RETURN: {}}, {RETURN: None}])
def test_a_state_that_is_not_readable_is_refused_and_changes_nothing(make_market, line_learner, state):
    market = make_market(400)
    signal, untouched = (fit_signal({RETURN: line_learner}, market.training(300), settings_of()) for _ in range(2))
    with pytest.raises(SettingsError, match="saved intervals"):
        signal.restore_intervals("P0/USDT", state)
    assert same(signal.predict(market.question(300, 400)), untouched.predict(market.question(300, 400)))


def test_tiny_probabilities_round_to_zero_where_numpy_is_set_to_raise(two_returns, line_learner):
    market, training = two_returns
    # No bet pays such costs: the probability that one does is too small for a number.
    with np.errstate(under="raise"):
        signal = fit_signal(learners_of(training, line_learner), training, settings_of(round_trip_cost_bps=1e5))
        forecasts = signal.predict(market.question(1200, 1500))
    assert all(np.isfinite(numbers(forecast)).all() for forecast in forecasts.values())
