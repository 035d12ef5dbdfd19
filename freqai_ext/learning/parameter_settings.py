"""Training parameters of learners of our own, which are typed settings."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from freqai_ext._settings import Settings
from freqai_ext.learning.parameters import ParameterRules, complete_parameters

SettingsT = TypeVar("SettingsT", bound=Settings)


def settings_from_parameters(
    section: type[SettingsT],
    library: str,
    given: Mapping[str, Any],
    translated: Mapping[str, tuple[str, Callable[[Any], Any]]],
) -> SettingsT:
    """Return ``section`` filled from the user's training parameters.

    Parameters
    ----------
    section
        The settings; their fields are the names that are accepted.
    library
        What errors call the learner.
    given
        The user's ``freqai.model_training_parameters``.
    translated
        Names of other libraries that are accepted too: ``name -> (our name, convert)``.

    Raises
    ------
    SettingsError
        For an unknown name, two names of one parameter, or a value that is not valid.
    """

    def validate(parameters: dict[str, Any]) -> None:
        try:
            section(**parameters)
        except ValidationError as error:
            rule = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValueError(rule[:1].lower() + rule[1:]) from None

    canonical = {name: name for name in section.model_fields}
    return section(**complete_parameters(given, ParameterRules(library, {}, canonical, validate, translated)))
