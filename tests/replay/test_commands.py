"""How a Freqtrade command line is read and what is put on top of it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from freqai_ext.cli._coverage import DEFAULT_WINDOW, history_of, served_pairs, window_of
from freqai_ext.cli._freqtrade_command import parse_command
from freqai_ext.cli._market import generated_market, stored_market
from freqai_ext.cli._replay_overlay import quiet_sections
from freqai_ext.errors import MarketDataError, SettingsError
from freqai_ext.replay import CandleStore

FREQAI = {
    "enabled": True,
    "train_period_days": 10,
    "feature_parameters": {
        "include_timeframes": ["5m", "1h"],
        "include_corr_pairlist": ["SOL/USDT"],
        "indicator_periods_candles": [10, 300],
    },
}


@pytest.fixture
def command(tmp_path):
    """Parse a command line against a configuration file made of ``settings``."""

    def build(*words, **settings):
        config = {"stake_currency": "USDT", "exchange": {"pair_whitelist": ["BTC/USDT", "ETH/USDT"]}} | settings
        path = tmp_path / "config.json"
        path.write_text("// comments are allowed\n" + json.dumps(config))
        return parse_command([*(words or ("backtesting",)), "--userdir", str(tmp_path / "ud"), "-c", str(path)])

    return build


def test_the_word_freqtrade_may_be_left_out(command):
    assert command("freqtrade", "backtesting").argv == command("backtesting").argv
    assert command("freqtrade", "backtesting").name == "backtesting"


def test_pairs_and_timeframes_come_from_the_configuration_and_freqai(command):
    parsed = command(timeframe="15m", freqai=FREQAI)
    assert parsed.pairs == ("BTC/USDT", "ETH/USDT", "SOL/USDT")
    assert parsed.timeframes == ("15m", "5m", "1h")


def test_options_of_the_command_line_win(command):
    parsed = command("download-data", "--pairs", "XRP/USDT", "--timeframes", "1h", "4h", "--trading-mode", "futures")
    assert parsed.pairs == ("XRP/USDT",)
    assert parsed.timeframes == ("1h", "4h")
    assert parsed.trading_mode == "futures"


def test_the_overlay_comes_behind_the_users_own_configuration(command, tmp_path):
    words = command("backtesting", "-i", "5m").with_overlay(tmp_path / "o.json", {"datadir": "d"})
    assert words == [
        "backtesting",
        f"--config={tmp_path / 'config.json'}",
        f"--config={tmp_path / 'o.json'}",
        "--datadir=d",
        f"--userdir={tmp_path / 'ud'}",
        "--timeframe=5m",
    ]


def test_the_default_configuration_is_named_when_an_overlay_is_added(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user_data").mkdir()
    (tmp_path / "user_data" / "config.json").write_text("{}")
    words = parse_command(["backtesting"]).with_overlay(tmp_path / "o.json", {})
    assert words == ["backtesting", "--config=user_data/config.json", f"--config={tmp_path / 'o.json'}"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no freqtrade command; write it behind two dashes"),
        (["freqtrade"], "no freqtrade command"),
        (["create-userdir", "--userdir", "ud"], "freqtrade create-userdir uses no exchange"),
        (["backtesting", "-c", "nowhere.json"], 'Config file "nowhere.json" not found'),
        (["backtesting", "-c", "-"], "--config: '-' is standard input, beside which Freqtrade reads no other file"),
    ],
)
def test_a_command_that_cannot_be_run_is_an_error(words, message):
    with pytest.raises(SettingsError, match=message):
        parse_command(words)


def test_a_trading_mode_that_cannot_be_replayed_is_an_error(command):
    with pytest.raises(SettingsError, match="trading_mode: 'margin' cannot be replayed; use spot or futures"):
        _ = command(trading_mode="margin").trading_mode


def test_messengers_are_switched_off_only_where_they_are_on():
    config = {"telegram": {"enabled": True}, "webhook": {"enabled": False}, "fiat_display_currency": "USD"}
    assert quiet_sections(config) == {
        "telegram": {"enabled": False},
        "fiat_display_currency": "",
        "dry_run": True,
        "db_url": "sqlite://",
        "internals": {"sd_notify": False},
    }


def test_the_window_is_the_timerange(command):
    window = window_of(command("backtesting", "--timerange", "20250310-20250312"))
    assert (window.start, window.end) == (datetime(2025, 3, 10, tzinfo=UTC), datetime(2025, 3, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("timerange", "start", "end"),
    [
        ("20250310-", "2025-03-10", "2025-05-10"),
        ("-20250510", "2025-03-10", "2025-05-10"),
        (None, "2025-03-01", "2025-05-01"),
    ],
)
def test_an_open_window_is_61_days_long(command, timerange, start, end):
    words = ["backtesting", *(["--timerange", timerange] if timerange else [])]
    window = window_of(command(*words))
    assert (f"{window.start:%Y-%m-%d}", f"{window.end:%Y-%m-%d}") == (start, end)
    assert window.end - window.start == DEFAULT_WINDOW[1] - DEFAULT_WINDOW[0]


@pytest.mark.parametrize(("timerange", "message"), [("20250310-20250301", "--timerange: "), ("March", "--timerange: ")])
def test_a_wrong_timerange_is_an_error(command, timerange, message):
    with pytest.raises(SettingsError, match=message):
        window_of(command("backtesting", "--timerange", timerange))


def test_freqai_needs_its_training_window_and_three_times_the_start_up(command):
    assert history_of(command(timeframe="5m", freqai=FREQAI)) == timedelta(days=10) + 3 * 300 * timedelta(hours=1)


def test_a_plain_strategy_needs_one_request_of_candles(command):
    assert history_of(command(timeframe="1h")) == timedelta(hours=1000)


def test_a_pattern_is_matched_to_the_pairs_that_are_there(command):
    parsed = command(exchange={"pair_whitelist": [".*/USDT"]})
    assert served_pairs(parsed, ["BTC/USDT", "ETH/BTC"], ()) == ("BTC/USDT",)
    with pytest.raises(SettingsError, match=r"'\.\*/USDT' is a pattern, and a generated market needs names"):
        served_pairs(parsed, None, ())


def test_without_pairs_all_that_are_there_are_served(command):
    parsed = command(exchange={})
    assert served_pairs(parsed, ["BTC/USDT"], ()) == ("BTC/USDT",)
    with pytest.raises(SettingsError, match=r"exchange\.pair_whitelist: empty; name pairs there, or with --pairs"):
        served_pairs(parsed, None, ())


def test_a_generated_market_is_written_once_and_shared_by_all_ranges_of_a_year(command, tmp_path):
    def market(seed, timerange, scratch):
        window = window_of(command("backtesting", "--timerange", timerange))
        return generated_market(command(), (), seed, window, tmp_path / scratch)

    first = market(7, "20250310-20250312", "first")
    written = (first.candles / "BTC_USDT-5m.feather").stat().st_mtime_ns
    second = market(7, "20250710-20250712", "second")
    assert second.candles == first.candles
    assert (first.candles / "BTC_USDT-5m.feather").stat().st_mtime_ns == written
    assert json.loads((first.candles / "market.json").read_text())["seed"] == 7
    assert "GENERATED" in first.description
    assert market(8, "20250310-20250312", "other").candles != first.candles
    # Freqtrade writes into its data directory, which two runs must not share.
    assert second.datadir != first.datadir
    assert (second.datadir / "BTC_USDT-5m.feather").resolve() == (first.candles / "BTC_USDT-5m.feather").resolve()


def test_stored_candles_are_linked_and_missing_timeframes_made(command, small_market, tmp_path):
    small_market.write(tmp_path / "mine", ("5m",))
    market = stored_market(
        command(timeframe="15m"), tmp_path / "mine", (), tmp_path / "scratch", window=None, fill_gaps=False
    )
    linked = market.datadir / "BTC_USDT-5m.feather"
    assert linked.is_symlink()
    assert not (market.datadir / "BTC_USDT-15m.feather").is_symlink()
    assert CandleStore(market.datadir).timeframes("BTC/USDT") == ("5m", "15m")
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["BTC_USDT-5m.feather", "ETH_USDT-5m.feather"]


def test_a_run_outside_the_stored_candles_is_an_error(command, small_market, tmp_path):
    small_market.write(tmp_path / "mine", ("5m",))
    parsed = command("backtesting", "--timerange", "20260101-20260201")
    with pytest.raises(
        MarketDataError, match=r"from 2025-01-01 to 2025-01-11, none at 2026-01-01 where the run starts"
    ):
        stored_market(parsed, tmp_path / "mine", (), tmp_path / "s", window=window_of(parsed), fill_gaps=False)
