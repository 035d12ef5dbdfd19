"""What a FreqAI model learns, and whether a strategy's targets suit it: ours say so, others by their classes."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from freqai_ext.models._backends import Task

#: Columns that begin with this say from when on a label is known, see ``known_at_column``.
KNOWN_AT = "known_at_s@"

_FREQAI_BASES = (
    "BaseRegressionModel",
    "BaseClassifierModel",
    "BasePyTorchRegressor",
    "BasePyTorchClassifier",
)
_REINFORCEMENT = "BaseReinforcementLearningModel"
# Of Freqtrade's own models of no such name these learn several targets, tried on Freqtrade 2026.9.
_SEVERAL_ALL_THE_SAME = ("XGBoostRegressor", "XGBoostRFRegressor", "PyTorchTransformerRegressor")
_OF_ONE = (
    "LightGBMRegressor",
    "LightGBMClassifier",
    "XGBoostClassifier",
    "XGBoostRFClassifier",
    "SKLearnRandomForestClassifier",
    "PyTorchMLPRegressor",
    "PyTorchMLPClassifier",
)
_WITH_MULTI_TARGET = (
    "LightGBMRegressor",
    "LightGBMClassifier",
    "XGBoostRegressor",
    "CatboostRegressor",
    "CatboostClassifier",
)
_OF_BOTH_KINDS = (
    *("LightGBMRegressor", "LightGBMRegressorMultiTarget", "XGBoostRegressor", "XGBoostRFRegressor"),
    *("CatboostRegressor", "CatboostRegressorMultiTarget", "PyTorchMLPRegressor"),
)
_ANY_MIX = "CalibratedSignalModel"
_MOST_CLASSES = 20


@dataclass(frozen=True)
class TargetFault:
    """A target that a model cannot learn.

    Attributes
    ----------
    message
        Names the target, the model and the rule.
    remedy
        What to do about it.
    """

    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


def model_task(model: Any) -> Task:
    """Return whether a FreqAI model (class or instance) learns numbers or classes."""
    declared: Task | None = getattr(model, "task", None)
    if declared in ("regression", "classification"):
        return declared
    return "classification" if _is_called(model, "Classifier") else "regression"


def takes_several_targets(model: Any) -> bool:
    """Return whether a FreqAI model (class or instance) learns several targets at once."""
    return bool(getattr(model, "multi_target", _is_called(model, "MultiTarget")))


def is_reinforcement_learner(model: Any) -> bool:
    """Return whether a FreqAI model (class or instance) learns to act, so that its target is a placeholder."""
    return _is_called(model, _REINFORCEMENT)


def target_faults(model: Any, targets: pd.DataFrame) -> list[TargetFault]:
    """Return why a FreqAI model (class or instance) cannot learn a strategy's targets; empty where it can.

    Whether a label varies is not looked at: a calm window may hold one value of it. Of a user's own model that trains
    in its own way nothing is known, and of reinforcement learners the target is a placeholder.

    Parameters
    ----------
    targets
        The columns with ``&`` alone.
    """
    if is_reinforcement_learner(model):
        return []
    if targets.empty and not len(targets.columns):
        return [
            TargetFault(
                "set_freqai_targets sets no column whose name begins with '&', so there is nothing to learn",
                'write dataframe["&-name"] = ... in it',
            )
        ]
    faults = [fault for name in targets if (fault := _content_fault(model, str(name), targets[name])) is not None]
    names = ", ".join(map(str, targets.columns))
    if len(targets.columns) > 1 and _learns_one(model):
        faults.append(
            TargetFault(
                f"{_name(model)} learns one target, and set_freqai_targets sets {len(targets.columns)}: {names}",
                f"choose {_multi_target_model(model)}, or set one of them",
            )
        )
    return faults


def _content_fault(model: Any, name: str, label: pd.Series) -> TargetFault | None:
    """Return why the values of one target do not suit the model."""
    if not _trains_as_freqai(model):
        return None
    known = label.dropna()
    if known.empty:
        return None
    content = pd.api.types.infer_dtype(known, skipna=True)
    is_text = content == "string" or (content == "categorical" and pd.api.types.is_string_dtype(known.cat.categories))
    if not is_text and not pd.api.types.is_numeric_dtype(label.dtype):
        return TargetFault(
            f"{name} is of type {label.dtype} and holds neither only names of classes nor only numbers ({content})",
            "write numbers with .astype(float), or names of classes with .astype(str)",
        )
    if is_text and model_task(model) == "regression" and not getattr(model, "mixes_targets", False):
        shown = ", ".join(map(str, sorted(known.astype(str).unique())[:3]))
        return TargetFault(
            f"{name} holds names of classes ({shown}), and {_name(model)} learns numbers",
            f"choose {_counterpart(model, 'Classifier')}, or write numbers",
        )
    if not is_text and model_task(model) == "classification":
        values = known.astype(float).unique()
        is_whole = len(values) <= _MOST_CLASSES and bool((values == values.round()).all())
        # Our models of any mix take 0 and 1 for an event, and other numbers for numbers.
        if getattr(model, "mixes_targets", False) and (not is_whole or set(values) <= {0.0, 1.0}):
            return None
        shown = ", ".join(f"{value:g}" for value in sorted(values)[:3])
        return TargetFault(
            f"{name} holds numbers ({shown}{', ...' if len(values) > 3 else ''}), and {_name(model)} learns names of "
            "classes",
            'write names, such as np.where(future > 0, "up", "down"), and list them in self.freqai.class_names, '
            f"or choose {_counterpart(model, 'Regressor')}",
        )
    return None


def _learns_one(model: Any) -> bool:
    """Return whether it is known of a model that it learns one target only."""
    if takes_several_targets(model) or any(_owner(model, "fit").__name__ == name for name in _SEVERAL_ALL_THE_SAME):
        return False
    owner = _owner(model, "fit")
    return owner.__module__.startswith("freqai_ext.") or owner.__name__ in _OF_ONE


def _trains_as_freqai(model: Any) -> bool:
    """Return whether a model is ours, or trains as FreqAI's base classes do."""
    owner = _owner(model, "train")
    return owner.__module__.startswith("freqai_ext.") or owner.__name__ in _FREQAI_BASES


def _owner(model: Any, method: str) -> type:
    """Return the class that defines a method of the model."""
    bases = _class(model).__mro__
    return next((base for base in bases if method in vars(base)), bases[0])


def _multi_target_model(model: Any) -> str:
    name = _name(model)
    return f"{name}MultiTarget" if name in _WITH_MULTI_TARGET else _ANY_MIX


def _counterpart(model: Any, kind: str) -> str:
    """Return the model of the same library that learns the other kind of targets, and one that learns any."""
    name, other = _name(model), "Regressor" if kind == "Classifier" else "Classifier"
    if other in name and name.replace("Classifier", "Regressor") in _OF_BOTH_KINDS:
        return f"{name.replace(other, kind)} or {_ANY_MIX}"
    return _ANY_MIX


def _is_called(model: Any, word: str) -> bool:
    # The bases count too: a user's own subclass may be called anything.
    return any(word in base.__name__ for base in _class(model).__mro__)


def _name(model: Any) -> str:
    return _class(model).__name__


def _class(model: Any) -> type:
    return model if isinstance(model, type) else type(model)
