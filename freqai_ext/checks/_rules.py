"""The rules of :func:`~freqai_ext.checks.check_freqai_model`, one function each.

A rule is called with a model class and, optionally, training parameters; it raises
:class:`~freqai_ext.errors.ContractError` with the rule's name and what was seen.
"""

from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from freqai_ext.checks._workbench import (
    DEFAULT_TRAINING_PARAMETERS,
    FEATURES,
    Prediction,
    example_frame,
    label_columns,
    workbench,
)
from freqai_ext.errors import ContractError
from freqai_ext.models._kind import takes_several_targets

Freqai = dict[str, Any]


class Rule:
    """A rule and the models it applies to."""

    __name__: str

    def __init__(self, check: Callable[[type, Freqai], None], applies_to: Callable[[type], bool]) -> None:
        self._check = check
        self.applies_to = applies_to
        update_wrapper(self, check)

    def __call__(self, model_class: type, model_training_parameters: Mapping[str, Any] | None = None) -> None:
        """Raise ``ContractError`` where the model breaks the rule, or raises anything else."""
        parameters = DEFAULT_TRAINING_PARAMETERS if model_training_parameters is None else model_training_parameters
        broken = f"{model_class.__name__} breaks {self.__name__}"
        try:
            self._check(model_class, {"model_training_parameters": dict(parameters)})
        except ContractError as error:
            raise ContractError(f"{broken}: {error}") from error
        except Exception as error:
            raise ContractError(f"{broken}: it raised {type(error).__name__}: {error}") from error


RULES: list[Rule] = []


def rule(
    applies_to: Callable[[type], bool] = lambda _: True,
) -> Callable[[Callable[[type, Freqai], None]], Rule]:
    """Register a rule."""

    def register(check: Callable[[type, Freqai], None]) -> Rule:
        RULES.append(Rule(check, applies_to))
        return RULES[-1]

    return register


@rule()
def learns_a_strong_signal(model_class: type, freqai: Freqai) -> None:
    """Predictions on unseen rows correlate with a label that follows one feature."""
    with workbench(model_class, freqai) as bench:
        bench.train(example_frame(model_class))
        unseen = example_frame(model_class, seed=1)
        correlation = _signal_correlation(bench.predict(unseen), unseen)
    _require(correlation > 0.7, f"the correlation with the signal is {correlation:.2f}, it should exceed 0.7")


@rule()
def is_deterministic(model_class: type, freqai: Freqai) -> None:
    """Training twice on the same rows gives the same predictions."""
    frame, asked = example_frame(model_class), example_frame(model_class, seed=1)
    first, second = (_train_and_predict(model_class, freqai, frame, asked) for _ in range(2))
    _require_equal(first.numbers, second.numbers, "the model was trained a second time")


@rule()
def predicts_without_the_future(model_class: type, freqai: Freqai) -> None:
    """A row's prediction does not change when rows after it, or any label, change."""
    with workbench(model_class, freqai) as bench:
        frame = example_frame(model_class)
        bench.train(frame)
        whole = bench.predict(frame).numbers
        changed = frame.copy()
        changed.loc[200:, list(FEATURES)] = 0.25
        labels = label_columns(frame)
        changed[labels] = changed[labels].sample(frac=1, random_state=0).to_numpy()
        _require_equal(bench.predict(frame.iloc[:200]).numbers, whole[:200], "rows after the 200th were removed")
        _require_equal(
            bench.predict(changed).numbers[:200], whole[:200], "rows after the 200th and labels were changed"
        )


@rule()
def predicts_one_row_as_it_does_many(model_class: type, freqai: Freqai) -> None:
    """The newest candle alone, as in live trading, gets the prediction that it gets among others."""
    with workbench(model_class, freqai) as bench:
        frame = example_frame(model_class)
        bench.train(frame)
        many, one = bench.predict(frame), bench.predict(frame.iloc[-1:])
    _require(list(many.frame) == list(one.frame), f"columns differ: {list(many.frame)} and {list(one.frame)}")
    _require_equal(one.numbers, many.numbers[-1:], "one row was asked for")


