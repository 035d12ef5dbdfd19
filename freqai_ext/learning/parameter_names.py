"""What the training parameters of other libraries are called, and what they say.

A parameter has a subject, whatever the library calls it: ``n_estimators``, ``iterations`` and ``num_boost_round`` say
how many trees there are. A learner names its own parameter for a subject in its :class:`Counterpart`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

Family = Literal["trees", "network", "linear"]
"""What kind of model a parameter shapes."""

_TREES: Final = {
    "trees": (
        *("n_estimators", "iterations", "num_boost_round", "num_trees", "num_iterations", "num_iteration"),
        *("num_round", "num_rounds", "nrounds", "n_iter", "max_iter"),
    ),
    "depth": ("max_depth", "depth"),
    "leaves": ("num_leaves", "num_leaf", "max_leaves", "max_leaf", "max_leaf_nodes"),
    "leaf_rows": ("min_child_samples", "min_data_in_leaf", "min_data_per_leaf", "min_data", "min_samples_leaf"),
    "leaf_weight": ("min_child_weight", "min_sum_hessian_in_leaf", "min_sum_hessian"),
    "gain": ("gamma", "min_split_loss", "min_split_gain", "min_gain_to_split"),
    "l2": ("reg_lambda", "lambda_l2", "lambda", "l2_leaf_reg", "l2_regularization"),
    "l1": ("reg_alpha", "lambda_l1", "alpha", "l1_regularization"),
    "tree_features": ("colsample_bytree", "feature_fraction", "sub_feature"),
    "level_features": ("colsample_bylevel", "rsm"),
    "node_features": ("colsample_bynode", "feature_fraction_bynode", "max_features"),
    "rows": ("subsample", "bagging_fraction", "sub_row"),
    "row_interval": ("subsample_freq", "bagging_freq"),
    "bins": ("max_bin", "max_bins", "border_count"),
    "objective": ("objective", "loss_function", "loss", "criterion"),
    "metric": ("eval_metric", "metric", "metrics"),
    "booster": ("booster", "boosting_type", "boosting"),
    "growth": ("grow_policy",),
    "tree_method": ("tree_method",),
}
_NETWORK: Final = {
    "epochs": ("n_epochs", "epochs", "max_epochs", "num_epochs"),
    "steps": ("n_steps", "max_iters", "eval_iters"),
    "batch": ("batch_size",),
    "width": ("hidden_dim", "hidden_size", "hidden"),
    "layers": ("n_layer", "n_layers", "num_layers", "layers"),
    "dropout": ("dropout_percent", "dropout"),
    "heads": ("nhead", "num_heads", "heads"),
    "window": ("time_window", "window_size", "window_candles", "conv_width"),
}
_SHARED: Final = {
    "rate": ("learning_rate", "eta", "shrinkage_rate", "lr"),
    "seed": ("random_state", "random_seed", "seed"),
    "threads": ("n_jobs", "thread_count", "num_threads", "nthread", "threads"),
    "verbosity": ("verbosity", "verbose", "verbose_eval", "silent", "logging_level"),
    "patience": ("early_stopping_rounds", "early_stopping_round", "n_iter_no_change", "od_wait", "patience_epochs"),
    "device": ("device", "device_type", "task_type"),
}

#: Parameters of trees that change how fast a model is trained or what is written meanwhile, not what it forecasts.
HARMLESS: Final = frozenset(
    {
        *("allow_writing_files", "use_best_model", "force_col_wise", "force_row_wise", "deterministic", "predictor"),
        *("validate_parameters", "importance_type", "missing", "enable_categorical", "subsample_for_bin", "nan_mode"),
        *(
            "oob_score",
            "bootstrap",
            "warm_start",
            "copy_x",
            "gpu_id",
            "devices",
            "num_parallel_tree",
            "sampling_method",
        ),
    }
)
# Further parameters of trees, for which no two libraries have a counterpart.
_MORE_OF_TREES: Final = (
    *("random_strength", "bagging_temperature", "bootstrap_type", "od_type", "od_pval", "leaf_estimation_iterations"),
    *("leaf_estimation_method", "one_hot_max_size", "model_size_reg", "extra_trees", "path_smooth", "linear_tree"),
    *("drop_rate", "max_drop", "skip_drop", "top_rate", "other_rate", "base_score", "scale_pos_weight"),
    *("class_weight", "is_unbalance", "num_class", "min_samples_split", "max_samples", "ccp_alpha", "max_delta_step"),
    *("min_impurity_decrease", "monotone_constraints", "interaction_constraints", "auto_class_weights"),
    "class_weights",
)
#: Objectives and metrics of a mean or a probability, under every library's names for them.
USUAL_LOSSES: Final = (
    *("RMSE", "reg:squarederror", "reg:linear", "regression", "regression_l2", "l2", "mse", "rmse", "squared_error"),
    *("Logloss", "CrossEntropy", "binary", "binary:logistic", "MultiClass", "multiclass", "multi:softprob"),
    *("multi:softmax", "gini", "log_loss"),
)
USUAL_METRICS: Final = (
    *USUAL_LOSSES,
    *("MAE", "mae", "l1", "logloss", "mlogloss", "binary_logloss", "multi_logloss", "AUC", "auc", "error", "merror"),
)
#: Objects that Freqtrade's torch models keep the parameters of network and trainer in.
NESTED: Final = ("trainer_kwargs", "model_kwargs")

SUBJECTS: Final[Mapping[str, str]] = MappingProxyType(
    {name: subject for table in (_TREES, _NETWORK, _SHARED) for subject, names in table.items() for name in names}
    | {name: name for name in (*HARMLESS, *_MORE_OF_TREES)}
)
"""The subject of every known name."""

_FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    dict.fromkeys((*_TREES, *HARMLESS, *_MORE_OF_TREES), "trees") | dict.fromkeys(_NETWORK, "network")  # type: ignore[arg-type]
)


class _Anything:
    """Contains every value."""

    def __contains__(self, value: object) -> bool:
        return True


ANYTHING: Final = _Anything()


def same(value: Any) -> Any:
    """Return ``value``; the conversion of a name whose values mean the same."""
    return value


@dataclass(frozen=True)
class Counterpart:
    """What a learner makes of a subject.

    Attributes
    ----------
    name
        The learner's own parameter, ``None`` where it has none.
    convert
        From the other libraries' value to that of the learner.
    neutral
        Values that change nothing here: the parameter is left out.
    remedy
        What to do where there is no own parameter.
    yields
        Whether it is left out where the own parameter is given under another name as well.
    is_unused
        Whether it is left out whatever its value, and said to be.
    """

    name: str | None = None
    convert: Callable[[Any], Any] = same
    neutral: "tuple[Any, ...] | _Anything" = ()
    remedy: str = "remove it"
    yields: bool = False
    is_unused: bool = False


LEFT_OUT: Final = Counterpart(neutral=ANYTHING)
"""For a subject that makes no difference to a learner."""


def family_of(name: str) -> Family | None:
    """Return the kind of model that a parameter speaks of, ``None`` where any may have it or the name is not known."""
    return _FAMILIES.get(SUBJECTS.get(name, ""))


def spoken(values: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return a conversion by table; what does not stand in it, stays."""
    return lambda value: values.get(value, value) if isinstance(value, str) else value
