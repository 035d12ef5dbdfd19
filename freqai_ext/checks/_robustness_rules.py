"""Rules of robustness: what a model makes of poor data and wrong settings."""

import numpy as np
import pandas as pd

from freqai_ext.checks._rule import (
    Freqai,
    require,
    require_finite,
    rule,
    signal_correlation,
    train_and_predict,
)
from freqai_ext.checks._workbench import FEATURES, example_frame, label_columns, workbench
from freqai_ext.errors import ContractError
from freqai_ext.models._kind import model_task

# A probability stays a hair within (0, 1), even of what always happened.
_HAIR = 1e-3

# The share of planted outliers that each of FreqAI's steps must flag. Its SVM is linear and sees one side alone.
_DETECTORS = (
    ({"DI_threshold": 0.9}, 1.0),
    ({"use_SVM_to_remove_outliers": True}, 0.5),
    ({"use_DBSCAN_to_remove_outliers": True}, 1.0),
)


@rule()
def survives_missing_features(model_class: type, freqai: Freqai) -> None:
    """Rows with NaN or infinite features are left out of training and marked untrusted when predicting."""
    frame = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=frame)
    frame.loc[frame.index[10:20], FEATURES[1]] = np.nan
    frame.loc[frame.index[30], FEATURES[2]] = np.inf
    asked.loc[asked.index[5], FEATURES[0]] = np.nan
    result = train_and_predict(model_class, freqai, frame, asked)
    require(result.do_predict[5] == 0, "do_predict is not 0 where a feature is missing")
    require(bool((np.delete(result.do_predict, 5) == 1).mean() > 0.8), "do_predict is not 1 where features are whole")
    require_finite(result)


@rule(applies_to=lambda model_class: model_task(model_class) == "regression")
def leaves_out_infinite_labels(model_class: type, freqai: Freqai) -> None:
    """A row whose label is infinite, as after a division by zero, is left out of training; the others are learnt."""
    frame = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=frame)
    label = label_columns(frame)[0]
    frame.loc[::50, label] = np.inf
    frame.loc[25::50, label] = -np.inf
    correlation = signal_correlation(train_and_predict(model_class, freqai, frame, asked), asked)
    require(correlation > 0.7, f"the correlation with the signal fell to {correlation:.2f}")


@rule()
def takes_any_feature_name(model_class: type, freqai: Freqai) -> None:
    """A feature may be called what a strategy likes, with brackets, commas, quotes, blanks and signs."""
    odd = dict(zip(FEATURES, ("%-a[1]", "%-b,c", '%-{"d"}', "%-e f", "%-e_f", "%-g<h"), strict=True))
    frame = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=frame)
    found = train_and_predict(model_class, freqai, frame.rename(columns=odd), asked.rename(columns=odd))
    correlation = signal_correlation(found, asked)
    require(correlation > 0.7, f"the correlation with the signal is {correlation:.2f}, it should exceed 0.7")


@rule()
def survives_constant_features(model_class: type, freqai: Freqai) -> None:
    """A feature that is constant over the window does no harm, even where it changes later."""
    frame = example_frame(model_class)
    frame[FEATURES[3]] = 7.0
    asked = example_frame(model_class, seed=1, after=frame)
    correlation = signal_correlation(train_and_predict(model_class, freqai, frame, asked), asked)
    require(correlation > 0.7, f"the correlation with the signal fell to {correlation:.2f}")


@rule()
def flags_far_outliers(model_class: type, freqai: Freqai) -> None:
    """FreqAI's outlier steps mark rows far outside the training data as untrusted, whatever the features' units."""
    frame = _in_unlike_units(example_frame(model_class))
    usual = _in_unlike_units(example_frame(model_class, seed=1, after=frame))
    far = usual.copy()
    # Beside the price these are invisible unless features are scaled.
    ratios = [name for name in FEATURES if name != FEATURES[1]]
    sides = np.where(np.arange(len(far)) % 2, 50.0, -50.0).reshape(-1, 1)
    far[ratios] += sides * frame[ratios].std().to_numpy()
    for detector, least in _DETECTORS:
        with workbench(model_class, {**freqai, "feature_parameters": detector}) as bench:
            bench.train(frame)
            trusted = (bench.predict(usual).do_predict == 1).mean()
            flagged = (bench.predict(far.iloc[:20], before=frame).do_predict != 1).mean()
        step = next(iter(detector))
        require(trusted > 0.8, f"with {step} only {trusted:.0%} of usual rows are trusted")
        require(flagged >= least, f"with {step} only {flagged:.0%} of rows far outside are marked, not {least:.0%}")


@rule()
def learns_through_noise(model_class: type, freqai: Freqai) -> None:
    """``noise_standard_deviation`` is in units of the scaled features, so that it does not drown small ones."""
    frame = _in_unlike_units(example_frame(model_class))
    asked = _in_unlike_units(example_frame(model_class, seed=1, after=frame))
    noisy = {**freqai, "feature_parameters": {"noise_standard_deviation": 0.05}}
    correlation = signal_correlation(train_and_predict(model_class, noisy, frame, asked), asked)
    require(correlation > 0.7, f"the correlation with the signal fell to {correlation:.2f}")


@rule()
def survives_a_constant_label(model_class: type, freqai: Freqai) -> None:
    """A label that is constant over the window, such as a class that never occurred, gives finite predictions."""
    whole = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=whole)
    for label in label_columns(whole):
        only = whole[label].iloc[0]
        result = train_and_predict(model_class, freqai, whole.assign(**{label: only}), asked)
        require_finite(result)
        require(
            _is_all(result.frame[label], only), f"a prediction of {label} is not {only!r}, the only value ever seen"
        )


@rule()
def survives_a_tiny_window(model_class: type, freqai: Freqai) -> None:
    """Forty rows are enough to train without an error."""
    frame = example_frame(model_class, rows=40)
    require_finite(train_and_predict(model_class, freqai, frame, example_frame(model_class, seed=1, after=frame)))


@rule()
def trains_without_a_test_set(model_class: type, freqai: Freqai) -> None:
    """``test_size: 0`` holds nothing out."""
    whole = {**freqai, "data_split_parameters": {"test_size": 0, "shuffle": False}}
    frame = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=frame)
    correlation = signal_correlation(train_and_predict(model_class, whole, frame, asked), asked)
    require(correlation > 0.7, f"the correlation with the signal is {correlation:.2f}, it should exceed 0.7")


@rule()
def names_a_wrong_parameter(model_class: type, freqai: Freqai) -> None:
    """An unknown training parameter is refused by name before anything is trained."""
    unknown = {**freqai, "model_training_parameters": {**freqai["model_training_parameters"], "no_such_knob": 1}}
    try:
        with workbench(model_class, unknown):
            pass
    except Exception as error:
        require("no_such_knob" in str(error), f"the error does not name the parameter: {error}")
        return
    raise ContractError("the unknown parameter 'no_such_knob' was accepted")


def _is_all(predicted: pd.Series, only: object) -> bool:
    if isinstance(only, str):
        return bool((predicted == only).all())
    # XGBoost computes in single precision.
    tolerance = _HAIR if only in (0.0, 1.0) else 1e-8
    return bool(np.isclose(predicted.astype(float), float(str(only)), atol=tolerance).all())


def _in_unlike_units(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with ratios, the signal among them, beside a price."""
    price = FEATURES[1]
    ratios = {name: 0.001 * frame[name] for name in FEATURES if name != price}
    return frame.assign(**ratios, **{price: 60_000.0 + 500.0 * frame[price]})
