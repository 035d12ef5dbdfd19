import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from freqai_ext.errors import MarketDataError, SettingsError, WalkforwardError
from freqai_ext.walkforward import Window, load_predictions, run_walkforward
from freqai_ext.walkforward.session import BacktestSession

SECOND_ETH_WINDOW = Window("ETH/USDT", 1736035200, 1736121600)


def test_a_run_predicts_every_candle_of_every_pair(backtest):
    config = backtest.load()
    report = run_walkforward(config, jobs=1)
    assert (report.windows, report.trained, report.skipped, report.failures) == (6, 6, 0, ())
    assert report.pairs == ("BTC/USDT", "ETH/USDT")
    for pair in report.pairs:
        predictions = load_predictions(config, pair)
        expected = pd.date_range("2025-01-04", "2025-01-07", freq="5min", tz="UTC", inclusive="left")
        assert list(predictions["date"]) == list(expected)
        assert predictions["do_predict"].eq(1).all()
        assert predictions["&-return"].std() > 0
    assert not (backtest.userdir / "models" / "small" / ".walkforward").exists()


def test_parallel_processes_predict_the_same_to_the_last_bit(make_backtest):
    alone = make_backtest(identifier="alone")
    run_walkforward(alone.load(), jobs=1)
    together = make_backtest(identifier="together")
    report = run_walkforward(together.load(), jobs=2)
    assert report.trained == 6
    assert len(alone.predictions()) == 6
    assert together.predictions() == alone.predictions()


def test_a_second_run_trains_only_what_is_missing_or_torn(backtest):
    config = backtest.load()
    run_walkforward(config, jobs=1)
    before = backtest.predictions()
    folder = backtest.userdir / "models" / "small" / "backtesting_predictions"
    (folder / "cb_btc_1735948800_prediction.feather").unlink()
    torn = folder / "cb_eth_1736121600_prediction.feather"
    torn.write_bytes(torn.read_bytes()[:100])
    report = run_walkforward(config, jobs=1)
    assert (report.trained, report.skipped) == (2, 4)
    assert backtest.predictions() == before


def test_a_longer_time_range_keeps_the_windows_that_are_whole(backtest):
    run_walkforward(backtest.load(timerange="20250104-20250106T1200"), jobs=1)
    report = run_walkforward(backtest.load(), jobs=1)
    assert (report.trained, report.skipped) == (2, 4)


def test_a_failed_training_is_named_and_leaves_no_null_predictions(backtest):
    config = backtest.load(model="FailingModel")
    report = run_walkforward(config, jobs=1)
    (failure,) = report.failures
    assert failure.window == SECOND_ETH_WINDOW
    assert failure.error == "ArithmeticError: the sums do not add up"
    assert "in fit" in failure.traceback
    assert report.trained == 5
    assert f"{SECOND_ETH_WINDOW.name}_prediction.feather" not in backtest.predictions()
    with pytest.raises(WalkforwardError, match="ETH/USDT 2025-01-05 00:00 to 2025-01-06 00:00: no usable predictions"):
        load_predictions(config, "ETH/USDT")
    assert json.loads(json.dumps(report.as_dict()))["failures"][0]["pair"] == "ETH/USDT"


def test_failing_features_fail_the_windows_behind_them(backtest):
    report = run_walkforward(backtest.load(strategy="BrokenStrategy"), jobs=1)
    errors = [failure.error for failure in report.failures if failure.window.pair == "BTC/USDT"]
    assert errors == ["LookupError: no such feature", *["not reached after the failure before it"] * 2]
    assert report.trained == 0


def test_a_strategy_that_does_not_start_freqai_is_told(backtest):
    report = run_walkforward(backtest.load(strategy="ForgetfulStrategy"), jobs=1)
    assert report.failures[0].error == "the strategy's populate_indicators did not call self.freqai.start()"
    assert len(report.failures) == report.windows == 6


