"""Which targets a model gets, in which form, and what happens at the end of the candles."""

import importlib

import numpy as np
import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.base_models.BaseClassifierModel import BaseClassifierModel
from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel
from freqtrade.freqai.prediction_models.LightGBMRegressorMultiTarget import LightGBMRegressorMultiTarget

from freqai_ext.labels import LabelSettings
from freqai_ext.strategies._targets import TargetPlan, plan_targets, target_columns

ALL = ("roi", "buy", "sell", "stoploss")
HORIZON = 12
DIRECTIONS = ["down", "flat", "up"]
BINARY_CLASSES = ["buy_no", "buy_yes", "sell_no", "sell_yes", "stoploss_no", "stoploss_yes"]


class UserRegressor(BaseRegressionModel):
    def fit(self, data_dictionary, dk, **kwargs):
        raise NotImplementedError


class UserForest(BaseClassifierModel):
    def fit(self, data_dictionary, dk, **kwargs):
        raise NotImplementedError


class UserSubclass(LightGBMRegressorMultiTarget):
    """Does not say in its name that it takes several targets."""


class UserDeclared(UserForest):
    task = "regression"
    multi_target = True


def model_class(name):
    if name in globals():
        return globals()[name]
    package = "freqai_ext.models" if name.startswith(("Catboost", "Custom")) else "freqtrade.freqai.prediction_models"
    return getattr(importlib.import_module(f"{package}.{name}"), name)


@pytest.mark.parametrize(
    ("name", "names", "task"),
    [
        ("CatboostRegressor", ("roi",), "regression"),
        ("CatboostClassifier", ("roi",), "classification"),
        ("CatboostRegressorMultiTarget", ALL, "regression"),
        ("CatboostClassifierMultiTarget", ALL, "classification"),
        ("CustomRegressor", ALL, "regression"),
        ("LightGBMRegressor", ("roi",), "regression"),
        ("LightGBMClassifier", ("roi",), "classification"),
        ("LightGBMRegressorMultiTarget", ALL, "regression"),
        ("LightGBMClassifierMultiTarget", ALL, "classification"),
        ("XGBoostRFClassifier", ("roi",), "classification"),
        ("SKLearnRandomForestClassifier", ("roi",), "classification"),
        ("UserRegressor", ("roi",), "regression"),
        ("UserForest", ("roi",), "classification"),
        ("UserSubclass", ALL, "regression"),
        ("UserDeclared", ALL, "regression"),
    ],
)
def test_a_model_gets_all_targets_that_it_can_learn(model_of, name, names, task):
    assert plan_targets(model_of(model_class(name)), "auto") == TargetPlan(names, task)


@pytest.mark.parametrize("name", ["CatboostRegressor", "LightGBMClassifier", "UserForest"])
def test_several_targets_are_refused_for_a_model_of_one(model_of, name):
    with pytest.raises(OperationalException) as refusal:
        plan_targets(model_of(model_class(name)), ("buy", "sell"))
    assert str(refusal.value) == (
        f"freqai_ext.strategy.targets: ['buy', 'sell'] is more than one target, and {name} learns one; "
        'name one target, write "auto", or use a MultiTarget model'
    )


@pytest.mark.parametrize("wanted", [("stoploss",), ("buy", "roi")])
def test_the_targets_that_the_user_names_are_taken(model_of, wanted):
    plan = plan_targets(model_of(model_class("CustomRegressor")), wanted)
    assert plan.names == wanted


@pytest.mark.parametrize(
    ("plan", "classes"),
    [
        (TargetPlan(ALL, "regression"), []),
        (TargetPlan(("roi",), "classification"), DIRECTIONS),
        (TargetPlan(("buy",), "classification"), ["buy_no", "buy_yes"]),
        (TargetPlan(ALL, "classification"), [*DIRECTIONS, *BINARY_CLASSES]),
    ],
)
def test_the_classes_of_all_targets_are_declared_once(plan, classes):
    assert plan.class_names == classes


def test_the_strategy_declares_the_classes_of_its_targets(make_strategy, make_candles):
    strategy = make_strategy(model_class=model_class("CatboostClassifierMultiTarget"))
    labelled = strategy.set_freqai_targets(make_candles(), {"pair": "ETH/USDT"})
    columns = [column for column in labelled if column.startswith("&")]
    assert columns == ["&-direction", "&-buy", "&-sell", "&-stoploss"]
    assert strategy.freqai.class_names == [*DIRECTIONS, *BINARY_CLASSES]
    occurring = set(pd.unique(labelled[columns].to_numpy().ravel())) - {np.nan}
    assert {name for name in occurring if isinstance(name, str)} <= set(strategy.freqai.class_names)


def test_the_strategy_refuses_targets_that_its_model_cannot_learn(make_strategy, make_candles):
    strategy = make_strategy(strategy={"targets": ["buy", "sell"]})
    with pytest.raises(OperationalException, match=r"^freqai_ext\.strategy\.targets: .* CatboostRegressor learns one"):
        strategy.set_freqai_targets(make_candles(), {"pair": "ETH/USDT"})


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_labels_that_are_not_yet_known_are_missing_and_all_others_are_there(make_candles, task):
    columns = target_columns(make_candles(), TargetPlan(ALL, task), HORIZON, "5m", LabelSettings())
    assert len(columns.columns) == len(ALL)
    assert columns.iloc[-HORIZON:].isna().to_numpy().all()
    assert columns.iloc[:-HORIZON].notna().to_numpy().all()


def test_the_targets_say_what_the_price_did(make_candles):
    candles = make_candles()
    settings = LabelSettings(buy_threshold=0.004, sell_threshold=-0.006, stoploss_threshold=-0.02)
    numbers = target_columns(candles, TargetPlan(ALL, "regression"), HORIZON, "5m", settings)
    classes = target_columns(candles, TargetPlan(ALL, "classification"), HORIZON, "5m", settings)
    for row in range(0, len(candles) - HORIZON, 7):
        close, later = candles["close"][row], candles.iloc[row + 1 : row + 1 + HORIZON]
        end = later["close"].iloc[-1] / close - 1
        assert numbers["&-roi"][row] == pytest.approx(end)
        assert classes["&-direction"][row] == ("up" if end >= 0.004 else "down" if end <= -0.006 else "flat")
        for name, hit in (
            ("buy", later["high"].max() / close - 1 >= 0.004),
            ("sell", later["low"].min() / close - 1 <= -0.006),
            ("stoploss", later["low"].min() / close - 1 <= -0.02),
        ):
            assert numbers[f"&-{name}"][row] == float(hit)
            assert classes[f"&-{name}"][row] == f"{name}_{'yes' if hit else 'no'}"
    assert set(classes["&-direction"].dropna()) == set(DIRECTIONS)
    assert set(classes["&-stoploss"].dropna()) == {"stoploss_no", "stoploss_yes"}


def test_the_horizon_is_freqais_label_period(make_strategy, make_candles):
    strategy = make_strategy()
    labelled = strategy.set_freqai_targets(make_candles(), {"pair": "ETH/USDT"})
    assert strategy.horizon_candles == HORIZON
    assert labelled["&-roi"].isna().sum() == HORIZON
