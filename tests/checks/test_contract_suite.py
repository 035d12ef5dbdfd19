"""The contract suite catches every fault it is made for: each rule is broken on purpose by a model of its own."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel
from sklearn.dummy import DummyRegressor

from freqai_ext.checks import ContractError, check_freqai_model, freqai_model_rules
from freqai_ext.models.CatboostClassifier import CatboostClassifier
from freqai_ext.models.CatboostRegressor import CatboostRegressor
from freqai_ext.models.CatboostRegressorMultiTarget import CatboostRegressorMultiTarget

RULES = {
    rule.__name__: rule
    for model in (CatboostRegressor, CatboostRegressorMultiTarget)
    for rule in freqai_model_rules(model)
}


class LearnsNothing(CatboostRegressor):
    def fit(self, data_dictionary, dk, **kwargs):
        return DummyRegressor().fit(data_dictionary["train_features"], data_dictionary["train_labels"])


class LearnsTheOpposite(CatboostRegressor):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return -predictions, trusted


class PeeksAtLabels(CatboostRegressor):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions + 0.1 * unfiltered_df[["&-roi"]].to_numpy(), trusted


class PeeksAtTheNextRow(CatboostRegressor):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions.rolling(3, center=True, min_periods=1).mean(), trusted


class CentresItsPredictions(CatboostRegressor):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions - predictions.mean(), trusted


class TakesInfiniteLabels(CatboostRegressor):
    def train(self, unfiltered_df, pair, dk, **kwargs):
        return BaseRegressionModel.train(self, unfiltered_df, pair, dk, **kwargs)


class WantsPlainNames(CatboostRegressor):
    def fit(self, data_dictionary, dk, **kwargs):
        if any("[" in name for name in data_dictionary["train_features"]):
            raise ValueError("special characters in feature names are not supported")
        return super().fit(data_dictionary, dk, **kwargs)


class TrustsEverything(CatboostRegressor):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions, np.ones_like(trusted)


class AddsNoiseInTheUnitsOfThePrice(CatboostRegressor):
    def train(self, unfiltered_df, pair, dk, **kwargs):
        features = [column for column in unfiltered_df if column.startswith("%")]
        noise = np.random.default_rng(1).normal(size=(len(unfiltered_df), len(features)))
        noise *= self.ft_params.get("noise_standard_deviation", 0)
        return super().train(unfiltered_df.assign(**(unfiltered_df[features] + noise)), pair, dk, **kwargs)


class TakesUnknownLabelsForZero(CatboostRegressor):
    def train(self, unfiltered_df, pair, dk, **kwargs):
        labels = [column for column in unfiltered_df if column.startswith("&")]
        return super().train(unfiltered_df.fillna(dict.fromkeys(labels, 0.0)), pair, dk, **kwargs)


class IgnoresWeights(CatboostRegressor):
    def fit(self, data_dictionary, dk, **kwargs):
        even = np.ones(len(data_dictionary["train_labels"]))
        return super().fit({**data_dictionary, "train_weights": even}, dk, **kwargs)


class GivesEveryRowSomeWeight(CatboostRegressor):
    def fit(self, data_dictionary, dk, **kwargs):
        more = data_dictionary["train_weights"] + 0.01
        return super().fit({**data_dictionary, "train_weights": more}, dk, **kwargs)


class DriftsFromCallToCall(CatboostRegressor):
    calls = 0

    def predict(self, unfiltered_df, dk, **kwargs):
        self.calls += 1
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions + 1e-4 * self.calls, trusted


class LooksBackWithinTheRowsAskedFor(CatboostRegressor):
    """Right where a window is long, but in live trading only the newest row is asked for."""

    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions.ewm(halflife=2).mean(), trusted


class ForgetsMissingFeatures(CatboostRegressor):
    def predict(self, unfiltered_df, dk, **kwargs):
        return BaseRegressionModel.predict(self, unfiltered_df, dk, **kwargs)


class TrustsNothing(CatboostRegressor):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions, np.zeros_like(trusted)


class DividesByTheDeviation(CatboostRegressor):
    def train(self, unfiltered_df, pair, dk, **kwargs):
        dk.find_features(unfiltered_df)
        features = unfiltered_df[dk.training_features_list].replace(np.inf, np.nan)
        return super().train(unfiltered_df.assign(**(features / features.std())), pair, dk, **kwargs)


class FitsWithoutLookingAtTheLabel(CatboostRegressor):
    """CatBoost refuses a constant label."""

    def fit(self, data_dictionary, dk, **kwargs):
        train, evaluation = self.train_rows(data_dictionary, 0), self.evaluation_rows(data_dictionary, 0)
        self.require_one_target(data_dictionary)
        former = self.get_init_model(dk.pair)
        return self.backend.fit_one(self.task, train, evaluation, dict(self.model_training_parameters), former, [])


class WantsManyRows(CatboostRegressor):
    def fit(self, data_dictionary, dk, **kwargs):
        if len(data_dictionary["train_labels"]) < 100:
            raise ValueError("too few rows")
        return super().fit(data_dictionary, dk, **kwargs)


class AlwaysEvaluates(CatboostRegressor):
    def fit(self, data_dictionary, dk, **kwargs):
        estimator = super().fit(data_dictionary, dk, **kwargs)
        estimator.predict(data_dictionary["test_features"].iloc[[0]])
        return estimator


class IsRandom(CatboostRegressor):
    def fit(self, data_dictionary, dk, **kwargs):
        self.model_training_parameters["random_seed"] = int(np.random.default_rng().integers(1 << 30))
        return super().fit(data_dictionary, dk, **kwargs)


class KeepsItsScaleToItself(CatboostRegressor):
    """What is kept on the FreqAI model, not on the estimator, is gone after a restart."""

    scale = 1.0

    def fit(self, data_dictionary, dk, **kwargs):
        self.scale = 2.0
        return super().fit(data_dictionary, dk, **kwargs)

    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions * self.scale, trusted


class ForgetsWhenItContinues(CatboostRegressor):
    def fit(self, data_dictionary, dk, **kwargs):
        if self.get_init_model(dk.pair) is not None:
            return DummyRegressor().fit(data_dictionary["train_features"], data_dictionary["train_labels"])
        return super().fit(data_dictionary, dk, **kwargs)


class LearnsTheFirstTargetInSilence(CatboostRegressor):
    def fit(self, data_dictionary, dk, **kwargs):
        dk.label_list = dk.label_list[:1]
        return self.fit_target(data_dictionary, dk)

    def train(self, unfiltered_df, pair, dk, **kwargs):
        surplus = [column for column in unfiltered_df if column.startswith("&")][1:]
        dk.label_list = [name for name in dk.label_list if name not in surplus]
        return super().train(unfiltered_df.drop(columns=surplus), pair, dk, **kwargs)


class AcceptsAnyParameter(CatboostRegressor):
    def __init__(self, config):
        given = config["freqai"]["model_training_parameters"]
        known = {name: value for name, value in given.items() if name == "n_estimators"}
        super().__init__(config={**config, "freqai": {**config["freqai"], "model_training_parameters": known}})


class SaysOnlyThatSomethingIsWrong(CatboostRegressor):
    def __init__(self, config):
        try:
            super().__init__(config=config)
        except Exception:
            raise ValueError("bad parameters") from None


class WithIntervals(CatboostRegressor):
    below = above = 0.01

    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        roi = predictions["&-roi"]
        return predictions.assign(**{"&-roi_lo": roi - self.below, "&-roi_hi": roi + self.above}), trusted


class CrossesItsIntervals(WithIntervals):
    above = -0.001


class LeavesIntervalsOpen(WithIntervals):
    above = np.inf


class GivesOneEndOfItsIntervals(WithIntervals):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions.drop(columns="&-roi_hi"), trusted


class IsTooConfident(CatboostRegressor):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions.assign(p_up=0.5, confidence=1 + predictions["&-roi"].abs()), trusted


class LosesProbability(CatboostClassifier):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions.assign(up=0.9 * predictions["up"]), trusted


class LearnsTheFirstOfItsTargets(CatboostRegressorMultiTarget):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions.assign(**{"&-buy": predictions["&-buy"].mean()}), trusted


class TakesEveryProcessor(CatboostRegressor):
    def fit(self, data_dictionary, dk, **kwargs):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda block: hashlib.sha256(block).digest(), [bytes(20_000_000)] * 48))
        return super().fit(data_dictionary, dk, **kwargs)


class HidesItsProbabilities(CatboostClassifier):
    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        return predictions[["&-direction"]], trusted


BROKEN = [
    (LearnsNothing, "learns_a_strong_signal", r"the correlation with the signal is -?0\.0\d, it should"),
    (LearnsTheOpposite, "learns_a_strong_signal", r"is -0\.\d\d, it should exceed 0\.7"),
    (HidesItsProbabilities, "learns_a_strong_signal", r"no column up among \['&-direction'\]"),
    (PeeksAtLabels, "predicts_without_the_future", "and labels unknown then were changed"),
    (PeeksAtTheNextRow, "predicts_without_the_future", "after rows after the 200th were removed"),
    (CentresItsPredictions, "predicts_one_row_as_it_does_many", "after one row was asked for a prediction differs"),
    (LooksBackWithinTheRowsAskedFor, "predicts_one_row_as_it_does_many", "after one row was asked for a prediction"),
    (DriftsFromCallToCall, "predicts_parts_as_the_whole", "after the window was asked for in two parts a prediction"),
    (TakesUnknownLabelsForZero, "never_trains_on_unknown_labels", "features of rows without a label were changed"),
    (IgnoresWeights, "honours_sample_weights", "the correlation with the newer half's signal"),
    (GivesEveryRowSomeWeight, "ignores_rows_of_no_weight", "after labels of rows without weight were changed"),
    (ForgetsMissingFeatures, "survives_missing_features", "do_predict is not 0 where a feature is missing"),
    (TrustsNothing, "survives_missing_features", "do_predict is not 1 where features are whole"),
    (DividesByTheDeviation, "survives_constant_features", "it raised OperationalException: .*dropped due to NaNs"),
    (FitsWithoutLookingAtTheLabel, "survives_a_constant_label", "it raised CatBoostError"),
    (WantsManyRows, "survives_a_tiny_window", "it raised ValueError: too few rows"),
    (AlwaysEvaluates, "trains_without_a_test_set", "it raised IndexError"),
    (TakesInfiniteLabels, "leaves_out_infinite_labels", ""),
    (WantsPlainNames, "takes_any_feature_name", "special characters in feature names"),
    (TrustsEverything, "flags_far_outliers", r"with DI_threshold only 0% of rows far outside are marked, not 100%"),
    (AddsNoiseInTheUnitsOfThePrice, "learns_through_noise", r"the correlation with the signal fell to -?0\."),
    (IsRandom, "is_deterministic", "after the model was trained a second time a prediction differs"),
    (KeepsItsScaleToItself, "predicts_the_same_after_reloading", "after the model was saved and loaded a prediction"),
    (ForgetsWhenItContinues, "continues_learning", "the correlation with the signal is"),
    (LearnsTheFirstTargetInSilence, "refuses_several_targets", "two targets were accepted"),
    (LearnsTheFirstOfItsTargets, "learns_every_target", r"the correlation of &-buy with its signal is 0\.00"),
    (CrossesItsIntervals, "orders_its_intervals", "&-roi_lo <= &-roi <= &-roi_hi does not hold in 800 of 800 rows"),
    (LeavesIntervalsOpen, "orders_its_intervals", "a prediction is not finite"),
    (GivesOneEndOfItsIntervals, "orders_its_intervals", "&-roi has &-roi_lo alone"),
    (IsTooConfident, "keeps_probabilities_in_bounds", r"confidence reaches from 1 to 1\.0\d, it must stay in \[0, 1\]"),
    (LosesProbability, "keeps_probabilities_in_bounds", r"the probabilities of &-direction sum to 1 only within 0\.\d"),
    (TakesEveryProcessor, "trains_on_one_thread", r"the busiest thread did \d\d% of the work"),
    (AcceptsAnyParameter, "names_a_wrong_parameter", "the unknown parameter 'no_such_knob' was accepted"),
    (SaysOnlyThatSomethingIsWrong, "names_a_wrong_parameter", "the error does not name the parameter: bad parameters"),
]


@pytest.mark.parametrize(("model", "rule", "seen"), BROKEN, ids=lambda case: getattr(case, "__name__", ""))
def test_a_planted_fault_is_named(model, rule, seen):
    with pytest.raises(ContractError, match=rf"^{model.__name__} breaks {rule}: .*{seen}"):
        RULES[rule](model)


def test_every_rule_is_broken_by_some_planted_fault():
    assert {rule for _, rule, _ in BROKEN} == set(RULES)


def test_the_whole_suite_stops_at_the_first_broken_rule():
    with pytest.raises(ContractError, match=r"^IsRandom breaks is_deterministic: "):
        check_freqai_model(IsRandom)


def test_a_sound_model_passes_the_whole_suite():
    check_freqai_model(CatboostRegressor)


def test_training_parameters_can_be_chosen():
    with pytest.raises(ContractError, match=r"breaks learns_a_strong_signal: .*model_training_parameters\.n_trees"):
        check_freqai_model(CatboostRegressor, model_training_parameters={"n_trees": 40})
    with pytest.raises(ContractError, match=r"breaks learns_a_strong_signal: the correlation"):
        check_freqai_model(CatboostRegressor, model_training_parameters={"n_estimators": 1, "depth": 1})


def test_settings_of_the_package_reach_the_model():
    with pytest.raises(ContractError, match=r"breaks learns_a_strong_signal: .*freqai_ext\.pipeline\.scaler"):
        check_freqai_model(CatboostRegressor, freqai_ext={"pipeline": {"scaler": "none at all"}})
    RULES["learns_a_strong_signal"](CatboostRegressor, freqai_ext={"pipeline": {"scaler": "robust"}})


def test_only_a_model_of_one_target_must_refuse_several():
    several = {rule.__name__ for rule in freqai_model_rules(CatboostRegressorMultiTarget)}
    one = {rule.__name__ for rule in freqai_model_rules(CatboostRegressor)}
    assert one - several == {"refuses_several_targets"}
    assert several - one == {"learns_every_target"}


class LooksBack(CatboostRegressor):
    """Predicts the mean of the last three rows, and remembers the candles for it."""

    def remember_context(self, pair, frame):
        self.context = frame

    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, _ = super().predict(self.context, dk, **kwargs)
        asked = len(unfiltered_df)
        return predictions.rolling(3, min_periods=1).mean().tail(asked).reset_index(drop=True), dk.do_predict[-asked:]


@pytest.mark.parametrize("rule", ["one_row_as_it_does_many", "parts_as_the_whole", "without_the_future"])
def test_a_model_that_looks_back_is_given_the_candles_before(rule):
    RULES[f"predicts_{rule}"](LooksBack)


@pytest.mark.parametrize("sound", [WithIntervals, CatboostClassifier])
@pytest.mark.parametrize("rule", ["orders_its_intervals", "keeps_probabilities_in_bounds"])
def test_sound_intervals_and_probabilities_pass(sound, rule):
    RULES[rule](sound)
