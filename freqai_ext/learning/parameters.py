"""Training parameters under a library's own names: fast defaults under the user's own, errors that name the key.

Why these defaults: with the few thousand rows of a FreqAI window the search for splits over bins, features and leaves
dominates, not the data. Fewer bins and a share of the features per tree make a fit several times faster, and were not
seen to harm the forecasts. Whatever the user writes wins, under any of the library's names for it.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from freqai_ext._settings import suggest
from freqai_ext.errors import SettingsError
from freqai_ext.learning.parameter_names import HARMLESS, NESTED, SUBJECTS, Counterpart, Family, family_of, same

__all__ = ["PATH", "ParameterRules", "Task", "Translation", "complete_parameters", "fitting_parameters"]

logger = logging.getLogger(__name__)

PATH = "freqai.model_training_parameters"

Task = Literal["regression", "classification"]

# What these mean depends on the model: they belong to the kind of model that the parameters beside them speak of.
_WITH_THE_REST = ("rate", "patience", "l2")

_OF_A_GPU = re.compile(r"\bGPU\b|CUDA|OpenCL", re.IGNORECASE)
# CatBoost and LightGBM begin with the file and line of their source.
_SOURCE_LINE = re.compile(r"^\S+\.(?:cpp|cc|cu|cuh|h|hpp):\d+:\s*")


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
    try_fit
        Fits a few rows with the given parameters and raises what the library raises.
    translated
        Names that have an exact counterpart here: ``name -> (our name, convert)``.
    refused
        Parameters that are not the user's to set: ``our name -> rule and remedy``.
    family
        What kind of model it is. Parameters of another kind are not used.
    counterparts
        By subject, for names of other libraries.
    values
        Conversions of the values of own parameters: ``our name -> convert``.
    neutral
        Values of own parameters that change nothing: ``name -> values``.
    """

    library: str
    defaults: Mapping[str, Any]
    canonical: Mapping[str, str]
    try_fit: Callable[[dict[str, Any]], None]
    translated: Mapping[str, tuple[str, Callable[[Any], Any]]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    family: Family = "trees"
    counterparts: Mapping[str, Counterpart] = field(default_factory=dict)
    values: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    neutral: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Translation:
    """What a library makes of the user's parameters.

    Attributes
    ----------
    own
        Those that it takes, under its own names.
    written_as
        For each of them the user's name.
    unused
        Names of parameters that are left out, such as those of another kind of model.
    faults
        By the user's name what is wrong, and the remedy.
    """

    own: dict[str, Any] = field(default_factory=dict)
    written_as: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)


def translate(given: Mapping[str, Any], rules: ParameterRules) -> Translation:
    """Return the user's parameters as a library knows them, those it cannot use, and all that is wrong with them."""
    found = Translation()
    named = list(_flat(given))
    kinds = {family_of(name) for _, name, _ in named if SUBJECTS.get(name) not in _WITH_THE_REST} - {None}
    yielding: list[tuple[str, Counterpart, Any]] = []
    for written, name, value in named:
        counterpart = rules.counterparts.get(SUBJECTS.get(name, ""))
        if value in rules.neutral.get(name, ()) or (name in HARMLESS and name not in rules.canonical):
            continue
        belongs_elsewhere = SUBJECTS.get(name) in _WITH_THE_REST and bool(kinds) and rules.family not in kinds
        if belongs_elsewhere or _speaks_of_another(written, name, rules):
            found.unused.append(written)
        elif name in rules.canonical:
            _take(found, written, rules.canonical[name], value, rules)
        elif name in rules.translated:
            key, convert = rules.translated[name]
            _take(found, written, key, convert(value), rules)
        elif counterpart is not None and value in counterpart.neutral:
            continue
        elif counterpart is not None and counterpart.is_unused:
            found.unused.append(written)
        elif counterpart is not None and counterpart.yields:
            yielding.append((written, counterpart, value))
        elif counterpart is not None and counterpart.name is not None:
            _take(found, written, counterpart.name, counterpart.convert(value), rules)
        elif counterpart is not None:
            found.faults[written] = f"{rules.library} has no such parameter; {counterpart.remedy}"
        else:
            remedy = "remove it" if name in SUBJECTS else suggest(name, rules.canonical)
            found.faults[written] = f"{rules.library} has no such parameter; {remedy}"
    for written, counterpart, value in yielding:
        if counterpart.name is not None and counterpart.name not in found.own:
            _take(found, written, counterpart.name, counterpart.convert(value), rules)
    return found


