"""From frames to training sets."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from freqai_ext.models._signal_cleaning import clean
from freqai_ext.models._signal_rows import (
    PairRows,
    build_design,
    build_training_set,
    class_target,
    known_at_column,
    label_horizons,
    pair_rows,
    with_known_labels,
)
from freqai_ext.pipeline import PipelineSettings, build_feature_pipeline

CANDLE_NS = 300 * 1_000_000_000


def frame_of(rows: int = 10, start: str = "2025-01-01", **labels) -> pd.DataFrame:
    dates = pd.date_range(start, periods=rows, freq="5min", tz="UTC")
    return pd.DataFrame({"date": dates, "close": np.arange(1.0, rows + 1.0), **labels})


def rows_of(frame: pd.DataFrame, pair: str = "A/USDT", features: pd.DataFrame | None = None) -> PairRows:
    labels = [column for column in frame if column.startswith("&")]
    features = pd.DataFrame({"%-a": np.arange(float(len(frame)))}) if features is None else features
    usual, terms = np.full(len(frame), 0.01), np.full((len(frame), 2), 0.02)
    return pair_rows(pair, frame, features, labels, usual, terms, CANDLE_NS)


def training_of(*rows: PairRows, classes=None, horizons=None):
    matrix = np.zeros((sum(len(each.complete) for each in rows), 1), dtype=np.float32)
    design = build_design(rows, matrix, ["%-a"], None, CANDLE_NS)
    horizons = horizons or label_horizons(rows, 24)
    known = [with_known_labels(each, horizons, 0, CANDLE_NS) for each in rows]
    return build_training_set(known, design, classes or {}, horizons, CANDLE_NS)


def test_incomplete_rows_are_filled_marked_and_weigh_nothing():
    features = pd.DataFrame({"%-a": [1.0, np.nan, 3.0, np.inf], "%-b": [1.0, 2.0, -np.inf, 4.0]})
    found = rows_of(frame_of(4), features=features)
    assert found.complete.tolist() == [True, False, False, False]
    assert found.weight.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert found.features.to_numpy().tolist() == [[1.0, 1.0], [0.0, 2.0], [3.0, 0.0], [0.0, 4.0]]
    assert np.isnan(features.loc[1, "%-a"])


def test_rows_that_were_filled_already_are_taken_as_told():
    complete = np.array([True, False, True])
    features = pd.DataFrame({"%-a": [1.0, 0.0, 3.0]})
    found = pair_rows("A/USDT", frame_of(3), features, (), np.ones(3), np.ones((3, 1)), CANDLE_NS, complete)
    assert found.weight.tolist() == [1.0, 0.0, 1.0]
    assert found.labels.shape == (3, 0)


def test_a_label_that_says_when_it_is_known_is_left_out_where_that_is_after_the_window():
    frame = frame_of(6, **{"&-pays": [1.0, np.nan, 0.0, 1.0, np.nan, np.nan]})
    closes_s = np.arange(1, 7) * 300.0 + frame["date"].iloc[0].timestamp()
    # Known two candles later, at the very end of the window, and a moment after it.
    frame[known_at_column("&-pays")] = [
        closes_s[2],
        closes_s[1],
        closes_s[5],
        closes_s[5] + 1.0,
        closes_s[4],
        closes_s[5],
    ]
    found = rows_of(frame)
    assert found.labels["&-pays"].tolist() == pytest.approx([1.0, np.nan, 0.0, np.nan, np.nan, np.nan], nan_ok=True)
    assert label_horizons([found], 24) == {"&-pays": 3}
    known = with_known_labels(found, {"&-pays": 3}, 24, CANDLE_NS)
    assert known.labels["&-pays"].notna().sum() == 2
    assert (known.known_at_ns["&-pays"] / 1e9).tolist() == frame[known_at_column("&-pays")].tolist()
    training = training_of(found)
    assert training.targets[0].kind == "binary"
    assert training.targets[0].known_at_ns[0] / 1e9 == closes_s[2]


def test_rows_are_known_at_the_close_of_their_candle():
    found = rows_of(frame_of(2))
    assert pd.DatetimeIndex(found.made_at_ns, tz="UTC").tolist() == [
        pd.Timestamp("2025-01-01 00:05", tz="UTC"),
        pd.Timestamp("2025-01-01 00:10", tz="UTC"),
    ]


def test_runs_of_one_pair_do_not_reach_into_the_pair_before():
    rows = [rows_of(frame_of(4)), rows_of(frame_of(3, start="2025-01-01 00:20"), "B/USDT")]
    design = build_design(rows, np.zeros((7, 1), dtype=np.float32), ["%-a"], None, CANDLE_NS)
    # The first candle of B follows the last of A to the minute.
    assert design.run_start.tolist() == [0, 0, 0, 0, 4, 4, 4]
    assert design.categorical == ()


def test_the_pair_as_a_feature_is_a_category_and_an_unknown_pair_has_a_code_of_its_own():
    rows = [rows_of(frame_of(2), "B/USDT"), rows_of(frame_of(1), "NEW/USDT")]
    matrix = np.arange(3, dtype=np.float32)[:, None]
    design = build_design(rows, matrix, ["%-a"], {"A/USDT": 0, "B/USDT": 1}, CANDLE_NS)
    assert design.names == ("%-a", "pair")
    assert design.categorical == (1,)
    assert design.matrix.tolist() == [[0.0, 1.0], [1.0, 1.0], [2.0, 2.0]]
    assert design.matrix.dtype == np.float32
    assert design.matrix.flags.c_contiguous


@pytest.mark.parametrize("horizon", [1, 12, 48])
def test_a_horizon_is_read_from_the_missing_tail(horizon):
    frame = frame_of(100)
    frame["&-return"] = frame["close"].shift(-horizon) / frame["close"] - 1.0
    assert label_horizons([rows_of(frame)], 24) == {"&-return": horizon}


def test_each_label_has_a_horizon_of_its_own_and_one_without_a_tail_that_of_the_config():
    frame = frame_of(100)
    frame["&-12"] = frame["close"].shift(-12)
    frame["&-48"] = frame["close"].shift(-48)
    frame["&-mean"] = frame["close"].shift(-20).rolling(20).mean()
    frame["&-trend"] = np.where(frame["close"].shift(-24) > frame["close"], "up", "down")
    rows = [rows_of(frame)]
    assert label_horizons(rows, 24) == {"&-12": 12, "&-48": 48, "&-mean": 20, "&-trend": 24}
    assert label_horizons(rows, 0)["&-trend"] == 1


def test_the_longest_tail_of_all_pairs_counts_and_a_pair_without_any_label_does_not():
    short, long, none = (frame_of(50, **{"&-a": np.arange(50.0)}) for _ in range(3))
    short.loc[44:, "&-a"] = np.nan
    long.loc[40:, "&-a"] = np.nan
    none["&-a"] = np.nan
    rows = [rows_of(short, "A/USDT"), rows_of(long, "B/USDT"), rows_of(none, "C/USDT")]
    assert label_horizons(rows, 3) == {"&-a": 10}


def test_missing_labels_elsewhere_do_not_lengthen_the_horizon():
    label = np.arange(50.0)
    label[[0, 1, 2, 20, 47, 48, 49]] = np.nan
    assert label_horizons([rows_of(frame_of(50, **{"&-a": label}))], 24) == {"&-a": 3}


def test_labels_become_targets_with_their_time_of_knowing():
    frame = frame_of(50)
    frame["&-return"] = frame["close"].shift(-5) / frame["close"] - 1.0
    frame["&-up"] = (frame["close"] % 2.0).where(frame["&-return"].notna())
    training = training_of(rows_of(frame))
    assert [(target.name, target.kind, target.horizon_candles) for target in training.targets] == [
        ("&-return", "continuous", 5),
        ("&-up", "binary", 5),
    ]
    for target in training.targets:
        np.testing.assert_array_equal(target.known_at_ns, training.made_at_ns + 5 * CANDLE_NS)
        assert np.isnan(target.label[-5:]).all()
        assert np.isfinite(target.label[:-5]).all()


def test_an_infinite_label_is_not_known():
    training = training_of(rows_of(frame_of(4, **{"&-a": [0.1, np.inf, -np.inf, 0.4]})))
    assert np.isnan(training.targets[0].label).tolist() == [False, True, True, False]


@pytest.mark.parametrize("dtype", ["str", object])
def test_each_class_becomes_a_binary_target_and_an_unknown_label_is_no_other_class(dtype):
    names = pd.Series(["up", "down", "up", None, "flat", None], dtype=dtype)
    rows = rows_of(frame_of(6, **{"&s-way": names}))
    training = training_of(rows, classes={"&s-way": ("down", "flat", "up")})
    assert [target.name for target in training.targets] == ["&s-way=down", "&s-way=flat", "&s-way=up"]
    assert class_target("&s-way", "up") == "&s-way=up"
    assert all(target.kind == "binary" for target in training.targets)
    np.testing.assert_array_equal(training.targets[2].label, [1.0, 0.0, 1.0, np.nan, 0.0, np.nan])
    whole = np.sum([target.label for target in training.targets], axis=0)
    np.testing.assert_array_equal(whole, [1.0, 1.0, 1.0, np.nan, 1.0, np.nan])
    assert {target.horizon_candles for target in training.targets} == {1}


def test_rows_of_several_pairs_follow_each_other():
    first = rows_of(frame_of(3, **{"&-a": [0.1, 0.2, 0.3]}), "A/USDT")
    second = rows_of(frame_of(2, **{"&-a": [0.4, 0.5]}), "B/USDT")
    training = training_of(first, second)
    assert training.pairs == ("A/USDT", "B/USDT")
    assert training.pair.tolist() == [0, 0, 0, 1, 1]
    assert training.targets[0].label.tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert training.made_at_ns[0] == training.made_at_ns[3]
    assert len(training.volatility) == len(training.weight) == 5
    assert training.terms.shape == (5, 2)


def test_a_label_without_a_missing_tail_is_taken_for_unknown_in_its_last_rows():
    frame = frame_of(40, **{"&-up": np.array(["up"] * 40, dtype=object), "&-return": [0.5] * 30 + [np.nan] * 10})
    rows = rows_of(frame)
    known = with_known_labels(rows, label_horizons([rows], 6), 6, CANDLE_NS)
    assert known.labels["&-up"].notna().sum() == 34
    assert known.labels["&-return"].notna().sum() == 30


def test_a_gap_delays_the_time_at_which_a_label_is_known():
    frame = frame_of(10, **{"&-return": [0.1] * 8 + [np.nan] * 2})
    frame = frame.drop(index=[5]).reset_index(drop=True)
    rows = rows_of(frame)
    known = with_known_labels(rows, {"&-return": 2}, 0, CANDLE_NS)
    assert ((known.known_at_ns["&-return"] - rows.made_at_ns) // CANDLE_NS).tolist() == [2, 2, 2, 3, 3, 2, 2, 2, 2]


def test_candles_cut_off_the_end_count_to_the_horizon_that_they_hid():
    rows = rows_of(frame_of(10, **{"&-return": [0.1] * 7 + [np.nan] * 3, "&-whole": [0.1] * 10}))
    assert label_horizons([rows], 24, cut=5) == {"&-return": 8, "&-whole": 24}


def test_cleaning_drops_outliers_gives_noise_to_what_is_learnt_from_and_hands_on_the_weights(monkeypatch):
    generator = np.random.default_rng(1)
    features = pd.DataFrame({"%-a": 0.001 * generator.normal(size=200), "%-b": 6e4 + generator.normal(size=200)})
    features.loc[5, "%-a"] = 1.0
    rows = rows_of(frame_of(200), features=features)
    weight = np.where(np.arange(200) < 150, 0.5, 0.0)
    parameters = {"use_SVM_to_remove_outliers": True, "noise_standard_deviation": 0.01}
    pipeline = build_feature_pipeline(PipelineSettings(scaler="none", outliers="iqr"), parameters, threads=1)
    weights = []
    fit = pipeline["svm"]._skl.fit
    monkeypatch.setattr(
        pipeline["svm"]._skl, "fit", lambda X, y, sample_weight: weights.append(sample_weight) or fit(X)
    )
    (cleaned_rows,), cleaned = clean([replace(rows, weight=weight)], pipeline)
    assert weights[0].tolist() == [0.5] * 149
    assert cleaned_rows.weight[5] == 0.0
    learnt_from = cleaned_rows.weight > 0.0
    assert 140 <= learnt_from.sum() < 150
    assert set(cleaned_rows.weight[learnt_from]) == {0.5}
    np.testing.assert_array_equal(cleaned[~learnt_from], features[~learnt_from])
    changed = np.abs(cleaned["%-a"] - features["%-a"])[learnt_from]
    assert (changed > 0.0).all()
    assert changed.median() < 0.01, "the noise is in other units"
