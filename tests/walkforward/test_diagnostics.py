"""What the worker records of each training."""

import json
import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.multioutput import MultiOutputRegressor

from freqai_ext.pipeline import PipelineSettings, build_feature_pipeline
from freqai_ext.walkforward import pair_windows, run_walkforward, worker
from freqai_ext.walkforward.diagnostics import TrainingRecorder, WindowRecord, read_record, record_path, write_record
from freqai_ext.walkforward.feature_importance import feature_importance

COLUMNS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def data():
    features = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 3)), columns=COLUMNS)
    return features, features["b"] * 3.0


class NoRecorder(TrainingRecorder):
    def attach_to(self, model):
        pass

    def watch(self, dk):
        pass


def test_every_trained_window_has_a_record(backtest):
    config = backtest.load()
    run_walkforward(config, jobs=1)
    folder = backtest.userdir / "models" / "small"
    for pair in ("BTC/USDT", "ETH/USDT"):
        for window in pair_windows(config, pair):
            record = read_record(folder, window)
            assert record.train_seconds > 0
            assert record.predicted_rows == 288
            assert record.rows_given >= record.rows_whole > record.steps[0].rows_in > 0
            assert [step.step for step in record.steps][:2] == ["const", "scaler"]
            assert record.columns_given == record.steps[0].columns_in
            assert record.importance == {}


def test_predictions_are_the_same_bytes_without_the_recorder(make_backtest, monkeypatch):
    watched = make_backtest(identifier="watched")
    run_walkforward(watched.load(model="LightGBMRegressor"), jobs=1)
    monkeypatch.setattr(worker, "TrainingRecorder", NoRecorder)
    unwatched = make_backtest(identifier="unwatched")
    run_walkforward(unwatched.load(model="LightGBMRegressor"), jobs=1)
    assert watched.predictions() == unwatched.predictions()
    assert len(watched.predictions()) == 6


def test_a_record_that_cannot_be_read_is_none(backtest, tmp_path):
    window = pair_windows(backtest.load(), "BTC/USDT")[0]
    assert read_record(tmp_path, window) is None
    record = WindowRecord(1.0, 0.1, 5, 10, None, 3)
    write_record(tmp_path, window, record)
    assert read_record(tmp_path, window) == record
    for content in ("{", "[]", json.dumps({"version": 99, "steps": []}), json.dumps({"version": 1, "steps": []})):
        record_path(tmp_path, window).write_text(content)
        assert read_record(tmp_path, window) is None


@pytest.mark.parametrize("fails", [False, True])
def test_no_wrapper_stays_on_the_pipeline(data, fails):
    features, labels = data
    pipeline = build_feature_pipeline(PipelineSettings(outliers="iqr"), {})

    def train(unfiltered, pair, dk):
        made = model.define_data_pipeline(threads=1)
        if fails:
            raise ArithmeticError
        made.fit_transform(features.assign(d=1.0), labels.to_frame("y"), np.ones(len(features)))

    model = SimpleNamespace(train=train, predict=None, define_data_pipeline=lambda threads: pipeline)
    recorder = TrainingRecorder()
    recorder.attach_to(model)
    try:
        model.train(features, "X", SimpleNamespace(training_features_list=COLUMNS))
    except ArithmeticError:
        assert fails
    assert all("fit_transform" not in vars(each) for each in (pipeline, *(step for _, step in pipeline.steps)))
    assert pickle.loads(pickle.dumps(pipeline)).steps[0][0] == "const"
    if not fails:
        steps = recorder.record(None).steps
        assert (steps[0].step, steps[0].columns_in, steps[0].columns_out) == ("const", 4, 3)


def test_importance_is_read_off_estimators_and_their_holders(data):
    features, labels = data
    both = pd.DataFrame({"y": labels, "z": labels})
    forest = RandomForestRegressor(5, random_state=0)
    boosted = LGBMRegressor(n_estimators=5, verbose=-1, n_jobs=1)
    for model in (
        forest.fit(features, labels),
        boosted.fit(features, labels),
        MultiOutputRegressor(RandomForestRegressor(5, random_state=0)).fit(features, both),
        SimpleNamespace(importance=lambda: np.array([0.0, 2.0, 1.0])),
    ):
        found = feature_importance(model, COLUMNS)
        assert max(found, key=found.get) == "b"
        assert sum(found.values()) == pytest.approx(1.0)


def test_the_models_own_names_stand_in_where_the_columns_differ(data):
    features, labels = data
    fitted = RandomForestRegressor(5, random_state=0).fit(features, labels)
    assert set(feature_importance(fitted, ["one"])) <= set(COLUMNS)
    assert feature_importance(RandomForestRegressor(5).fit(features.to_numpy(), labels), ["one"]) == {}


def test_models_that_do_not_tell_have_no_importance(data):
    class Grumpy:
        @property
        def feature_importances_(self):
            raise RuntimeError("trained without")

    assert feature_importance(LinearRegression().fit(*data), COLUMNS) == {}
    assert feature_importance(Grumpy(), COLUMNS) == {}
    assert feature_importance(SimpleNamespace(feature_importances_=[0.0, 0.0, 0.0]), COLUMNS) == {}
    assert feature_importance(None, COLUMNS) == {}