@rule()
def never_trains_on_unknown_labels(model_class: type, freqai: Freqai) -> None:
    """Rows whose label is not yet known make no difference, whatever their features are."""
    frame = example_frame(model_class)
    unknown = frame.copy()
    unknown.loc[350:, label_columns(frame)] = np.nan
    wild = unknown.copy()
    wild.loc[350:, list(FEATURES)] *= 1e3
    asked = example_frame(model_class, seed=1)
    results = [_train_and_predict(model_class, freqai, training, asked) for training in (unknown, wild)]
    _require_equal(results[0].numbers, results[1].numbers, "the features of rows without a label were changed")


@rule()
def honours_sample_weights(model_class: type, freqai: Freqai) -> None:
    """With nearly all weight on the newest rows, predictions follow the newest rows."""
    older, newer = example_frame(model_class, seed=2, sign=-1.0), example_frame(model_class, seed=3)
    frame = pd.concat([older, newer], ignore_index=True)
    frame["date"] = pd.date_range("2025-01-01", periods=len(frame), freq="5min", tz="UTC")
    weighted = {**freqai, "feature_parameters": {"weight_factor": 0.1}}
    asked = example_frame(model_class, seed=1)
    correlation = _signal_correlation(_train_and_predict(model_class, weighted, frame, asked), asked)
    _require(correlation > 0.5, f"the correlation with the newer half's signal is {correlation:.2f}, not above 0.5")


@rule()
def survives_missing_features(model_class: type, freqai: Freqai) -> None:
    """Rows with NaN or infinite features are left out of training and marked untrusted when predicting."""
    frame = example_frame(model_class)
    frame.loc[frame.index[10:20], FEATURES[1]] = np.nan
    frame.loc[frame.index[30], FEATURES[2]] = np.inf
    asked = example_frame(model_class, seed=1)
    asked.loc[asked.index[5], FEATURES[0]] = np.nan
    result = _train_and_predict(model_class, freqai, frame, asked)
    _require(result.do_predict[5] == 0, "do_predict is not 0 where a feature is missing")
    _require(bool((np.delete(result.do_predict, 5) == 1).mean() > 0.8), "do_predict is not 1 where features are whole")
    _require(bool(np.isfinite(result.numbers).all()), "a prediction is not finite")


@rule()
def survives_constant_features(model_class: type, freqai: Freqai) -> None:
    """A feature that is constant over the window does no harm, even where it changes later."""
    frame = example_frame(model_class)
    frame[FEATURES[3]] = 7.0
    asked = example_frame(model_class, seed=1)
    correlation = _signal_correlation(_train_and_predict(model_class, freqai, frame, asked), asked)
    _require(correlation > 0.7, f"the correlation with the signal fell to {correlation:.2f}")


@rule()
def survives_a_constant_label(model_class: type, freqai: Freqai) -> None:
    """A label that is constant over the window, such as a class that never occurred, gives finite predictions."""
    frame = example_frame(model_class)
    last = label_columns(frame)[-1]
    frame[last] = only = frame[last].iloc[0]
    result = _train_and_predict(model_class, freqai, frame, example_frame(model_class, seed=1))
    _require(bool(np.isfinite(result.numbers).all()), "a prediction is not finite")
    predicted = result.frame[last]
    # XGBoost computes in single precision.
    kept = predicted == only if isinstance(only, str) else np.isclose(predicted.astype(float), only)
    _require(bool(kept.all()), f"a prediction is not {only!r}, the only value ever seen")


@rule()
def survives_a_tiny_window(model_class: type, freqai: Freqai) -> None:
    """Forty rows are enough to train without an error."""
    result = _train_and_predict(model_class, freqai, example_frame(model_class, rows=40), example_frame(model_class))
    _require(bool(np.isfinite(result.numbers).all()), "a prediction is not finite")


