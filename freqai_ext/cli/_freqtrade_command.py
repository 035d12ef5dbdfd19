"""A Freqtrade command line as Freqtrade itself reads it, and the one that runs on a replay exchange instead."""

import argparse
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from freqai_ext.cli import _freqtrade_rules as rules
from freqai_ext.errors import SettingsError

TradingMode = Literal["spot", "futures"]


@dataclass(frozen=True)
class FreqtradeCommand:
    """A parsed command.

    Parameters
    ----------
    argv
        The command without the word ``freqtrade``, e.g. ``("backtesting", "-c", "config.json")``.
    args
        Freqtrade's own reading of it.
    config
        The merged configuration files and environment variables.
    options
        What the command takes, by the name of the argument in ``args``.
    """

    argv: tuple[str, ...]
    args: Mapping[str, Any]
    config: Mapping[str, Any]
    options: Mapping[str, argparse.Action] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The subcommand, e.g. ``backtesting``."""
        return str(self.args["command"])

    @property
    def userdir(self) -> Path:
        """The user directory."""
        return Path(self.args.get("user_data_dir") or self.config.get("user_data_dir") or "user_data").absolute()

    @property
    def trading_mode(self) -> TradingMode:
        """Trading mode of the command line, else of the configuration."""
        mode = str(self.args.get("trading_mode") or self.config.get("trading_mode") or "spot")
        if mode == "spot":
            return "spot"
        if mode == "futures":
            return "futures"
        raise SettingsError(f"trading_mode: {mode!r} cannot be replayed; use spot or futures")

    @property
    def exchange(self) -> Mapping[str, Any]:
        """The exchange section of the configuration."""
        return dict(self.config.get("exchange") or {})

    @property
    def freqai(self) -> Mapping[str, Any] | None:
        """The ``freqai`` section if it is enabled."""
        section = self.config.get("freqai") or {}
        return section if section.get("enabled", False) else None

    @property
    def pairs(self) -> tuple[str, ...]:
        """Pairs that the command line or the configuration names, FreqAI's correlated pairs included."""
        named = list(self.args.get("pairs") or self.exchange.get("pair_whitelist") or [])
        if self.freqai:
            named += self.freqai.get("feature_parameters", {}).get("include_corr_pairlist") or []
        return tuple(dict.fromkeys(str(pair) for pair in named))

    @property
    def timeframes(self) -> tuple[str, ...]:
        """Timeframes that the command line or the configuration names."""
        named = [*(self.args.get("timeframes") or []), self.args.get("timeframe") or self.config.get("timeframe")]
        named.append(self.args.get("timeframe_detail") or self.config.get("timeframe_detail"))
        if self.freqai:
            named += self.freqai.get("feature_parameters", {}).get("include_timeframes") or []
        return tuple(dict.fromkeys(str(timeframe) for timeframe in named if timeframe))

    def timerange(self) -> tuple[datetime | None, datetime | None]:
        """Return start and end of the command's ``--timerange``, ``None`` where it is open.

        Raises
        ------
        SettingsError
            When Freqtrade cannot read it.
        """
        from freqtrade.configuration import TimeRange
        from freqtrade.exceptions import FreqtradeException

        text = self.args.get("timerange") or self.config.get("timerange")
        try:
            parsed = TimeRange.parse_timerange(text)
        except FreqtradeException as error:
            raise SettingsError(f"--timerange: {error}; write it like 20250301-20250501") from error
        return parsed.startdt, parsed.stopdt

    @property
    def given_options(self) -> tuple[str, ...]:
        """Names of the arguments in ``args`` that are not at their default."""
        return tuple(name for name, action in self.options.items() if self.args.get(name) != action.default)

    def option_name(self, name: str) -> str:
        """Return the option of an argument as users write it, ``--db-url`` for ``db_url``."""
        words = self.options[name].option_strings
        return next((word for word in words if word.startswith("--")), words[0])

    def with_overlay(self, overlay: Path, replaced: Mapping[str, object]) -> list[str]:
        """Return the command line with the configuration ``overlay`` behind the user's own.

        It is written again from what Freqtrade understood: words could be abbreviated, joined or repeated, and an
        option that must not pass would not be found among them.

        Parameters
        ----------
        overlay
            A configuration file.
        replaced
            Values that stand in for those of ``args``, ``None`` to leave one out. What the command has no option for
            is ignored.
        """
        # Naming a configuration switches off Freqtrade's default one, which ``args`` holds as well.
        configs = [*(self.args.get("config") or []), str(overlay)]
        values = {**self.args, **replaced, "config": configs}
        words = (word for name, action in self.options.items() for word in _words(action, values.get(name)))
        return [self.name, *words]


