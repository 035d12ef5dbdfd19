"""Cleaning and scaling steps, alone and as FreqAI runs them."""

import logging

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import RobustScaler as SklearnRobustScaler

from freqai_ext._settings import parse_settings
from freqai_ext.errors import SettingsError
from freqai_ext.pipeline import (
    IQROutlierRemover,
    PipelineSettings,
    QuietPipeline,
    RobustScaler,
    build_feature_pipeline,
    build_label_pipeline,
)
from freqai_ext.pipeline._quartiles import column_quartiles

ROWS, FEATURES = 400, 20


@pytest.fixture
def train():
    generator = np.random.default_rng(0)
    features = pd.DataFrame(generator.normal(size=(ROWS, FEATURES))).add_prefix("%-feature_")
    features["%-constant"] = 1.0
    features["%-flag"] = (generator.random(ROWS) < 0.02).astype(float)
    features.iloc[[10, 200, 399], :FEATURES] = 50.0
    labels = pd.DataFrame({"&-row": np.arange(ROWS, dtype=float)})
    return features, labels, np.arange(ROWS, dtype=float)


@given(arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.floats(-1e6, 1e6)))
def test_quartiles_are_numpys(values):
    np.testing.assert_allclose(
        column_quartiles(values), np.percentile(values, [25, 50, 75], axis=0), rtol=1e-9, atol=1e-6
    )


def test_quartiles_leave_their_input_as_it_is():
    values = np.asfortranarray(np.random.default_rng(0).normal(size=(50, 3)))
    before = values.copy()
    column_quartiles(values)
    np.testing.assert_array_equal(values, before)


def test_training_outliers_go_with_their_labels_and_weights(train):
    features, labels, weights = train
    pipeline = build_feature_pipeline(PipelineSettings(outliers="iqr"), {})
    x, y, w = pipeline.fit_transform(features, labels, weights)
    kept = np.delete(np.arange(ROWS), [10, 200, 399])
    assert len(x) == len(kept)
    assert y["&-row"].tolist() == kept.tolist()
    assert w.tolist() == kept.tolist()
    assert x.max(axis=None) == pytest.approx(1.0)
    assert x["%-feature_0"].std() > 0.2, "the outliers have set the scale"


def test_predicted_rows_are_flagged_and_stay(train):
    features, labels, weights = train
    pipeline = build_feature_pipeline(PipelineSettings(outliers="iqr"), {})
    pipeline.fit_transform(features, labels, weights)
    x, do_predict, _ = pipeline.transform(features, outlier_check=True)
    assert len(x) == ROWS
    assert np.flatnonzero(do_predict == 0).tolist() == [10, 200, 399]
    assert set(np.unique(do_predict)) == {0.0, 1.0}


def test_fences_come_from_the_training_rows_only(train):
    features, labels, weights = train
    pipeline = build_feature_pipeline(PipelineSettings(outliers="iqr"), {})
    pipeline.fit_transform(features, labels, weights)
    elsewhere = features + 50.0
    _, do_predict, _ = pipeline.transform(
        elsewhere.drop(columns="%-constant").assign(**{"%-constant": 1.0})[features.columns], outlier_check=True
    )
    assert (do_predict == 0).all()


