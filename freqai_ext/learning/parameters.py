"""Training parameters under a library's own names: fast defaults under the user's own, errors that name the key.

Why these defaults: with the few thousand rows of a FreqAI window the search for splits over bins, features and leaves
dominates, not the data. Fewer bins and a share of the features per tree make a fit several times faster, and were not
seen to harm the forecasts. Whatever the user writes wins, under any of the library's names for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from freqai_ext._settings import suggest
from freqai_ext.errors import SettingsError

PATH = "freqai.model_training_parameters"

Task = Literal["regression", "classification"]


@dataclass(frozen=True)
class ParameterRules:
    """What a library accepts.

    Parameters
    ----------
    library
        Name shown in errors.
    defaults
        Values used where the user gives none.
    canonical
        Every accepted name, mapped to the one name that we pass to the library.
    translated
        Names of other libraries that have an exact counterpart here: ``name -> (our name, convert)``.
    try_fit
        Fits a few rows with the given parameters and raises what the library raises.
    refused
        Parameters that are not the user's to set: ``our name -> rule and remedy``.
    """

    library: str
    defaults: Mapping[str, Any]
    canonical: Mapping[str, str]
    try_fit: Callable[[dict[str, Any]], None]
    translated: Mapping[str, tuple[str, Callable[[Any], Any]]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def complete_parameters(given: Mapping[str, Any], rules: ParameterRules) -> dict[str, Any]:
    """Return ``given`` under the library's canonical names, completed with the defaults of ``rules``.

    Raises
    ------
    SettingsError
        For an unknown or refused name, two names of one parameter, or a value that the library refuses.
    """
    own: dict[str, Any] = {}
    written_as: dict[str, str] = {}
    for name, given_value in given.items():
        if name in rules.canonical:
            key, value = rules.canonical[name], given_value
        elif name in rules.translated:
            key, convert = rules.translated[name]
            value = convert(given_value)
        else:
            raise SettingsError(
                f"{PATH}.{name}: {rules.library} has no such parameter; {suggest(name, rules.canonical)}"
            )
        if key in rules.refused:
            raise SettingsError(f"{PATH}.{name}: {rules.refused[key]}")
        if key in own:
            raise SettingsError(f"{PATH}.{name}: the same parameter as '{written_as[key]}'; keep one of the two")
        own[key], written_as[key] = value, name
    _check_values(own, written_as, rules)
    return {**{name: value for name, value in rules.defaults.items() if name not in own}, **own}


def _check_values(own: dict[str, Any], written_as: Mapping[str, str], rules: ParameterRules) -> None:
    try:
        rules.try_fit(own)
    except Exception as together:
        for key, value in own.items():
            try:
                rules.try_fit({key: value})
            except Exception as alone:
                raise SettingsError(
                    f"{PATH}.{written_as[key]}: {value!r} is refused by {rules.library}: {_first_line(alone)}"
                ) from None
        raise SettingsError(f"{PATH}: {rules.library} refuses this combination: {_first_line(together)}") from None


def same(value: Any) -> Any:
    """Return ``value``; the conversion of a translated name whose values mean the same."""
    return value


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