def parse_command(words: Sequence[str]) -> FreqtradeCommand:
    """Return the command that ``words`` form, as Freqtrade reads it.

    Parameters
    ----------
    words
        A Freqtrade command line; the leading word ``freqtrade`` may be left out.

    Raises
    ------
    SettingsError
        When there is no command, it takes no configuration, or the configuration cannot be read.
    SystemExit
        When Freqtrade's own parser refuses an option (it prints why).
    """
    argv = tuple(words[1:] if words[:1] in (["freqtrade"], ("freqtrade",)) else words)
    if not argv:
        raise SettingsError("no freqtrade command; write it behind two dashes: -- freqtrade backtesting -c config.json")

    from freqtrade.commands import Arguments
    from freqtrade.configuration.environment_vars import environment_vars_to_dict
    from freqtrade.configuration.load_config import load_from_files
    from freqtrade.exceptions import FreqtradeException
    from freqtrade.misc import deep_merge_dicts

    arguments = Arguments(list(argv))
    args = arguments.get_parsed_arg()
    name = args.get("command")
    if not name or "config" not in args:
        remedy = rules.REFUSED_COMMANDS.get(str(name), "is no command to run on candles; write one such as backtesting")
        raise SettingsError(f"freqtrade {' '.join(argv[:1])} {remedy}")
    if "-" in (args["config"] or []):
        raise SettingsError(
            "--config: '-' is standard input, beside which Freqtrade reads no other file; write it to a file"
        )
    try:
        config = deep_merge_dicts(environment_vars_to_dict(), load_from_files(args["config"] or []))
    except FreqtradeException as error:
        raise SettingsError(str(error)) from error
    return FreqtradeCommand(argv, args, config, _options(arguments.parser, str(name)))


def copied_identifier(command: FreqtradeCommand, ending: str) -> dict[str, str]:
    """Return FreqAI's settings for a run that is a copy of the user's, and remove what an earlier copy has left.

    Parameters
    ----------
    ending
        Put behind the user's identifier, e.g. ``"offline"``.

    Raises
    ------
    SettingsError
        When there is a folder of that name which no such copy made, e.g. another bot's.
    """
    original = str((command.freqai or {}).get("identifier", "unnamed"))
    copy = {"identifier": f"{original}-{ending}", "original_identifier": original}
    folder = command.userdir / "models" / copy["identifier"]
    if folder.exists():
        try:
            made_by = json.loads((folder / "run_params.json").read_bytes())["freqai"]
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            made_by = {}
        ours = isinstance(made_by, dict) and all(made_by.get(name) == value for name, value in copy.items())
        if any(folder.iterdir()) and not ours:
            raise SettingsError(
                f"{folder}: holds files of a bot of its own, and a run of this command would replace them; "
                "move the folder away, or choose another freqai.identifier"
            )
        shutil.rmtree(folder)
    return copy


def check_command(command: FreqtradeCommand) -> Iterator[tuple[str, str]]:
    """Yield the options that a run on replayed candles replaces, and what it uses instead.

    Raises
    ------
    SettingsError
        When the command or an option cannot be used on replayed candles, or is of a Freqtrade that is not known here.
    """
    trades = command.name == rules.TRADE
    if not trades and command.name not in rules.LOOKING_BACK:
        reason = rules.REFUSED_COMMANDS.get(command.name, "is not known to this version of freqai-ext; update it")
        raise SettingsError(f"freqtrade {command.name} {reason}")
    replaced = {**rules.REPLACED_OPTIONS, **(rules.REPLACED_IN_TRADE if trades else {})}
    refused = {} if trades else rules.REFUSED_IN_THE_PAST
    for name in command.given_options:
        option = command.option_name(name)
        if name in refused:
            raise SettingsError(f"{option}: not in freqtrade {command.name} on replayed candles: {refused[name]}")
        if name in replaced:
            yield name, f"{option}: left out; {replaced[name]}"
        elif name not in rules.PASSED_OPTIONS:
            raise SettingsError(
                f"{option}: not known to this version of freqai-ext, so it could reach outside of the run; leave it out"
            )


def _options(parser: argparse.ArgumentParser, command: str) -> Mapping[str, argparse.Action]:
    # argparse gives no other way to its subcommands and their options.
    commands = next(one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    actions = commands.choices[command]._actions
    return {action.dest: action for action in actions if not isinstance(action, argparse._HelpAction)}


def _words(action: argparse.Action, value: Any) -> list[str]:
    if value is None or value == action.default:
        return []
    option = next((word for word in action.option_strings if word.startswith("--")), action.option_strings[0])
    if isinstance(action, argparse._AppendAction):
        return [f"{option}={one}" for one in value]
    if isinstance(action, argparse._CountAction):
        return [option] * int(value)
    if action.nargs == 0:
        return [option]
    if isinstance(value, list | tuple):
        return [option, *map(str, value)]
    return [f"{option}={value}"]