def test_flags_of_earlier_detectors_are_kept():
    remover = IQROutlierRemover()
    x = np.random.default_rng(0).normal(size=(100, 5))
    remover.fit(x)
    rows = np.repeat([[99.0], [0.0]], 2, axis=0) * np.ones(5)
    _, flags, _, _ = remover.transform(rows, np.array([0.0, 1.0, 0.0, 1.0]), outlier_check=True)
    assert flags.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_no_more_rows_than_the_cap_are_dropped_and_those_the_most_unusual():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(100, 10))
    for row in range(20):
        x[row, : 2 + row // 4] = 1000.0
    remover = IQROutlierRemover(max_outside_share=0.1, max_outlier_rows_share=0.05)
    kept, rows, _, _ = remover.fit_transform(x, np.arange(100))
    assert sorted(set(range(100)) - set(rows)) == [16, 17, 18, 19]
    assert remover.outside_share_limit == 0.5
    _, flags, _, _ = remover.transform(x, np.ones(100), outlier_check=True)
    assert np.flatnonzero(flags == 0).tolist() == [16, 17, 18, 19]
    assert len(kept) == 96


def test_a_test_set_of_nothing_but_outliers_is_not_emptied():
    remover = IQROutlierRemover()
    remover.fit(np.random.default_rng(0).normal(size=(100, 5)))
    kept, labels, weights, _ = remover.transform(np.full((30, 5), 99.0), np.arange(30), np.arange(30))
    assert len(kept) == len(labels) == len(weights) == 30


def test_a_cap_of_one_drops_without_limit():
    remover = IQROutlierRemover(max_outlier_rows_share=1.0)
    remover.fit(np.random.default_rng(0).normal(size=(100, 5)))
    kept, *_ = remover.transform(np.full((30, 5), 99.0))
    assert len(kept) == 0


def test_features_without_spread_are_never_outside():
    flags = np.zeros((100, 3))
    flags[::30] = 1.0
    remover = IQROutlierRemover(max_outside_share=0.0)
    kept, *_ = remover.fit_transform(flags)
    assert len(kept) == 100


def test_features_without_spread_do_not_dilute_the_share_of_those_outside():
    x = np.hstack((np.random.default_rng(0).normal(size=(100, 10)), np.zeros((100, 10))))
    x[7, :2] = 99.0
    _, rows, _, _ = IQROutlierRemover(max_outside_share=0.15).fit_transform(x, np.arange(100))
    assert set(range(100)) - set(rows) == {7}


def test_dropped_rows_are_logged(train, caplog):
    with caplog.at_level(logging.INFO, "freqai_ext.pipeline"):
        build_feature_pipeline(PipelineSettings(outliers="iqr"), {}).fit_transform(*train)
    assert "IQR fences drop 3 of 400 rows as outliers" in caplog.text


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_robust_scaling_is_scikit_learns(seed):
    x = np.random.default_rng(seed).normal(3.0, 7.0, (60, 4))
    x[:, 3] = 5.0
    ours = RobustScaler()
    scaled, *_ = ours.fit_transform(x)
    np.testing.assert_allclose(scaled, SklearnRobustScaler().fit_transform(x), rtol=1e-9, atol=1e-12)
    back, *_ = ours.inverse_transform(scaled)
    np.testing.assert_allclose(back, x)


def test_robust_scaling_clips_and_leaves_flags_alone():
    x = np.column_stack((np.arange(101.0), np.zeros(101)))
    x[100] = [1e9, 40.0]
    scaled, *_ = RobustScaler(clip_iqr=3.0).fit_transform(x)
    assert scaled[100].tolist() == [3.0, 40.0]
    assert scaled[50].tolist() == [0.0, 0.0]


def test_robustly_scaled_features_are_clipped_but_labels_are_not(train):
    features, labels, weights = train
    choice = PipelineSettings(scaler="robust", label_scaler="robust", robust_clip_iqr=2.0)
    x, _, _ = build_feature_pipeline(choice, {}).fit_transform(features, labels, weights)
    assert x["%-feature_0"].max() == 2.0
    labels.iloc[0] = 1e6
    pipeline = build_label_pipeline(choice)
    scaled, _, _ = pipeline.fit_transform(labels)
    assert scaled.iloc[0, 0] > 1000.0
    pd.testing.assert_frame_equal(pipeline.inverse_transform(scaled)[0], labels)


@pytest.mark.parametrize(
    ("scaler", "low", "high"),
    [("minmax", -1.0, 1.0), ("robust", -10.0, 10.0), ("standard", -99.0, 99.0), ("none", 50, 50)],
)
def test_every_scaler_works_and_its_labels_come_back(train, scaler, low, high):
    features, labels, weights = train
    choice = PipelineSettings(scaler=scaler, label_scaler=scaler)
    x, y, _ = build_feature_pipeline(choice, {}).fit_transform(features, labels, weights)
    assert low <= x["%-feature_0"].max() <= high
    assert "%-constant" not in x.columns
    pipeline = build_label_pipeline(choice)
    scaled, _, _ = pipeline.fit_transform(y)
    pd.testing.assert_frame_equal(pipeline.inverse_transform(scaled)[0], labels)


def names(settings_, **feature_parameters):
    return [name for name, _ in build_feature_pipeline(settings_, feature_parameters, threads=1).steps]


def test_the_default_pipeline_has_freqais_steps():
    assert names(PipelineSettings()) == ["const", "scaler"]
    everything = {
        "principal_component_analysis": True,
        "use_SVM_to_remove_outliers": True,
        "DI_threshold": 0.9,
        "use_DBSCAN_to_remove_outliers": True,
        "noise_standard_deviation": 0.1,
    }
    freqais = ["const", "scaler", "pca", "post-pca-scaler", "svm", "di", "dbscan", "noise"]
    assert names(PipelineSettings(), **everything) == freqais
    assert names(PipelineSettings(outliers="iqr"), **everything) == ["const", "iqr", *freqais[1:]]
    assert names(PipelineSettings(outliers="iqr", scaler="none")) == ["const", "iqr"]


def test_freqais_parameters_reach_their_steps():
    parameters = {"use_SVM_to_remove_outliers": True, "svm_params": {"nu": 0.3, "shuffle": False}, "DI_threshold": 0.7}
    pipeline = build_feature_pipeline(PipelineSettings(), parameters, threads=1)
    assert pipeline["svm"]._skl.nu == 0.3
    assert pipeline["di"].di_threshold == 0.7
    assert pipeline["di"].n_jobs == 1


def test_our_settings_reach_our_steps():
    choice = PipelineSettings(
        outliers="iqr",
        scaler="robust",
        iqr_multiplier=2.0,
        max_outside_share=0.2,
        max_outlier_rows_share=0.3,
        robust_clip_iqr=4.0,
    )
    pipeline = build_feature_pipeline(choice, {})
    remover = pipeline["iqr"]
    assert (remover.iqr_multiplier, remover.max_outside_share, remover.max_outlier_rows_share) == (2.0, 0.2, 0.3)
    assert pipeline["scaler"].clip_iqr == 4.0


def test_our_step_and_freqais_work_together(train):
    features, labels, weights = train
    parameters = {"principal_component_analysis": True, "use_SVM_to_remove_outliers": True, "DI_threshold": 5.0}
    pipeline = build_feature_pipeline(PipelineSettings(outliers="iqr", scaler="robust"), parameters, threads=1)
    x, y, w = pipeline.fit_transform(features, labels, weights)
    assert len(x) == len(y) == len(w) < ROWS
    x, do_predict, _ = pipeline.transform(features, outlier_check=True)
    assert len(x) == ROWS
    assert (do_predict[[10, 200, 399]] < 1).all()
    assert (do_predict == 1).mean() > 0.9


def test_a_pipeline_survives_the_pickle_that_freqai_writes(train):
    features, labels, weights = train
    pipeline = build_feature_pipeline(PipelineSettings(outliers="iqr", scaler="robust"), {})
    pipeline.fit_transform(features, labels, weights)
    expected = pipeline.transform(features, outlier_check=True)
    actual = cloudpickle.loads(cloudpickle.dumps(pipeline)).transform(features, outlier_check=True)
    pd.testing.assert_frame_equal(actual[0], expected[0])
    np.testing.assert_array_equal(actual[1], expected[1])


def test_an_absent_step_is_none_without_a_warning(caplog):
    pipeline = QuietPipeline([("scaler", RobustScaler())])
    assert pipeline["di"] is None
    assert "di" not in pipeline
    assert isinstance(pipeline["scaler"], RobustScaler)
    assert caplog.text == ""


def test_pipelines_share_no_steps():
    first, second = QuietPipeline([]), QuietPipeline([])
    first.append(("scaler", RobustScaler()))
    assert first["scaler"] is not None
    assert second["scaler"] is None
    assert second.fitparams == {}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"scaler": "maxmin"}, r"freqai_ext\.pipeline\.scaler: 'maxmin' is not valid; .*'minmax', 'robust'"),
        ({"iqr_multiplier": 0}, r"freqai_ext\.pipeline\.iqr_multiplier: 0 is not valid; .* greater than 0"),
        (
            {"max_outside_share": 2},
            r"freqai_ext\.pipeline\.max_outside_share: 2 is not valid; .* less than or equal to 1",
        ),
        ({"outlier": "iqr"}, r"freqai_ext\.pipeline\.outlier: unknown setting; did you mean 'outliers'\?"),
    ],
)
def test_a_wrong_setting_is_named(raw, message):
    with pytest.raises(SettingsError, match=message):
        parse_settings(PipelineSettings, raw, "freqai_ext.pipeline")


