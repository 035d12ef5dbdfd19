"""The real ``freqtrade`` program on the replay exchange, through the commands of ``freqai-ext``."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from freqai_ext.replay import CandleStore, GeneratedMarket, MarketParameters

pytestmark = pytest.mark.e2e

PROGRAM = "import sys; from freqai_ext.cli.app import main; sys.argv[0] = 'freqai-ext'; main()"

PLAIN = """
from freqtrade.strategy import IStrategy
import talib.abstract as ta


class Plain(IStrategy):
    timeframe = "5m"
    stoploss = -0.05
    minimal_roi = {"0": 0.02, "60": 0.005}
    startup_candle_count = 30

    def populate_indicators(self, dataframe, metadata):
        dataframe["rsi"] = ta.RSI(dataframe, 14)
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["rsi"] < 35, "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["rsi"] > 60, "exit_long"] = 1
        return dataframe
"""

LEARNING = """
from freqtrade.strategy import IStrategy


class Learning(IStrategy):
    timeframe = "5m"
    stoploss = -0.05
    minimal_roi = {"0": 0.002, "10": -1}
    startup_candle_count = 20

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        dataframe["%-change-period"] = dataframe["close"].pct_change(period)
        return dataframe

    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
        return dataframe

    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        dataframe["%-hour"] = dataframe["date"].dt.hour
        return dataframe

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        dataframe["&-return"] = dataframe["close"].shift(-6) / dataframe["close"] - 1
        return dataframe

    def populate_indicators(self, dataframe, metadata):
        return self.freqai.start(dataframe, metadata, self)

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[(dataframe["do_predict"] == 1) & (dataframe["&-return"] > 0), "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""

INFORMED = """
from freqtrade.strategy import informative
from Plain import Plain


class Informed(Plain):
    @informative("1h", "BTC/{stake}")
    def populate_indicators_btc(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["btc_usdt_close_1h"] > 0, "enter_long"] = 1
        return dataframe
"""

MODELS = """
from sklearn.linear_model import Ridge

from freqai_ext.models.CatboostRegressor import CatboostRegressor as Base


class Linear(Base):
    def fit(self, data_dictionary, dk, **kwargs):
        return Ridge().fit(data_dictionary["train_features"], data_dictionary["train_labels"].to_numpy().ravel())


class Failing(Base):
    def fit(self, data_dictionary, dk, **kwargs):
        raise ValueError("planted failure")
"""

CONFIG = {
    "max_open_trades": 2,
    "stake_currency": "USDT",
    "stake_amount": 100,
    "dry_run": True,
    "dry_run_wallet": 1000,
    "timeframe": "5m",
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exchange": {"name": "binance", "pair_whitelist": ["BTC/USDT", "ETH/USDT"], "pair_blacklist": []},
    "pairlists": [{"method": "StaticPairList"}],
}

FREQAI = {
    "enabled": True,
    "identifier": "e2e",
    "train_period_days": 2,
    "backtest_period_days": 1,
    "live_retrain_hours": 1,
    "feature_parameters": {
        "include_timeframes": ["5m"],
        "include_corr_pairlist": [],
        "label_period_candles": 6,
        "include_shifted_candles": 0,
        "indicator_periods_candles": [10],
        "weight_factor": 0,
    },
    "data_split_parameters": {"test_size": 0.2, "shuffle": False},
    "model_training_parameters": {},
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A user directory with strategies and models, and a data directory of 12 days."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "ud" / "strategies").mkdir(parents=True)
    (folder / "ud" / "freqaimodels").mkdir()
    (folder / "ud" / "data").mkdir()
    (folder / "ud" / "strategies" / "Plain.py").write_text(PLAIN)
    (folder / "ud" / "strategies" / "Learning.py").write_text(LEARNING)
    (folder / "ud" / "strategies" / "Informed.py").write_text(INFORMED)
    (folder / "one.json").write_text(
        json.dumps(CONFIG | {"exchange": CONFIG["exchange"] | {"pair_whitelist": ["ETH/USDT"]}})
    )
    for name in ("Linear", "Failing"):
        (folder / "ud" / "freqaimodels" / f"{name}.py").write_text(MODELS)
    (folder / "plain.json").write_text(json.dumps(CONFIG))
    (folder / "freqai.json").write_text(json.dumps(CONFIG | {"freqai": FREQAI}))
    market = GeneratedMarket(MarketParameters(pairs=("BTC/USDT", "ETH/USDT"), days=12))
    market.write(folder / "mine", ("5m", "1h"))
    return folder


@pytest.fixture(scope="module")
def run(workplace):
    """Run ``freqai-ext`` in the work place."""

    def build(*words, check=True):
        done = subprocess.run(_program(*words), cwd=workplace, capture_output=True, text=True, timeout=180)
        assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    return build


def _program(*words):
    return [sys.executable, "-c", PROGRAM, *map(str, words)]


def test_offline_backtesting_trades_on_a_generated_market_and_says_so(run, workplace):
    command = ["backtesting", "--userdir", "ud", "-c", "plain.json", "--strategy", "Plain", "--export", "none"]
    done = run("offline", "--", "freqtrade", *command, "--timerange", "20250301-20250308")
    assert "a GENERATED market, seed 7, from 2025-01-01: no real prices" in done.stderr
    trades = re.search(r"Plain │\s+(\d+) │", done.stdout)
    assert int(trades[1]) > 5
    assert "Backtested 2025-03-01 00:00:00 -> 2025-03-08 00:00:00" in done.stdout


def test_offline_backtesting_reads_the_users_own_candles_and_writes_nothing_there(run, workplace):
    before = sorted(path.name for path in (workplace / "mine").iterdir())
    command = ["backtesting", "--userdir", "ud", "-c", "plain.json", "--strategy", "Plain", "--export", "none"]
    done = run("offline", "--data", "mine", "--", *command, "--timerange", "20250103-20250110")
    assert "the candles of mine" in done.stderr
    assert "Backtested 2025-01-03 00:00:00 -> 2025-01-10 00:00:00" in done.stdout
    assert sorted(path.name for path in (workplace / "mine").iterdir()) == before


@pytest.mark.parametrize("data", [["--data", "mine"], []])
def test_a_pair_that_only_the_strategy_reads_is_served(run, data):
    command = ["backtesting", "--userdir", "ud", "-c", "one.json", "--strategy", "Informed", "--export", "none"]
    done = run(
        "offline", *data, "--", *command, "--timerange", "20250303-20250306" if not data else "20250103-20250106"
    )
    assert "not available" not in done.stdout + done.stderr
    assert int(re.search(r"ETH/USDT │\s+(\d+) │", done.stdout)[1]) > 0
    assert "BTC/USDT" not in done.stdout


def test_a_backtest_goes_on_when_a_pair_is_listed_in_between_and_another_delisted(run, workplace):
    (workplace / "partial").mkdir()
    for pair, days in (("BTC", (0, 6)), ("ETH", (4, 12))):
        frame = pd.read_feather(workplace / "mine" / f"{pair}_USDT-5m.feather")
        day = (frame["date"] - frame["date"].iloc[0]).dt.days
        kept = frame[(day >= days[0]) & (day < days[1])].reset_index(drop=True)
        kept.to_feather(workplace / "partial" / f"{pair}_USDT-5m.feather")
    command = ["backtesting", "--userdir", "ud", "-c", "plain.json", "--strategy", "Plain", "--export", "none"]
    done = run("offline", "--data", "partial", "--", *command, "--timerange", "20250102-20250112")
    assert "BTC_USDT-5m.feather: has candles from 2025-01-01 to 2025-01-07 only; BTC/USDT is listed" in done.stderr
    assert "ETH_USDT-5m.feather: has candles from 2025-01-05 to 2025-01-13 only; ETH/USDT is listed" in done.stderr
    trades = {pair: int(re.search(rf"{pair}/USDT │\s+(\d+) │", done.stdout)[1]) for pair in ("BTC", "ETH")}
    assert min(trades.values()) > 0


def test_downloaded_candles_are_those_of_the_tape(run, workplace):
    command = [
        "download-data",
        "--userdir",
        "ud",
        "-c",
        "plain.json",
        "-t",
        "5m",
        "1h",
        "--timerange",
        "20250103-20250106",
    ]
    run("offline", "--data", "mine", "--", *command)
    folder = workplace / "ud" / "data" / "freqai-ext-downloads"
    for timeframe in ("5m", "1h"):
        got = CandleStore(folder).candles("ETH/USDT", timeframe).to_frame()
        tape = CandleStore(workplace / "mine").candles("ETH/USDT", timeframe).to_frame()
        expected = tape[tape["date"].between(got["date"].iloc[0], got["date"].iloc[-1])].reset_index(drop=True)
        assert got["date"].iloc[0] == pd.Timestamp("2025-01-03", tz="UTC")
        assert len(got) >= 72
        pd.testing.assert_frame_equal(got, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["offline", "--", "download-data", "-c", "plain.json"], "--timerange: missing; candles keep their own dates"),
        (["offline", "--data", "nowhere", "--", "backtesting", "-c", "plain.json"], "nowhere: no such directory"),
        (
            ["offline", "--data", "mine", "-p", "FOO/USDT", "--", "backtesting", "-c", "plain.json"],
            "mine: no spot candles of FOO/USDT; it holds BTC/USDT, ETH/USDT",
        ),
        (
            ["offline", "--data", "mine", "--", "backtesting", "-c", "plain.json", "-i", "1m"],
            "BTC/USDT: no 1m candles; the shortest timeframe at hand is 5m",
        ),
        (["simulate", "--", "backtesting", "-c", "plain.json"], "freqtrade backtesting: only trade can be simulated"),
        (
            ["simulate", "--data", "mine", "--days", "90", "--", "trade", "-c", "plain.json"],
            "mine: has candles from 2025-01-01 00:00 to 2025-01-13 00:00",
        ),
        (["replay", "--days", "0"], "replay.days: 0 is not valid"),
        (["replay", "--pairs", "BTCUSDT"], "pair 'BTCUSDT' is not a pair name"),
    ],
)
def test_wrong_input_is_one_clear_message_and_exit_code_2(run, words, message):
    done = run(*words, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_simulation_refuses_keys_without_showing_them(run, workplace):
    (workplace / "keys.json").write_text(json.dumps(CONFIG | {"exchange": {"key": "my-key", "secret": "my-secret"}}))
    done = run("simulate", "--", "trade", "-c", "keys.json", check=False)
    assert done.returncode == 2
    assert "exchange.key: set (hidden); a simulation needs no keys" in done.stderr
    assert "my-" not in done.stderr + done.stdout


def _simulate(run, workplace, model, days, *options):
    summary = workplace / "summary.json"
    command = ["trade", "--userdir", "ud", "-c", "freqai.json", "--strategy", "Learning", "--freqaimodel", model]
    run("simulate", "--data", "mine", "--days", days, "--summary", summary, *options, "--", *command)
    return json.loads(summary.read_text())


def _trades(workplace):
    database = next((workplace / "ud" / "simulations").glob("Learning-*/trades.sqlite"))
    columns = "pair, open_date, open_rate, close_date, close_rate, amount, close_profit_abs, exit_reason"
    with sqlite3.connect(database) as connection:
        rows = connection.execute(f"select {columns} from trades order by id").fetchall()
    connection.close()
    return rows


def test_a_simulation_retrains_trades_and_repeats_itself_exactly(run, workplace):
    first = _simulate(run, workplace, "Linear", 0.12, "--measure-from-hour", 1)
    trades = _trades(workplace)
    assert first["exit_code"] == 0
    assert first["simulated_hours"] == pytest.approx(2.88)
    assert first["failed_trainings"] == 0
    assert first["log_errors"] == 0
    # Two pairs, at the start and after each hour.
    assert first["trainings"] == 6
    assert first["predictions"] > 60
    assert first["trades_opened"] == len(trades) > 2
    assert first["trades_closed"] > 0
    assert first["analysis_ms_per_pair_candle"] > 0
    second = _simulate(run, workplace, "Linear", 0.12)
    assert _trades(workplace) == trades
    counted = ("iterations", "trainings", "predictions", "trades_closed")
    assert [second[name] for name in counted] == [first[name] for name in counted]


@pytest.fixture(scope="module")
def real_database(workplace):
    """A database of a bot that holds a trade, made by Freqtrade itself."""
    program = """
import sys
from datetime import UTC, datetime
from freqtrade.persistence import Trade, init_db
init_db(sys.argv[1])
trade = Trade(
    pair="BTC/USDT", base_currency="BTC", stake_currency="USDT", stake_amount=100.0, amount=0.001, open_rate=1.0,
    fee_open=0.001, fee_close=0.001, exchange="binance", is_open=True, open_date=datetime.now(UTC), strategy="Plain",
)
Trade.session.add(trade)
Trade.commit()
"""
    path = workplace / "real.sqlite"
    subprocess.run([sys.executable, "-c", program, f"sqlite:///{path}"], check=True, capture_output=True, timeout=120)
    return path


def test_two_simulations_of_one_start_at_once_reach_nothing_real_and_report_their_own_numbers(workplace, real_database):
    before = real_database.read_bytes()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    # Freqtrade would end with an error here if it listened: the port is taken.
    with socket.create_server(("127.0.0.1", port)):
        server = {"enabled": True, "listen_ip_address": "127.0.0.1", "listen_port": port, "username": "u"}
        log = {"version": 1, "formatters": {}, "root": {"handlers": ["file"], "level": "INFO"}}
        log["handlers"] = {"file": {"class": "logging.FileHandler", "filename": str(workplace / "real.log")}}
        settings = {"api_server": server | {"password": "p"}, "log_config": log, "db_url": f"sqlite:///{real_database}"}
        (workplace / "talking.json").write_text(json.dumps(CONFIG | {"freqai": FREQAI} | settings))
        command = [
            "trade",
            "--userdir",
            "ud",
            "-c",
            "talking.json",
            "--strategy",
            "Learning",
            "--freqaimodel",
            "Linear",
        ]
        outside = ["--db-u", f"sqlite:///{real_database}", "--logfile", "real.log", "--datadir", "real-data"]
        variables = {"FREQTRADE__API_SERVER__ENABLED": "true", "FREQTRADE__DB_URL": f"sqlite:///{real_database}"}
        started = [
            subprocess.Popen(
                _program(
                    *("simulate", "--data", "mine", "--days", days, "--summary", f"summary-{days}.json", "--start"),
                    *("2025-01-08", "--", *command, *outside),
                ),
                cwd=workplace,
                env=os.environ | variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for days in ("0.02", "0.04")
        ]
        ended = [program.communicate(timeout=400) for program in started]
    assert [program.returncode for program in started] == [0, 0], [err for _, err in ended]
    for _, err in ended:
        assert "--db-url: left out; the run has a database of its own" in err
        assert "--logfile: left out; the log of a real bot holds no replayed trades" in err
        assert "--datadir: left out; the run downloads into a directory of its own" in err
        assert "FREQTRADE__API_SERVER__ENABLED, FREQTRADE__DB_URL: left out of the environment" in err
    assert real_database.read_bytes() == before
    assert not (workplace / "real.log").exists()
    assert not (workplace / "real-data").exists()
    summaries = [json.loads((workplace / f"summary-{days}.json").read_text()) for days in ("0.02", "0.04")]
    assert [one["simulated_hours"] for one in summaries] == [pytest.approx(0.48), pytest.approx(0.96)]
    assert summaries[1]["iterations"] > summaries[0]["iterations"] > 0
    folders = {Path(one["log"]).parent.name for one in summaries}
    assert folders == {"Learning-20250108T0000", "Learning-20250108T0000-2"}
    for folder in folders:
        log = (workplace / "ud" / "simulations" / folder / "bot.log").read_text()
        assert "Starting HTTP Server" not in log
        assert (workplace / "ud" / "models" / f"e2e-sim-{folder.removeprefix('Learning-')}").is_dir()


def test_a_training_that_always_fails_is_counted_and_does_not_stop_time(run, workplace):
    summary = _simulate(run, workplace, "Failing", 0.02)
    assert summary["exit_code"] == 0
    assert summary["trainings"] == summary["failed_trainings"] == summary["log_errors"] == 12
    assert "planted failure" in summary["first_training_error"]
    assert summary["predictions"] == 0


def test_an_interrupted_simulation_shuts_the_bot_down_and_leaves_no_process(workplace):
    command = ["trade", "--userdir", "ud", "-c", "freqai.json", "--strategy", "Learning", "--freqaimodel", "Linear"]
    words = _program("simulate", "--data", "mine", "--days", "5", "--", *command)
    with subprocess.Popen(words, cwd=workplace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        report = workplace / "ud" / "simulations" / "Learning-20250106T0000" / "report.json"
        began = time.time()
        while not (report.is_file() and report.stat().st_mtime > began) and time.time() - began < 240:
            time.sleep(0.2)
        time.sleep(1)
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=120)
    log = (report.parent / "bot.log").read_text()
    assert program.returncode == 130, f"{err}\n{log[-4000:]}"
    assert "simulated" in out
    assert "Traceback" not in err
    assert "SIGINT received, aborting" in log
    assert not _processes_of(workplace)


def _processes_of(folder):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line, where = (process / "cmdline").read_bytes(), (process / "cwd").readlink()
        except OSError:
            continue
        if where == folder and b"freqai_ext.replay" in line:
            found.append(line)
    return found


def test_the_replay_command_prints_a_configuration_that_works(workplace):
    words = _program("replay", "--data", "mine", "--port", "0", "--clock", "sim")
    with subprocess.Popen(words, cwd=workplace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        text = ""
        while not text.endswith("\n}\n"):
            text += program.stdout.readline()
        (workplace / "printed.json").write_text(text)
        freqtrade = [sys.executable, "-m", "freqtrade", "list-pairs", "--userdir", "ud", "--print-list"]
        listed = subprocess.run(
            [*freqtrade, "-c", "printed.json"], cwd=workplace, capture_output=True, text=True, timeout=60
        )
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=10)
    assert program.returncode == 0
    assert "BTC/USDT, ETH/USDT" in listed.stdout + listed.stderr
