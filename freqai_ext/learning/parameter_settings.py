"""Training parameters of learners of our own, which are typed settings."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import ValidationError

from freqai_ext._settings import Settings
from freqai_ext.learning.parameter_names import LEFT_OUT, Counterpart, Family, spoken
from freqai_ext.learning.parameters import ParameterRules, complete_parameters

SettingsT = TypeVar("SettingsT", bound=Settings)

_DEVICES = {"CPU": "cpu", "GPU": "cuda", "gpu": "cuda", "cuda:0": "cuda"}
#: Numbers of threads by which other libraries mean all of them.
NO_LIMIT = (None, 0, -1)


def network_counterparts(*, width: str, seed: str) -> Mapping[str, Counterpart]:
    """Return what a network makes of the parameters of Freqtrade's own torch models and of other libraries.

    Parameters
    ----------
    width, seed
        Its own names for these.
    """
    return MappingProxyType(
        {
            "rate": Counterpart("learning_rate"),
            "epochs": Counterpart("epochs", neutral=(None,)),
            "batch": Counterpart("batch_size"),
            "width": Counterpart(width),
            "layers": Counterpart("layers"),
            "dropout": Counterpart("dropout"),
            "seed": Counterpart(seed, neutral=(None,)),
            "threads": Counterpart("threads", neutral=NO_LIMIT),
            "patience": Counterpart("patience_epochs", neutral=(None, 0)),
            "device": Counterpart("device"),
            "verbosity": LEFT_OUT,
            # A count of steps is one of epochs only once the rows are counted.
            "steps": Counterpart(is_unused=True),
        }
    )


def settings_rules(
    section: type[Settings],
    library: str,
    translated: Mapping[str, tuple[str, Callable[[Any], Any]]],
    *,
    family: Family,
    counterparts: Mapping[str, Counterpart],
) -> ParameterRules:
    """Return what a learner whose parameters are ``section`` accepts.

    Parameters
    ----------
    section
        The settings; their fields are the names that are accepted.
    library
        What errors call the learner.
    translated
        Names of other libraries that are accepted too: ``name -> (our name, convert)``.
    family, counterparts
        As in :class:`ParameterRules`.
    """

    def validate(parameters: dict[str, Any]) -> None:
        try:
            section(**parameters)
        except ValidationError as error:
            rule = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValueError(rule[:1].lower() + rule[1:]) from None

    return ParameterRules(
        library,
        {},
        {name: name for name in section.model_fields},
        validate,
        translated,
        family=family,
        counterparts=counterparts,
        values={"device": spoken(_DEVICES)},
    )


def settings_from_parameters(section: type[SettingsT], given: Mapping[str, Any], rules: ParameterRules) -> SettingsT:
    """Return ``section`` filled from the user's training parameters.

    Raises
    ------
    SettingsError
        For an unknown name, two names of one parameter, or a value that is not valid.
    """
    return section(**complete_parameters(given, rules))
