"""``freqai-ext guardian thresholds`` on stored predictions."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from freqai_ext.cli.app import app

START = 1_740_787_200


@pytest.fixture
def store(tmp_path):
    """Write the predictions of a pair as a backtest leaves them: a day of five minutes."""

    def write(coin="btc", start_s=START, p_up=0.5, ev_bps=0.0, identifier="shipped"):
        folder = tmp_path / "models" / identifier / "backtesting_predictions"
        folder.mkdir(parents=True, exist_ok=True)
        dates = pd.date_range(pd.Timestamp(start_s, unit="s", tz="UTC"), periods=288, freq="5min")
        odds = {"p_up_return_48": p_up, "ev_bps_return_48": ev_bps, "confidence_return_48": 0.1}
        frame = pd.DataFrame({"date": dates, **odds, "do_predict": 1})
        frame.to_feather(folder / f"cb_{coin}_{start_s}_prediction.feather")

    return write


@pytest.fixture
def call(tmp_path):
    """Run the command with a configuration of that identifier."""

    def run(*words, identifier="shipped"):
        freqai = {"enabled": True, "identifier": identifier, "feature_parameters": {"label_period_candles": 48}}
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"freqai": freqai, "freqai_ext": {"signal": {"round_trip_cost_bps": 20.0}}}))
        words = ["guardian", "thresholds", "-c", str(path), "--userdir", str(tmp_path), *words]
        return CliRunner().invoke(app, words, env={"COLUMNS": "200"})

    return run


def test_forecasts_that_guardian_would_act_on_are_counted(store, call):
    store("btc", p_up=np.where(np.arange(288) < 3, 0.53, 0.5), ev_bps=15.0)
    store("eth", p_up=0.6, ev_bps=11.9)
    # The windows of a second backtest overlap those of the first; no candle counts twice.
    store("eth", START + 300, p_up=0.6, ev_bps=11.9)
    done = call("--json")
    assert done.exit_code == 0, done.output
    pays, rises = json.loads(done.output)
    assert (pays["horizon_candles"], pays["probability"], rises["probability"]) == (48, "long_pays", "price_up")
    assert (pays["trusted"], pays["probable"], pays["worthwhile"], pays["passing"]) == (577, 292, 288, 3)
    assert (pays["days"], pays["highest_probability"], pays["highest_ev_bps"]) == (1, 0.6, 15.0)
    assert (rises["highest_probability"], rises["passing"]) == (0.55, 288)
    table = call("--buy-threshold", "0.5", "--min-ev-bps", "11").output
    assert "577 forecasts of 2 pairs, 2025-03-01 00:00:00+00:00" in table
    assert "577 577 100.00% 2" in " ".join(table.split("long_pays")[1].splitlines()[0].split())
    assert "ev_bps is net of 20 bps" in table


def test_without_stored_predictions_it_says_what_to_run(call):
    done = call()
    assert done.exit_code != 0
    assert "holds no predictions; run freqtrade backtesting or freqai-ext walkforward" in str(done.exception)


def test_a_damaged_file_is_named(store, call, tmp_path):
    store()
    (path,) = (tmp_path / "models" / "shipped" / "backtesting_predictions").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert f"{path}: cannot be read" in str(call().exception)


def test_a_model_without_odds_is_named(store, call, tmp_path):
    store()
    (path,) = (tmp_path / "models" / "shipped" / "backtesting_predictions").iterdir()
    pd.read_feather(path)[["date", "do_predict"]].to_feather(path)
    assert "'shipped' has no p_up and ev_bps; choose a model that gives odds" in str(call().exception)
