"""A Freqtrade command line as Freqtrade itself reads it, and what to add so that it runs on a replay exchange."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from freqai_ext.errors import SettingsError

if TYPE_CHECKING:
    from freqai_ext.replay import ReplayExchange

TradingMode = Literal["spot", "futures"]

_KEPT_EXCHANGE_VARIABLES = ("PAIR_WHITELIST", "PAIR_BLACKLIST")
_REPLACED_VARIABLES = ("DRY_RUN", "TELEGRAM__", "WEBHOOK__", "DISCORD__", "FIAT_DISPLAY_CURRENCY", "DB_URL")
_TALKING_SECTIONS = ("telegram", "webhook", "discord")


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
    """

    argv: tuple[str, ...]
    args: Mapping[str, Any]
    config: Mapping[str, Any]

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

    def with_overlay(self, overlay: Path, *options: str) -> list[str]:
        """Return the command line with the configuration ``overlay`` behind the user's own, and further options."""
        own: list[str] = []
        if not any(word in ("-c", "--config") or word.startswith("--config=") for word in self.argv):
            # Naming a configuration switches off Freqtrade's default one, so that must be named too.
            own = [word for path in self.args.get("config") or [] for word in ("-c", str(path))]
        return [*self.argv, *own, "-c", str(overlay), *options]


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

    args = Arguments(list(argv)).get_parsed_arg()
    if not args.get("command") or "config" not in args:
        raise SettingsError(f"freqtrade {' '.join(argv[:1])} uses no exchange; run it without this command")
    try:
        config = deep_merge_dicts(environment_vars_to_dict(), load_from_files(args["config"] or []))
    except FreqtradeException as error:
        raise SettingsError(str(error)) from error
    return FreqtradeCommand(argv, args, config)


def quiet_sections(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return overrides that keep a replay from messaging people, asking for exchange rates, or trading real money."""
    overrides: dict[str, Any] = {
        section: {"enabled": False} for section in _TALKING_SECTIONS if (config.get(section) or {}).get("enabled")
    }
    if config.get("fiat_display_currency"):
        overrides["fiat_display_currency"] = ""
    return overrides | {"dry_run": True}


def child_environment(replaced: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment without ``FREQTRADE__`` variables that would override the replay's settings.

    Freqtrade prefers them to configuration files: a key or an exchange name from there would lead the bot out.

    Parameters
    ----------
    replaced
        Beginnings of further names that are left out.
    """
    environment = {}
    for name, value in os.environ.items():
        key = name.upper().removeprefix("FREQTRADE__")
        ours = name.upper().startswith("FREQTRADE__") and (
            key.startswith((*_REPLACED_VARIABLES, *replaced))
            or (key.startswith("EXCHANGE__") and key.removeprefix("EXCHANGE__") not in _KEPT_EXCHANGE_VARIABLES)
        )
        if not ours:
            environment[name] = value
    return environment


def overlay_config(command: FreqtradeCommand, exchange: "ReplayExchange", pairs: Sequence[str]) -> dict[str, Any]:
    """Return the configuration that goes on top of the user's: the replay exchange, and nothing that talks outside.

    The user's own ``pair_whitelist`` stays, unless ``pairs`` are given or it is empty.
    """
    stake = command.config.get("stake_currency")
    overlay = exchange.exchange_config(pairs or None, stake_currency=stake) | quiet_sections(command.config)
    if not pairs and command.exchange.get("pair_whitelist"):
        del overlay["exchange"]["pair_whitelist"]
    return overlay
