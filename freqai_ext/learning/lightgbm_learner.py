"""Gradient boosting by LightGBM."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.boosting import (
    PATIENCE_ROUNDS,
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
from freqai_ext.learning.learner import Fitted, Head
from freqai_ext.learning.lightgbm_parameters import rules
from freqai_ext.learning.parameter_names import USUAL_LOSSES, USUAL_METRICS
from freqai_ext.learning.parameters import ParameterRules, complete_parameters
from freqai_ext.learning.weighted_rows import weighted_evaluation, weighted_rows

# Small trees, slow steps, large leaves: what a return forecast can be trusted with. `colsample_bytree` and
# `min_child_samples` depend on the rows, see `boosting`. Bins are found on a sample and features are not bundled, which
# takes longer than the trees where features are many and dense.
DEFAULTS = MappingProxyType(
    {
        "n_estimators": 200,
        "learning_rate": 0.03,
        "num_leaves": 15,
        "reg_lambda": 10.0,
        "extra_trees": True,
        "max_bin": 63,
        "subsample_for_bin": 2000,
        "enable_bundle": False,
        "early_stopping_round": PATIENCE_ROUNDS,
        "n_jobs": 1,
        "verbosity": -1,
        "deterministic": True,
        "force_col_wise": True,
    }
)

_REFUSED = MappingProxyType(
    dict.fromkeys(
        ("objective", "metric", "alpha", "num_class", "class_weight", "is_unbalance"),
        "follows from what is forecast, so it cannot be set here; remove it",
    )
)


def learner_rules() -> ParameterRules:
    """Return what the learner accepts of LightGBM's parameters."""
    usual = rules("regression")
    neutral = {**usual.neutral, "objective": USUAL_LOSSES, "metric": USUAL_METRICS}
    return replace(usual, defaults=DEFAULTS, refused=_REFUSED, neutral=neutral)


