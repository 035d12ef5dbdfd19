"""Gradient boosting by CatBoost."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor, FeaturesData, Pool
from numpy.typing import NDArray

from freqai_ext.learning.boosting import (
    PATIENCE_ROUNDS,
    Part,
    best_round,
    feature_share,
    gain_shares,
    parts_of,
    rounds_of_parts,
    truncated,
)
from freqai_ext.learning.catboost_parameters import rules
from freqai_ext.learning.constant import constant_of
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Fitted, Head
from freqai_ext.learning.parameter_names import USUAL_LOSSES, USUAL_METRICS
from freqai_ext.learning.parameters import ParameterRules, complete_parameters
from freqai_ext.learning.weighted_rows import weighted_evaluation, weighted_rows

# Small trees, slow steps, strong regularisation: what a return forecast can be trusted with. `rsm` depends on the
# features, see `boosting`. Codes of pairs are told apart one by one, which is faster than CatBoost's statistics.
DEFAULTS = MappingProxyType(
    {
        "iterations": 200,
        "learning_rate": 0.03,
        "depth": 4,
        "l2_leaf_reg": 10.0,
        "random_strength": 20.0,
        "bootstrap_type": "Bernoulli",
        "subsample": 0.3,
        "border_count": 32,
        "one_hot_max_size": 64,
        "random_seed": 0,
        "early_stopping_rounds": PATIENCE_ROUNDS,
        "thread_count": 1,
        "verbose": False,
        "allow_writing_files": False,
    }
)

_DETECTOR = ("od_type", "od_wait", "od_pval")
_REFUSED = MappingProxyType(
    dict.fromkeys(
        (
            "loss_function",
            "eval_metric",
            "custom_metric",
            "custom_loss",
            "classes_count",
            "class_weights",
            "auto_class_weights",
            "class_names",
            "use_best_model",
            "cat_features",
            "text_features",
            "embedding_features",
        ),
        "follows from what is forecast, so it cannot be set here; remove it",
    )
    | dict.fromkeys(_DETECTOR, "overlaps with early stopping; write early_stopping_rounds instead")
)


def learner_rules() -> ParameterRules:
    """Return what the learner accepts of CatBoost's parameters."""
    usual = rules("regression")
    neutral = {**usual.neutral, "loss_function": USUAL_LOSSES, "eval_metric": USUAL_METRICS}
    return replace(usual, defaults=DEFAULTS, refused=_REFUSED, neutral=neutral)


@dataclass(frozen=True)
class CatBoostLearner:
    """Boosted trees: the mean by least squares, the quantiles together by pinball loss, a probability by log loss.

    A distribution has two parts, the mean and the quantiles, which share their trees; on a GPU, where CatBoost cannot
    do that, each quantile is a part.

    Attributes
    ----------
    parameters
        CatBoost's parameters, completed. Without ``rsm`` it follows from the number of features.
    name, history_rows
        See :class:`~freqai_ext.learning.learner.Learner`.
    """

    parameters: Mapping[str, Any]
    name: str = field(default="catboost", init=False)
    history_rows: int = field(default=0, init=False)

    @classmethod
    def from_parameters(cls, given: Mapping[str, Any]) -> "CatBoostLearner":
        """Return the learner of the user's training parameters.

        Raises
        ------
        SettingsError
            For a name or value that CatBoost refuses, or that is not the user's to set.
        """
        return cls(complete_parameters(given, learner_rules()))

    def fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None = None,
        rounds: tuple[int, ...] | None = None,
        former: Fitted | None = None,
    ) -> Fitted:
        """Return what was learnt from ``train``; see :class:`~freqai_ext.learning.learner.Learner`.

        A continued model adds its rounds to those of the former one, and counts its own.
        """
        train, evaluation = weighted_rows(train), weighted_evaluation(evaluation)
        if constant := constant_of(head, train):
            return constant
        parameters = self._parameters(train.design)
        patience = int(parameters.pop("early_stopping_rounds", None) or 0)
        stops_early = rounds is None and evaluation is not None and patience > 0
        if stops_early:
            # All trees are kept: the caller may want more of them than served these rows best.
            parameters |= {"od_type": "Iter", "od_wait": patience}
        parts = parts_of(head, quantiles_together=parameters.get("task_type") != "GPU")
        most = rounds_of_parts(rounds, parameters.pop("iterations"), len(parts))
        before = former if isinstance(former, FittedCatBoost) and former.continues(head, train.design, parts) else None
        pool, watched = _pool(train), None if evaluation is None else _pool(evaluation)

        models, curves = [], []
        for number, (part, trees) in enumerate(zip(parts, most, strict=True)):
            estimator = _estimator(part, {**parameters, "iterations": trees, "use_best_model": False})
            estimator.fit(pool, eval_set=watched, init_model=before.used_model(number) if before else None)
            models.append(estimator)
            if watched:
                (curve,) = estimator.evals_result_["validation"].values()
                curves.append(np.asarray(curve, dtype=np.float64))
        return FittedCatBoost(
            head=head,
            features=train.design.matrix.shape[1],
            categorical=train.design.categorical,
            models=tuple(models),
            former_trees=before.used_trees if before else (0,) * len(parts),
            trained=tuple(len(curve) for curve in curves) or most,
            rounds=tuple(best_round(curve) for curve in curves) if stops_early else most,
            curves=tuple(curves),
            threads=int(parameters["thread_count"]),
        )

    def _parameters(self, design: Design) -> dict[str, Any]:
        own = {name: value for name, value in self.parameters.items() if value is not None}
        if own.keys() & {"logging_level", "silent"}:
            own.pop("verbose", None)
        if own.get("task_type") != "GPU":
            # The GPU implementation has no feature sampling.
            own.setdefault("rsm", feature_share(design.matrix.shape[1]))
        return own


