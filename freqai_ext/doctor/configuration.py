"""Checks of the configuration files, by Freqtrade's rules and by ours."""

import ast
import inspect
import os
import re
import textwrap
from collections.abc import Iterator, Mapping
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from freqai_ext._services.secrets import resolve_secrets, unread_variables
from freqai_ext.config import SECTION, exposed_secrets, load_ext_settings
from freqai_ext.doctor.context import Context, DoctorRequest, freqai_is_on
from freqai_ext.doctor.finding import CheckSkippedError, Finding, failure, name_some, ok, warning
from freqai_ext.errors import SettingsError


def check_configuration(context: Context) -> Iterator[Finding]:
    """The files load, Freqtrade accepts them, our section is valid, and the pairs can be traded."""
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
    for exposure in exposed_secrets(config):
        yield warning(exposure.fault, exposure.remedy)
    context.loaded_config = config
    yield ok(f"Freqtrade accepts {', '.join(map(str, config['config_files']))}")
    if config.get("freqaimodel") and not freqai_is_on(config):
        yield failure(
            f"freqai.enabled: is not true, so Freqtrade trains no {config['freqaimodel']}",
            "set it to true, or leave --freqaimodel out",
        )
    for fault in _own_faults(config):
        context.section_is_valid = False
        yield failure(fault, f"correct the section '{SECTION}'")
    if context.section_is_valid:
        yield ok(
            f"the section '{SECTION}' is valid" if SECTION in config else f"no section '{SECTION}': defaults apply"
        )
        yield from _secrets(context, config)
    yield from _likely_typos(config)
    yield from _pairs(config)
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
    if freqai_is_on(context.config):
        return
    if _starts_freqai(strategy):
        yield failure(
            f"freqai.enabled: is not true, and {type(strategy).__name__} starts FreqAI in populate_indicators",
            "set it to true",
        )
    else:
        yield ok(f"FreqAI is off, and {type(strategy).__name__} trades without a model")


def _starts_freqai(strategy: Any) -> bool:
    """Whether populate_indicators calls ``self.freqai.start``, and not only under a condition of its own."""
    try:
        source = textwrap.dedent(inspect.getsource(type(strategy).populate_indicators))
    except (OSError, TypeError):
        return False
    (function,) = ast.parse(source).body
    unconditional = [each for each in getattr(function, "body", ()) if not isinstance(each, ast.If)]
    return any("self.freqai.start(" in ast.unparse(each) for each in unconditional)


def _own_faults(config: Mapping[str, Any]) -> list[str]:
    try:
        load_ext_settings(config)
    except SettingsError as error:
        return str(error).splitlines()
    return []


def _pairs(config: Mapping[str, Any]) -> Iterator[Finding]:
    methods = [str(each.get("method")) for each in config.get("pairlists", [])] or ["StaticPairList"]
    listed = config["exchange"].get("pair_whitelist") or []
    if methods[0] != "StaticPairList":
        if freqai_is_on(config):
            yield failure(
                f"pairlists: {methods[0]} changes the pairs while the bot runs, and FreqAI takes none that appear "
                "later: it loads the candles of its training once, at the start",
                "use StaticPairList and write the pairs to exchange.pair_whitelist",
            )
        return
    if not listed:
        yield failure("exchange.pair_whitelist: lists no pairs", "write them there, e.g. 'BTC/USDT'")
    stake, futures = config.get("stake_currency"), str(config.get("trading_mode", "spot")).endswith("futures")
    # A pattern such as '.*/USDT' is matched to the markets of the exchange.
    plain = [pair for pair in listed if re.fullmatch(r"[^/*+?\[\]()|^$\\]+/[\w.-]+(:[\w.-]+)?", pair)]
    other_quote = [pair for pair in plain if pair.partition("/")[2].partition(":")[0] != stake]
    if stake and other_quote:
        report = failure if len(other_quote) == len(listed) else warning
        yield report(
            f"exchange.pair_whitelist: {name_some(other_quote)} not quoted in stake_currency {stake}, so Freqtrade "
            "leaves out these pairs",
            "remove them, or run a second bot with their stake_currency",
        )
    if other_market := [pair for pair in plain if (":" in pair) is not futures]:
        example = f"BTC/{stake}:{stake}" if futures else f"BTC/{stake}"
        yield failure(
            f"exchange.pair_whitelist: {name_some(other_market)} no {'futures' if futures else 'spot'} market, which "
            "trading_mode asks for",
            f"write pairs like {example}, or change trading_mode",
        )


def _secrets(context: Context, config: Mapping[str, Any]) -> Iterator[Finding]:
    """Files and variables that cannot be used as a secret, or are not."""
    settings = load_ext_settings(config)
    try:
        resolve_secrets(settings)
    except SettingsError as error:
        # What asks a service would stop at it again.
        context.section_is_valid = False
        fault, _, remedy = str(error).rpartition("; ")
        yield failure(fault, remedy)
    for name in unread_variables(settings):
        yield warning(f"{name}: is set, and the configuration has no such endpoint", "add it, or remove the variable")


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
