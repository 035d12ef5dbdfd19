"""A window that a killed backtest has left damaged is trained again."""

import json
import logging
from types import SimpleNamespace

import cloudpickle
import pandas as pd
import pytest
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqai_ext.checks._workbench import PAIR, Workbench, example_frame
from freqai_ext.models.CatboostRegressor import CatboostRegressor

STAMP = 1_740_787_200
NAME = f"cb_btc_{STAMP}"
DAMAGES = {
    "cut": lambda whole: whole[: len(whole) // 3],
    "one byte short": lambda whole: whole[:-1],
    "empty": lambda whole: b"",
    "zeroed": lambda whole: bytes(len(whole)),
    "garbage": lambda whole: b"\x93\xfe\x00garbage\xff" * 20,
}


@pytest.fixture
def bench(tmp_path):
    """A backtest's folder with one window, its saved model, and a bench on it."""
    bench = Workbench(CatboostRegressor, tmp_path)
    frame = example_frame(CatboostRegressor, rows=150)
    bench.train(frame, STAMP)
    bench.model.dd.save_data(bench.model.model, PAIR, bench.kitchen)
    dk = bench.kitchen = FreqaiDataKitchen(bench.config, False, PAIR)
    dk.full_path = tmp_path / "models" / "check"
    dk.set_paths(PAIR, STAMP)
    dk.set_new_model_names(PAIR, STAMP)
    (dk.full_path / "backtesting_predictions").mkdir()
    stored = frame[["date", "&-roi"]].assign(do_predict=1)
    stored.to_feather(dk.full_path / "backtesting_predictions" / f"{NAME}_prediction.feather")
    bench.model.skip_damaged_windows(dk)
    return bench


def path_of(bench, file):
    folder = bench.kitchen.full_path
    return folder / "backtesting_predictions" / file if file.endswith("feather") else bench.kitchen.data_path / file


def test_a_whole_window_is_taken_up(bench, caplog):
    assert bench.kitchen.check_if_backtest_prediction_is_valid(150)
    assert not bench.kitchen.check_if_backtest_prediction_is_valid(151)
    assert bench.model.model_exists(bench.kitchen)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("kind", [*DAMAGES, "another file", "missing"])
@pytest.mark.parametrize("file", [f"{NAME}_prediction.feather", f"{NAME}_metadata.json"])
def test_damaged_predictions_or_metadata_are_made_anew(bench, caplog, file, kind):
    path = path_of(bench, file)
    if kind == "missing":
        path.unlink()
    elif kind == "another file" and file.endswith("feather"):
        pd.DataFrame({"date": range(150), "x": 1.0}).to_feather(path)
    elif kind == "another file":
        path.write_text(json.dumps(["x"]))
    else:
        path.write_bytes(DAMAGES[kind](path.read_bytes()))
    assert not bench.kitchen.check_if_backtest_prediction_is_valid(150)
    if (kind, file) == ("missing", f"{NAME}_prediction.feather"):
        return
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.startswith(f"{PAIR}: what is stored of the window of {NAME} cannot be used (")
    assert f"{NAME}_prediction.feather was set aside in " in warning
    aside = bench.kitchen.full_path / "lifecycle" / "corrupt"
    assert [each.name for each in aside.rglob("*.feather")] == [f"{NAME}_prediction.feather"]


@pytest.mark.parametrize("kind", [*DAMAGES, "another type", "missing"])
@pytest.mark.parametrize("file", ["model.joblib", "feature_pipeline.pkl", "label_pipeline.pkl", "metadata.json"])
def test_a_damaged_saved_model_is_trained_anew(bench, caplog, file, kind):
    path = path_of(bench, f"{NAME}_{file}")
    if kind == "missing":
        path.unlink()
    elif kind == "another type":
        path.write_bytes(b"[1]" if file.endswith("json") else cloudpickle.dumps([1]))
    else:
        path.write_bytes(DAMAGES[kind](path.read_bytes()))
    bench.model.dd.model_dictionary.clear()
    data = bench.kitchen.data
    assert not bench.model.model_exists(bench.kitchen)
    assert bench.kitchen.data is data
    if (file, kind) != ("model.joblib", "missing"):
        assert f"sub-train-BTC_{STAMP} was set aside in " in caplog.text


def test_a_saved_model_is_found_without_the_pair_dictionary(bench):
    """FreqAI would load nothing, and fail to predict with it."""
    bench.model.dd.pair_dict[PAIR] = bench.model.dd.empty_pair_dict.copy()
    assert bench.model.model_exists(bench.kitchen)
    assert bench.model.dd.load_data(PAIR, bench.kitchen) is not None


def test_a_saved_model_gets_its_own_pipelines_and_not_those_of_the_window_trained_last(bench):
    bench.model.dd.meta_data_dictionary[PAIR]["feature_pipeline"] = "of another window"
    bench.model.model_exists(bench.kitchen)
    bench.model.dd.load_data(PAIR, bench.kitchen)
    assert hasattr(bench.kitchen.feature_pipeline, "transform")


def test_the_training_of_a_live_bot_is_not_concerned(bench):
    live = SimpleNamespace(live=True, data_path=bench.kitchen.data_path, model_filename=NAME)
    assert bench.model.model_exists(live)
