"""Gradient boosting by scikit-learn."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from freqai_ext.learning.boosting import (
    Part,
    best_round,
    feature_share,
    gain_shares,
    leaf_rows,
    parts_of,
    rounds_of_parts,
    truncated,
)
from freqai_ext.learning.constant import constant_of
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.hist_gradient_boosting_parameters import rules as learner_rules
from freqai_ext.learning.learner import Fitted, Head
from freqai_ext.learning.parameters import complete_parameters
from freqai_ext.learning.quantile_bins import QuantileBins
from freqai_ext.learning.threads import at_most_threads
from freqai_ext.learning.weighted_rows import weighted_evaluation, weighted_rows


@dataclass(frozen=True)
class HistGradientBoostingLearner:
    """Boosted trees that fit the mean by least squares, each quantile by pinball loss, a probability by log loss.

    A former model is never continued: scikit-learn bins the features again for each fit.

    Attributes
    ----------
    parameters
        scikit-learn's parameters and ``n_jobs``, completed. Without ``max_features`` and ``min_samples_leaf`` these
        follow from the rows.
    name, history_rows
        See :class:`~freqai_ext.learning.learner.Learner`.
    """

    parameters: Mapping[str, Any]
    name: str = field(default="hist_gradient_boosting", init=False)
    history_rows: int = field(default=0, init=False)

    @classmethod
    def from_parameters(cls, given: Mapping[str, Any]) -> "HistGradientBoostingLearner":
        """Return the learner of the user's training parameters.

        Raises
        ------
        SettingsError
            For a name or value that scikit-learn refuses, or that is not the user's to set.
        """
        return cls(complete_parameters(given, learner_rules()))

    def fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None = None,
        rounds: tuple[int, ...] | None = None,
        former: Fitted | None = None,  # noqa: ARG002
    ) -> Fitted:
        """Return what was learnt from ``train``; see :class:`~freqai_ext.learning.learner.Learner`."""
        train, evaluation = weighted_rows(train), weighted_evaluation(evaluation)
        if constant := constant_of(head, train):
            return constant
        parameters = self._parameters(train)
        threads = int(parameters.pop("n_jobs", None) or 1)
        patience = int(parameters.pop("n_iter_no_change", None) or 0)
        stops_early = rounds is None and evaluation is not None and patience > 0
        parts = parts_of(head)
        most = rounds_of_parts(rounds, parameters.pop("max_iter"), len(parts))
        categories = _categories(train, parameters["max_bins"])
        # scikit-learn takes far longer to bin weighted rows than to grow the trees, and does so for each part.
        bins = QuantileBins.measure(train.features, parameters["max_bins"], categories)
        features = bins.numbers(train.features)
        watched = {} if evaluation is None else _watched(evaluation, bins)

        models, curves = [], []
        for part, trees in zip(parts, most, strict=True):
            estimator = _estimator(part)(
                **parameters,
                max_iter=trees,
                categorical_features=list(categories) or None,
                early_stopping=bool(watched),
                # Watched even where nothing may stop it, for the curve.
                n_iter_no_change=patience if stops_early else trees + 1,
            )
            with at_most_threads(threads, "openmp"):
                estimator.fit(features, train.label, sample_weight=train.weight, **watched)
            models.append(estimator)
            if watched:
                # The first value is that of no tree; scikit-learn's score is the negative loss.
                curves.append(-np.asarray(estimator.validation_score_[1:], dtype=np.float64))
        return FittedHistGradientBoosting(
            head=head,
            bins=bins,
            models=tuple(models),
            trained=tuple(len(curve) for curve in curves) or most,
            rounds=tuple(best_round(curve) for curve in curves) if stops_early else most,
            curves=tuple(curves),
            threads=threads,
        )

    def _parameters(self, train: Examples) -> dict[str, Any]:
        return {
            "max_features": feature_share(train.design.matrix.shape[1]),
            "min_samples_leaf": leaf_rows(len(train)),
            "tol": 0.0,
            **self.parameters,
        }


@dataclass(frozen=True, eq=False)
class FittedHistGradientBoosting:
    """Boosted trees for each part of a head; see :class:`~freqai_ext.learning.learner.Fitted`.

    Attributes
    ----------
    head
        What was asked for.
    bins
        Those of the features.
    models
        scikit-learn's estimator of each part, with all trees that were trained.
    trained
        Rounds trained of each part.
    rounds
        Rounds used of each part.
    curves
        See the protocol.
    threads
        Threads that a prediction may use.
    """

    head: Head
    bins: QuantileBins
    models: tuple[Any, ...]
    trained: tuple[int, ...]
    rounds: tuple[int, ...]
    curves: tuple[NDArray[np.float64], ...]
    threads: int

    def at(self, rounds: tuple[int, ...]) -> "FittedHistGradientBoosting":
        """Return the same trees, of which only the first ``rounds`` of each part are used."""
        return replace(self, rounds=truncated(rounds, self.trained))

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return shape ``(len(rows), head.outputs)``."""
        if not len(rows):
            return np.empty((0, self.head.outputs))
        features = self.bins.numbers(design.matrix[rows])
        with at_most_threads(self.threads, "openmp"):
            columns = [self._column(number, features) for number in range(len(self.models))]
        return np.column_stack(columns).astype(np.float64, copy=False)

    def importance(self) -> NDArray[np.float64] | None:
        """Return each feature's share of the gain in all parts, each part counting alike."""
        shares = [gain_shares(gain) for gain in map(self._gain, range(len(self.models))) if gain is not None]
        told = [share for share in shares if share is not None]
        return np.mean(told, axis=0) if told else None

    def _column(self, part: int, features: NDArray[np.float32]) -> NDArray[np.float64]:
        model, used = self.models[part], self.rounds[part]
        is_chance = self.head.kind == "probability"
        if used == self.trained[part]:
            column = model.predict_proba(features)[:, 1] if is_chance else model.predict(features)
        else:
            stages = model.staged_predict_proba(features) if is_chance else model.staged_predict(features)
            stage = next(islice(stages, used - 1, used))
            column = stage[:, 1] if is_chance else stage
        return np.asarray(column, dtype=np.float64)

    def _gain(self, part: int) -> NDArray[np.float64] | None:
        # scikit-learn keeps the gain of every split, but has no public way to it.
        trees = getattr(self.models[part], "_predictors", None)
        if trees is None:
            return None
        gain = np.zeros(self.bins.edges.shape[1])
        for (tree,) in trees[: self.rounds[part]]:
            splits = tree.nodes[tree.nodes["is_leaf"] == 0]
            np.add.at(gain, splits["feature_idx"], splits["gain"])
        return gain


def _estimator(part: Part) -> Any:
    if part.name == "probability":
        return HistGradientBoostingClassifier
    if part.name == "mean":
        return HistGradientBoostingRegressor

    def quantile_regressor(**parameters: Any) -> Any:
        return HistGradientBoostingRegressor(loss="quantile", quantile=part.levels[0], **parameters)

    return quantile_regressor


def _watched(evaluation: Examples, bins: QuantileBins) -> dict[str, Any]:
    features = bins.numbers(evaluation.features)
    return {"X_val": features, "y_val": evaluation.label, "sample_weight_val": evaluation.weight}


def _categories(train: Examples, most: int) -> tuple[int, ...]:
    """Return the features to be treated as categories; one with more codes than bins is left a number."""
    matrix, rows = train.design.matrix, train.rows
    return tuple(position for position in train.design.categorical if len(np.unique(matrix[rows, position])) <= most)
