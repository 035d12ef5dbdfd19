"""Rules of learning: what a model takes from its training rows."""

import numpy as np
import pandas as pd

from freqai_ext.checks._busy_threads import busiest_thread_share
from freqai_ext.checks._rule import (
    Freqai,
    correlation_with_signal,
    require,
    require_equal,
    rule,
    signal_correlation,
    train_and_predict,
)
from freqai_ext.checks._workbench import FEATURES, example_frame, label_columns, workbench
from freqai_ext.errors import ContractError
from freqai_ext.models._kind import model_task, takes_several_targets

_ONE_THREAD_SHARE = 0.7
_THREAD_MEASUREMENTS = 4


@rule()
def learns_a_strong_signal(model_class: type, freqai: Freqai) -> None:
    """Predictions on unseen rows correlate with a label that follows one feature."""
    frame = example_frame(model_class)
    unseen = example_frame(model_class, seed=1, after=frame)
    correlation = signal_correlation(train_and_predict(model_class, freqai, frame, unseen), unseen)
    require(correlation > 0.7, f"the correlation with the signal is {correlation:.2f}, it should exceed 0.7")


@rule()
def is_deterministic(model_class: type, freqai: Freqai) -> None:
    """Training twice on the same rows gives the same predictions."""
    frame = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=frame)
    first, second = (train_and_predict(model_class, freqai, frame, asked) for _ in range(2))
    require_equal(first.numbers, second.numbers, "the model was trained a second time")


@rule()
def never_trains_on_unknown_labels(model_class: type, freqai: Freqai) -> None:
    """Rows whose label is not yet known make no difference, whatever their features are."""
    unknown = example_frame(model_class)
    unknown.loc[350:, label_columns(unknown)] = np.nan
    wild = unknown.copy()
    wild.loc[350:, list(FEATURES)] *= 1e3
    _require_same_learning(model_class, freqai, (unknown, wild), "the features of rows without a label were changed")


@rule()
def honours_sample_weights(model_class: type, freqai: Freqai) -> None:
    """With nearly all weight on the newest rows, predictions follow the newest rows."""
    older = example_frame(model_class, seed=2, sign=-1.0)
    newer = example_frame(model_class, seed=3, after=older)
    weighted = {**freqai, "feature_parameters": {"weight_factor": 0.1}}
    asked = example_frame(model_class, seed=1, after=newer)
    frame = pd.concat([older, newer], ignore_index=True)
    correlation = signal_correlation(train_and_predict(model_class, weighted, frame, asked), asked)
    require(correlation > 0.5, f"the correlation with the newer half's signal is {correlation:.2f}, not above 0.5")


@rule()
def ignores_rows_of_no_weight(model_class: type, freqai: Freqai) -> None:
    """What the labels of rows with weight 0 are makes no difference."""
    frame = example_frame(model_class)
    shuffled = frame.copy()
    labels = label_columns(frame)
    shuffled.loc[:199, labels] = frame.loc[:199, labels].sample(frac=1, random_state=0).to_numpy()
    weighted = {**freqai, "feature_parameters": {"weight_factor": 0.5}}
    weights = np.repeat([0.0, 1.0], 200)
    after = "labels of rows without weight were changed"
    _require_same_learning(model_class, weighted, (frame, shuffled), after, weights)


@rule()
def continues_learning(model_class: type, freqai: Freqai) -> None:
    """With ``continual_learning`` a second training succeeds and still knows the signal."""
    first = example_frame(model_class)
    second = example_frame(model_class, seed=4, after=first)
    asked = example_frame(model_class, seed=1, after=second)
    with workbench(model_class, {**freqai, "continual_learning": True}) as bench:
        bench.train(first)
        bench.train(second, stamp=1_700_086_400)
        correlation = signal_correlation(bench.predict(asked), asked)
    require(correlation > 0.7, f"the correlation with the signal is {correlation:.2f}, it should exceed 0.7")


@rule(applies_to=lambda model_class: not takes_several_targets(model_class))
def refuses_several_targets(model_class: type, freqai: Freqai) -> None:
    """A model of one target says so when it is given two, instead of learning the first one in silence."""
    frame = example_frame(model_class)
    first = frame[label_columns(frame)[0]]
    frame["&-second"] = -first if pd.api.types.is_numeric_dtype(first) else "second_" + first
    try:
        train_and_predict(model_class, freqai, frame, frame)
    except Exception as error:
        require("target" in str(error).lower(), f"the error does not speak of targets: {error}")
        return
    raise ContractError("two targets were accepted")


@rule(applies_to=takes_several_targets)
def learns_every_target(model_class: type, freqai: Freqai) -> None:
    """A model of several targets learns each of them, not the first alone."""
    frame = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=frame)
    prediction = train_and_predict(model_class, freqai, frame, asked)
    second = "&-buy" if model_task(model_class) == "regression" else "sell_no"
    for column in ("&-roi" if model_task(model_class) == "regression" else "up", second):
        correlation = correlation_with_signal(prediction, column, asked)
        require(correlation > 0.6, f"the correlation of {column} with its signal is {correlation:.2f}, not above 0.6")


@rule()
def trains_on_one_thread(model_class: type, freqai: Freqai) -> None:
    """A training keeps one thread busy, so that as many can run side by side as there are processors."""
    frame = example_frame(model_class, rows=1000)
    shares: list[float] = []
    with workbench(model_class, freqai) as bench:
        # Threads that earlier work left behind, or a meter that waits for the processor, spoil a measurement now and
        # then; training on several threads spoils every one.
        while len(shares) < _THREAD_MEASUREMENTS and max(shares, default=0.0) <= _ONE_THREAD_SHARE:
            shares.append(busiest_thread_share(lambda: bench.train(frame), cpu_time_s=0.5))
    require(
        max(shares) > _ONE_THREAD_SHARE,
        f"the busiest thread did {max(shares):.0%} of the work, it should do nearly all",
    )


def _require_same_learning(
    model_class: type,
    freqai: Freqai,
    frames: tuple[pd.DataFrame, pd.DataFrame],
    after: str,
    weights: np.ndarray | None = None,
) -> None:
    """Raise unless training on two frames gives the same predictions, after the candles of the first in both cases."""
    asked = example_frame(model_class, seed=1, after=frames[0])
    results = []
    for frame in frames:
        with workbench(model_class, freqai) as bench:
            results.append(bench.train(frame, weights=weights).predict(asked, before=frames[0]).numbers)
    require_equal(results[0], results[1], after)
