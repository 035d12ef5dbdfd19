"""A user directory, a small generated market and the replay exchange for runs of the real ``freqtrade`` program.

Every run of a test takes an ``identifier`` of its own: FreqAI reuses the predictions of an earlier backtest of the
same identifier, whatever the model.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from freqai_ext.replay import GeneratedMarket, MarketParameters, ReplayExchange, ReplaySettings
from freqai_ext.scaffold import init_userdir

STRATEGY = "FreqAIExampleStrategy"
EXT = str(Path(sys.executable).with_name("freqai-ext"))
TIMEOUT_S = 300

LEAKING = '''
from freqai_ext.strategies.FreqAIExampleStrategy import FreqAIExampleStrategy


class LeakingStrategy(FreqAIExampleStrategy):
    """Has one indicator that looks ahead and one that depends on where the candles start."""

    def populate_indicators(self, dataframe, metadata):
        dataframe = super().populate_indicators(dataframe, metadata)
        return dataframe.assign(leak=dataframe["close"].shift(-1), endless=dataframe["close"].expanding().mean())
'''

DATES = '''
from freqai_ext.strategies.FreqAIExampleStrategy import FreqAIExampleStrategy


class DatesStrategy(FreqAIExampleStrategy):
    """Reads the dates as most strategies do; FreqAI's history must hold dates for that, also when it has grown."""

    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        dataframe = super().feature_engineering_standard(dataframe, metadata, **kwargs)
        return dataframe.assign(**{"%-weekday": dataframe["date"].dt.dayofweek})
