"""The boosting libraries behind our models, under one interface.

A :class:`Backend` builds and fits one estimator for one target. A target that is constant over the training window
(no -5 % move in a calm fortnight, say) gets scikit-learn's dummy estimator, which predicts what was seen, where the
libraries would raise and FreqAI would fall back on zeros for *all* targets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from freqai_ext.learning.parameters import ParameterRules, Task, complete_parameters, fitting_parameters

__all__ = ["Backend", "FitOne", "Rows", "Task", "backend"]


@dataclass(frozen=True)
class Rows:
    """Rows of one target: features of shape (n, p), label of shape (n,), weights of shape (n,)."""

    features: pd.DataFrame
    label: pd.Series
    weights: npt.NDArray[np.float64]

    def where(self, keep: pd.Series) -> "Rows":
        """Return the rows marked in ``keep``."""
        return self if keep.all() else Rows(self.features[keep], self.label[keep], self.weights[keep.to_numpy()])


class FitOne(Protocol):
    """Fit one estimator of the library."""

    def __call__(
        self,
        task: Task,
        train: Rows,
        evaluation: Rows | None,
        parameters: dict[str, Any],
        init_model: Any,
        callbacks: list[Any],
    ) -> Any: ...


@dataclass(frozen=True)
class Backend:
    """A boosting library: its name, its parameters, and how to fit one estimator."""

    name: str
    rules: Callable[[Task], ParameterRules]
    fit_one: FitOne

    def fitting(self, given: Mapping[str, Any], task: Task) -> dict[str, Any]:
        """Return the user's training parameters under the library's names, without those of other kinds of model."""
        return fitting_parameters(given, self.rules(task))

    def complete(self, given: Mapping[str, Any], task: Task) -> dict[str, Any]:
        """Return the user's training parameters, checked and completed with fast defaults."""
        return complete_parameters(given, self.rules(task))

    def fit(
        self,
        task: Task,
        train: Rows,
        evaluation: Rows | None,
        parameters: dict[str, Any],
        init_model: Any = None,
        callbacks: list[Any] | None = None,
    ) -> Any:
        """Return a fitted estimator; one that predicts the constant where the label is constant.

        ``init_model`` is the estimator to continue from. It is ignored where it cannot be continued: a dummy, one
        of another library, or a classifier of other classes.
        """
        if train.label.nunique() < 2:
            return _constant(task, train)
        if task == "classification" and evaluation is not None:
            evaluation = evaluation.where(evaluation.label.isin(train.label.unique()))
        if evaluation is not None and evaluation.features.empty:
            evaluation = None
        if not _continues(init_model, task, train):
            init_model = None
        return self.fit_one(task, train, evaluation, dict(parameters), init_model, callbacks or [])


def backend(name: Literal["lightgbm", "catboost"]) -> Backend:
    """Return the backend called ``name``; its library is imported only now."""
    if name == "catboost":
        from freqai_ext.models import _catboost as library
    else:
        from freqai_ext.models import _lightgbm as library  # type: ignore[no-redef]
    return Backend(name, library.rules, library.fit_one)


def _constant(task: Task, train: Rows) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    estimator = DummyClassifier(strategy="prior") if task == "classification" else DummyRegressor()
    return estimator.fit(train.features, train.label, sample_weight=train.weights)


def _continues(init_model: Any, task: Task, train: Rows) -> bool:
    if init_model is None or type(init_model).__module__.startswith("sklearn.dummy"):
        return False
    if task == "classification":
        return set(getattr(init_model, "classes_", ())) == set(train.label.unique())
    return True
