"""Every model of the package keeps every rule of the public contract suite."""

import importlib
from pathlib import Path

import pytest

import freqai_ext.models
from freqai_ext.checks import freqai_model_rules
from freqai_ext.models.CalibratedSignalModel import CalibratedSignalModel

NAMES = sorted(path.stem for path in Path(freqai_ext.models.__file__).parent.glob("[A-Z]*.py"))
MODELS = {name: getattr(importlib.import_module(f"freqai_ext.models.{name}"), name) for name in NAMES}

NETWORK = {
    "window_candles": 8,
    "hidden_size": 8,
    "epochs": 6,
    "batch_size": 100,
    "learning_rate": 0.05,
    "dropout": 0.0,
    "weight_decay": 0.0,
    "train_stride_candles": 1,
}
ONE_FOLD = {"signal": {"folds": 1}}
SETTINGS = {
    "PyTorchSequenceClassifier": {"model_training_parameters": NETWORK, "freqai_ext": ONE_FOLD},
    "PyTorchSequenceRegressor": {"model_training_parameters": {}, "freqai_ext": ONE_FOLD | {"sequence": NETWORK}},
    "StackedEnsembleModel": {"freqai_ext": ONE_FOLD | {"ensemble": {"folds": 2}}},
}
"""What lets a model learn from 400 rows in less than a second; the others take 40 trees."""

BACKENDS = {
    "catboost": {"n_estimators": 40},
    "hist_gradient_boosting": {"max_iter": 40},
    "linear": {},
    "torch": {},
}
"""The training parameters of ``CalibratedSignalModel`` on the libraries other than LightGBM."""

CASES = [
    pytest.param(MODELS[name], rule, SETTINGS.get(name, {}), id=f"{name}-{rule.__name__}")
    for name in NAMES
    for rule in freqai_model_rules(MODELS[name])
]
BACKEND_CASES = [
    pytest.param(rule, backend, id=f"{backend}-{rule.__name__}")
    for backend in BACKENDS
    for rule in freqai_model_rules(CalibratedSignalModel)
]
ALTERNATIVES = [
    {"intervals": "residuals", "scale_by_volatility": False, "calibration": "beta"},
    {"train_stride_candles": 2, "recency_half_life_days": 1.0, "shrinkage": "none", "embargo_candles": 4},
]
"""Settings of ``freqai_ext.signal`` that lead through other code than the defaults."""


def test_the_models_are_found():
    assert "CatboostRegressor" in NAMES
    assert set(SETTINGS) < set(NAMES)
    assert len(CASES) > 10 * len(NAMES)


@pytest.mark.parametrize(("model", "rule", "settings"), CASES)
def test_the_model_keeps_the_rule(model, rule, settings):
    rule(model, **settings)


@pytest.mark.parametrize(("rule", "backend"), BACKEND_CASES)
def test_the_calibrated_model_keeps_the_rule_on_every_library(rule, backend):
    signal = {"backend": backend, "folds": 1}
    rule(CalibratedSignalModel, model_training_parameters=BACKENDS[backend], freqai_ext={"signal": signal})


@pytest.mark.parametrize("signal", ALTERNATIVES, ids=lambda signal: next(iter(signal)))
@pytest.mark.parametrize("rule", freqai_model_rules(CalibratedSignalModel), ids=lambda rule: rule.__name__)
def test_the_calibrated_model_keeps_the_rule_with_other_settings(rule, signal):
    rule(CalibratedSignalModel, freqai_ext={"signal": signal})
