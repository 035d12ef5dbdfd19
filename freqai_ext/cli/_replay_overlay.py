"""What goes on top of a bot's configuration and environment, so that a run on replayed candles reaches nothing real."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from freqai_ext._services.secrets import PREFIX as SECRET_PREFIX
from freqai_ext.cli import _freqtrade_rules as rules
from freqai_ext.cli._freqtrade_command import FreqtradeCommand

if TYPE_CHECKING:
    from freqai_ext.replay import ReplayExchange

_PREFIX: Final = "FREQTRADE__"
_SWITCHED_SECTIONS: Final = ("telegram", "webhook", "discord", "api_server", "external_message_consumer")
CREDENTIALS: Final = (
    *("key", "secret", "password", "uid", "apiKey", "api_key", "accountId", "account_id"),
    *("walletAddress", "wallet_address", "privateKey", "private_key"),
)
"""Settings of the exchange that Freqtrade takes for a key, by all their names."""

_CCXT_SECTIONS: Final = ("ccxt_config", "ccxt_sync_config", "ccxt_async_config")
_ROUTES: Final = ("proxy", "proxies", "trust_env")
"""Parts of the names of ccxt's settings that send requests elsewhere than to the address."""

_OUTSIDE_PAIRLISTS: Final = ("MarketCapPairList", "ProducerPairList", "RemotePairList")
_TERMINAL_HANDLERS: Final = (
    *("logging.StreamHandler", "logging.NullHandler"),
    *("freqtrade.loggers.ft_rich_handler.FtRichHandler", "rich.logging.RichHandler"),
)


def overlay_config(command: FreqtradeCommand, exchange: "ReplayExchange", pairs: Sequence[str]) -> dict[str, Any]:
    """Return the configuration that goes on top of the user's: the replay exchange, and nothing that reaches outside.

    The user's own ``pair_whitelist`` stays, unless ``pairs`` are given or it is empty.
    """
    stake = command.config.get("stake_currency")
    overlay = exchange.exchange_config(pairs or None, stake_currency=stake) | quiet_sections(command.config)
    if not pairs and command.exchange.get("pair_whitelist"):
        del overlay["exchange"]["pair_whitelist"]
    overlay["exchange"] |= _exchange_without_routes(command.exchange, overlay["exchange"]["ccxt_config"])
    return overlay


def quiet_sections(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return overrides with which a bot sends no message, opens no port, asks no service and trades no real money.

    Freqtrade merges configuration files, so a section cannot be removed by another file: it is switched off, and only
    where it is there, because an incomplete one would be refused.
    """
    overrides: dict[str, Any] = {
        section: {"enabled": False} for section in _SWITCHED_SECTIONS if (config.get(section) or {}).get("enabled")
    }
    if config.get("fiat_display_currency"):
        overrides["fiat_display_currency"] = ""
    if config.get("force_entry_enable"):
        overrides["force_entry_enable"] = False
    if config.get("logfile"):
        overrides["logfile"] = ""
    if handlers := (config.get("log_config") or {}).get("handlers"):
        overrides["log_config"] = _terminal_log(handlers, config["log_config"].get("root") or {})
    if pairlists := config.get("pairlists"):
        kept = [one for one in pairlists if not _asks_outside(one)]
        if len(kept) < len(pairlists):
            static = {"method": "StaticPairList"}
            overrides["pairlists"] = kept if kept and kept[0] == pairlists[0] else [static, *kept]
    # Without one, Freqtrade takes a database in the working directory.
    return overrides | {"dry_run": True, "db_url": "sqlite://", "internals": {"sd_notify": False}}


def left_out_lines(config: Mapping[str, Any], variables: Sequence[str]) -> Iterator[str]:
    """Yield a line for each pairlist of the configuration that would ask a server, and one for left out variables."""
    for one in config.get("pairlists") or []:
        if _asks_outside(one):
            yield f"pairlists: {one['method']} is left out, because it asks a server; the pair_whitelist is used"
    if variables:
        yield f"{', '.join(variables)}: left out of the environment; the run has settings of its own instead"


def child_environment(overlay: Mapping[str, Any], left_out: Sequence[str] = ()) -> tuple[dict[str, str], list[str]]:
    """Return the environment of a run, and the names of the variables that are left out of it.

    Freqtrade prefers ``FREQTRADE__`` variables to configuration files. So none may give what the run sets itself, nor
    what reaches outside: a key or an exchange name from there would lead the bot out.

    Parameters
    ----------
    overlay
        What the run sets itself.
    left_out
        Beginnings of further names, behind ``FREQTRADE__``; with any, our own variables of secrets are left out, too.
    """
    environment, removed = {}, []
    for name, value in os.environ.items():
        key = name.upper().removeprefix(_PREFIX)
        ours = name.upper().startswith(_PREFIX)
        # Secrets of the real services, which those that stand in for them do not want.
        secret = bool(left_out) and name.startswith(SECRET_PREFIX) and "__" in name
        if secret or (ours and (key.startswith(tuple(left_out)) or not _passes(key.lower().split("__"), overlay))):
            removed.append(name)
        else:
            environment[name] = value
    return environment, sorted(removed)


def merged(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``other`` on top, section by section."""
    result = dict(base)
    for key, value in other.items():
        below = result.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def handler_left_out(**_: object) -> logging.Handler:
    """Return a log handler that does nothing, whatever the replaced one was made of; named by the overlay."""
    return logging.NullHandler()


def _passes(path: list[str], overlay: Mapping[str, Any]) -> bool:
    if path[0] == "exchange":
        allowed = len(path) == 2 and path[1] in rules.PASSED_EXCHANGE_SETTINGS
    else:
        allowed = path[0] in rules.PASSED_SETTINGS
    return allowed and not _is_set(path, overlay)


def _is_set(path: list[str], overlay: Mapping[str, Any]) -> bool:
    """Return whether a variable of this path would change a value of ``overlay``."""
    node: Any = overlay
    for part in path:
        if not isinstance(node, Mapping):
            return True
        if part not in node:
            return False
        node = node[part]
    return True


def _exchange_without_routes(section: Mapping[str, Any], ccxt: Mapping[str, Any]) -> dict[str, Any]:
    """Return what neutralises the user's exchange section: its keys, its proxies, its demo account."""
    changes: dict[str, Any] = {name: "" for name in CREDENTIALS if section.get(name)}
    if section.get("demo_trading"):
        changes["demo_trading"] = False
    for name in _CCXT_SECTIONS:
        own = section.get(name) or {}
        routes = {key: None for key in own if any(part in key.lower() for part in _ROUTES)}
        # Freqtrade lays the other two over ccxt_config: what is there must say the same.
        if own or name == "ccxt_config":
            changes[name] = {**ccxt, **routes}
    return changes


def _asks_outside(pairlist: Mapping[str, Any]) -> bool:
    if str(pairlist.get("pairlist_url", "")).startswith("file:///"):
        return False
    return pairlist.get("method") in _OUTSIDE_PAIRLISTS


def _terminal_log(handlers: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of a ``log_config`` after which only the terminal is written to."""
    silent = {"()": f"{__name__}.{handler_left_out.__name__}", "class": "logging.NullHandler"}
    changed: dict[str, Any] = {
        name: dict(silent)
        for name, handler in handlers.items()
        if "()" in handler or handler.get("class") not in _TERMINAL_HANDLERS
    }
    kept = [name for name in root.get("handlers") or [] if name in handlers and name not in changed]
    if not kept:
        changed["replay_terminal"] = {"class": "logging.StreamHandler"}
        kept = ["replay_terminal"]
    return {"handlers": changed, "root": {"handlers": kept}}
