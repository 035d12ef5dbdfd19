"""What Freqtrade's own models do with the rules: the list in the documentation, kept true."""

import importlib
import re
import warnings
from pathlib import Path

import pytest

from freqai_ext.checks import ContractError, freqai_model_rules
from freqai_ext.models.CatboostRegressor import CatboostRegressor

STOCK = {
    "LightGBMRegressor": {"survives_missing_features", "refuses_several_targets", "names_a_wrong_parameter"},
    "XGBoostRegressor": {"survives_missing_features", "refuses_several_targets", "names_a_wrong_parameter"},
    "LightGBMClassifier": {
        "survives_missing_features",
        "survives_a_constant_label",
        "refuses_several_targets",
        "names_a_wrong_parameter",
    },
}
"""The rules that models of Freqtrade 2026.9 break. A shorter list is good news: change it here and in the docs."""

ONE_THREAD = {"n_estimators": 40, "n_jobs": 1}

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "checks.md"


def broken_rules(name):
    model = getattr(importlib.import_module(f"freqtrade.freqai.prediction_models.{name}"), name)
    broken = set()
    for rule in freqai_model_rules(model):
        try:
            # Their libraries warn of Freqtrade's arguments and of unknown parameters.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rule(model, model_training_parameters=ONE_THREAD)
        except ContractError:
            broken.add(rule.__name__)
    return broken


@pytest.mark.parametrize("name", STOCK)
def test_a_stock_model_breaks_exactly_these_rules(name):
    assert broken_rules(name) == STOCK[name]


def rows_of_the_document():
    """Return rule -> (what it says, stock models that break it) from the table in the documentation."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.*?) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (text, set(re.findall(r"\w+", models))) for name, text, models in rows}


def test_the_document_lists_every_rule_with_its_words():
    rules = {rule.__name__: rule.__doc__.splitlines()[0] for rule in freqai_model_rules(CatboostRegressor)}
    assert {name: text for name, (text, _) in rows_of_the_document().items()} == rules


def test_the_document_names_the_stock_models_that_break_a_rule():
    listed = {name: models for name, (_, models) in rows_of_the_document().items() if models}
    expected = {
        rule: {name for name, broken in STOCK.items() if rule in broken} for rule in set().union(*STOCK.values())
    }
    assert listed == expected
