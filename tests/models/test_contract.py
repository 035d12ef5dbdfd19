"""Every model of the package keeps every rule of the public contract suite."""

import importlib
from pathlib import Path

import pytest

import freqai_ext.models
from freqai_ext.checks import freqai_model_rules

NAMES = sorted(path.stem for path in Path(freqai_ext.models.__file__).parent.glob("[A-Z]*.py"))
MODELS = [getattr(importlib.import_module(f"freqai_ext.models.{name}"), name) for name in NAMES]
CASES = [(model, rule) for model in MODELS for rule in freqai_model_rules(model)]


def test_the_models_are_found():
    assert "CatboostRegressor" in NAMES
    assert len(CASES) > 10 * len(NAMES)


@pytest.mark.parametrize(("model", "rule"), CASES, ids=lambda case: case.__name__)
def test_the_model_keeps_the_rule(model, rule):
    rule(model)
