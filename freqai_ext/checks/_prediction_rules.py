"""Rules of predicting: what a prediction may depend on, and what its columns hold."""

import numpy as np
import pandas as pd

from freqai_ext.checks._rule import Freqai, require, require_equal, require_finite, rule, train_and_predict
from freqai_ext.checks._workbench import (
    FEATURES,
    LABEL_HORIZON_CANDLES,
    Prediction,
    classes_by_label,
    example_frame,
    label_columns,
    workbench,
)

_SHARES = ("p_up", "p_down", "confidence")
# Rounding of a sum of probabilities in single precision.
_CLOSE = 1e-5


@rule()
def predicts_without_the_future(model_class: type, freqai: Freqai) -> None:
    """A row's prediction does not change when rows after it, or labels unknown at its time, change."""
    with workbench(model_class, freqai) as bench:
        frame = example_frame(model_class)
        bench.train(frame)
        whole = bench.predict(frame).numbers
        changed = frame.copy()
        changed.loc[200:, list(FEATURES)] = 0.25
        changed.loc[200:, ["open", "high", "low", "close"]] *= 2.0
        labels = label_columns(frame)
        unknown = slice(200 - LABEL_HORIZON_CANDLES, None)
        changed.loc[unknown, labels] = changed.loc[unknown, labels].sample(frac=1, random_state=0).to_numpy()
        shorter = bench.predict(frame.iloc[:200]).numbers
        require_equal(shorter, whole[:200], "rows after the 200th were removed", among=whole)
        other = bench.predict(changed).numbers[:200]
        require_equal(other, whole[:200], "rows after the 200th and labels unknown then were changed", among=whole)


@rule()
def predicts_one_row_as_it_does_many(model_class: type, freqai: Freqai) -> None:
    """The newest candle alone, as in live trading, gets the prediction that it gets among others."""
    frame = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=frame)
    with workbench(model_class, freqai) as bench:
        many = bench.train(frame).predict(asked)
        one = bench.predict(asked.iloc[-1:])
    require(list(many.frame) == list(one.frame), f"columns differ: {list(many.frame)} and {list(one.frame)}")
    require_equal(one.numbers, many.numbers[-1:], "one row was asked for", among=many.numbers)


@rule()
def predicts_parts_as_the_whole(model_class: type, freqai: Freqai) -> None:
    """A window of candles gets the same predictions whether it is asked for at once or in two parts."""
    frame = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=frame)
    with workbench(model_class, freqai) as bench:
        whole = bench.train(frame).predict(asked).numbers
        parts = [bench.predict(part).numbers for part in (asked.iloc[:150], asked.iloc[150:])]
    require_equal(np.concatenate(parts), whole, "the window was asked for in two parts", among=whole)


@rule()
def predicts_the_same_after_reloading(model_class: type, freqai: Freqai) -> None:
    """A model that FreqAI saved and loaded predicts what it predicted before."""
    frame = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=frame)
    with workbench(model_class, freqai) as bench:
        before = bench.train(frame).predict(asked)
        bench.save_and_reload()
        after = bench.predict(asked)
    require_equal(after.numbers, before.numbers, "the model was saved and loaded")


@rule()
def orders_its_intervals(model_class: type, freqai: Freqai) -> None:
    """Wherever ``X_lo`` and ``X_hi`` come with ``X``, all are finite and ``X_lo <= X <= X_hi``."""
    prediction = _of_usual_and_unusual_rows(model_class, freqai)
    for column in prediction.frame:
        low, high = f"{column}_lo", f"{column}_hi"
        given = [end for end in (low, high) if end in prediction.frame]
        require(len(given) != 1, f"{column} has {' and '.join(given)} alone")
        if not given:
            continue
        ends = prediction.frame[[low, column, high]].to_numpy(dtype=float)
        require(bool(np.isfinite(ends).all()), f"an interval of {column} is not finite")
        disordered = int((np.diff(ends, axis=1) < 0).any(axis=1).sum())
        require(disordered == 0, f"{low} <= {column} <= {high} does not hold in {disordered} of {len(ends)} rows")


@rule()
def keeps_probabilities_in_bounds(model_class: type, freqai: Freqai) -> None:
    """``p_up``, ``p_down``, ``confidence`` and class probabilities lie in [0, 1], those of one target sum to 1."""
    prediction = _of_usual_and_unusual_rows(model_class, freqai)
    classes = classes_by_label(example_frame(model_class))
    shares = [*_SHARES, *(name for names in classes.values() for name in names)]
    for column in (column for column in shares if column in prediction.frame):
        values = prediction.frame[column].to_numpy(dtype=float)
        require(bool(np.isfinite(values).all()), f"{column} is not finite")
        least, most = values.min(), values.max()
        require(least >= 0 and most <= 1, f"{column} reaches from {least:.3g} to {most:.3g}, it must stay in [0, 1]")
    for label, names in classes.items():
        if set(names) <= set(prediction.frame):
            farthest = float((prediction.frame[names].sum(axis=1) - 1).abs().max())
            require(farthest < _CLOSE, f"the probabilities of {label} sum to 1 only within {farthest:.3g}")


def _of_usual_and_unusual_rows(model_class: type, freqai: Freqai) -> Prediction:
    """Return predictions of rows like those trained on, and of rows far outside."""
    frame = example_frame(model_class)
    usual = example_frame(model_class, seed=1, after=frame)
    unusual = example_frame(model_class, seed=5, after=usual)
    unusual[list(FEATURES)] *= 10.0
    prediction = train_and_predict(model_class, freqai, frame, pd.concat([usual, unusual], ignore_index=True))
    require_finite(prediction)
    return prediction
