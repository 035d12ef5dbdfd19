"""Importance, its stability, and the report of the trainings."""

import numpy as np
import pytest

from freqai_ext.evaluation.importance import summarise_importance
from freqai_ext.evaluation.trainings import StepLoss, summarise_trainings
from freqai_ext.walkforward import Window
from freqai_ext.walkforward.diagnostics import StepRecord, WindowRecord

DAY = 86_400


def window(pair="BTC/USDT", day=1):
    return Window(pair, day * DAY, (day + 1) * DAY)


def record(importance=None, steps=(), columns=10):
    return WindowRecord(2.0, 0.5, 100, 600, 550, columns, tuple(steps), importance or {})


def test_a_feature_of_the_pair_itself_adds_up_over_pairs():
    found = summarise_importance(
        {
            window("BTC/USDT"): record({"%-a_BTC/USDT_5m": 0.75, "%-b": 0.25}),
            window("ETH/USDT:USDT"): record({"%-a_ETH/USDTUSDT_5m": 0.25, "%-b": 0.75}),
        }
    )
    assert {each.name: each.mean for each in found.features} == {"%-a_PAIR_5m": 0.5, "%-b": 0.5}
    assert found.trainings == 2
    assert found.windows == ()
    assert np.isnan(found.stability)


def test_stability_compares_each_training_with_the_one_before_of_its_pair():
    same, reversed_ = {"a": 0.5, "b": 0.3, "c": 0.2}, {"a": 0.2, "b": 0.3, "c": 0.5}
    found = summarise_importance(
        {
            window(day=1): record(same, columns=3),
            window(day=2): record(same, columns=3),
            window(day=3): record(reversed_, columns=3),
            window("ETH/USDT", day=1): record(reversed_, columns=3),
        }
    )
    assert [(each.pair, each.start, each.rank_correlation) for each in found.windows] == [
        ("BTC/USDT", "1970-01-03 00:00", pytest.approx(1.0)),
        ("BTC/USDT", "1970-01-04 00:00", pytest.approx(-1.0)),
    ]
    assert found.stability == pytest.approx(0.0)
    assert found.features[0].deviation > 0


def test_features_that_no_training_used_count_as_stable():
    one, other = {"a": 0.5, "b": 0.5}, {"c": 0.5, "d": 0.5}

    def stability(columns):
        records = {window(day=1): record(one, columns=columns), window(day=2): record(other, columns=columns)}
        return summarise_importance(records).stability

    assert stability(4) == pytest.approx(-1.0)
    assert stability(200) == pytest.approx(-2 / 198)


def test_without_a_record_there_is_no_summary():
    assert summarise_importance({window(): record()}) is None
    assert summarise_trainings({}) is None


def test_the_report_says_which_step_dropped_what():
    steps = [StepRecord("const", 500, 500, 10, 8), StepRecord("iqr", 500, 480, 8, 8)]
    found = summarise_trainings({window(): record(steps=steps), window(day=2): record()})
    assert found.recorded == 2
    assert (found.train_seconds, found.train_seconds_total) == (2.0, 4.0)
    assert found.predict_ms_per_1000_rows == pytest.approx(5000.0)
    assert found.steps == (
        StepLoss("missing values", 50, 0),
        StepLoss("left out by the model", 50, 0),
        StepLoss("const", 0, 2),
        StepLoss("iqr", 20, 0),
    )
    assert (found.rows_given, found.rows_trained, found.columns_trained) == (600, 480, 8)
    assert found.trainings[1].rows_trained is None
