"""Freqtrade's own backtest makes the same trades from predictions that were trained in parallel beforehand."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from freqai_ext.replay import GeneratedMarket, MarketParameters, ReplayExchange, ReplaySettings
from freqai_ext.scaffold import init_userdir

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
TIMERANGE = "20250110-20250113"
STRATEGY = ["--strategy", "FreqAIExampleStrategy", "--timerange", TIMERANGE]
SMALL = {
    "train_period_days": 4,
    "backtest_period_days": 1,
    "model_training_parameters": {"n_estimators": 20, "random_state": 1},
}


@pytest.mark.e2e
def test_a_backtest_makes_the_same_trades_with_and_without_walkforward(tmp_path: Path):
    datadir = tmp_path / "market"
    GeneratedMarket(MarketParameters(pairs=PAIRS, days=13)).write(datadir, ["5m", "15m"])
    init_userdir(tmp_path / "user_data")
    with ReplayExchange(ReplaySettings(data=datadir, clock="sim")) as exchange:
        folders = ["--userdir", str(tmp_path / "user_data"), "--datadir", str(datadir)]
        common = [*STRATEGY, "--freqaimodel", "CatboostRegressor", *folders]
        without = ["-c", str(_config(tmp_path, exchange, "without")), *common]
        with_it = ["-c", str(_config(tmp_path, exchange, "with")), *common]
        expected, log = _backtest(without)
        assert "Found backtesting prediction file" not in log

        done = _run("freqai-ext", "walkforward", "--jobs", "2", *with_it)
        assert "9 windows: 9 trained, 0 there already, 0 failed" in done
        trades, log = _backtest(with_it)
        assert log.count("Found backtesting prediction file") == 9
        assert "Training model on" not in log
    assert len(expected) > 0
    assert trades == expected


def _config(folder: Path, exchange: ReplayExchange, identifier: str) -> Path:
    config: dict[str, Any] = json.loads((folder / "user_data" / "config_freqai_ext.json").read_text())
    config |= exchange.exchange_config(PAIRS)
    config["freqai"] |= {**SMALL, "identifier": identifier}
    # Freqtrade adds the strategy's timeframe, and so changes the settings before the model sees them.
    config["freqai"]["feature_parameters"]["include_timeframes"] = ["15m"]
    path = folder / f"{identifier}.json"
    path.write_text(json.dumps(config))
    return path


def _backtest(options: list[str]) -> tuple[list[dict[str, Any]], str]:
    """Return the trades of a backtest, and its log."""
    log = _run("freqtrade", "backtesting", "--cache", "none", "--export", "trades", *options)
    userdir = Path(options[options.index("--userdir") + 1])
    result = max((userdir / "backtest_results").glob("*.zip"), key=lambda path: path.stat().st_mtime_ns)
    with zipfile.ZipFile(result) as archive:
        content = json.loads(archive.read(f"{result.stem}.json"))
    return content["strategy"]["FreqAIExampleStrategy"]["trades"], log


def _run(program: str, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    wide = os.environ | {"COLUMNS": "1000"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False, env=wide)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