def complete_parameters(given: Mapping[str, Any], rules: ParameterRules) -> dict[str, Any]:
    """Return ``given`` under the library's canonical names, completed with the defaults of ``rules``.

    Raises
    ------
    SettingsError
        One line for each unknown or refused name, second name of one parameter, and value that the library refuses.
    """
    found = translate(given, rules)
    known = suggest("", rules.canonical)
    unused = dict.fromkeys(found.unused, f"{rules.library} has no such parameter; {known}")
    _raise_all(found.faults | unused)
    _check_values(found.own, found.written_as, rules)
    return {**{name: value for name, value in rules.defaults.items() if name not in found.own}, **found.own}


def fitting_parameters(given: Mapping[str, Any], rules: ParameterRules) -> dict[str, Any]:
    """Return the parameters that shape this kind of model, under its own names; one log line names the others.

    So the configuration of a model of another kind serves this one: trees have no epochs, networks no leaves.

    Raises
    ------
    SettingsError
        One line for each name that is unknown or has no counterpart.
    """
    found = translate(given, rules)
    _raise_all(found.faults)
    log_unused(found.unused, rules.library, rules.canonical)
    return found.own


def log_unused(names: list[str], library: str, known: Mapping[str, str]) -> None:
    """Say which parameters a model does not use, if any."""
    if names:
        own = sorted(set(known.values()))
        listed = f"; it has {', '.join(own)}" if len(own) <= 30 else ""
        logger.info("%s: %s has no counterpart of %s and leaves them out%s.", PATH, library, ", ".join(names), listed)


def _flat(given: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield each parameter: as it is written, its name, its value; the keys of nested objects one by one."""
    for name, value in given.items():
        if name in NESTED and isinstance(value, Mapping):
            yield from ((f"{name}.{key}", key, each) for key, each in value.items())
        else:
            yield name, name, value


def _speaks_of_another(written: str, name: str, rules: ParameterRules) -> bool:
    if rules.family != "network" and written.split(".")[0] in NESTED:
        return True
    if name in rules.canonical or name in rules.translated or SUBJECTS.get(name) in rules.counterparts:
        return False
    return family_of(name) not in (None, rules.family)


def _take(found: Translation, written: str, key: str, value: Any, rules: ParameterRules) -> None:
    if value in rules.neutral.get(key, ()):
        return
    if key in rules.refused:
        found.faults[written] = rules.refused[key]
    elif key in found.own:
        found.faults[written] = f"the same parameter as '{found.written_as[key]}'; keep one of the two"
    else:
        found.own[key], found.written_as[key] = rules.values.get(key, same)(value), written


def _raise_all(faults: Mapping[str, str]) -> None:
    if faults:
        raise SettingsError("\n".join(f"{PATH}.{name}: {fault}" for name, fault in faults.items()))


def _check_values(own: dict[str, Any], written_as: Mapping[str, str], rules: ParameterRules) -> None:
    try:
        rules.try_fit(own)
    except Exception as together:
        faults = {}
        for key, value in own.items():
            try:
                rules.try_fit({key: value})
            except Exception as alone:
                faults[written_as[key]] = _refusal(value, alone, rules.library)
        _raise_all(faults)
        raise SettingsError(f"{PATH}: {rules.library} refuses this combination: {_first_line(together)}") from None


def _refusal(value: Any, error: Exception, library: str) -> str:
    reason = _first_line(error)
    if isinstance(value, str) and _OF_A_GPU.search(f"{value} {reason}"):
        return (
            f"{value!r} asks for a GPU, and {library} finds none here that it can use ({reason}); write 'cpu', or "
            "remove it"
        )
    if isinstance(value, str) and isinstance(error, TypeError):
        reason = "it is a text; write a number, without quotes"
    return f"{value!r} is refused by {library}: {reason}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return _SOURCE_LINE.sub("", lines[0]) if lines else type(error).__name__
