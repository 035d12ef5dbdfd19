"""The training parameters of LightGBM: names, fast defaults, and a check by a fit of one tree."""

import inspect
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from lightgbm.basic import _ConfigAliases

from freqai_ext.learning.parameters import ParameterRules, Task, same

# `max_bin` and `colsample_bytree` make a fit several times faster; `parameters` says why.
DEFAULTS = MappingProxyType({"n_jobs": 1, "max_bin": 63, "colsample_bytree": 0.3, "verbosity": -1})

_TRANSLATED = MappingProxyType(
    {
        "iterations": ("n_estimators", same),
        "depth": ("max_depth", same),
        "thread_count": ("n_jobs", same),
    }
)


@lru_cache(maxsize=2)
def rules(task: Task) -> ParameterRules:
    """Return what LightGBM accepts for a task."""

    def try_fit(parameters: dict[str, Any]) -> None:
        generator = np.random.default_rng(0)
        features = generator.normal(size=(64, 4))
        label = generator.permutation(64) % 2 if task == "classification" else generator.normal(size=64)
        probe = {"n_jobs": 1, "verbosity": -1, **parameters}
        if not (isinstance(trees := probe.get("n_estimators"), int) and trees < 1):
            probe["n_estimators"] = 1 if isinstance(trees, int | None) else trees
        held_out = evaluation_arguments(features[48:], label[48:], None) if probe.get("early_stopping_round") else {}
        estimator_class(task)(**probe).fit(features[:48], label[:48], **held_out)

    return ParameterRules("LightGBM", DEFAULTS, _canonical_names(), try_fit, _TRANSLATED)


def estimator_class(task: Task) -> Any:
    """Return LightGBM's estimator for a task."""
    return LGBMClassifier if task == "classification" else LGBMRegressor


def evaluation_arguments(features: Any, label: Any, weights: Any) -> dict[str, Any]:
    """Return the arguments of an estimator's ``fit`` that name the evaluation rows."""
    arguments: dict[str, Any] = {"eval_sample_weight": None if weights is None else [weights]}
    # LightGBM 4.7 renamed the argument and warns on the old name.
    if "eval_X" in inspect.signature(LGBMRegressor.fit).parameters:
        return {**arguments, "eval_X": (features,), "eval_y": (label,)}
    return {**arguments, "eval_set": [(features, label)]}


def _canonical_names() -> dict[str, str]:
    """Map every name and alias of LightGBM to scikit-learn's name where there is one, else to LightGBM's own."""
    sklearn_names = set(inspect.signature(LGBMRegressor.__init__).parameters) - {"self", "kwargs"}
    canonical = {name: name for name in sklearn_names}
    for name, aliases in _ConfigAliases._get_all_param_aliases().items():
        group = {name, *aliases}
        target = next(iter(sorted(group & sklearn_names)), name)
        canonical |= dict.fromkeys(group, target)
    return canonical
