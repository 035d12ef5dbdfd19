"""The program compares models on a user directory as ``freqai-ext init`` makes it, without an exchange."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from freqai_ext.replay import GeneratedMarket, MarketParameters
from freqai_ext.scaffold import init_userdir

PROGRAM = [str(Path(sys.executable).with_name("freqai-ext")), "evaluate", "--jobs", "2", "--samples", "30"]
PAIRS = ("BTC/USDT", "ETH/USDT")
COMMON = ["--strategy", "FreqAIExampleStrategy", "--timerange", "20250110-20250112", "--block-hours", "6"]
CONTENDERS = {
    "panel": {
        "freqaimodel": "CalibratedSignalModel",
        "config": {"freqai_ext": {"signal": {"panel": True, "folds": 1}, "strategy": {"targets": ["roi"]}}},
    }
}


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    GeneratedMarket(MarketParameters(pairs=PAIRS, days=12)).write(tmp_path / "market", ["5m"])
    made = init_userdir(tmp_path / "user_data")
    config: dict[str, Any] = json.loads(made.config.read_text())
    config["exchange"] = {"name": "bybit", "pair_whitelist": list(PAIRS)}
    config["freqai"] |= {
        "identifier": "contest",
        "train_period_days": 3,
        "backtest_period_days": 1,
        "model_training_parameters": {"n_estimators": 15, "random_state": 1},
    }
    config["freqai"]["feature_parameters"] |= {"include_timeframes": ["5m"], "indicator_periods_candles": [6]}
    config["freqai_ext"]["features"] |= {"lookbacks": [6], "cross_asset_windows": [24]}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    (tmp_path / "contenders.json").write_text(json.dumps(CONTENDERS))
    folders = ["--userdir", str(tmp_path / "user_data"), "--datadir", str(tmp_path / "market")]
    return ["-c", str(path), *folders, *COMMON]


@pytest.mark.e2e
def test_models_are_compared_and_a_second_run_trains_nothing(tmp_path: Path, options: list[str]):
    contenders = ["--models", "CatboostRegressor,LightGBMRegressor", "--contenders", str(tmp_path / "contenders.json")]
    done = run(*contenders, *options, "--markdown", str(tmp_path / "table.md"))
    assert done.returncode == 0, done.stderr
    assert "LightGBMRegressor: 4 windows trained, 0 there already, 0 failed" in done.stderr
    assert "baseline LightGBMRegressor" in done.stdout
    folder = tmp_path / "user_data" / "evaluations" / "contest"
    page = (folder / "report.html").read_text()
    assert "Reliability of p_up" in page
    document = json.loads((folder / "evaluation.json").read_text())
    assert [each["label"] for each in document["contenders"]] == ["CatboostRegressor", "LightGBMRegressor", "panel"]
    for each in document["contenders"]:
        assert each["missing"] == []
        assert each["targets"][0]["rows"] > 1000
        assert each["importance"]["features"][0]["mean"] > 0
        assert each["trainings"]["steps"][0]["step"] == "missing values"
    assert "| panel |" in (tmp_path / "table.md").read_text()

    again = run(*contenders, *options)
    assert again.returncode == 0
    assert again.stderr.count("0 windows trained, 4 there already") == 3
    assert json.loads((folder / "evaluation.json").read_text()) == document


@pytest.mark.e2e
def test_ctrl_c_keeps_what_was_trained(tmp_path: Path, options: list[str]):
    slow = (
        "import time\nfrom freqtrade.freqai.prediction_models.LightGBMRegressor import LightGBMRegressor\n\n\n"
        "class SlowModel(LightGBMRegressor):\n    def fit(self, data_dictionary, dk, **kwargs):\n"
        "        time.sleep(3)\n        return super().fit(data_dictionary, dk)\n"
    )
    (tmp_path / "user_data" / "freqaimodels" / "SlowModel.py").write_text(slow)
    kept = tmp_path / "user_data" / "models" / "contest-evaluate-SlowModel" / "backtesting_predictions"
    command = [*PROGRAM, "--models", "SlowModel", *options]
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment(), start_new_session=True)
        deadline = time.monotonic() + 120
        while not list(kept.glob("*.feather")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
        log.seek(0)
        shown = log.read()
    assert "Interrupted. Run it again for the other windows." in shown
    assert "Traceback" not in shown
    assert 0 < len(list(kept.glob("*.feather"))) < 4


@pytest.mark.e2e
def test_an_unknown_model_is_one_message_and_exit_code_2(options: list[str]):
    done = run("--models", "NoModel", *options)
    assert done.returncode == 2
    assert "error: --models: NoModel not found; known are CalibratedSignalModel, CatboostClassifier" in done.stderr
    assert "Traceback" not in done.stderr


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=400, check=False, env=environment()
    )


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "300"}
