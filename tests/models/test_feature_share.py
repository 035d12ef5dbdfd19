import logging
from types import SimpleNamespace

import pandas as pd
import pytest

from freqai_ext.guardian import FEATURE_COLUMNS
from freqai_ext.models._feature_share import METADATA_KEY, recorded_share, tell_feature_share, with_enough_features


class Model:
    def __init__(self):
        self.trained = []

    def train(self, unfiltered_df, pair, dk, **kwargs):
        self.trained.append((unfiltered_df, pair, kwargs))
        return "trained"


@pytest.fixture
def model():
    model = Model()
    tell_feature_share(model, min_share=0.25)
    return model


def window(available):
    columns = {f"%-{name}": [float(each) for each in available] for name in FEATURE_COLUMNS[:4]}
    return pd.DataFrame(columns | {"%-own": range(len(available)), "&-target": 1.0})


def test_each_training_says_for_which_share_of_its_rows_there_were_features(model, caplog):
    kitchen, frame = SimpleNamespace(data={}), window([0, 0, 0, 1])
    with caplog.at_level(logging.INFO):
        assert model.train(frame, "BTC/USDT", kitchen, more=1) == "trained"
    assert (
        "BTC/USDT: Guardian features were recorded for 25.0 % of the 4 rows of the training window; "
        f"4 of their {len(FEATURE_COLUMNS)} columns vary" in caplog.text
    )
    assert kitchen.data[METADATA_KEY] == 0.25
    trained, pair, more = model.trained[0]
    assert trained.equals(frame)
    assert (pair, more) == ("BTC/USDT", {"more": 1})


def test_a_training_goes_without_features_that_too_few_of_its_rows_have(model, caplog):
    kitchen, frame = SimpleNamespace(data={}), window([0, 0, 0, 0, 1])
    with caplog.at_level(logging.INFO):
        model.train(frame, "BTC/USDT", kitchen)
    assert "recorded for 20.0 % of the 5 rows of the training window; it goes without them" in caplog.text
    trained = model.trained[0][0]
    assert (trained.filter(like="%-guardian-") == 0.0).all().all()
    assert trained["%-own"].tolist() == [0, 1, 2, 3, 4]
    assert frame["%-guardian-available"].tolist() == [0, 0, 0, 0, 1]


def test_a_frame_without_such_features_is_trained_in_silence(model, caplog):
    kitchen, frame = SimpleNamespace(data={}), pd.DataFrame({"%-a": [1.0]})
    with caplog.at_level(logging.INFO):
        assert model.train(frame, "BTC/USDT", kitchen) == "trained"
    assert not caplog.text
    assert kitchen.data == {}
    assert model.trained[0][0] is frame


def test_windows_that_are_trained_together_have_their_share_together():
    windows = [window([1, 1]), window([0] * 6)]
    assert recorded_share(windows) == 0.25
    assert all(kept.equals(given) for kept, given in zip(with_enough_features(windows, 0.25), windows, strict=True))
    emptied = with_enough_features(windows, 0.3)
    assert [frame["%-guardian-available"].sum() for frame in emptied] == [0.0, 0.0]
    assert recorded_share([pd.DataFrame({"%-a": [1.0]})]) == 0.0