SCALERS = ["minmax", "none", "robust", "standard"]
DETECTORS = [
    {"DI_threshold": 0.9},
    {"use_SVM_to_remove_outliers": True},
    {"use_DBSCAN_to_remove_outliers": True},
    {"principal_component_analysis": True, "DI_threshold": 0.9},
]


def in_unlike_units(seed, rows=ROWS):
    """Return a price, and ratios of a thousandth."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(generator.normal(size=(rows, 6))).add_prefix("%-feature_")
    return 0.001 * frame.assign(**{"%-feature_0": 6e7 + 5e5 * frame["%-feature_0"]})


@pytest.mark.parametrize("outliers", ["none", "iqr"])
@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("detector", DETECTORS, ids=lambda each: "-".join(each))
def test_detectors_flag_what_is_far_outside_with_every_scaler(detector, scaler, outliers):
    features = in_unlike_units(0)
    pipeline = build_feature_pipeline(PipelineSettings(scaler=scaler, outliers=outliers), detector, threads=1)
    x, y, w = pipeline.fit_transform(features, pd.DataFrame({"&-row": np.arange(ROWS)}), np.ones(ROWS))
    assert len(x) == len(y) == len(w) > 0.9 * ROWS
    usual = in_unlike_units(1, rows=20)
    ratios = usual.columns[1:]
    asked = (usual, *(usual.assign(**usual[ratios] + side * 0.05) for side in (1, -1)))
    flagged = [float((pipeline.transform(each, outlier_check=True)[1] != 1).mean()) for each in asked]
    assert flagged[0] < 0.2
    # A linear detector sees one side alone.
    assert max(flagged[1:]) == 1.0
    assert min(flagged[1:]) == 1.0 or "use_SVM_to_remove_outliers" in detector


def test_a_learner_without_scaler_gets_the_very_rows_that_the_detectors_left():
    features = in_unlike_units(0)
    features.iloc[7, 2] = 1e12
    everything = {"use_SVM_to_remove_outliers": True, "DI_threshold": 0.9, "use_DBSCAN_to_remove_outliers": True}
    pipeline = build_feature_pipeline(PipelineSettings(scaler="none"), everything, threads=1)
    labels = pd.DataFrame({"&-row": np.arange(ROWS), "&-name": [f"row {row}" for row in range(ROWS)]})
    x, y, w = pipeline.fit_transform(features, labels, np.arange(ROWS, dtype=float))
    assert len(x) < ROWS
    rows = y["&-row"].astype(int)
    assert w.tolist() == rows.tolist()
    assert y["&-name"].tolist() == [f"row {row}" for row in rows]
    np.testing.assert_array_equal(x, features.iloc[rows])
    asked = in_unlike_units(1)
    np.testing.assert_array_equal(pipeline.transform(asked, outlier_check=True)[0], asked)


@pytest.mark.parametrize("scaler", SCALERS)
def test_noise_is_in_units_of_the_scaled_feature_and_the_same_on_every_run(scaler):
    features = in_unlike_units(0)
    noisy, plain = (
        build_feature_pipeline(PipelineSettings(scaler=scaler), {"noise_standard_deviation": sigma}, threads=1)
        for sigma in (0.05, 0.0)
    )
    labels = pd.DataFrame({"&-row": np.arange(ROWS)})
    with_noise, _, _ = noisy.fit_transform(features, labels, np.ones(ROWS))
    without, _, _ = plain.fit_transform(features, labels, np.ones(ROWS))
    for name in features:
        assert 0.9 < np.corrcoef(with_noise[name], without[name])[0, 1] < 1.0
    again, _, _ = noisy.fit_transform(features, labels, np.ones(ROWS))
    pd.testing.assert_frame_equal(again, with_noise)
    assert len(cloudpickle.dumps(noisy)) < features.to_numpy().nbytes, "the pickle holds the training rows"
