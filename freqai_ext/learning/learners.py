"""Learners by name."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from freqai_ext._settings import suggest
from freqai_ext.errors import MissingExtraError, SettingsError
from freqai_ext.learning.learner import Learner
from freqai_ext.learning.parameters import ParameterRules

#: Learners of single rows, by the names that settings use.
LEARNERS = ("lightgbm", "catboost", "hist_gradient_boosting", "torch", "linear")


def learner(name: str, parameters: Mapping[str, Any]) -> Learner:
    """Return the learner called ``name``; its library is imported only now.

    Parameters
    ----------
    name
        One of :data:`LEARNERS`.
    parameters
        The user's ``freqai.model_training_parameters``, in the names of that library. What is not given takes the
        learner's own defaults, which are small and strongly regularised.

    Raises
    ------
    SettingsError
        For an unknown learner, parameter or value.
    MissingExtraError
        Where the learner's library is not installed.
    """
    if name == "lightgbm":
        from freqai_ext.learning.lightgbm_learner import LightGBMLearner

        return LightGBMLearner.from_parameters(parameters)
    if name == "catboost":
        from freqai_ext.learning.catboost_learner import CatBoostLearner

        return CatBoostLearner.from_parameters(parameters)
    if name == "hist_gradient_boosting":
        from freqai_ext.learning.hist_gradient_boosting import HistGradientBoostingLearner

        return HistGradientBoostingLearner.from_parameters(parameters)
    if name == "linear":
        from freqai_ext.learning.linear import LinearLearner

        return LinearLearner.from_parameters(parameters)
    if name == "torch":
        if find_spec("torch") is None:
            raise MissingExtraError("The learner 'torch'", "torch")
        from freqai_ext.learning.multilayer_perceptron import PerceptronLearner

        return PerceptronLearner.from_parameters(parameters)
    raise SettingsError(f"learner: {name!r} is not a learner; {suggest(name, LEARNERS)}")


def learner_rules(name: str) -> ParameterRules:
    """Return which training parameters the learner called ``name`` takes, under whatever library's names.

    Raises
    ------
    SettingsError
        For an unknown learner.
    MissingExtraError
        Where the learner's library is not installed.
    """
    learner(name, {})
    module = {"torch": "multilayer_perceptron", "linear": "linear"}.get(name)
    if module is None:
        module = "hist_gradient_boosting" if name == "hist_gradient_boosting" else f"{name}_learner"
    rules: ParameterRules = import_module(f"freqai_ext.learning.{module}").learner_rules()
    return rules
