"""``FreqaiHyperStrategy`` in Freqtrade's own commands, on a small generated market, with a model of known odds."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.btanalysis import load_backtest_data

pytestmark = pytest.mark.e2e

EXT = str(Path(sys.executable).with_name("freqai-ext"))
STRATEGY = "FreqaiHyperStrategy"
TIMERANGE = "20250113-20250115"
CANDLE = pd.Timedelta("5min")
PATIENT = {"exit_rule": "odds_turned", "exit_after_horizons": 3.0}

KNOWN_ODDS = '''
import numpy as np
import pandas as pd
from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel
from sklearn.dummy import DummyRegressor

from freqai_ext.models._base import ExtModel


class KnownOdds(ExtModel, BaseRegressionModel):
    """Predicts a wave of six hours, whatever the market does."""

    multi_target = True

    def fit(self, data_dictionary, dk, **kwargs):
        return DummyRegressor().fit(data_dictionary["train_features"], data_dictionary["train_labels"])

    def predict(self, unfiltered_df, dk, **kwargs):
        dk.find_features(unfiltered_df)
        dk.data_dictionary["prediction_features"] = unfiltered_df[dk.training_features_list]
        dk.DI_values = np.zeros(len(unfiltered_df))
        dk.do_predict = np.ones(len(unfiltered_df), dtype=int)
        seconds = pd.to_datetime(unfiltered_df["date"], utc=True).map(pd.Timestamp.timestamp).to_numpy(dtype=float)
        columns = {}
        for horizon in (12, 24, 48):
            wave = np.sin(2 * np.pi * seconds / (horizon * 900.0))
            target = f"return_{horizon}"
            columns |= {
                f"&-{target}": 0.01 * wave,
                f"&-{target}_lo": 0.01 * wave - 0.01,
                f"&-{target}_hi": 0.01 * wave + 0.01,
                f"p_up_{target}": 0.35 + 0.3 * wave,
                f"p_down_{target}": 0.35 - 0.3 * wave,
                f"ev_bps_{target}": 100.0 * wave - 20.0,
                f"confidence_{target}": np.abs(wave),
            }
        for statistic in ("labels_mean", "labels_std"):
            dk.data[statistic] = dict.fromkeys(columns, 0.0) | dk.data.get(statistic, {})
        return pd.DataFrame(columns), dk.do_predict
'''


def wave(dates, horizon=24):
    """Return what the model predicts, in percent, at the candles that open at ``dates``."""
    stamps = pd.DatetimeIndex(dates).as_unit("s").asi8
    return np.sin(2 * np.pi * stamps / (horizon * 900.0))


@pytest.fixture
def parameters(request):
    """Write parameters as hyperopt leaves them beside the strategy; they are gone after the test."""
    written = []

    def write(workplace, **spaces):
        path = workplace.userdir / "strategies" / f"{STRATEGY}.json"
        path.write_text(json.dumps({"strategy_name": STRATEGY, "params": spaces}))
        written.append(path)

    yield write
    for path in written:
        path.unlink(missing_ok=True)


def options(workplace, identifier, model, **hyper):
    (workplace.userdir / "freqaimodels" / "KnownOdds.py").write_text(KNOWN_ODDS)
    return workplace.options(identifier, model, STRATEGY, {"hyper": hyper})


def backtest(workplace, identifier, model="KnownOdds", **hyper):
    """Return the trades of a backtest as a frame, and its log."""
    results = workplace.folder / "results" / identifier
    results.mkdir(parents=True)
    words = ["--timerange", TIMERANGE, "--cache", "none", "--backtest-directory", str(results)]
    log = workplace.freqtrade("backtesting", *options(workplace, identifier, model, **hyper), *words)
    return load_backtest_data(results), log


def test_a_backtest_enters_on_the_known_odds_and_stakes_the_kelly_fraction(spot, parameters):
    parameters(spot, buy={"horizon": 24, "min_probability": 0.5}, sell=PATIENT)
    trades, log = backtest(spot, "hyper-known")
    assert log.complaints() == []
    assert len(trades) > 5
    promised = wave(trades["open_date"] - CANDLE)
    assert (0.35 + 0.3 * promised >= 0.5 - 1e-9).all()
    assert set(trades["enter_tag"]) == {"odds_up"}
    assert set(trades["exit_reason"]) <= {"odds_turned", "horizon_passed", "roi", "stop_loss", "force_exit"}
    turned = trades[trades["exit_reason"] == "odds_turned"]
    assert len(turned) > 0
    assert (wave(turned["close_date"] - CANDLE) < 0).all()
    first = trades.iloc[0]
    kelly = 0.6 * promised[0] / 0.7
    assert first["stake_amount"] == pytest.approx(0.25 * kelly * 9900.0, rel=0.01)


def test_on_futures_the_falling_half_of_the_wave_is_sold_short(futures, parameters):
    parameters(futures, buy={"horizon": 48, "min_probability": 0.5}, sell={"exit_rule": "horizon"})
    trades, log = backtest(futures, "hyper-futures")
    assert log.complaints() == []
    assert set(trades["enter_tag"]) == {"odds_up", "odds_down"}
    promised = wave(trades["open_date"] - CANDLE, horizon=48)
    assert (np.sign(promised) == np.where(trades["is_short"], -1, 1)).all()
    assert (0.35 + 0.3 * np.abs(promised) >= 0.5 - 1e-9).all()
    passed = trades[trades["exit_reason"] == "horizon_passed"]
    assert len(passed) > 0
    assert (passed["close_date"] - passed["open_date"]).eq(48 * CANDLE).all()


def test_hyperopt_chooses_among_horizons_rules_and_prediction_sets_without_training(spot):
    _, log = backtest(spot, "hyper-ridge", model="CatboostRegressorMultiTarget")
    assert log.complaints() == []
    words = ["--spaces", "buy", "sell", "-j", "1", "-e", "6", "--hyperopt-loss", "SharpeHyperOptLoss"]
    words += ["--random-state", "3", "--disable-param-export", "--timerange", TIMERANGE]
    log = spot.freqtrade("hyperopt", *options(spot, "hyper-opt", "KnownOdds", prediction_sets=["hyper-ridge"]), *words)
    assert log.complaints() == []
    assert "Prediction set 'hyper-ridge' speaks of 576 of " in log.text
    assert log.text.count("Saving metadata to disk.") == 2
    assert re.search(r"Best result:\n\n\* +[1-6]/6: ", log.text)
    newest = max((spot.userdir / "hyperopt_results").glob("*.fthypt"), key=lambda path: path.stat().st_mtime)
    epochs = [json.loads(line)["params_dict"] for line in newest.read_text().splitlines()]
    assert len(epochs) == 6
    assert {epoch["prediction_set"] for epoch in epochs} == {"own", "hyper-ridge"}
    assert len({epoch["horizon"] for epoch in epochs}) > 1
    assert len({epoch["exit_rule"] for epoch in epochs}) > 1


def test_a_model_without_odds_is_traded_on_its_expected_value(spot, parameters):
    parameters(spot, buy={"horizon": 12}, sell={"exit_rule": "odds_turned"})
    trades, log = backtest(spot, "hyper-plain", model="CatboostRegressorMultiTarget")
    assert log.complaints() == []
    assert log.text.count("No probabilities of &-return_12 from CatboostRegressorMultiTarget") == 1
    assert len(trades) > 0
    predicted = pd.concat(
        [frame.assign(coin=name.split("_")[1]) for name, frame in spot.predictions("hyper-plain").items()]
    ).set_index(["coin", "date"])["&-return_12"]
    for trade in trades.itertuples():
        assert predicted[trade.pair.split("/")[0].lower(), trade.open_date - CANDLE] > 0.0020


def test_a_simulated_bot_trades_on_the_odds(spot, parameters):
    parameters(spot, buy={"horizon": 12, "min_probability": 0.5})
    options(spot, "hyper-live", "KnownOdds")
    live = spot.simulate("hyper-live", "KnownOdds", 0.2, STRATEGY)
    assert live.log.complaints() == []
    assert live.trades
    for trade in live.trades:
        signal = pd.Timestamp(trade["open_date"], tz="UTC").floor("5min") - CANDLE
        assert 0.35 + 0.3 * wave([signal], horizon=12)[0] >= 0.5 - 1e-9


def test_a_bot_that_does_not_run_the_chosen_prediction_set_stops_before_it_trades(spot, parameters):
    parameters(spot, buy={"horizon": 12, "prediction_set": "elsewhere"})
    words = ["simulate", "--days", "0.1", "--start", "2025-01-13", "--data", str(spot.datadir), "--", "trade"]
    command = [EXT, *words, *options(spot, "hyper-elsewhere", "KnownOdds")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    assert (
        "this bot predicts 'hyper-elsewhere'; start it with the configuration whose freqai.identifier is 'elsewhere', "
        "or set prediction_set to 'own'"
    ) in said
