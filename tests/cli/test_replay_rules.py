"""What a wrapped command, its variables and its configuration name outside of a replayed run is not reached."""

import argparse
import json
import logging.config

import pytest
from freqtrade.commands import Arguments
from freqtrade.config_schema.config_schema import CONF_SCHEMA
from freqtrade.configuration.config_validation import validate_config_schema
from freqtrade.configuration.load_config import load_from_files
from freqtrade.enums import RunMode
from freqtrade.loggers import _create_log_config

from freqai_ext.cli import _freqtrade_rules as rules
from freqai_ext.cli._freqtrade_command import check_command, parse_command
from freqai_ext.cli._replay_overlay import child_environment, left_out_lines, merged, overlay_config
from freqai_ext.errors import SettingsError
from freqai_ext.replay import ReplayExchange, ReplaySettings


def _commands():
    arguments = Arguments(["trade"])
    arguments.get_parsed_arg()
    return next(a for a in arguments.parser._actions if isinstance(a, argparse._SubParsersAction)).choices


COMMANDS = _commands()
WRAPPED = sorted({rules.TRADE, *rules.LOOKING_BACK})


def test_every_command_of_the_installed_freqtrade_is_decided():
    decided = {*WRAPPED, *rules.REFUSED_COMMANDS}
    assert set(COMMANDS) - decided == set()
    assert not set(WRAPPED) & set(rules.REFUSED_COMMANDS)


@pytest.mark.parametrize("name", WRAPPED)
def test_every_option_of_the_wrapped_commands_is_decided(name):
    own = rules.REPLACED_IN_TRADE if name == rules.TRADE else rules.REFUSED_IN_THE_PAST
    decided = {*rules.PASSED_OPTIONS, *rules.REPLACED_OPTIONS, *own}
    assert {action.dest for action in COMMANDS[name]._actions} - decided == set()


def test_every_setting_of_the_installed_freqtrade_is_decided():
    assert set(CONF_SCHEMA["properties"]) - rules.PASSED_SETTINGS - rules.REPLACED_SETTINGS == set()
    assert not rules.PASSED_SETTINGS & rules.REPLACED_SETTINGS


@pytest.fixture
def command(tmp_path):
    """Parse a command line with the configuration ``settings``."""

    def build(*words, **settings):
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"exchange": {"name": "binance", "pair_whitelist": ["BTC/USDT"]}} | settings))
        return parse_command([*words, "--userdir", str(tmp_path / "ud"), "-c", str(path)])

    return build


def _an_argument(action):
    value = next(iter(action.choices)) if action.choices else "3"
    option = action.option_strings[0]
    if action.nargs == 0:
        return [option]
    return [option, value, value] if action.nargs == "+" else [option, value]


@pytest.mark.parametrize("name", WRAPPED)
def test_a_command_line_written_anew_means_the_same(name, command, tmp_path):
    skipped = {"help", "config", "user_data_dir", "version"}
    words = [name]
    for action in COMMANDS[name]._actions:
        words += _an_argument(action) if action.dest not in skipped else []
    parsed = command(*words)
    again = Arguments(parsed.with_overlay(tmp_path / "overlay.json", {})).get_parsed_arg()
    expected = dict(parsed.args) | {"config": [*parsed.args["config"], str(tmp_path / "overlay.json")]}
    assert again | {"func": None} == expected | {"func": None}
    assert len(parsed.given_options) > len(COMMANDS[name]._actions) - 4


@pytest.mark.parametrize(
    ("words", "left_out", "line"),
    [
        (["--db-url", "sqlite:////real.sqlite"], "db_url", "--db-url: left out; the run has a database of its own"),
        # Freqtrade's parser takes a beginning for the whole.
        (["--db-u=sqlite:////real.sqlite"], "db_url", "--db-url: left out; the run has a database of its own"),
        (["--datadir", "real"], "datadir", "--datadir: left out; the run downloads into a directory of its own"),
        (["-dreal"], "datadir", "--datadir: left out; the run downloads into a directory of its own"),
        (["--logfile", "real.log"], "logfile", "--logfile: left out; the log of a real bot holds no replayed trades"),
        (["--sd-notify"], "sd_notify", "--sd-notify: left out; no service manager is notified"),
    ],
)
def test_an_option_of_trade_that_reaches_outside_is_left_out_and_named(words, left_out, line, command, tmp_path):
    parsed = command("trade", *words)
    replaced = dict(check_command(parsed))
    assert replaced == {left_out: line}
    again = Arguments(parsed.with_overlay(tmp_path / "o.json", dict.fromkeys(replaced))).get_parsed_arg()
    assert not again[left_out]
    assert "real" not in str(again)


