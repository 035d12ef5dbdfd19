"""The training parameters of scikit-learn's histogram boosting: names, defaults, and a check by a fit of one tree."""

import inspect
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from freqai_ext.learning.boosting import PATIENCE_ROUNDS
from freqai_ext.learning.parameters import ParameterRules, same

# Small trees, slow steps, strong regularisation: what a return forecast can be trusted with. `max_features` and
# `min_samples_leaf` depend on the rows, see `boosting`. Fewer and larger steps than elsewhere: scikit-learn looks at
# all features, whatever `max_features` says, so that a tree takes long.
DEFAULTS = MappingProxyType(
    {
        "max_iter": 100,
        "learning_rate": 0.05,
        "max_leaf_nodes": 15,
        "l2_regularization": 1.0,
        "max_bins": 63,
        "n_iter_no_change": PATIENCE_ROUNDS,
        "random_state": 0,
        "n_jobs": 1,
    }
)

_NAMES = {
    "max_iter": ("n_estimators", "iterations", "num_boost_round", "num_trees"),
    "learning_rate": ("eta",),
    "max_leaf_nodes": ("num_leaves", "max_leaves"),
    "max_depth": ("depth",),
    "min_samples_leaf": ("min_child_samples", "min_data_in_leaf"),
    "l2_regularization": ("reg_lambda", "lambda_l2", "l2_leaf_reg"),
    "max_features": ("colsample_bynode", "colsample_bytree", "feature_fraction", "rsm"),
    "max_bins": ("max_bin", "border_count"),
    "n_iter_no_change": ("early_stopping_rounds", "early_stopping_round"),
    "random_state": ("random_seed", "seed"),
    "n_jobs": ("thread_count", "num_threads"),
}

_REFUSED = MappingProxyType(
    dict.fromkeys(
        ("loss", "quantile", "scoring", "validation_fraction", "categorical_features", "warm_start"),
        "follows from what is forecast, so it cannot be set here; remove it",
    )
    | {"early_stopping": "follows from the evaluation rows; write n_iter_no_change instead, 0 for none"}
)


def _verbosity(verbosity: Any) -> Any:
    return max(verbosity, 0) if isinstance(verbosity, int) else verbosity


@lru_cache(maxsize=1)
def rules() -> ParameterRules:
    """Return what the histogram boosting accepts."""
    own = set(inspect.signature(HistGradientBoostingRegressor.__init__).parameters) - {"self"}
    translated = {other: (name, same) for name, others in _NAMES.items() for other in others}
    canonical = {name: name for name in own | {"n_jobs"}}
    return ParameterRules(
        "HistGradientBoosting",
        DEFAULTS,
        canonical,
        _try_fit,
        MappingProxyType(translated | {"verbosity": ("verbose", _verbosity)}),
        _REFUSED,
    )


def _try_fit(parameters: dict[str, Any]) -> None:
    # Without a state of its own it would draw from the process-wide one.
    probe = {"random_state": 0, **parameters}
    threads = probe.pop("n_jobs", 1)
    if not (threads is None or (isinstance(threads, int) and threads != 0)):
        raise ValueError("write a number of threads, or -1 for all")
    if not probe.get("n_iter_no_change"):
        probe.pop("n_iter_no_change", None)
    trees = probe.get("max_iter", 1)
    probe["max_iter"] = min(trees, 1) if isinstance(trees, int) else trees
    generator = np.random.default_rng(0)
    HistGradientBoostingRegressor(**probe).fit(generator.normal(size=(64, 4)), generator.normal(size=64))
