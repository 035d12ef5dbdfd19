"""What ``freqai-ext offline`` and ``simulate`` prepare: command lines, candles, folders and identifiers of a run."""

import json
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime

import pandas as pd
import pytest

from freqai_ext import _files
from freqai_ext.cli import app, offline
from freqai_ext.cli._coverage import Window
from freqai_ext.cli._freqtrade_command import parse_command
from freqai_ext.cli._market import stored_market
from freqai_ext.cli._run_slot import run_slot
from freqai_ext.cli._strategy_needs import strategy_needs
from freqai_ext.cli.replay import EndOption
from freqai_ext.errors import MarketDataError, SettingsError
from freqai_ext.replay import GeneratedMarket, MarketParameters

INFORMED = """
from freqtrade.strategy import IStrategy, informative


class Informed(IStrategy):
    timeframe = "15m"
    stoploss = -0.05

    def informative_pairs(self):
        return [("SOL/USDT", "4h"), *((pair, "1h") for pair in self.dp.current_whitelist())]

    @informative("2h", "BTC/{stake}")
    @informative("1h", "{BASE}/USDC")
    def populate_indicators_more(self, dataframe, metadata):
        return dataframe

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe


class Broken(Informed):
    def informative_pairs(self):
        raise ValueError("planted failure")
"""


@pytest.fixture
def userdir(tmp_path):
    """A user directory with a strategy that reads pairs beside those it trades."""
    (tmp_path / "ud" / "strategies").mkdir(parents=True)
    (tmp_path / "ud" / "strategies" / "Informed.py").write_text(INFORMED)
    return tmp_path / "ud"


@pytest.fixture
def command(userdir, tmp_path):
    """Parse a command line with the configuration ``settings``."""

    def build(*words, **settings):
        config = {"stake_currency": "USDT", "exchange": {"name": "binance", "pair_whitelist": ["ETH/USDT"]}} | settings
        (tmp_path / "config.json").write_text(json.dumps(config))
        return parse_command([*words, "--userdir", str(userdir), "-c", str(tmp_path / "config.json")])

    return build


def test_the_pairs_a_strategy_reads_are_found_by_freqtrades_own_means(command):
    needs = strategy_needs(command("backtesting", "-s", "Informed"), ["ETH/USDT"])
    assert set(needs.pairs) == {"SOL/USDT", "ETH/USDT", "BTC/USDT", "ETH/USDC"}
    assert set(needs.timeframes) == {"15m", "4h", "1h", "2h"}
    assert needs.problem == ""


def test_the_reference_pair_of_the_features_is_served(command, userdir):
    base = "from freqai_ext.strategies.FreqAIExampleStrategy import FreqAIExampleStrategy as Base\n"
    (userdir / "strategies" / "Mine.py").write_text(f"{base}\n\nclass Mine(Base):\n    pass\n")
    settings = {"freqai": FREQAI, "freqai_ext": {"features": {"reference_pair": "SOL/USDT"}}, "timeframe": "5m"}
    needs = strategy_needs(command("trade", "-s", "Mine", **settings), ["ETH/USDT"])
    assert needs.problem == ""
    assert "SOL/USDT" in needs.pairs


def test_a_strategy_that_fails_when_it_is_asked_is_named_and_does_not_end_the_run(command):
    needs = strategy_needs(command("backtesting", "-s", "Broken"), ["ETH/USDT"])
    assert needs.problem == "ValueError: planted failure"
    assert needs.pairs == ()


def test_a_misspelt_strategy_is_an_error_before_anything_is_generated(command, userdir):
    with pytest.raises(SettingsError, match="--strategy Infrmed: Impossible to load Strategy 'Infrmed'"):
        strategy_needs(command("backtesting", "-s", "Infrmed"), ["ETH/USDT"])


def test_the_candles_of_a_strategys_pairs_are_served_and_those_that_are_not_there_are_named(command, tmp_path):
    market = GeneratedMarket(MarketParameters(pairs=("BTC/USDT", "ETH/USDT", "XRP/USDT"), days=4))
    market.write(tmp_path / "mine", ("5m",))
    parsed = command("backtesting", "-s", "Informed")
    served = stored_market(parsed, tmp_path / "mine", (), tmp_path / "scratch", window=None, fill_gaps=False)
    assert served.pairs == ("ETH/USDT", "BTC/USDT")
    assert (served.datadir / "BTC_USDT-2h.feather").is_file()
    assert served.notes == (
        f"ETH/USDC: the strategy reads it, and {tmp_path / 'mine'} has no candles of it",
        f"SOL/USDT: the strategy reads it, and {tmp_path / 'mine'} has no candles of it",
    )