def test_the_exchange_of_the_command_line_is_left_out(command):
    parsed = command("download-data", "--exchange", "binance", "--timerange", "20250301-20250302")
    assert dict(check_command(parsed)) == {
        "exchange": "--exchange: left out; the replay exchange stands in, which Freqtrade takes for bybit"
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["backtesting", "--datadir", "d"],
            "--datadir: not in freqtrade backtesting on replayed candles: Freqtrade wr",
        ),
        (["download-data", "-d", "d"], "--datadir: not in freqtrade download-data on replayed candles: Freqtrade writ"),
        (["plot-profit", "--db-url", "sqlite:///x"], "--db-url: not in freqtrade plot-profit on replayed candles: a r"),
        (["show-trades", "--db-url", "sqlite:///x"], "freqtrade show-trades works on a real database, and a replay to"),
        (["convert-data", "--format-from", "json", "--format-to", "feather"], "convert-data rewrites a data directory"),
        (
            ["webserver"],
            "freqtrade webserver listens on a port, and a replay opens none; give it the configuration that",
        ),
        (["list-strategies"], "freqtrade list-strategies uses no exchange; run it without this command"),
    ],
)
def test_a_command_or_option_that_cannot_be_replayed_is_refused_by_name(words, message, command):
    with pytest.raises(SettingsError, match=message):
        list(check_command(command(*words)))


def test_an_option_that_no_table_knows_is_refused_by_name(command):
    parsed = command("trade")
    parsed.options["send_orders"] = argparse.Action(["--send-orders"], "send_orders", default=False)
    parsed.args["send_orders"] = True
    with pytest.raises(
        SettingsError, match="--send-orders: not known to this version of freqai-ext, so it could reach"
    ):
        list(check_command(parsed))


KEPT = {
    "STAKE_AMOUNT": "10",
    "EXCHANGE__PAIR_WHITELIST": '["BTC/USDT"]',
    "FREQAI__TRAIN_PERIOD_DAYS": "4",
    "INTERNALS__PROCESS_THROTTLE_SECS": "3",
    "FREQAI_EXT__STRATEGY__LEVERAGE": "1.0",
}
LEFT_OUT = {
    "API_SERVER__ENABLED": "true",
    "DATADIR": "/real",
    "DB_URL": "sqlite:////real.sqlite",
    "DRY_RUN": "false",
    "EXCHANGE__CCXT_CONFIG__httpProxy": "http://192.0.2.1",
    "EXCHANGE__DEMO_TRADING": "true",
    "EXCHANGE__KEY": "k",
    "EXCHANGE__NAME": "binance",
    "EXTERNAL_MESSAGE_CONSUMER__ENABLED": "true",
    "FORCE_ENTRY_ENABLE": "true",
    "FREQAI__IDENTIFIER": "real",
    "FREQAI_EXT__GUARDIAN__URL": "http://192.0.2.1",
    "INTERNALS__SD_NOTIFY": "true",
    "LOGFILE": "/real.log",
    "NEW_SETTING_OF_A_LATER_FREQTRADE": "1",
    "TELEGRAM__TOKEN": "t",
    "WEBHOOK__URL": "http://192.0.2.1",
}


def test_every_variable_is_decided_and_those_left_out_are_named(monkeypatch, command):
    for name, value in (KEPT | LEFT_OUT).items():
        monkeypatch.setenv(f"FREQTRADE__{name}", value)
    overlay = {"exchange": {"name": "bybit"}, "internals": {"sd_notify": False}, "freqai": {"identifier": "r-sim"}}
    environment, removed = child_environment(overlay, ("FREQAI_EXT__GUARDIAN__URL",))
    assert {name for name in environment if name.startswith("FREQTRADE__")} == {f"FREQTRADE__{name}" for name in KEPT}
    assert removed == sorted(f"FREQTRADE__{name}" for name in LEFT_OUT)
    assert "PATH" in environment
    (line,) = left_out_lines({}, removed)
    assert line.startswith("FREQTRADE__API_SERVER__ENABLED, FREQTRADE__DATADIR, ")
    assert line.endswith(": left out of the environment; the run has settings of its own instead")
    assert "192.0.2.1" not in line


