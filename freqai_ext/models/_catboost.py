"""CatBoost as a backend: fitting and continuing."""

from typing import Any

import numpy as np
from catboost import Pool

from freqai_ext.learning.catboost_parameters import DEFAULTS, estimator_class, rules
from freqai_ext.models._backends import Rows, Task

__all__ = ["fit_one", "rules"]


def fit_one(
    task: Task, train: Rows, evaluation: Rows | None, parameters: dict[str, Any], init_model: Any, callbacks: list[Any]
) -> Any:
    """Fit one CatBoost estimator.

    As with FreqAI's LightGBM models all trees are kept unless early stopping is asked for: CatBoost's own default
    would cut the model at the best iteration on the evaluation rows.
    """
    stops_early = evaluation is not None and any(parameters.get(key) for key in ("early_stopping_rounds", "od_type"))
    parameters.setdefault("use_best_model", stops_early)
    if evaluation is None:
        for key in ("early_stopping_rounds", "od_type", "od_wait", "od_pval"):
            parameters.pop(key, None)
        parameters["use_best_model"] = False
    if parameters.keys() & {"logging_level", "silent"}:
        parameters.pop("verbose", None)
    if parameters.get("task_type") == "GPU" and parameters.get("rsm") == DEFAULTS["rsm"]:
        # The GPU implementation has no feature sampling.
        parameters.pop("rsm")
    estimator = estimator_class(task)(**parameters)
    estimator.fit(
        _pool(train),
        eval_set=None if evaluation is None else _pool(evaluation),
        init_model=init_model,
        callbacks=callbacks or None,
    )
    return estimator


def _pool(rows: Rows) -> Pool:
    # One contiguous matrix: CatBoost reads a frame column by column, which is slow for hundreds of them.
    features = np.ascontiguousarray(rows.features.to_numpy(dtype=np.float32))
    return Pool(features, label=rows.label.to_numpy(), weight=rows.weights, feature_names=list(rows.features.columns))
