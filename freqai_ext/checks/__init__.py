"""Rules that every FreqAI model must keep, to be run on ours and on yours.

>>> from freqai_ext.checks import check_freqai_model
>>> from freqai_ext.models.CatboostRegressor import CatboostRegressor
>>> check_freqai_model(CatboostRegressor)

In a test suite, one test per rule says more::

    @pytest.mark.parametrize("rule", freqai_model_rules(MyModel), ids=lambda rule: rule.__name__)
    def test_my_model_keeps_the_rule(rule):
        rule(MyModel)
"""

from collections.abc import Callable
from typing import Any

from freqai_ext.checks._rules import RULES
from freqai_ext.errors import ContractError

__all__ = ["ContractError", "check_freqai_model", "freqai_model_rules"]


def freqai_model_rules(model_class: type) -> tuple[Callable[..., None], ...]:
    """Return the rules that apply to a FreqAI model class, in the order in which they are best run."""
    return tuple(rule for rule in RULES if rule.applies_to(model_class))


def check_freqai_model(
    model_class: type,
    *,
    model_training_parameters: dict[str, Any] | None = None,
    freqai_ext: dict[str, Any] | None = None,
) -> None:
    """Raise where a FreqAI model breaks a rule.

    Parameters
    ----------
    model_class
        A subclass of ``IFreqaiModel``. A model that looks back at candles before those it is asked about may have a
        method ``remember_context(pair, frame)``; it is called with all candles up to then before each training and
        prediction.
    model_training_parameters
        What the model is trained with, by default ``{"n_estimators": 40}``. Name whatever makes your model learn a
        strong signal from 400 rows in a second or so.
    freqai_ext
        The ``freqai_ext`` section of the configuration, for models that read it.

    Raises
    ------
    ContractError
        For the first rule that is broken.
    """
    for rule in freqai_model_rules(model_class):
        rule(model_class, model_training_parameters=model_training_parameters, freqai_ext=freqai_ext)