@pytest.fixture
def late(tmp_path):
    """Candles of 12 days, of which ETH/USDT has only those between two days."""

    def build(first, last):
        market = GeneratedMarket(MarketParameters(pairs=("BTC/USDT", "ETH/USDT"), days=12))
        market.write(tmp_path / "mine", ("5m",))
        path = tmp_path / "mine" / "ETH_USDT-5m.feather"
        frame = pd.read_feather(path)
        days = (frame["date"] - frame["date"].iloc[0]).dt.days
        frame[(days >= first) & (days < last)].reset_index(drop=True).to_feather(path)
        return tmp_path / "mine"

    return build


@pytest.mark.parametrize(("first", "last"), [(6, 12), (0, 6), (0, 2), (9, 12)])
def test_a_pair_that_is_listed_or_delisted_in_between_is_served_and_named(first, last, late, command, tmp_path):
    data = late(first, last)
    parsed = command("backtesting", exchange={"pair_whitelist": ["BTC/USDT", "ETH/USDT"]})
    window = Window(datetime(2025, 1, 5, tzinfo=UTC), datetime(2025, 1, 9, tzinfo=UTC), pd.Timedelta(0))
    market = stored_market(parsed, data, (), tmp_path / "scratch", window=window, fill_gaps=False)
    (note,) = market.notes
    assert note == (
        f"{data / 'ETH_USDT-5m.feather'}: has candles from 2025-01-{1 + first:02} to 2025-01-{1 + last:02} only; "
        "ETH/USDT is listed for that time"
    )
    assert market.pairs == ("BTC/USDT", "ETH/USDT")


def test_a_run_for_whose_start_no_pair_has_candles_is_an_error(late, command, tmp_path):
    parsed = command("backtesting", exchange={"pair_whitelist": ["ETH/USDT"]})
    window = Window(datetime(2025, 1, 5, tzinfo=UTC), datetime(2025, 1, 9, tzinfo=UTC), pd.Timedelta(0))
    with pytest.raises(MarketDataError, match="none at 2025-01-05 where the run starts; choose another time"):
        stored_market(parsed, late(6, 12), (), tmp_path / "scratch", window=window, fill_gaps=False)


TRADING = {
    "dry_run": True,
    "timeframe": "5m",
    "max_open_trades": 1,
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "pairlists": [{"method": "StaticPairList"}],
}
FREQAI = {
    "enabled": True,
    "identifier": "mine",
    "train_period_days": 1,
    "feature_parameters": {"include_timeframes": ["5m"], "include_corr_pairlist": [], "indicator_periods_candles": [5]},
}


def test_two_offline_bots_at_once_share_no_downloads_and_no_models(command, userdir, tmp_path):
    GeneratedMarket(MarketParameters(pairs=("ETH/USDT",), days=30)).write(tmp_path / "mine", ("5m",))
    chosen = offline._Choices(tmp_path / "mine", (), 7, False)
    parsed = command("trade", "--db-url", "sqlite:////real.sqlite", freqai=FREQAI)

    def prepared(running, number):
        return offline._trade(parsed, chosen, EndOption.STOP, False, tmp_path / f"scratch{number}", running)

    with ExitStack() as one, ExitStack() as two:
        first = prepared(one, 1)
        kept = first.options["datadir"] / "kept"
        kept.touch()
        second = prepared(two, 2)
        assert kept.is_file()
    assert [run.options["datadir"].name for run in (first, second)] == [
        "freqai-ext-offline-trade",
        "freqai-ext-offline-trade-2",
    ]
    assert [run.overrides["freqai"]["identifier"] for run in (first, second)] == ["mine-offline", "mine-offline-2"]
    with ExitStack() as one:
        third = prepared(one, 3)
    assert third.options["datadir"] == first.options["datadir"]
    assert not kept.exists()


def test_parameters_found_on_a_generated_market_are_not_exported_for_a_real_bot(command, tmp_path, capsys):
    chosen = offline._Choices(None, (), 7, False)
    parsed = command("hyperopt", "--timerange", "20250310-20250311")
    with ExitStack() as running:
        run = offline._look_back(parsed, chosen, tmp_path / "scratch", running)
    assert "--disable-param-export" in parsed.with_overlay(tmp_path / "o.json", run.options)
    assert "--disable-param-export: added; parameters found on a generated market" in capsys.readouterr().err


HOLD = """
import sys, time
from pathlib import Path
from freqai_ext.cli._run_slot import run_slot
with run_slot(Path(sys.argv[1]), "run") as slot:
    print(slot.number, flush=True)
    time.sleep(300)
"""


