"""What Freqtrade's own models do with the rules: the list in the documentation, kept true."""

import importlib
import re
import warnings
from pathlib import Path

import pytest

from freqai_ext.checks import ContractError, freqai_model_rules
from freqai_ext.models.CatboostRegressor import CatboostRegressor
from freqai_ext.models.CatboostRegressorMultiTarget import CatboostRegressorMultiTarget

STOCK = {
    "LightGBMRegressor": {
        "leaves_out_infinite_labels",
        "takes_any_feature_name",
        "survives_missing_features",
        "refuses_several_targets",
        "names_a_wrong_parameter",
    },
    "XGBoostRegressor": {
        "leaves_out_infinite_labels",
        "takes_any_feature_name",
        "survives_missing_features",
        "refuses_several_targets",
        "names_a_wrong_parameter",
    },
    "LightGBMClassifier": {
        "survives_missing_features",
        "survives_a_constant_label",
        "refuses_several_targets",
        "names_a_wrong_parameter",
    },
    "LightGBMRegressorMultiTarget": {
        "leaves_out_infinite_labels",
        "takes_any_feature_name",
        "survives_missing_features",
        "names_a_wrong_parameter",
    },
    "PyTorchMLPRegressor": {
        "is_deterministic",
        "never_trains_on_unknown_labels",
        "honours_sample_weights",
        "ignores_rows_of_no_weight",
        "leaves_out_infinite_labels",
        "survives_missing_features",
        "survives_a_constant_label",
        "refuses_several_targets",
        "names_a_wrong_parameter",
    },
}
"""The rules that models of Freqtrade 2026.9 break. A shorter list is good news: change it here and in the docs."""

ONE_THREAD = {"n_estimators": 40, "n_jobs": 1}
NETWORK = {
    "learning_rate": 0.003,
    "trainer_kwargs": {"n_epochs": 20, "batch_size": 64},
    "model_kwargs": {"hidden_dim": 32},
}

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "checks.md"


@pytest.fixture
def one_torch_thread():
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def broken_rules(name, parameters):
    model = getattr(importlib.import_module(f"freqtrade.freqai.prediction_models.{name}"), name)
    broken = set()
    for rule in freqai_model_rules(model):
        try:
            # Their libraries warn of Freqtrade's arguments and of unknown parameters.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rule(model, model_training_parameters=parameters)
        except ContractError:
            broken.add(rule.__name__)
    return broken


@pytest.mark.parametrize("name", [name for name in STOCK if not name.startswith("PyTorch")])
def test_a_stock_model_breaks_exactly_these_rules(name):
    assert broken_rules(name, ONE_THREAD) == STOCK[name]


@pytest.mark.usefixtures("one_torch_thread")
def test_the_stock_network_breaks_exactly_these_rules():
    assert broken_rules("PyTorchMLPRegressor", NETWORK) == STOCK["PyTorchMLPRegressor"]


def rows_of_the_document():
    """Return rule -> (what it says, stock models that break it) from the table in the documentation."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.*?) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (text, set(re.findall(r"\w+", models))) for name, text, models in rows}


def test_the_document_lists_every_rule_with_its_words():
    models = (CatboostRegressor, CatboostRegressorMultiTarget)
    rules = {rule.__name__: rule.__doc__.splitlines()[0] for model in models for rule in freqai_model_rules(model)}
    assert {name: text for name, (text, _) in rows_of_the_document().items()} == rules


def test_the_document_names_the_stock_models_that_break_a_rule():
    listed = {name: models for name, (_, models) in rows_of_the_document().items() if models}
    expected = {
        rule: {name for name, broken in STOCK.items() if rule in broken} for rule in set().union(*STOCK.values())
    }
    assert listed == expected
