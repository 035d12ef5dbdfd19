"""Models that are one boosted estimator per target."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from freqai_ext.config import ExtSettings
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.models._backend_learner import BackendLearner
from freqai_ext.models._backends import Backend, Rows, backend
from freqai_ext.models._base import ExtModel
from freqai_ext.models._tuned_learners import Tuner
from freqai_ext.signals.folds import purged_folds

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen


class BoostingModel(ExtModel):
    """Completes the training parameters with fast defaults and fits the estimators; place it before a FreqAI base."""

    backend: Backend

    def checked_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters, checked and completed with fast defaults, one thread per worker among them."""
        self.backend = backend(self.backend_name(self.ext_settings))
        self._given = self.backend.fitting(given, self.task)
        self._tuner = Tuner(self.ext_settings.tuning, given)
        return self.backend.complete(self._given, self.task)

    def backend_name(self, settings: ExtSettings) -> Literal["lightgbm", "catboost"]:
        """Return the boosting library that this model uses."""
        return "catboost"

    def train_rows(self, data: Mapping[str, Any], target: int) -> Rows:
        """Return the training rows of one target from FreqAI's data dictionary."""
        return Rows(data["train_features"], data["train_labels"].iloc[:, target], data["train_weights"])

    def evaluation_rows(self, data: Mapping[str, Any], target: int) -> Rows | None:
        """Return the held-out rows of one target, or ``None`` where the user holds none out."""
        if self.freqai_info.get("data_split_parameters", {}).get("test_size", 0.1) == 0:
            return None
        return Rows(data["test_features"], data["test_labels"].iloc[:, target], data["test_weights"])

    def require_one_target(self, data: Mapping[str, Any]) -> None:
        """Raise where a model of one target was given several."""
        targets = list(data["train_labels"].columns)
        if len(targets) > 1:
            name = type(self).__name__
            raise ValueError(f"{name} learns one target and got {', '.join(targets)}; use {name}MultiTarget")

    def fit_target(
        self, data: Mapping[str, Any], dk: "FreqaiDataKitchen", target: int = 0, init_model: Any = None
    ) -> Any:
        """Return the estimator of one target, fitted by the backend."""
        train = self.train_rows(data, target)
        return self.backend.fit(
            self.task,
            train,
            self.evaluation_rows(data, target),
            self._searched_parameters(train, dk),
            init_model,
            self._callbacks(dk),
        )

    def _searched_parameters(self, train: Rows, dk: "FreqaiDataKitchen") -> dict[str, Any]:
        """Return the training parameters of one target, searched on purged folds where the settings ask for it.

        FreqAI's rows carry no dates here, so their order stands for time: a row left out for a missing feature makes
        the purge longer, not shorter. Of several classes the most frequent is told from the others.
        """
        if not self._tuner.enabled or train.label.nunique() < 2:
            return self.model_training_parameters
        label, head = train.label.to_numpy(), Head("distribution")
        if self.task == "classification":
            label, head = (train.label == train.label.mode()[0]).to_numpy(), Head("probability")
        number = np.arange(len(label))
        design = Design(
            np.ascontiguousarray(train.features.to_numpy(np.float32)), tuple(train.features.columns), 0 * number
        )
        examples = Examples(design, number, label.astype(np.float64), np.asarray(train.weights, dtype=np.float64))
        horizon = max(int(self.ft_params.get("label_period_candles", 0)), 1)
        folds = purged_folds(number, number + horizon, self.ext_settings.tuning.folds, timedelta(0))

        def parameters(found: Mapping[str, Any]) -> dict[str, Any]:
            return self.backend.complete({**self._given, **found}, self.task)

        found = self._tuner.parameters(
            lambda found: BackendLearner(self.backend, parameters(found)),
            head,
            examples,
            folds,
            subject=f"{dk.pair} {train.label.name}",
            folder=dk.data_path,
            metadata=dk.data,
        )
        return parameters(found)

    def _callbacks(self, dk: "FreqaiDataKitchen") -> list[Any]:
        # FreqAI writes a TensorBoard log for every LightGBM fit unless told not to; we write it when told to.
        if self.backend.name != "lightgbm" or not self.freqai_info.get("activate_tensorboard", False):
            return []
        from freqtrade.freqai.tensorboard import LightGBMCallback

        return [LightGBMCallback(dk.data_path, True)] if LightGBMCallback is not None else []
