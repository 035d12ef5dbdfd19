import logging
from types import SimpleNamespace

import pandas as pd
import pytest

from freqai_ext.models._feature_share import METADATA_KEY, tell_feature_share


class Model:
    def __init__(self):
        self.trained = []

    def train(self, unfiltered_df, pair, dk, **kwargs):
        self.trained.append((len(unfiltered_df), pair, kwargs))
        return "trained"


@pytest.fixture
def model():
    model = Model()
    tell_feature_share(model)
    return model


def test_each_training_says_for_which_share_of_its_rows_there_were_features(model, caplog):
    kitchen = SimpleNamespace(data={})
    with caplog.at_level(logging.INFO):
        frame = pd.DataFrame({"%-guardian-available": [0.0, 0.0, 0.0, 1.0]})
        assert model.train(frame, "BTC/USDT", kitchen, more=1) == "trained"
    assert "BTC/USDT: Guardian features were recorded for 25.0 % of the 4 rows of the training window" in caplog.text
    assert kitchen.data[METADATA_KEY] == 0.25
    assert model.trained == [(4, "BTC/USDT", {"more": 1})]


def test_a_frame_without_such_features_is_trained_in_silence(model, caplog):
    kitchen = SimpleNamespace(data={})
    with caplog.at_level(logging.INFO):
        assert model.train(pd.DataFrame({"%-a": [1.0]}), "BTC/USDT", kitchen) == "trained"
    assert not caplog.text
    assert kitchen.data == {}
