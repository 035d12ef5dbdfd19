"""Freqtrade's own tests of FreqAI, on every model of ours.

They run where ``FREQAI_EXT_FREQTRADE_SOURCE`` names a checkout of Freqtrade with its ``tests/`` folder. What passes on
Freqtrade's own model of the same kind must pass on ours. Our models take the place of stock models that are not
networks: the tests of those assert the names of PyTorch's files.
"""

import importlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

import freqai_ext.models
from freqai_ext.models._kind import model_task, takes_several_targets

SOURCE = os.environ.get("FREQAI_EXT_FREQTRADE_SOURCE", "")
MODELS = sorted(path.stem for path in Path(freqai_ext.models.__file__).parent.glob("[A-Z]*.py"))
NETWORK = {"window_candles": 8, "hidden_size": 8, "epochs": 1, "batch_size": 256, "train_stride_candles": 4}
STOCK = {
    ("regression", False): "LightGBMRegressor",
    ("regression", True): "LightGBMRegressorMultiTarget",
    ("classification", False): "LightGBMClassifier",
    ("classification", True): "LightGBMClassifierMultiTarget",
}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not Path(SOURCE, "tests", "freqai").is_dir(),
        reason="FREQAI_EXT_FREQTRADE_SOURCE names no checkout of Freqtrade with a folder tests/freqai",
    ),
]


def outcomes(model, path, task, several_targets, folder):
    """Return test -> passed, failed or skipped, of a run in the checkout, and the run's output."""
    pytest.importorskip("pytest_mock", reason="Freqtrade's tests need pytest-mock")
    ext = {"signal": {"folds": 1}, "ensemble": {"folds": 2}}
    order = {
        "model": model,
        "path": path,
        "task": task,
        "several_targets": several_targets,
        "parameters": NETWORK if "Sequence" in model else {"n_estimators": 20},
        "freqai_ext": ext if path else {},
    }
    report = folder / f"{model}.xml"
    words = ["-n", "0", "-q", "-p", "freqtrade_suite_plugin", "-p", "no:cacheprovider", "-W", "ignore"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *words, f"--junit-xml={report}", "tests/freqai"],
        cwd=SOURCE,
        env={**os.environ, "FREQAI_EXT_SUITE": json.dumps(order), "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        found[f"{case.get('classname')}::{case.get('name')}"] = outcome
    return found, run.stdout


@pytest.fixture(scope="session")
def stock_outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stock")

    @cache
    def run(task, several_targets):
        return outcomes(STOCK[task, several_targets], "", task, several_targets, folder)[0]

    return run


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("name", MODELS)
def test_freqtrades_own_tests_pass(name, stock_outcomes, tmp_path):
    model = getattr(importlib.import_module(f"freqai_ext.models.{name}"), name)
    task, several_targets = model_task(model), takes_several_targets(model)
    expected = {test for test, outcome in stock_outcomes(task, several_targets).items() if outcome == "passed"}
    assert len(expected) > (20 if task == "regression" else 1)
    # Under another name: Freqtrade's tests take everything called PyTorch for a network of theirs.
    own = name.replace("PyTorch", "Our")
    (tmp_path / f"{own}.py").write_text(
        f"from freqai_ext.models.{name} import {name} as Base\n\n\nclass {own}(Base):\n    pass\n"
    )
    found, output = outcomes(own, str(tmp_path), task, several_targets, tmp_path)
    assert {test for test in expected if found.get(test) != "passed"} == set(), output[-6000:]