OUTSIDE = "http://192.0.2.1"
TALKATIVE = {
    "max_open_trades": 1,
    "stake_currency": "USDT",
    "stake_amount": 100,
    "dry_run": False,
    "timeframe": "5m",
    "stoploss": -0.05,
    "minimal_roi": {"0": 0.02},
    "db_url": "sqlite:////real.sqlite",
    "logfile": "real.log",
    "fiat_display_currency": "USD",
    "force_entry_enable": True,
    "initial_state": "running",
    "internals": {"sd_notify": True},
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "telegram": {"enabled": True, "token": "t", "chat_id": "1"},
    "webhook": {"enabled": True, "url": OUTSIDE},
    "discord": {"enabled": True, "webhook_url": OUTSIDE},
    "api_server": {
        "enabled": True,
        "listen_ip_address": "127.0.0.1",
        "listen_port": 8080,
        "username": "u",
        "password": "p",
    },
    "external_message_consumer": {"enabled": True, "producers": [{"name": "p", "host": "192.0.2.1", "ws_token": "w"}]},
    "pairlists": [
        {"method": "RemotePairList", "pairlist_url": OUTSIDE, "number_assets": 3},
        {"method": "MarketCapPairList", "number_assets": 3},
        {"method": "AgeFilter"},
    ],
    "exchange": {
        "name": "binance",
        "apiKey": "k",
        "secret": "s",
        "demo_trading": True,
        "pair_whitelist": ["BTC/USDT"],
        "pair_blacklist": [],
        "ccxt_config": {"httpProxy": OUTSIDE, "urls": {"api": {"public": OUTSIDE}}},
        "ccxt_async_config": {
            "aiohttp_proxy": OUTSIDE,
            "urls": {"api": {"public": OUTSIDE}},
            "aiohttp_trust_env": True,
        },
    },
    "log_config": {
        "version": 1,
        "formatters": {"basic": {"format": "%(message)s"}},
        "handlers": {
            "file": {
                "class": "logging.handlers.RotatingFileHandler",
                "formatter": "basic",
                "filename": "real.log",
                "maxBytes": 100,
                "backupCount": 1,
            },
            "syslog": {"class": "logging.handlers.SysLogHandler", "formatter": "basic", "address": ["192.0.2.1", 514]},
        },
        "root": {"handlers": ["file", "syslog"], "level": "INFO"},
    },
}


def test_a_configuration_that_reaches_outside_in_every_way_is_closed(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parsed = command("trade", **TALKATIVE)
    with ReplayExchange(ReplaySettings(days=2, pairs=("BTC/USDT",), clock="sim")) as exchange:
        overlay = overlay_config(parsed, exchange, ())
        url = exchange.url
    (tmp_path / "overlay.json").write_text(json.dumps(overlay))
    words = parsed.with_overlay(tmp_path / "overlay.json", {})
    config = load_from_files(Arguments(words).get_parsed_arg()["config"])
    validate_config_schema(dict(config) | {"runmode": RunMode.DRY_RUN})
    for section in ("telegram", "webhook", "discord", "api_server", "external_message_consumer"):
        assert config[section]["enabled"] is False, section
    assert config["dry_run"] is True
    assert config["db_url"] == "sqlite://"
    assert config["logfile"] == config["fiat_display_currency"] == ""
    assert config["force_entry_enable"] is config["internals"]["sd_notify"] is False
    assert config["pairlists"] == [{"method": "StaticPairList"}, {"method": "AgeFilter"}]
    market = config["exchange"]
    assert (market["name"], market["apiKey"], market["secret"], market["demo_trading"]) == ("bybit", "", "", False)
    for section in ("ccxt_config", "ccxt_async_config"):
        assert market[section]["urls"]["api"]["public"] == url
    assert market["ccxt_config"]["httpProxy"] is None
    assert market["ccxt_async_config"]["aiohttp_proxy"] is market["ccxt_async_config"]["aiohttp_trust_env"] is None
    assert market["pair_whitelist"] == ["BTC/USDT"]
    made = logging.config.DictConfigurator(_create_log_config(config))
    assert type(made.configure_handler(made.config["handlers"]["file"])) is logging.NullHandler
    assert type(made.configure_handler(made.config["handlers"]["syslog"])) is logging.NullHandler
    assert made.config["root"]["handlers"] == ["replay_terminal"]
    assert not (tmp_path / "real.log").exists()
    assert list(left_out_lines(parsed.config, [])) == [
        f"pairlists: {name} is left out, because it asks a server; the pair_whitelist is used"
        for name in ("RemotePairList", "MarketCapPairList")
    ]


def test_sections_are_merged_key_by_key():
    base = {"internals": {"sd_notify": False}, "db_url": "sqlite://"}
    other = {"internals": {"process_throttle_secs": 5}, "db_url": "sqlite:///own.sqlite"}
    assert merged(base, other) == {
        "internals": {"sd_notify": False, "process_throttle_secs": 5},
        "db_url": "sqlite:///own.sqlite",
    }
