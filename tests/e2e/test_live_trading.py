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


FULL_DISK = '''
import errno
import os
import threading

from freqtrade.freqai.data_drawer import cloudpickle

from freqai_ext.models.CatboostRegressor import CatboostRegressor


class FullDiskRegressor(CatboostRegressor):
    """Meets a full disk and faults of the exchange while it runs, each a few times."""

    def __init__(self, config):
        super().__init__(config)
        self.faults = {"fsync": 4, "model": 1, "whitelist": 2}
        self.after_first_training = False

    def failing(self, name, real, error):
        def call(*args, **kwargs):
            here = threading.current_thread() is not threading.main_thread()
            if here and self.after_first_training and self.faults[name] > 0:
                self.faults[name] -= 1
                raise error
            return real(*args, **kwargs)

        return call

    def start_live(self, dataframe, metadata, strategy, dk):
        if not hasattr(self, "planted"):
            self.planted = True
            full = OSError(errno.ENOSPC, "No space left on device")
            os.fsync = self.failing("fsync", os.fsync, full)
            cloudpickle.dump = self.failing("model", cloudpickle.dump, full)
            lost = ConnectionError("the exchange is away")
            strategy.dp.current_whitelist = self.failing("whitelist", strategy.dp.current_whitelist, lost)
        if len(self.dd.model_dictionary) == self.total_pairs:
            self.after_first_training = True
        return super().start_live(dataframe, metadata, strategy, dk)
'''


def test_a_full_disk_and_a_fault_of_the_training_thread_do_not_stop_the_trainings(spot):
    (spot.userdir / "freqaimodels" / "FullDiskRegressor.py").write_text(FULL_DISK)
    done = spot.simulate("live-full-disk", "FullDiskRegressor", DAYS)
    assert done.summary["exit_code"] == 0
    said = "\n".join(done.log.complaints())
    assert "The training thread: goes on after ConnectionError: the exchange is away" in said
    assert re.search(r"Training \S+: the new model cannot be saved \(\[Errno 28\] .*free some space on the disk", said)
    # Whichever file was next when the disk was full.
    assert re.search(r"(historic_predictions\.pkl: cannot be|pair_dictionary\.json: (cannot be|is not)) saved", said)
    for pair in spot.pairs:
        assert done.trainings(pair) >= 3, pair
    # The last trainings are on the disk, and whole.
    folder = next((spot.userdir / "models").glob("live-full-disk-sim-*"))
    trained = json.loads((folder / "pair_dictionary.json").read_text())
    start = pd.Timestamp("2025-01-13", tz="UTC").timestamp()
    assert min(trained[pair]["trained_timestamp"] for pair in spot.pairs) >= start + 3600
    assert (folder / "pair_dictionary.json").read_bytes() == (folder / "pair_dictionary.backup.json").read_bytes()
    assert done.summary["predictions"] > 40