@dataclass(frozen=True, eq=False)
class FittedCatBoost:
    """Boosted trees for each part of a head; see :class:`~freqai_ext.learning.learner.Fitted`.

    Attributes
    ----------
    head
        What was asked for.
    features
        Number of features.
    categorical
        Positions of those that are categories.
    models
        CatBoost's estimator of each part, with all trees that were trained.
    former_trees
        Trees that each part took over from a former model; they are always used.
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
    features: int
    categorical: tuple[int, ...]
    models: tuple[Any, ...]
    former_trees: tuple[int, ...]
    trained: tuple[int, ...]
    rounds: tuple[int, ...]
    curves: tuple[NDArray[np.float64], ...]
    threads: int

    def at(self, rounds: tuple[int, ...]) -> "FittedCatBoost":
        """Return the same trees, of which only the first ``rounds`` of each part are used."""
        return replace(self, rounds=truncated(rounds, self.trained))

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return shape ``(len(rows), head.outputs)``."""
        if not len(rows):
            return np.empty((0, self.head.outputs))
        data = _features(design, design.matrix[rows])
        columns = [
            model.predict_proba(data, ntree_end=trees, thread_count=self.threads)[:, 1]
            if self.head.kind == "probability"
            else model.predict(data, ntree_end=trees, thread_count=self.threads)
            for model, trees in zip(self.models, self.used_trees, strict=True)
        ]
        return np.column_stack(columns).astype(np.float64, copy=False)

    def importance(self) -> NDArray[np.float64] | None:
        """Return each feature's share of the change that it makes to predictions, each part counting alike."""
        # CatBoost's order: numbers first, then categories.
        order = [*_numeric(self.features, self.categorical), *self.categorical]
        shares = []
        for number in range(len(self.models)):
            change = np.zeros(self.features)
            change[order] = self.used_model(number).get_feature_importance(type="PredictionValuesChange")
            shares.append(gain_shares(change))
        told = [share for share in shares if share is not None]
        return np.mean(told, axis=0) if told else None

    def continues(self, head: Head, design: Design, parts: tuple[Part, ...]) -> bool:
        """Return whether a model of ``head`` on ``design`` can start from this one."""
        alike = head == self.head and design.matrix.shape[1] == self.features
        return alike and design.categorical == self.categorical and len(parts) == len(self.models)

    def used_model(self, part: int) -> Any:
        """Return a part's estimator with no more trees than are used."""
        model = self.models[part].copy()
        if model.tree_count_ > self.used_trees[part]:
            model.shrink(self.used_trees[part])
        return model

    @property
    def used_trees(self) -> tuple[int, ...]:
        """Trees used of each part, those of the former model included."""
        return tuple(former + own for former, own in zip(self.former_trees, self.rounds, strict=True))


def _estimator(part: Part, parameters: dict[str, Any]) -> Any:
    if part.name == "probability":
        return CatBoostClassifier(loss_function="Logloss", **parameters)
    if part.name == "mean":
        return CatBoostRegressor(loss_function="RMSE", **parameters)
    levels = ",".join(repr(level) for level in part.levels)
    kind = "Quantile" if len(part.levels) == 1 else "MultiQuantile"
    return CatBoostRegressor(loss_function=f"{kind}:alpha={levels}", **parameters)


def _pool(examples: Examples) -> Pool:
    return Pool(_features(examples.design, examples.features), label=examples.label, weight=examples.weight)


def _features(design: Design, features: NDArray[np.float32]) -> Any:
    if not design.categorical:
        return features
    codes = features[:, design.categorical].astype(np.int64).astype(np.bytes_).astype(object)
    numbers = np.ascontiguousarray(features[:, _numeric(features.shape[1], design.categorical)])
    return FeaturesData(num_feature_data=numbers, cat_feature_data=codes)


def _numeric(features: int, categorical: tuple[int, ...]) -> list[int]:
    return [position for position in range(features) if position not in categorical]