@dataclass(frozen=True)
class LightGBMLearner:
    """Boosted trees that fit the mean by least squares, each quantile by pinball loss, a probability by log loss.

    Attributes
    ----------
    parameters
        LightGBM's parameters under scikit-learn's names, completed. Without ``colsample_bytree`` and
        ``min_child_samples`` these follow from the rows.
    name, history_rows
        See :class:`~freqai_ext.learning.learner.Learner`.
    """

    parameters: Mapping[str, Any]
    name: str = field(default="lightgbm", init=False)
    history_rows: int = field(default=0, init=False)

    @classmethod
    def from_parameters(cls, given: Mapping[str, Any]) -> "LightGBMLearner":
        """Return the learner of the user's training parameters.

        Raises
        ------
        SettingsError
            For a name or value that LightGBM refuses, or that is not the user's to set.
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
        parameters = self._parameters(train)
        patience = int(parameters.pop("early_stopping_round", None) or 0)
        stops_early = rounds is None and evaluation is not None and patience > 0
        parts = parts_of(head)
        most = rounds_of_parts(rounds, parameters.pop("n_estimators"), len(parts))
        data = _dataset(train, parameters)
        watched = None if evaluation is None else _dataset(evaluation, parameters, data)
        before = former if isinstance(former, FittedLightGBM) and former.continues(head, train.design) else None

        models, curves = [], []
        for number, (part, trees) in enumerate(zip(parts, most, strict=True)):
            history: dict[str, Any] = {}
            callbacks = [lightgbm.record_evaluation(history)] if watched else []
            if stops_early:
                callbacks.append(lightgbm.early_stopping(patience, verbose=False))
            booster = lightgbm.train(
                {**parameters, **_objective(part)},
                data,
                num_boost_round=trees,
                valid_sets=[watched] if watched else None,
                valid_names=["evaluation"] if watched else None,
                init_model=before.used_booster(number) if before else None,
                callbacks=callbacks,
                # Else the trees after the best one are thrown away; the caller may want more of them.
                keep_training_booster=True,
            )
            models.append(booster.model_to_string(num_iteration=-1))
            if watched:
                (curve,) = history["evaluation"].values()
                curves.append(np.asarray(curve, dtype=np.float64))
        return FittedLightGBM(
            head=head,
            features=train.design.matrix.shape[1],
            models=tuple(models),
            former_trees=before.used_trees if before else (0,) * len(parts),
            trained=tuple(len(curve) for curve in curves) or most,
            rounds=tuple(best_round(curve) for curve in curves) if stops_early else most,
            curves=tuple(curves),
            threads=int(parameters["n_jobs"]),
        )

    def _parameters(self, train: Examples) -> dict[str, Any]:
        own = {name: value for name, value in self.parameters.items() if value is not None}
        # scikit-learn's own, unknown to the library.
        own.pop("importance_type", None)
        if own.get("force_row_wise"):
            own.pop("force_col_wise", None)
        return {
            **DEFAULTS,
            "colsample_bytree": feature_share(train.design.matrix.shape[1]),
            "min_child_samples": leaf_rows(len(train)),
            "feature_pre_filter": False,
            **own,
        }


@dataclass(frozen=True, eq=False)
class FittedLightGBM:
    """Boosted trees for each part of a head; see :class:`~freqai_ext.learning.learner.Fitted`.

    Attributes
    ----------
    head
        What was asked for.
    features
        Number of features.
    models
        LightGBM's text of each part's model, with all trees that were trained.
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
    models: tuple[str, ...]
    former_trees: tuple[int, ...]
    trained: tuple[int, ...]
    rounds: tuple[int, ...]
    curves: tuple[NDArray[np.float64], ...]
    threads: int

    def at(self, rounds: tuple[int, ...]) -> "FittedLightGBM":
        """Return the same trees, of which only the first ``rounds`` of each part are used."""
        return replace(self, rounds=truncated(rounds, self.trained))

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return shape ``(len(rows), head.outputs)``."""
        features = design.matrix[rows]
        columns = [
            booster.predict(features, num_iteration=trees, num_threads=self.threads)
            for booster, trees in zip(self._boosters, self.used_trees, strict=True)
        ]
        return np.column_stack(columns).astype(np.float64, copy=False)

    def importance(self) -> NDArray[np.float64] | None:
        """Return each feature's share of the gain in all parts, each part counting alike."""
        shares = [
            gain_shares(booster.feature_importance(importance_type="gain", iteration=trees))
            for booster, trees in zip(self._boosters, self.used_trees, strict=True)
        ]
        told = [share for share in shares if share is not None]
        return np.mean(told, axis=0) if told else None

    def continues(self, head: Head, design: Design) -> bool:
        """Return whether a model of ``head`` on ``design`` can start from this one."""
        return head == self.head and design.matrix.shape[1] == self.features

    def used_booster(self, part: int) -> lightgbm.Booster:
        """Return a part's booster with no more trees than are used."""
        text = self._boosters[part].model_to_string(num_iteration=self.used_trees[part])
        return lightgbm.Booster(model_str=text)

    @property
    def used_trees(self) -> tuple[int, ...]:
        """Trees used of each part, those of the former model included."""
        return tuple(former + own for former, own in zip(self.former_trees, self.rounds, strict=True))

    @cached_property
    def _boosters(self) -> list[Any]:
        return [lightgbm.Booster(model_str=text) for text in self.models]

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name != "_boosters"}
        return {**state, "models": tuple(zlib.compress(text.encode()) for text in self.models)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, models=tuple(zlib.decompress(text).decode() for text in state["models"]))


def _objective(part: Part) -> dict[str, Any]:
    if part.name == "probability":
        return {"objective": "binary", "metric": "binary_logloss"}
    if part.name == "mean":
        return {"objective": "regression", "metric": "l2"}
    return {"objective": "quantile", "metric": "quantile", "alpha": part.levels[0]}


def _dataset(examples: Examples, parameters: dict[str, Any], reference: Any = None) -> Any:
    categorical = list(examples.design.categorical)
    return lightgbm.Dataset(
        examples.features,
        examples.label,
        weight=examples.weight,
        reference=reference,
        categorical_feature=categorical or "auto",
        params=parameters,
        # Continuing a model predicts the rows of the set once more.
        free_raw_data=False,
    )