@rule()
def trains_without_a_test_set(model_class: type, freqai: Freqai) -> None:
    """``test_size: 0`` holds nothing out."""
    whole = {**freqai, "data_split_parameters": {"test_size": 0, "shuffle": False}}
    asked = example_frame(model_class, seed=1)
    correlation = _signal_correlation(_train_and_predict(model_class, whole, example_frame(model_class), asked), asked)
    _require(correlation > 0.7, f"the correlation with the signal is {correlation:.2f}, it should exceed 0.7")


@rule()
def predicts_the_same_after_reloading(model_class: type, freqai: Freqai) -> None:
    """A model that FreqAI saved and loaded predicts what it predicted before."""
    with workbench(model_class, freqai) as bench:
        bench.train(example_frame(model_class))
        asked = example_frame(model_class, seed=1)
        before = bench.predict(asked)
        bench.save_and_reload()
        _require_equal(bench.predict(asked).numbers, before.numbers, "the model was saved and loaded")


@rule()
def continues_learning(model_class: type, freqai: Freqai) -> None:
    """With ``continual_learning`` a second training succeeds and still knows the signal."""
    with workbench(model_class, {**freqai, "continual_learning": True}) as bench:
        bench.train(example_frame(model_class))
        bench.train(example_frame(model_class, seed=4), stamp=1_700_086_400)
        asked = example_frame(model_class, seed=1)
        correlation = _signal_correlation(bench.predict(asked), asked)
    _require(correlation > 0.7, f"the correlation with the signal is {correlation:.2f}, it should exceed 0.7")


@rule(applies_to=lambda model_class: not takes_several_targets(model_class))
def refuses_several_targets(model_class: type, freqai: Freqai) -> None:
    """A model of one target says so when it is given two, instead of learning the first one in silence."""
    frame = example_frame(model_class)
    first = frame[label_columns(frame)[0]]
    frame["&-second"] = -first if pd.api.types.is_numeric_dtype(first) else "second_" + first
    try:
        _train_and_predict(model_class, freqai, frame, frame)
    except Exception as error:
        _require("target" in str(error).lower(), f"the error does not speak of targets: {error}")
        return
    raise ContractError("two targets were accepted")


@rule()
def names_a_wrong_parameter(model_class: type, freqai: Freqai) -> None:
    """An unknown training parameter is refused by name before anything is trained."""
    unknown = {**freqai, "model_training_parameters": {**freqai["model_training_parameters"], "no_such_knob": 1}}
    try:
        with workbench(model_class, unknown):
            pass
    except Exception as error:
        _require("no_such_knob" in str(error), f"the error does not name the parameter: {error}")
        return
    raise ContractError("the unknown parameter 'no_such_knob' was accepted")


def _train_and_predict(model_class: type, freqai: Freqai, frame: pd.DataFrame, asked: pd.DataFrame) -> Prediction:
    with workbench(model_class, freqai) as bench:
        return bench.train(frame).predict(asked)


def _signal_correlation(prediction: Prediction, frame: pd.DataFrame) -> float:
    column = "&-roi" if "&-roi" in prediction.frame else "up"
    _require(column in prediction.frame, f"there is no column {column} among {list(prediction.frame)}")
    predicted = prediction.frame[column].to_numpy(dtype=float)
    return 0.0 if np.ptp(predicted) == 0 else float(np.corrcoef(predicted, frame[FEATURES[0]])[0, 1])


def _require(kept: bool, otherwise: str) -> None:
    if not kept:
        raise ContractError(otherwise)


def _require_equal(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64], after: str) -> None:
    _require(left.shape == right.shape, f"after {after} the shape is {left.shape}, it was {right.shape}")
    difference = float(np.abs(left - right).max()) if left.size else 0.0
    _require(difference < 1e-9, f"after {after} a prediction differs by {difference:.3g}")
