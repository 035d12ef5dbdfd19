"""What a rule of the contract suite is, and how it says what it saw."""

from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from freqai_ext.checks._workbench import DEFAULT_TRAINING_PARAMETERS, FEATURES, Prediction, workbench
from freqai_ext.errors import ContractError

Freqai = dict[str, Any]
"""Changes to the ``freqai`` section of the configuration."""

_EXACT = 1e-9
# Single precision sums differently for one row than for many.
_ROUNDED = 1e-5


class Rule:
    """A rule and the models it applies to.

    Parameters
    ----------
    check
        Raises ``ContractError`` where a model class, trained with the given settings, breaks the rule.
    applies_to
        Tells whether the rule makes sense for a model class.
    """

    __name__: str

    def __init__(self, check: Callable[[type, Freqai], None], applies_to: Callable[[type], bool]) -> None:
        self._check = check
        self.applies_to = applies_to
        update_wrapper(self, check)

    def __call__(
        self,
        model_class: type,
        model_training_parameters: Mapping[str, Any] | None = None,
        freqai_ext: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise ``ContractError`` where the model breaks the rule, or raises anything else."""
        parameters = DEFAULT_TRAINING_PARAMETERS if model_training_parameters is None else model_training_parameters
        broken = f"{model_class.__name__} breaks {self.__name__}"
        try:
            self._check(
                model_class, {"model_training_parameters": dict(parameters), "freqai_ext": dict(freqai_ext or {})}
            )
        except ContractError as error:
            raise ContractError(f"{broken}: {error}") from error
        except Exception as error:
            raise ContractError(f"{broken}: it raised {type(error).__name__}: {error}") from error


def rule(
    applies_to: Callable[[type], bool] = lambda _: True,
) -> Callable[[Callable[[type, Freqai], None]], Rule]:
    """Make a function a rule."""

    def make(check: Callable[[type, Freqai], None]) -> Rule:
        return Rule(check, applies_to)

    return make


def train_and_predict(model_class: type, freqai: Freqai, frame: pd.DataFrame, asked: pd.DataFrame) -> Prediction:
    """Return what a model trained on ``frame`` predicts for ``asked``."""
    with workbench(model_class, freqai) as bench:
        return bench.train(frame).predict(asked)


def signal_correlation(prediction: Prediction, frame: pd.DataFrame) -> float:
    """Return the correlation of the first target with the feature that it follows."""
    return correlation_with_signal(prediction, "&-roi" if "&-roi" in prediction.frame else "up", frame)


def correlation_with_signal(prediction: Prediction, column: str, frame: pd.DataFrame) -> float:
    """Return the correlation of a prediction column with the feature that all labels follow."""
    require(column in prediction.frame, f"there is no column {column} among {list(prediction.frame)}")
    predicted = prediction.frame[column].to_numpy(dtype=float)
    return 0.0 if np.ptp(predicted) == 0 else float(np.corrcoef(predicted, frame[FEATURES[0]])[0, 1])


def require(kept: bool, otherwise: str) -> None:
    """Raise what was seen unless the rule is kept."""
    if not kept:
        raise ContractError(otherwise)


def require_finite(prediction: Prediction) -> None:
    """Raise unless every number predicted is finite."""
    require(bool(np.isfinite(prediction.numbers).all()), "a prediction is not finite")


def require_equal(
    left: npt.NDArray[np.float64],
    right: npt.NDArray[np.float64],
    after: str,
    among: npt.NDArray[np.float64] | None = None,
) -> None:
    """Raise where two sets of predictions differ.

    By more than 1e-9 or, where each is one part of many predictions ``among`` others, by more than single precision
    loses on the largest of that column.
    """
    require(left.shape == right.shape, f"after {after} the shape is {left.shape}, it was {right.shape}")
    allowed = _EXACT if among is None else _EXACT + _ROUNDED * np.abs(among).max(axis=0)
    differences = np.abs(left - right)
    largest = float(differences.max()) if left.size else 0.0
    require(bool((differences <= allowed).all()), f"after {after} a prediction differs by {largest:.3g}")
