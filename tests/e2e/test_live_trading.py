"""The bot itself, in dry-run: in simulated time until it has retrained and traded, and in real time until Ctrl-C."""

import json
import re

import pandas as pd
import pytest
from packaging.version import Version

pytestmark = pytest.mark.e2e

DAYS = 0.1
"""The start and more than two hours, with a retraining each hour."""


def test_the_bot_retrains_and_trades_in_simulated_time(spot):
    done = spot.simulate("live", "CatboostRegressor", DAYS)
    assert done.log.complaints() == []
    assert done.summary["exit_code"] == done.log.code == 0
    assert done.summary["failed_trainings"] == done.summary["log_errors"] == 0
    for pair in spot.pairs:
        assert done.trainings(pair) >= 3, pair
    assert done.summary["trades_closed"] >= 1
    assert done.summary["predictions"] > 40
    assert len(done.trades) == done.summary["trades_opened"]


def test_the_bot_retrains_and_goes_short_with_a_strategy_that_reads_dates(futures):
    live = {"strategy": "DatesStrategy", "start": "2025-01-24", "ext": {"strategy": {"leverage": 2.0}}}
    done = futures.simulate("live", "CatboostRegressor", DAYS, **live)
    assert done.log.complaints() == []
    assert done.summary["failed_trainings"] == 0
    for pair in futures.pairs:
        assert done.trainings(pair) >= 3, pair
    assert {trade["is_short"] for trade in done.trades} == {False, True}
    assert {trade["leverage"] for trade in done.trades} == {2.0}


@pytest.mark.skipif(Version(pd.__version__) < Version("3.1"), reason="only pandas 3.1 and later break FreqAI")
def test_a_model_without_our_base_fails_to_retrain(spot):
    """So that the test above is known to see such a failure, and its mending in Freqtrade is noticed."""
    done = spot.simulate("live-plain", "PlainRidge", 0.045, strategy="DatesStrategy")
    assert done.summary["failed_trainings"] > 0
    assert "Can only use .dt accessor with datetimelike values" in done.summary["first_training_error"]


def test_the_bot_stops_cleanly_when_it_is_interrupted_in_real_time(spot):
    names = spot.options("real-time", "CatboostRegressor")
    log = spot.interrupt_after("Done training ETH/USDT", "offline", "--data", str(spot.datadir), "--", "trade", *names)
    # Freqtrade's own code for Ctrl-C.
    assert log.code == 130
    assert log.complaints() == []
    assert "SIGINT received, aborting" in log.text
    assert "Stopping FreqAI" in log.text


@pytest.mark.realdata
def test_a_backtest_on_real_candles_trades(spot, real_candles):
    config_path = spot.config("real")
    config = json.loads(config_path.read_text())
    config["freqai"]["train_period_days"] = 15
    config_path.write_text(json.dumps(config))
    words = ["-c", str(config_path), "--userdir", str(spot.userdir), "--timerange", "20250301-20250305"]
    words += ["--strategy", "FreqAIExampleStrategy", "--freqaimodel", "CatboostRegressor", "--export", "none"]
    log = spot.ext("offline", "--data", str(real_candles), "--", "backtesting", *words)
    assert log.complaints() == []
    assert re.search(r"│ +FreqAIExampleStrategy │ +[1-9]\d* │", log.text)
    for window in spot.predictions("real").values():
        assert window["&-roi"].std() > 0
