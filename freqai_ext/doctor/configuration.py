"""Checks of the configuration files, by Freqtrade's rules and by ours."""

import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from freqai_ext.config import SECTION, load_ext_settings
from freqai_ext.doctor.context import Context, DoctorRequest
from freqai_ext.doctor.finding import CheckSkippedError, Finding, failure, ok, warning
from freqai_ext.errors import SettingsError


def check_configuration(context: Context) -> Iterator[Finding]:
    """The files load, Freqtrade accepts them, FreqAI is on, and our section is valid."""
    from freqtrade.configuration.config_validation import validate_config_consistency
    from freqtrade.exceptions import OperationalException

    if not context.request.configs:
        raise CheckSkippedError("no configuration given; name it with -c")
    try:
        config = load_config(context.request)
        validate_config_consistency(config, preliminary=True)
    except OperationalException as error:
        yield failure(str(error).strip(), _load_remedy(context.request))
        return
    if not config.get("freqai", {}).get("enabled"):
        yield failure("freqai.enabled: is not true, so Freqtrade trains no model", "set it to true")
        return
    context.loaded_config = config
    yield ok(f"Freqtrade accepts {', '.join(map(str, config['config_files']))}")
    yield from _own_section(config)
    yield from _likely_typos(config)
    yield from _user_directory(config["user_data_dir"])


def load_config(request: DoctorRequest) -> dict[str, Any]:
    """Return the merged configuration exactly as Freqtrade's commands see it, environment variables included.

    Raises
    ------
    freqtrade.exceptions.OperationalException
        As those commands would.
    """
    from freqtrade.configuration import Configuration
    from freqtrade.enums import RunMode

    arguments = {
        "config": [str(path) for path in request.configs],
        "user_data_dir": request.userdir and str(request.userdir),
        "datadir": request.datadir and str(request.datadir),
        "strategy": request.strategy,
        "freqaimodel": request.freqaimodel,
        "timerange": request.timerange,
    }
    return dict(Configuration(arguments, RunMode.OTHER).get_config())


def check_complete_configuration(context: Context) -> Iterator[Finding]:
    """Together with the strategy's attributes the configuration is complete for trading."""
    from freqtrade.configuration.config_validation import validate_config_consistency
    from freqtrade.enums import RunMode
    from freqtrade.exceptions import OperationalException

    strategy = context.strategy
    complete = {**deepcopy(context.config), "runmode": RunMode.DRY_RUN}
    try:
        validate_config_consistency(complete)
    except OperationalException as error:
        yield failure(f"with the attributes of {type(strategy).__name__}: {error}", "correct the configuration")
    else:
        yield ok(f"complete for trading with {type(strategy).__name__}")


def _own_section(config: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        load_ext_settings(config)
    except SettingsError as error:
        for line in str(error).splitlines():
            yield failure(line, "see docs/configuration.md")
    else:
        yield ok(
            f"the section '{SECTION}' is valid" if SECTION in config else f"no section '{SECTION}': defaults apply"
        )


def _likely_typos(config: Mapping[str, Any]) -> Iterator[Finding]:
    # Freqtrade ignores unknown keys, so a misspelt one silently leaves a default in force.
    from freqtrade.config_schema.config_schema import CONF_SCHEMA

    known_freqai = CONF_SCHEMA["definitions"]["freqai"]["properties"]
    known_features = known_freqai["feature_parameters"]["properties"]
    freqai = config["original_config"].get("freqai", {})
    for path, section, known in (
        ("", config["original_config"], {SECTION, "freqai"}),
        ("freqai.", freqai, set(known_freqai)),
        ("freqai.feature_parameters.", freqai.get("feature_parameters", {}), set(known_features)),
    ):
        for key in sorted(set(section) - known):
            if close := get_close_matches(key, known, n=1, cutoff=0.8):
                yield warning(f"{path}{key}: not a known setting, so it is ignored", f"did you mean '{close[0]}'?")


def _user_directory(userdir: Path) -> Iterator[Finding]:
    locked = [str(folder) for folder in (userdir, userdir / "data") if not os.access(folder, os.W_OK)]
    if locked:
        yield failure(
            f"{', '.join(locked)}: cannot be written", "give this user write access, or name another --userdir"
        )
    else:
        yield ok(f"user directory {userdir}")


def _load_remedy(request: DoctorRequest) -> str:
    userdir = request.userdir or Path("user_data")
    if not userdir.is_dir():
        return f"freqai-ext init --userdir {userdir}"
    return "correct the configuration"