'''

PLAIN_MODEL = """
from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel
from sklearn.linear_model import Ridge


class PlainRidge(BaseRegressionModel):
    def fit(self, data_dictionary, dk, **kwargs):
        return Ridge().fit(data_dictionary["train_features"], data_dictionary["train_labels"])
"""

EAGER = {"strategy_name": STRATEGY, "params": {"buy": {"entry_expected_return": 0.001}}}
"""Parameters as hyperopt leaves them: they let a bot trade within a few simulated hours."""

FREQAI = {
    "train_period_days": 5,
    "backtest_period_days": 2,
    "live_retrain_hours": 1,
    "model_training_parameters": {"n_estimators": 30, "random_state": 1},
}
FEATURES = {"include_timeframes": ["5m", "15m"], "indicator_periods_candles": [6]}
FEWER_FEATURES = {"lookbacks": [6, 12], "cross_asset_windows": [24]}


@dataclass(frozen=True)
class Log:
    """What a program wrote, and its exit code."""

    text: str
    code: int

    def complaints(self) -> list[str]:
        """Return the lines in which anything failed or our code, or Python, warns."""
        bad = r" - (?:ERROR|CRITICAL) - | - freqai_ext\S* - WARNING - |\w+Warning: |raised exception|Traceback"
        return [line for line in self.text.splitlines() if re.search(bad, line)]


@dataclass(frozen=True)
class Workplace:
    """A user directory with our classes, candles, and an exchange that serves them."""

    folder: Path
    trading_mode: str
    pairs: tuple[str, ...]
    exchange: ReplayExchange

    @property
    def userdir(self) -> Path:
        return self.folder / "user_data"

    @property
    def datadir(self) -> Path:
        return self.folder / "market"

    def config(self, identifier: str, ext: dict[str, Any] | None = None) -> Path:
        """Write the starting configuration, made small, with sections of ``freqai_ext`` changed."""
        config: dict[str, Any] = json.loads(
            init_userdir(self.userdir, trading_mode=self.trading_mode).config.read_text()
        )
        config |= self.exchange.exchange_config(self.pairs)
        config["freqai"] |= {**FREQAI, "identifier": identifier}
        config["freqai"]["feature_parameters"] |= FEATURES
        config["freqai_ext"] |= ext or {}
        config["freqai_ext"]["features"] |= FEWER_FEATURES
        path = self.folder / f"{identifier}.json"
        path.write_text(json.dumps(config))
        return path

    def options(
        self, identifier: str, model: str, strategy: str = STRATEGY, ext: dict[str, Any] | None = None
    ) -> list[str]:
        """Return the options that every FreqAI command takes."""
        names = ["--strategy", strategy, "--freqaimodel", model]
        return ["-c", str(self.config(identifier, ext)), "--userdir", str(self.userdir), *names]

    def freqtrade(self, command: str, *words: str) -> Log:
        """Run ``freqtrade`` on the market's candles; it must succeed."""
        return run(sys.executable, "-m", "freqtrade", command, *words, "--datadir", str(self.datadir))

    def ext(self, *words: str, expected_code: int = 0) -> Log:
        """Run ``freqai-ext``; it must end as expected."""
        return run(EXT, *words, expected_code=expected_code)

    def interrupt_after(self, text: str, *words: str) -> Log:
        """Start ``freqai-ext``, wait until it has written ``text``, press Ctrl-C, and wait for its end."""
        return run_until(text, [EXT, *words], self.folder / "interrupted.log")

    def backtest(
        self, identifier: str, model: str, timerange: str, ext: dict[str, Any] | None = None
    ) -> tuple[list[dict[str, Any]], Log]:
        """Return the trades of a backtest, and its log."""
        results = self.folder / "results" / identifier
        results.mkdir(parents=True)
        more = ["--timerange", timerange, "--cache", "none", "--backtest-directory", str(results)]
        log = self.freqtrade("backtesting", *self.options(identifier, model, ext=ext), *more)
        return exported_trades(results), log

    def predictions(self, identifier: str) -> dict[str, pd.DataFrame]:
        """Return what FreqAI predicted in a backtest, a frame for each pair and window."""
        folder = self.userdir / "models" / identifier / "backtesting_predictions"
        return {path.name: pd.read_feather(path) for path in sorted(folder.glob("*.feather"))}

    def simulate(
        self,
        identifier: str,
        model: str,
        days: float,
        strategy: str = STRATEGY,
        start: str = "2025-01-13",
        ext: dict[str, Any] | None = None,
    ) -> "SimulatedRun":
        """Run the bot in simulated time."""
        summary = self.folder / f"{identifier}-summary.json"
        simulation = ["--days", str(days), "--start", start, "--data", str(self.datadir)]
        words = [*simulation, "--summary", str(summary), "--", "trade", *self.options(identifier, model, strategy, ext)]
        log = self.ext("simulate", *words)
        facts = json.loads(summary.read_text())
        bot_log = Path(facts["log"])
        return SimulatedRun(
            facts, Log(bot_log.read_text(), log.code), stored_trades(bot_log.with_name("trades.sqlite"))
        )


@dataclass(frozen=True)
class SimulatedRun:
    """The summary, the bot's log and its trades."""

    summary: dict[str, Any]
    log: Log
    trades: list[dict[str, Any]]

    def trainings(self, pair: str) -> int:
        return self.log.text.count(f"Done training {pair} ")


def environment() -> dict[str, str]:
    """Return ours, with wide tables and one thread per process: two workers share the processor."""
    return os.environ | {"COLUMNS": "400", "OMP_NUM_THREADS": "1"}


def run(*command: str, expected_code: int = 0) -> Log:
    """Run a program to its end."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env=environment(),
    )
    assert done.returncode == expected_code, done.stdout[-6000:]
    return Log(done.stdout, done.returncode)


def run_until(text: str, command: list[str], log_path: Path) -> Log:
    """Start a program, wait until it has written ``text``, interrupt it, and wait for its end."""
    with (
        log_path.open("wb") as file,
        subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment()) as program,
    ):
        deadline = time.monotonic() + TIMEOUT_S
        while text not in log_path.read_text() and program.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        assert text in log_path.read_text(), log_path.read_text()[-6000:]
        program.send_signal(signal.SIGINT)
        code = program.wait(timeout=60)
    return Log(log_path.read_text(), code)


def exported_trades(results: Path) -> list[dict[str, Any]]:
    """Return the trades of the only backtest in a folder."""
    (archive_path,) = results.glob("*.zip")
    with zipfile.ZipFile(archive_path) as archive:
        content = json.loads(archive.read(f"{archive_path.stem}.json"))
    (strategy,) = content["strategy"].values()
    trades: list[dict[str, Any]] = strategy["trades"]
    return trades


def stored_trades(database: Path) -> list[dict[str, Any]]:
    """Return the trades in a bot's database."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("select * from trades order by id")]


@pytest.fixture(scope="session")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    yield from _workplace(tmp_path_factory.mktemp("spot"), "spot", ("BTC/USDT", "ETH/USDT"))


@pytest.fixture(scope="session")
def futures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    yield from _workplace(tmp_path_factory.mktemp("futures"), "futures", ("BTC/USDT:USDT", "ETH/USDT:USDT"))


@pytest.fixture(scope="session")
def real_candles() -> Path:
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("FREQAI_EXT_DATA", beside)) / "market" / "binance"
    if not folder.is_dir():
        pytest.skip(f"no real candles: {folder} does not exist; set FREQAI_EXT_DATA")
    return folder


def _workplace(folder: Path, trading_mode: str, pairs: tuple[str, ...]) -> Iterator[Workplace]:
    GeneratedMarket(MarketParameters(pairs=pairs, days=30)).write(folder / "market", ["5m", "15m", "1h"])
    userdir = init_userdir(folder / "user_data", trading_mode=trading_mode).userdir
    (userdir / "strategies" / "LeakingStrategy.py").write_text(LEAKING)
    (userdir / "strategies" / "DatesStrategy.py").write_text(DATES)
    (userdir / "freqaimodels" / "PlainRidge.py").write_text(PLAIN_MODEL)
    (userdir / "strategies" / f"{STRATEGY}.json").write_text(json.dumps(EAGER))
    settings = ReplaySettings(data=folder / "market", trading_mode=trading_mode, clock="sim")
    with ReplayExchange(settings) as exchange:
        yield Workplace(folder, trading_mode, pairs, exchange)