def test_continual_learning_trains_a_pair_from_its_beginning(make_backtest):
    backtest = make_backtest(continual_learning=True)
    config = backtest.load()
    run_walkforward(config, jobs=1)
    assert run_walkforward(config, jobs=1).trained == 0
    (backtest.userdir / "models/small/backtesting_predictions/cb_eth_1736121600_prediction.feather").unlink()
    report = run_walkforward(config, jobs=1)
    assert (report.trained, report.skipped) == (3, 3)


def test_saved_models_can_be_used_by_a_backtest_of_another_length(make_backtest):
    backtest = make_backtest(save_backtest_models=True)
    run_walkforward(backtest.load(), jobs=1)
    folder = backtest.userdir / "models" / "small"
    assert len(list(folder.glob("sub-train-*/*_model.joblib"))) == 6
    known = json.loads((folder / "pair_dictionary.json").read_text())
    assert known["ETH/USDT"]["model_filename"] == "cb_eth_1736121600"


def test_the_configuration_is_not_changed(backtest):
    config = backtest.load()
    before = repr(config)
    run_walkforward(config, jobs=1)
    assert repr(config) == before


def test_a_model_that_cannot_be_loaded_stops_the_run(backtest):
    with pytest.raises(WalkforwardError, match="strategy SmallStrategy with model NoModel cannot be loaded"):
        run_walkforward(backtest.load(model="NoModel"), jobs=1)


def test_a_killed_process_is_an_error_with_a_remedy(backtest):
    with pytest.raises(WalkforwardError, match=r"a worker process was killed.*run it again with fewer than 2 jobs"):
        run_walkforward(backtest.load(model="KilledModel"), jobs=2)


def test_a_time_range_without_candles_is_refused(backtest):
    with pytest.raises(
        MarketDataError,
        match=r"timerange: 20240104-20240107 has no candles; .* has BTC/USDT from 2025-01-01 00:00 to 2025-01-07 23:55",
    ):
        run_walkforward(backtest.load(timerange="20240104-20240107"), jobs=1)


def own_candles(backtest, tmp_path):
    """Give the backtest candles of its own, to be damaged; return their folder."""
    backtest.datadir = Path(shutil.copytree(backtest.datadir, tmp_path / "own"))
    return backtest.datadir


@pytest.mark.parametrize("damage", [lambda f: f.sample(frac=1, random_state=1), lambda f: pd.concat([f, f[99:140]])])
def test_rows_out_of_order_are_named_and_the_bounds_are_right(backtest, tmp_path, caplog, damage):
    path = own_candles(backtest, tmp_path) / "ETH_USDT-5m.feather"
    candles = pd.read_feather(path)
    damage(candles).reset_index(drop=True).to_feather(path)
    session = BacktestSession(backtest.load())
    assert session.stored_span("ETH/USDT") == (candles["date"].iloc[0], candles["date"].iloc[-1])
    assert (
        "the file of ETH/USDT 5m candles holds rows out of order or twice; they are sorted for this run" in caplog.text
    )
    caplog.clear()
    session.stored_span("BTC/USDT")
    assert caplog.text == ""


def test_a_pair_without_an_included_timeframe_is_left_out_by_name(backtest, tmp_path, caplog):
    (own_candles(backtest, tmp_path) / "ETH_USDT-15m.feather").unlink()
    assert BacktestSession(backtest.load()).pairs == ("BTC/USDT",)
    assert "ETH/USDT: no 15m candles; left out" in caplog.text


def test_a_correlated_pair_without_an_included_timeframe_is_an_error(backtest, tmp_path):
    # The features of every pair hold those of BTC/USDT.
    (own_candles(backtest, tmp_path) / "BTC_USDT-15m.feather").unlink()
    with pytest.raises(MarketDataError, match=r"BTC/USDT: no 15m candles; the features of every pair need them"):
        BacktestSession(backtest.load())


def test_no_process_is_too_few(backtest):
    with pytest.raises(SettingsError, match="jobs: 0 is not valid"):
        run_walkforward(backtest.load(), jobs=0)


def test_predictions_of_an_unknown_identifier_are_an_error(backtest):
    config = backtest.load()
    with pytest.raises(WalkforwardError, match="not there; make it with freqai-ext walkforward"):
        load_predictions(config, "ETH/USDT")