def test_a_slot_is_held_by_a_process_until_it_ends_however_it_ends(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "1\n"
            with run_slot(tmp_path, "run") as second, run_slot(tmp_path, "run") as third:
                assert (second.number, second.suffix, third.suffix) == (2, "-2", "-3")
            with run_slot(tmp_path, "other") as other:
                assert (other.number, other.suffix) == (1, "")
        finally:
            holder.kill()
            holder.wait()
    with run_slot(tmp_path, "run") as again:
        assert again.number == 1


GENERATE = """
import sys
from pathlib import Path
from freqai_ext.cli._coverage import window_of
from freqai_ext.cli._freqtrade_command import parse_command
from freqai_ext.cli._market import generated_market
parsed = parse_command(["backtesting", "--userdir", sys.argv[1], "-c", sys.argv[2], "--timerange", "20250310-20250311"])
print("ready", flush=True)
sys.stdin.read()
print(generated_market(parsed, (), 7, window_of(parsed), Path(sys.argv[3])).candles)
"""


def test_two_runs_that_need_the_same_generated_market_at_once_write_it_once(command, userdir, tmp_path):
    command("backtesting")
    words = [sys.executable, "-c", GENERATE, str(userdir), str(tmp_path / "config.json")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    programs = [subprocess.Popen([*words, str(tmp_path / name)], **pipes) for name in ("one", "two")]
    for program in programs:
        assert program.stdout.readline() == "ready\n"
    ended = [program.communicate(timeout=180) for program in programs]
    assert [program.returncode for program in programs] == [0, 0], ended
    (folder,) = {out.strip() for out, _ in ended}
    assert (userdir / "data").joinpath(folder).is_dir()
    assert not list((userdir / "data").rglob("*.part"))
    for name in ("one", "two"):
        links = sorted((tmp_path / name / "data").iterdir())
        assert len(links) >= 6
        assert all(len(pd.read_feather(link)) for link in links)


@pytest.fixture
def program(monkeypatch, capsys):
    """Run ``freqai-ext`` in this process and return its exit code and what it wrote to stderr."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["freqai-ext", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        return ended.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    "words",
    [
        ("freqtrade", "backtesting", "-c", "config.json", "--strategy", "Informed"),
        ("backtesting", "-c", "config.json", "-p", "BTC/USDT"),
        ("--seed", "3", "freqtrade", "list-pairs"),
        (),
    ],
)
def test_a_command_line_without_two_dashes_is_one_clear_sentence(words, program):
    code, err = program("offline", *words)
    assert code == 2
    assert err == (
        "error: the Freqtrade command stands behind two dashes: freqai-ext offline [options] -- freqtrade backtesting "
        "-c config.json ...\n"
    )
    code, err = program("simulate", *words)
    assert (code, "freqai-ext simulate [options] -- freqtrade trade -c config.json ..." in err) == (2, True)


@pytest.mark.parametrize("name", ["walkforward", "evaluate"])
@pytest.mark.parametrize("words", [("freqtrade", "backtesting", "-c", "x.json"), ("backtesting", "-c", "x.json")])
def test_the_words_of_the_command_before_its_options_are_refused(name, words, program, tmp_path):
    models = ["--models", "CatboostRegressor"] if name == "evaluate" else []
    code, err = program(name, *models, *words)
    assert code == 2
    assert f"error: {words[0]}: only the options of freqtrade backtesting are taken here; leave the words" in err


@pytest.mark.parametrize("name", ["offline", "simulate"])
def test_a_user_directory_that_cannot_be_written_to_is_named(name, program, userdir, tmp_path, monkeypatch):
    # Root, as which tests may run, can write wherever the file system can.
    monkeypatch.setattr(_files.os, "access", lambda path, mode: path != userdir / "data")
    (tmp_path / "config.json").write_text("{}")
    (userdir / "data").mkdir()
    wrapped = {"offline": "backtesting", "simulate": "trade"}[name]
    code, err = program(name, "--", wrapped, "-c", tmp_path / "config.json", "--userdir", userdir)
    assert code == 2
    assert f"error: {userdir / 'data'}: is not a directory that can be written to; change its owner or mode" in err


def test_a_file_that_cannot_be_written_is_one_message_in_every_command(program, userdir, tmp_path):
    (tmp_path / "file").touch()
    code, err = program("init", "--userdir", tmp_path / "file" / "ud")
    assert code == 2
    assert err.startswith("error: ")
    assert str(tmp_path / "file") in err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", ["walkforward", "evaluate"])
def test_training_ahead_names_a_user_directory_that_cannot_be_written_to(name, program, command, userdir, monkeypatch):
    freqai = FREQAI | {"backtest_period_days": 1, "data_split_parameters": {}}
    command("backtesting", stake_amount=10, freqai=freqai, **TRADING)
    (userdir / "models").mkdir()
    monkeypatch.setattr(_files.os, "access", lambda path, mode: path != userdir / "models")
    models = ["--models", "CatboostRegressor"] if name == "evaluate" else []
    options = ["--userdir", userdir, "-c", userdir.parent / "config.json", "--strategy", "Informed"]
    code, err = program(name, *models, *options, "--timerange", "20250301-20250302")
    assert code == 2
    assert f"error: {userdir / 'models'}: is not a directory that can be written to; change its owner or mode" in err
