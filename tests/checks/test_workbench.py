"""The workbench shows a model what FreqAI would show it."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.checks._workbench import PAIR, example_frame, workbench
from freqai_ext.models.CatboostClassifierMultiTarget import CatboostClassifierMultiTarget
from freqai_ext.models.CatboostRegressor import CatboostRegressor


class Remembers(CatboostRegressor):
    def __init__(self, config):
        super().__init__(config)
        self.remembered = []

    def remember_context(self, pair, frame):
        assert pair == PAIR
        self.remembered.append(frame)

    def fit(self, data_dictionary, dk, **kwargs):
        assert self.remembered
        self.weights = data_dictionary["train_weights"]
        return super().fit(data_dictionary, dk, **kwargs)


@pytest.fixture(scope="module")
def frames():
    frame = example_frame(CatboostRegressor)
    return frame, example_frame(CatboostRegressor, seed=1, after=frame)


def test_example_candles_are_candles_and_follow_each_other(frames):
    both = pd.concat(frames, ignore_index=True)
    assert both["date"].diff().iloc[1:].eq(pd.Timedelta("5min")).all()
    assert (both["high"] >= both[["open", "close"]].max(axis=1)).all()
    assert (both["low"] <= both[["open", "close"]].min(axis=1)).all()
    np.testing.assert_allclose(both["open"].iloc[1:], both["close"].iloc[:-1])
    assert (both["volume"] > 0).all()
    assert 0.005 < both["close"].pct_change(24).std() < 0.02
    assert 0.005 < both["&-roi"].std() < 0.02


def test_labels_follow_the_first_feature_and_its_sign():
    frame, opposite = (example_frame(CatboostRegressor, sign=sign) for sign in (1.0, -1.0))
    assert np.corrcoef(frame["%-f0"], frame["&-roi"])[0, 1] > 0.99
    assert np.corrcoef(opposite["%-f0"], opposite["&-roi"])[0, 1] < -0.99
    classes = example_frame(CatboostClassifierMultiTarget)
    assert classes.groupby("&-direction")["%-f0"].mean().sort_values().index.tolist() == ["down", "flat", "up"]


def test_the_context_of_a_prediction_is_every_candle_up_to_the_last_one_asked_for(frames):
    frame, asked = frames
    with workbench(Remembers) as bench:
        bench.train(frame).predict(asked)
        bench.predict(asked.iloc[:100])
        bench.predict(asked.iloc[100:120])
        bench.predict(asked.iloc[5:6], before=frame.iloc[:50])
        seen = [context["date"] for context in bench.model.remembered]
    every = pd.concat([frame, asked])["date"]
    assert seen[0].tolist() == frame["date"].tolist()
    assert seen[1].tolist() == every.tolist()
    assert seen[2].tolist() == every.iloc[:500].tolist()
    assert seen[3].tolist() == every.iloc[:520].tolist()
    assert seen[4].tolist() == [*frame["date"].iloc[:50], asked["date"].iloc[5]]


def test_a_reloaded_model_is_given_the_context_again(frames):
    frame, asked = frames
    with workbench(Remembers) as bench:
        bench.train(frame)
        bench.save_and_reload()
        bench.predict(asked)
        assert [len(context) for context in bench.model.remembered] == [800]


def test_weights_reach_the_training_rows_in_order(frames):
    with workbench(Remembers, {"feature_parameters": {"weight_factor": 0.5}}) as bench:
        bench.train(frames[0], weights=np.repeat([0.0, 1.0], 200))
        assert bench.model.weights.tolist() == [0.0] * 200 + [1.0] * 160
