"""What a training window must hold."""

import numpy as np
import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException

from freqai_ext.checks._workbench import FEATURES, Workbench, example_frame
from freqai_ext.models._training_window import (
    require_candles,
    require_distinct_columns,
    tell_missing_features,
    without_infinite_labels,
)
from freqai_ext.models.CalibratedSignalModel import CalibratedSignalModel
from freqai_ext.models.CatboostRegressorMultiTarget import CatboostRegressorMultiTarget
from freqai_ext.models.CustomRegressor import CustomRegressor

LINEAR = {"model_training_parameters": {}, "freqai_ext": {"signal": {"backend": "linear", "folds": 1}}}
DIVISION = "look for a division by zero in set_freqai_targets"


def frame_of(**labels):
    return pd.DataFrame({"%-a": np.arange(6.0), **labels})


def test_infinite_labels_become_missing_and_one_line_names_label_and_count(caplog):
    frame = frame_of(
        **{
            "&-a": [1.0, np.inf, 2.0, -np.inf, np.nan, 3.0],
            "&-b": [np.inf, *range(5)],
            "&-c": ["x"] * 6,
            "&-d": [1] * 6,
        }
    )
    found = without_infinite_labels(frame, ["&-a", "&-b", "&-c", "&-d"], "BTC/USDT")
    assert found["&-a"].isna().tolist() == [False, True, False, True, True, False]
    assert found["&-b"].isna().sum() == 1
    assert np.isinf(frame["&-a"]).sum() == 2, "the strategy's own frame was changed"
    (record,) = caplog.records
    assert record.getMessage() == (
        "BTC/USDT: of 6 training rows 2 have the label &-a and 1 have the label &-b infinite; they are left out. "
        "Look for a division by zero in set_freqai_targets."
    )


def test_finite_labels_pass_as_they_are(caplog):
    frame = frame_of(**{"&-a": [1.0, np.nan, 2.0, 3.0, 4.0, 5.0]})
    assert without_infinite_labels(frame, ["&-a"], "BTC/USDT") is frame
    assert not caplog.records


def test_a_label_of_nothing_but_infinities_is_named():
    frame = frame_of(**{"&-a": [np.inf, np.nan, -np.inf, np.inf, np.inf, np.nan]})
    with pytest.raises(OperationalException, match=rf"BTC/USDT: every known value of the label &-a .*{DIVISION}"):
        without_infinite_labels(frame, ["&-a"], "BTC/USDT")


@pytest.mark.parametrize("model", [CatboostRegressorMultiTarget, CalibratedSignalModel])
def test_each_kind_of_model_names_a_label_of_nothing_but_infinities(model, tmp_path):
    settings = LINEAR if model is CalibratedSignalModel else {}
    frame = example_frame(model).assign(**{"&-buy": np.inf})
    with pytest.raises(OperationalException, match=r"every known value of the label &-buy"):
        Workbench(model, tmp_path, settings).train(frame)


def test_infinite_labels_at_the_end_do_not_lengthen_the_horizon_of_odds(tmp_path):
    frame = example_frame(CalibratedSignalModel)[["date", "close", *FEATURES, "&-roi"]]
    frame.loc[300:370, "&-roi"] = np.inf
    frame.loc[394:, "&-roi"] = np.nan
    bench = Workbench(CalibratedSignalModel, tmp_path, LINEAR).train(frame)
    (target,) = bench.model.model.continuous
    assert target.horizon_candles == 6
    asked = example_frame(CalibratedSignalModel, seed=1, after=frame)
    asked.loc[::7, "&-roi"] = np.inf
    assert np.isfinite(bench.predict(asked).numbers).all()


def test_a_window_without_candles_is_named():
    with pytest.raises(
        OperationalException, match=r"ETH/USDT: the training window from A to B has no candles; download"
    ):
        require_candles(frame_of().iloc[:0], "ETH/USDT", " from A to B")


def test_columns_that_differ_in_a_colon_alone_are_named():
    frame = pd.DataFrame([[1.0, 2.0, 3.0]], columns=["%-a", "%-b", "%-a"])
    with pytest.raises(OperationalException, match=r"makes more than one column %-a, colons left out"):
        require_distinct_columns(frame)


def test_lightgbm_keeps_the_names_of_the_strategy_beside_its_importances(tmp_path):
    odd = dict(zip(FEATURES, ("%-a[1]", "%-b,c", '%-{"d"}', "%-e f", "%-e_f", "%-g:h"), strict=True))
    frame = example_frame(CustomRegressor).rename(columns=odd)
    bench = Workbench(CustomRegressor, tmp_path, {"model_training_parameters": {"n_estimators": 10}}).train(frame)
    for estimator in bench.model.model.estimators_:
        shares = dict(zip(estimator.feature_names_, estimator.feature_importances_, strict=True))
        assert list(shares) == list(odd.values())
        assert max(shares, key=shares.get) == "%-a[1]"


@pytest.mark.parametrize("model", [CatboostRegressorMultiTarget, CalibratedSignalModel])
def test_a_training_that_loses_much_of_its_window_names_the_feature_and_the_date(model, tmp_path, caplog):
    frame = example_frame(model)
    frame.loc[:199, FEATURES[4]] = np.nan
    frame.loc[200:203, FEATURES[2]] = np.inf
    Workbench(model, tmp_path, LINEAR if model is CalibratedSignalModel else {}).train(frame)
    assert (
        f"BTC/USDT: 204 of 400 training rows lack a feature and are left out; most often it is {FEATURES[4]}, "
        "first at 2025-01-01 00:00. Look whether the candles that it is made of reach back to there."
    ) in caplog.text


def test_a_warm_up_is_no_loss(caplog):
    frame = example_frame(CalibratedSignalModel)
    frame.loc[:39, FEATURES[0]] = np.nan
    tell_missing_features(frame, FEATURES, "BTC/USDT")
    assert not caplog.records
