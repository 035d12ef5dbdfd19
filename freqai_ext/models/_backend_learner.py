"""One boosted estimator as a learner, so that its parameters can be searched."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Fitted, Head
from freqai_ext.models._backends import Backend, Rows, Task


@dataclass(frozen=True, eq=False)
class FittedEstimator:
    """An estimator of a boosting library; all of its trees count."""

    estimator: Any
    is_probability: bool
    rounds: tuple[int, ...] = ()
    curves: tuple[NDArray[np.float64], ...] = ()

    def at(self, rounds: tuple[int, ...]) -> "FittedEstimator":
        """Return itself."""
        return self

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the number, or the probability of 1, shape ``(rows, 1)``."""
        features = pd.DataFrame(design.matrix[rows], columns=list(design.names))
        if not self.is_probability:
            return np.asarray(self.estimator.predict(features), dtype=np.float64).reshape(-1, 1)
        chances = np.asarray(self.estimator.predict_proba(features), dtype=np.float64)
        hit = np.flatnonzero(np.asarray(self.estimator.classes_, dtype=float) == 1.0)
        return chances[:, hit] if len(hit) else np.full((len(rows), 1), 1e-9)

    def importance(self) -> NDArray[np.float64] | None:
        """Return ``None``: nobody asks a trial for it."""
        return None


@dataclass(frozen=True, eq=False)
class BackendLearner:
    """Fits what the boosting models fit, with the parameters that they use."""

    backend: Backend
    parameters: Mapping[str, Any]
    history_rows: int = 0

    @property
    def name(self) -> str:
        """The library."""
        return self.backend.name

    def fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None = None,
        rounds: tuple[int, ...] | None = None,
        former: Fitted | None = None,
    ) -> FittedEstimator:
        """Return the estimator of the mean or of the probability; quantiles are not learnt."""
        task: Task = "classification" if head.kind == "probability" else "regression"
        features = pd.DataFrame(train.features, columns=list(train.design.names))
        rows = Rows(features, pd.Series(train.label), train.weight)
        estimator = self.backend.fit(task, rows, None, dict(self.parameters))
        return FittedEstimator(estimator, head.kind == "probability")
