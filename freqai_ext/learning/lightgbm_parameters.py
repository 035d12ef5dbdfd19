"""The training parameters of LightGBM: names, fast defaults, and a check by a fit of one tree."""

import inspect
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from lightgbm.basic import _ConfigAliases

from freqai_ext.learning.parameter_names import LEFT_OUT, Counterpart, same, spoken
from freqai_ext.learning.parameters import ParameterRules, Task

# `max_bin` and `colsample_bytree` make a fit several times faster; `parameters` says why.
DEFAULTS = MappingProxyType({"n_jobs": 1, "max_bin": 63, "colsample_bytree": 0.3, "verbosity": -1})

_TRANSLATED = MappingProxyType(
    {
        "iterations": ("n_estimators", same),
        "depth": ("max_depth", same),
        "thread_count": ("n_jobs", same),
    }
)

_COUNTERPARTS = MappingProxyType(
    {
        "trees": Counterpart("n_estimators"),
        "rate": Counterpart("learning_rate"),
        "depth": Counterpart("max_depth"),
        "leaves": Counterpart("num_leaves"),
        "leaf_rows": Counterpart("min_child_samples"),
        "gain": Counterpart("min_split_gain"),
        "l1": Counterpart("reg_alpha"),
        "l2": Counterpart("reg_lambda"),
        "level_features": Counterpart("feature_fraction_bynode"),
        "node_features": Counterpart("feature_fraction_bynode"),
        "bins": Counterpart("max_bin"),
        "seed": Counterpart("random_state"),
        "threads": Counterpart("n_jobs"),
        "verbosity": LEFT_OUT,
        "patience": Counterpart("early_stopping_round"),
        "objective": Counterpart("objective"),
        "metric": Counterpart("metric"),
        "booster": Counterpart("boosting_type"),
        "growth": Counterpart(
            neutral=("lossguide", "Lossguide"), remedy="its trees grow leaf by leaf; write num_leaves, or remove it"
        ),
        "device": Counterpart("device_type"),
        "tree_method": Counterpart("device_type", lambda method: "gpu" if method == "gpu_hist" else method),
        "bootstrap_type": Counterpart(neutral=("No",), remedy="write subsample and subsample_freq, or remove it"),
        "bagging_temperature": Counterpart(remedy="write subsample and subsample_freq, or remove it"),
        "base_score": Counterpart(neutral=(None, 0.5)),
    }
)
_LOSSES = {
    **dict.fromkeys(("reg:squarederror", "reg:linear", "RMSE", "squared_error"), "regression"),
    **dict.fromkeys(("reg:absoluteerror", "MAE", "absolute_error"), "regression_l1"),
    **dict.fromkeys(("binary:logistic", "Logloss", "CrossEntropy"), "binary"),
    **dict.fromkeys(("multi:softprob", "multi:softmax", "MultiClass"), "multiclass"),
}
_METRICS = {"RMSE": "rmse", "MAE": "mae", "AUC": "auc", "Logloss": "binary_logloss", "logloss": "binary_logloss"}
_METRICS |= {"MultiClass": "multi_logloss", "mlogloss": "multi_logloss"}
_DEVICES = {"CPU": "cpu", "GPU": "gpu", "cuda:0": "cuda"}
_VALUES = MappingProxyType(
    {
        "objective": spoken(_LOSSES),
        "metric": spoken(_METRICS),
        "boosting_type": spoken({"gbtree": "gbdt", "Plain": "gbdt"}),
        "device_type": spoken(_DEVICES),
        "verbosity": lambda verbosity: (1 if verbosity else -1) if isinstance(verbosity, bool) else verbosity,
    }
)
_NEUTRAL = MappingProxyType(
    {"tree_method": ("auto", "exact", "approx", "hist"), "num_leaves": (0,), "max_delta_step": (0,)}
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

    return ParameterRules(
        "LightGBM",
        DEFAULTS,
        _canonical_names(),
        try_fit,
        _TRANSLATED,
        counterparts=_COUNTERPARTS,
        values=_VALUES,
        neutral=_NEUTRAL,
    )


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
    # LightGBM's task is to train; CatBoost's is the device.
    return {name: target for name, target in canonical.items() if target != "task"}
