"""Fitting one estimator per target."""

from typing import Any

import numpy as np
import numpy.typing as npt
from freqtrade.freqai.base_models.FreqaiMultiOutputClassifier import FreqaiMultiOutputClassifier
from freqtrade.freqai.base_models.FreqaiMultiOutputRegressor import FreqaiMultiOutputRegressor
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from joblib import Parallel, delayed

from freqai_ext.models._boosting import BoostingModel


class MultiTargetClassifier(FreqaiMultiOutputClassifier):
    """FreqAI's multi-output holder, for estimators whose class predictions are columns, as CatBoost's may be."""

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the classes, shape (rows, targets)."""
        return np.column_stack([np.ravel(estimator.predict(X)) for estimator in self.estimators_])


def fit_targets(model: BoostingModel, data: dict[str, Any], dk: FreqaiDataKitchen) -> Any:
    """Return FreqAI's own multi-output holder, filled with one estimator per target.

    The estimators are fitted in parallel threads where ``freqai.multitarget_parallel_training`` is set. With
    continual learning each continues from the estimator of the same target.

    Raises
    ------
    ValueError
        Where two targets of a classifier share a class name; FreqAI names its probability columns by class.
    """
    count = data["train_labels"].shape[1]
    former = model.get_init_model(dk.pair)
    init_models = list(getattr(former, "estimators_", ())) or [None] * count
    workers = count if model.freqai_info.get("multitarget_parallel_training", False) else 1
    estimators = Parallel(n_jobs=workers, prefer="threads")(
        delayed(model.fit_target)(data, dk, target, init_models[target]) for target in range(count)
    )
    holder = MultiTargetClassifier if model.task == "classification" else FreqaiMultiOutputRegressor
    fitted = holder(estimator=estimators[0], n_jobs=1)
    fitted.estimators_ = estimators
    if model.task == "classification":
        fitted.classes_ = _distinct_classes(estimators)
    return fitted


def _distinct_classes(estimators: list[Any]) -> list[Any]:
    classes = [name for estimator in estimators for name in estimator.classes_]
    shared = sorted({name for name in classes if classes.count(name) > 1})
    if shared:
        raise ValueError(
            f"set_freqai_targets: the class names {', '.join(shared)} occur in more than one target; "
            "give every class of every target its own name, e.g. 'buy_yes' and 'sell_yes'"
        )
    return classes
