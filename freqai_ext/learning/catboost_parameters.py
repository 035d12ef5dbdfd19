"""The training parameters of CatBoost: names, fast defaults, and a check by a fit of one tree."""

import inspect
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor

from freqai_ext.learning.parameters import ParameterRules, Task, same

# `rsm` and `border_count` make a fit several times faster; `parameters` says why.
DEFAULTS = MappingProxyType(
    {"thread_count": 1, "border_count": 32, "rsm": 0.3, "verbose": False, "allow_writing_files": False}
)

# CatBoost's own synonyms: it refuses two names of one parameter.
_SYNONYMS = {
    "n_estimators": "iterations",
    "num_boost_round": "iterations",
    "num_trees": "iterations",
    "eta": "learning_rate",
    "max_depth": "depth",
    "max_bin": "border_count",
    "colsample_bylevel": "rsm",
    "reg_lambda": "l2_leaf_reg",
    "random_state": "random_seed",
    "objective": "loss_function",
    "min_child_samples": "min_data_in_leaf",
    "num_leaves": "max_leaves",
    "verbose_eval": "verbose",
}


def _quiet(verbosity: Any) -> Any:
    return bool(verbosity > 0) if isinstance(verbosity, int | float) else verbosity


_TRANSLATED = MappingProxyType({"n_jobs": ("thread_count", same), "verbosity": ("verbose", _quiet)})


@lru_cache(maxsize=2)
def rules(task: Task) -> ParameterRules:
    """Return what CatBoost accepts for a task."""
    names = set(inspect.signature(estimator_class(task).__init__).parameters) - {"self", "kwargs"}
    canonical = {name: _SYNONYMS.get(name, name) for name in names | set(_SYNONYMS)}

    def try_fit(parameters: dict[str, Any]) -> None:
        # CatBoost takes such a rate and diverges.
        if isinstance(rate := parameters.get("learning_rate"), int | float) and rate <= 0:
            raise ValueError("must be above 0")
        generator = np.random.default_rng(0)
        features = generator.normal(size=(64, 4))
        label = generator.permutation(64) % 2 if task == "classification" else generator.normal(size=64)
        estimator_class(task)(**_one_tree(parameters)).fit(features, label)

    return ParameterRules("CatBoost", DEFAULTS, canonical, try_fit, _TRANSLATED)


def estimator_class(task: Task) -> Any:
    """Return CatBoost's estimator for a task."""
    return CatBoostClassifier if task == "classification" else CatBoostRegressor


def _one_tree(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters for a probe of one tree; a count of trees that CatBoost refuses is left as it is."""
    quiet = {} if parameters.keys() & {"logging_level", "silent", "verbose"} else {"verbose": False}
    probe = {"thread_count": 1, "allow_writing_files": False, **quiet, **parameters}
    trees = probe.get("iterations", 1)
    return {**probe, "iterations": min(trees, 1) if isinstance(trees, int) else trees}
