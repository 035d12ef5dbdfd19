"""Pytest plugin with which Freqtrade's own tests of FreqAI run on one of our models.

It is loaded by ``test_freqtrade_suite.py`` in a process of its own. A checkout may be older than the Freqtrade that is
installed; what its tests import beside FreqAI and is gone since is stood in for.
"""

import importlib
import json
import os
import sys
import types

import pytest

OLD_MODULES = {"freqtrade.edge": ("PairInfo",)}

ORDER = json.loads(os.environ["FREQAI_EXT_SUITE"])
"""``model`` and ``path``, where its class is; ``task`` and ``several_targets``; ``parameters``; ``freqai_ext``."""

for name, attributes in OLD_MODULES.items():
    try:
        importlib.import_module(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(dict.fromkeys(attributes, object))


def pytest_collection_modifyitems(config, items):
    """Give our model to each test that names one of Freqtrade's of the same kind, once for each of its other values."""
    kept, left_out, seen = [], [], set()
    for item in items:
        values = item.callspec.params if hasattr(item, "callspec") else {}
        stock = values.get("model")
        rest = tuple((name, str(value)) for name, value in values.items() if name != "model")
        key = (item.originalname, *rest)
        if _fits(stock, values.get("strat", "")) and key not in seen:
            seen.add(key)
            kept.append(item)
            if stock:
                values["model"] = ORDER["model"]
        else:
            left_out.append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


@pytest.fixture(autouse=True)
def _our_model(request):
    if "freqai_conf" not in request.fixturenames:
        return
    conf = request.getfixturevalue("freqai_conf")
    conf["freqaimodel"] = ORDER["model"]
    conf["freqaimodel_path"] = ORDER["path"] or conf["freqaimodel_path"]
    # One of the tests adds to it.
    conf["freqai"]["model_training_parameters"] = dict(ORDER["parameters"])
    conf["freqai_ext"] = ORDER["freqai_ext"]


def _fits(stock, strategy):
    if stock is None:
        # These take the strategy of one number.
        return ORDER["task"] == "regression"
    if "Reinforcement" in stock or "PyTorch" in stock:
        return False
    if ("Classifier" in stock) != (ORDER["task"] == "classification"):
        return False
    return "multimodel" not in strategy or ORDER["several_targets"]
