"""The training parameters of scikit-learn's histogram boosting: names, defaults, and a check by a fit of one tree."""

import inspect
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from freqai_ext.learning.boosting import PATIENCE_ROUNDS
from freqai_ext.learning.parameter_names import LEFT_OUT, USUAL_LOSSES, USUAL_METRICS, Counterpart
from freqai_ext.learning.parameters import ParameterRules

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

_FORECAST = "follows from what is forecast; remove it"
_NAMES = {
    "max_iter": "trees",
    "learning_rate": "rate",
    "max_leaf_nodes": "leaves",
    "max_depth": "depth",
    "min_samples_leaf": "leaf_rows",
    "l2_regularization": "l2",
    "n_iter_no_change": "patience",
    "random_state": "seed",
    "n_jobs": "threads",
}
# It takes 255 bins at most, one less than the others.
_COUNTERPARTS = MappingProxyType(
    {subject: Counterpart(name) for name, subject in _NAMES.items()}
    | dict.fromkeys(("tree_features", "level_features", "node_features"), Counterpart("max_features"))
    | {
        "bins": Counterpart("max_bins", lambda bins: min(bins, 255) if isinstance(bins, int) else bins),
        "rows": Counterpart(neutral=(1,), remedy="every tree is fitted to all rows; remove it"),
        "row_interval": LEFT_OUT,
        "leaf_weight": Counterpart(neutral=(0, 1, 1e-3), remedy="write min_samples_leaf, or remove it"),
        "gain": Counterpart(neutral=(0,), remedy="max_leaf_nodes and l2_regularization bound its trees; remove it"),
        "l1": Counterpart(neutral=(0, None), remedy="its penalty is l2_regularization; remove it"),
        "objective": Counterpart(neutral=USUAL_LOSSES, remedy=_FORECAST),
        "metric": Counterpart(neutral=USUAL_METRICS, remedy=_FORECAST),
        "booster": Counterpart(neutral=("gbtree", "gbdt"), remedy="its trees are boosted plainly; remove it"),
        "growth": Counterpart(neutral=("lossguide", "Lossguide"), remedy="its trees grow leaf by leaf; remove it"),
        "tree_method": Counterpart(neutral=("auto", "hist", "approx", "exact"), remedy="it runs on the CPU; remove it"),
        "device": Counterpart(neutral=("cpu", "CPU"), remedy="it runs on the CPU; write 'cpu', or remove it"),
    }
)
# Other libraries mean "no limit" by these.
_NEUTRAL = MappingProxyType({"max_depth": (-1, 0), "max_leaf_nodes": (0,)})

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
    canonical = {name: name for name in own | {"n_jobs"}}
    return ParameterRules(
        "HistGradientBoosting",
        DEFAULTS,
        canonical,
        _try_fit,
        MappingProxyType({"verbosity": ("verbose", _verbosity)}),
        _REFUSED,
        counterparts=_COUNTERPARTS,
        neutral=_NEUTRAL,
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
