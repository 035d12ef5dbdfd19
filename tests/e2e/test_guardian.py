"""The Guardian sidecar with the real bot, the real backtest and a real HTTP server."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.flatten import FeatureRow
from freqai_ext.guardian.sandbox import Sandbox
from freqai_ext.guardian.schema import SCHEMA

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
TIMERANGE = "20250115-20250121"
SHARE = re.compile(
    r"(\S+): Guardian features were recorded for ([\d.]+) % of the (\d+) rows of the training window; (.*)"
)
SIGNAL = {"panel": True}


@pytest.fixture
def backtest(spot):
    """Backtest the sidecar strategy, with sections of ``freqai_ext``; return log and stored predictions."""

    def run(identifier, **guardian):
        ext = {"signal": SIGNAL, "hyper": {"horizons": [12]}, "guardian": guardian}
        more = ["--timerange", TIMERANGE, "--cache", "none", "--backtest-directory", str(spot.folder / identifier)]
        options = spot.options(identifier, "CalibratedSignalModel", "GuardianSidecarStrategy", ext)
        (spot.folder / identifier).mkdir(exist_ok=True)
        log = spot.freqtrade("backtesting", *options, *more)
        assert log.complaints() == []
        return log, spot.predictions(identifier)

    return run


def record(database, start, days):
    """Record features of both pairs, every five minutes."""
    generator = np.random.default_rng(7)
    store = FeatureStore(database)
    start_s = datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()
    for step in range(round(288 * days)):
        rows = [
            FeatureRow(symbol, tuple(generator.uniform(0.5, 2.0, len(SCHEMA)))) for symbol in ("BTCUSDT", "ETHUSDT")
        ]
        store.append(rows, start_s + 300.0 * step + 20.0)
    store.close()


def test_training_works_with_features_of_a_part_of_its_window_and_says_which(backtest, tmp_path):
    database = tmp_path / "guardian.sqlite"
    record(database, "2025-01-14", days=4)
    log, first = backtest("guardian-part", features=True, database=str(database))
    found = [(pair, float(share), rest) for pair, share, _, rest in SHARE.findall(log.text)]
    assert {pair for pair, _, _ in found} == {"BTC/USDT", "ETH/USDT"}
    # Five days are trained on, and every two days again: recorded is one day of the first five, then more.
    assert [round(share) for pair, share, _ in found if pair == "BTC/USDT"] == [20, 60, 80]
    assert all("of their 43 columns vary" in rest or "goes without them" in rest for _, _, rest in found)
    assert all((frame["do_predict"] == 1).any() for frame in first.values())

    # More was recorded since: what was forecast before does not stand for it.
    record(database, "2025-01-19", days=1)
    log, second = backtest("guardian-part", features=True, database=str(database))
    assert "Predictions in" in log.text
    changed = [name for name in first if not first[name]["&-return_12"].equals(second[name]["&-return_12"])]
    assert changed


def test_hyperopt_tries_thresholds_in_two_processes_on_recorded_features(spot, tmp_path):
    database = tmp_path / "guardian.sqlite"
    record(database, "2025-01-14", days=2)
    guardian = {"features": True, "database": str(database), "trade": True}
    ext = {"signal": SIGNAL, "hyper": {"horizons": [12]}, "guardian": guardian}
    options = spot.options("guardian-hyperopt", "CalibratedSignalModel", "GuardianSidecarStrategy", ext)
    more = ["--spaces", "buy", "--hyperopt-loss", "SharpeHyperOptLoss", "-e", "4", "-j", "2"]
    log = spot.freqtrade("hyperopt", *options, "--timerange", "20250117-20250119", *more)
    assert "Hyperopt results" in log.text


def test_guardians_own_entries_are_learnt_from_where_there_are_enough(backtest, spot, tmp_path):
    candles = pd.read_feather(spot.datadir / "BTC_USDT-5m.feather")
    journal = tmp_path / "data" / "pnl" / "executions.mainnet.jsonl"
    journal.parent.mkdir(parents=True)
    lines = []
    for number in range(400):
        row = candles.iloc[300 + 15 * number]
        opened_s = row["date"].timestamp() + 305
        later = candles["close"].iloc[300 + 15 * number + 12]
        for side, at_s, price in (("Buy", opened_s, row["close"]), ("Sell", opened_s + 3_600, later)):
            fill = {"symbol": "BTCUSDT", "side": side, "execPrice": float(price), "execQty": 1.0, "execFee": 0.0}
            lines.append(json.dumps(fill | {"execTime": at_s, "category": "spot", "feeCurrency": "USDT"}))
    journal.write_text("\n".join(lines) + "\n")
    taught = {"trades": {"data_dir": str(tmp_path / "data"), "meta_label": True, "min_trades": 50}}
    _, predictions = backtest("guardian-meta", **taught)
    chances = pd.concat([frame["&-guardian_pays"] for frame in predictions.values()])
    assert chances.between(0.0, 1.0).all()
    assert chances.nunique() > 100


def test_the_demonstration_shows_the_whole_circle(spot, tmp_path):
    said = spot.ext("demo", "--guardian", "--output", str(tmp_path / "demo")).text
    assert re.search(r"12 trainings \(0 failed\), \d+ predictions, 0 errors in the log", said)
    assert re.search(r"BTC/USDT, last training: .* recorded for 2\d\.\d % .*; 2\d of their 43 columns vary", said)
    assert re.search(r"opinions +│ accepted +│ +\d\d+", said)
    assert "read back: Guardian holds 3 pairs, as they were sent" in said
    assert "the last push was of kind 'retraction'; Guardian holds opinions of 0 pairs; 0 pushes without" in said


def test_a_simulation_leaves_the_guardian_of_the_configuration_alone(spot, monkeypatch):
    with Sandbox() as guardian:
        monkeypatch.setenv("FREQTRADE__FREQAI_EXT__GUARDIAN__PUBLISH", "true")
        ext = {"signal": SIGNAL, "hyper": {"horizons": [12]}, "guardian": {"url": guardian.url, "features": True}}
        done = spot.simulate("guardian-alone", "CalibratedSignalModel", 0.01, "GuardianSidecarStrategy", ext=ext)
        state = guardian.state()
    assert done.summary["failed_trainings"] == 0
    assert done.summary["predictions"] > 0
    assert (state["requests"], state["pushes"]) == ({}, 0)


def test_faults_cost_no_candle_and_leave_guardian_with_what_it_was_told_last():
    command = [sys.executable, "-m", "benchmarks.guardian_faults", "--days", "0.12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "candles without a set: none" in done.stdout
    assert "complaints: none" in done.stdout
