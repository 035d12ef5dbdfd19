"""The training parameters of CatBoost: names, fast defaults, and a check by a fit of one tree."""

import inspect
import math
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor
from catboost.utils import get_gpu_device_count

from freqai_ext.learning.parameter_names import LEFT_OUT, Counterpart, same, spoken
from freqai_ext.learning.parameters import ParameterRules, Task

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
    "verbose_eval": "verbose",
}


def _quiet(verbosity: Any) -> Any:
    return bool(verbosity > 0) if isinstance(verbosity, int | float) else verbosity


def _depth_of(leaves: Any) -> Any:
    """Return the depth of a symmetric tree with about so many leaves."""
    return max(1, round(math.log2(leaves))) if isinstance(leaves, int | float) and leaves > 1 else leaves


_TRANSLATED = MappingProxyType({"n_jobs": ("thread_count", same), "verbosity": ("verbose", _quiet)})

_COUNTERPARTS = MappingProxyType(
    {
        "trees": Counterpart("iterations"),
        "rate": Counterpart("learning_rate"),
        "leaves": Counterpart("depth", _depth_of, yields=True),
        "leaf_rows": Counterpart("min_data_in_leaf"),
        "leaf_weight": Counterpart(
            neutral=(0, 1, 1e-3), remedy="write min_data_in_leaf with grow_policy 'Lossguide', or remove it"
        ),
        "gain": Counterpart(neutral=(0,), remedy="depth and l2_leaf_reg bound its trees; remove it"),
        "l1": Counterpart(neutral=(0, None), remedy="its penalty is l2_leaf_reg; remove it"),
        "l2": Counterpart("l2_leaf_reg"),
        "tree_features": Counterpart("rsm"),
        "node_features": Counterpart("rsm"),
        "rows": Counterpart("subsample"),
        "row_interval": LEFT_OUT,
        "bins": Counterpart("border_count"),
        "seed": Counterpart("random_seed"),
        "threads": Counterpart("thread_count"),
        "verbosity": Counterpart("verbose", _quiet),
        "patience": Counterpart("early_stopping_rounds"),
        "objective": Counterpart("loss_function"),
        "metric": Counterpart("eval_metric"),
        "booster": Counterpart(neutral=("gbtree", "gbdt"), remedy="its trees are boosted plainly; remove it"),
        "device": Counterpart("task_type"),
        "tree_method": Counterpart("task_type", lambda method: "GPU" if method == "gpu_hist" else method),
        "extra_trees": Counterpart(neutral=(False,)),
        "linear_tree": Counterpart(neutral=(False,)),
        "path_smooth": Counterpart(neutral=(0,)),
        "base_score": Counterpart(neutral=(None, 0.5)),
        "max_delta_step": Counterpart(neutral=(0,)),
    }
)
_LOSSES = {
    **dict.fromkeys(
        ("reg:squarederror", "reg:linear", "regression", "regression_l2", "l2", "mse", "rmse", "squared_error"), "RMSE"
    ),
    **dict.fromkeys(("reg:absoluteerror", "regression_l1", "l1", "mae", "absolute_error"), "MAE"),
    **dict.fromkeys(("binary", "binary:logistic", "logloss", "binary_logloss"), "Logloss"),
    **dict.fromkeys(("multiclass", "multi:softprob", "multi:softmax", "mlogloss", "multi_logloss"), "MultiClass"),
    "auc": "AUC",
}
_DEVICES = {"cpu": "CPU", "gpu": "GPU", "cuda": "GPU", "cuda:0": "GPU"}
_VALUES = MappingProxyType(
    {
        "loss_function": spoken(_LOSSES),
        "eval_metric": spoken(_LOSSES),
        "task_type": spoken(_DEVICES),
        # Other libraries mean "never" by 0, which CatBoost refuses.
        "early_stopping_rounds": lambda rounds: rounds or None,
        "boosting_type": spoken({"gbdt": "Plain"}),
        "grow_policy": spoken({"depthwise": "Depthwise", "lossguide": "Lossguide"}),
    }
)
# No limit of depth is what a limit of 6, CatBoost's own, comes closest to.
_NEUTRAL = MappingProxyType(
    {
        "depth": (-1, 0, None),
        "max_leaves": (0,),
        "tree_method": ("auto", "exact", "approx", "hist"),
    }
)


@lru_cache(maxsize=2)
def rules(task: Task) -> ParameterRules:
    """Return what CatBoost accepts for a task."""
    names = set(inspect.signature(estimator_class(task).__init__).parameters) - {"self", "kwargs"}
    # Its symmetric trees have a depth; `num_leaves`, a synonym of `max_leaves`, it would refuse.
    canonical = {name: _SYNONYMS.get(name, name) for name in (names | set(_SYNONYMS)) - {"num_leaves"}}

    def try_fit(parameters: dict[str, Any]) -> None:
        # CatBoost takes such a rate and diverges.
        if isinstance(rate := parameters.get("learning_rate"), int | float) and rate <= 0:
            raise ValueError("must be above 0")
        if parameters.get("task_type") == "GPU" and not get_gpu_device_count():
            raise ValueError("no CUDA device")
        generator = np.random.default_rng(0)
        features = generator.normal(size=(64, 4))
        label = generator.permutation(64) % 2 if task == "classification" else generator.normal(size=64)
        estimator_class(task)(**_one_tree(parameters)).fit(features, label)

    return ParameterRules(
        "CatBoost",
        DEFAULTS,
        canonical,
        try_fit,
        _TRANSLATED,
        counterparts=_COUNTERPARTS,
        values=_VALUES,
        neutral=_NEUTRAL,
    )


def estimator_class(task: Task) -> Any:
    """Return CatBoost's estimator for a task."""
    return CatBoostClassifier if task == "classification" else CatBoostRegressor


def _one_tree(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters for a probe of one tree; a count of trees that CatBoost refuses is left as it is."""
    quiet = {} if parameters.keys() & {"logging_level", "silent", "verbose"} else {"verbose": False}
    probe = {"thread_count": 1, "allow_writing_files": False, **quiet, **parameters}
    trees = probe.get("iterations", 1)
    return {**probe, "iterations": min(trees, 1) if isinstance(trees, int) else trees}
