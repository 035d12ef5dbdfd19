"""LightGBM as a backend: fitting and continuing."""

from typing import Any

import numpy as np
import pandas as pd

from freqai_ext.learning.lightgbm_parameters import estimator_class, evaluation_arguments, rules
from freqai_ext.models._backends import Rows, Task

__all__ = ["fit_one", "rules"]


def fit_one(
    task: Task, train: Rows, evaluation: Rows | None, parameters: dict[str, Any], init_model: Any, callbacks: list[Any]
) -> Any:
    """Fit one LightGBM estimator; all trees are kept unless early stopping is asked for.

    The features are named by their position: LightGBM refuses names with ``[ ] { } : , "`` and takes two that differ
    in a blank for the same. The strategy's names are left in the attribute ``feature_names_``.
    """
    if evaluation is None:
        parameters.pop("early_stopping_round", None)
    estimator = estimator_class(task)(**parameters)
    evaluated = (
        {}
        if evaluation is None
        else evaluation_arguments(_by_position(evaluation.features), evaluation.label, evaluation.weights)
    )
    if task == "classification" and "eval_y" in evaluated:
        # LightGBM 4.7 encodes the classes of `eval_set` but not those of `eval_y`.
        evaluated["eval_y"] = (np.searchsorted(np.unique(train.label), evaluated["eval_y"][0]),)
    estimator.fit(
        _by_position(train.features),
        train.label,
        sample_weight=train.weights,
        init_model=init_model,
        callbacks=callbacks or None,
        **evaluated,
    )
    estimator.feature_names_ = list(train.features.columns)
    return estimator


def _by_position(features: pd.DataFrame) -> pd.DataFrame:
    return features.set_axis([f"f{number}" for number in range(features.shape[1])], axis=1)
