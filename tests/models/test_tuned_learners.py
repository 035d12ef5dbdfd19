"""The search inside a training: where it writes, what it starts from, and that what it finds is what is trained."""

import json
from pathlib import Path

import numpy as np
import pytest

from freqai_ext.checks._workbench import PAIR, Workbench, example_frame
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.learning.learners import learner
from freqai_ext.models._tuned_learners import METADATA, Tuner
from freqai_ext.models.CalibratedSignalModel import CalibratedSignalModel
from freqai_ext.models.PyTorchSequenceRegressor import PyTorchSequenceRegressor
from freqai_ext.models.StackedEnsembleModel import StackedEnsembleModel
from freqai_ext.tuning import TuningSettings

SEARCH = {"enabled": True, "trials": 4, "startup_trials": 4, "folds": 2, "noise_errors": 0.0}
HELD_BACK = {"alpha": 1e6}
"""So strong a penalty that whatever is tried does better."""

ROWS = 200


def examples() -> Examples:
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(ROWS, 3)).astype(np.float32)
    design = Design(matrix, ("a", "b", "c"), np.zeros(ROWS, dtype=np.intp))
    label = matrix[:, 0] + generator.normal(size=ROWS)
    return Examples(design, np.arange(ROWS), label.astype(float), np.ones(ROWS))


def make_linear(found):
    return learner("linear", {**HELD_BACK, **found})


def search(tuner: Tuner, folder: Path, subject: str = "BTC/USDT &-roi", metadata: dict | None = None):
    half = np.arange(ROWS // 2)
    folds = [(half, half + ROWS // 2), (half + ROWS // 2, half)]
    noted = {} if metadata is None else metadata
    return tuner.parameters(
        make_linear, Head("distribution"), examples(), folds, subject=subject, folder=folder, metadata=noted
    )


def test_without_the_setting_nothing_is_searched_and_nothing_written(tmp_path: Path):
    metadata = {}
    tuner = Tuner(TuningSettings(), {})
    assert not tuner.enabled
    assert search(tuner, tmp_path / "model", metadata=metadata) == {}
    assert metadata == {}
    assert list(tmp_path.iterdir()) == []


def test_what_is_found_is_noted_for_freqai_to_save_and_the_trials_lie_in_the_models_folder(tmp_path: Path):
    metadata = {"kept": 1}
    found = search(Tuner(TuningSettings(**SEARCH), {}), tmp_path / "model", metadata=metadata)
    assert set(found) == {"alpha"}
    assert 0.01 <= found["alpha"] <= 100.0
    noted = json.loads(json.dumps(metadata))[METADATA]["BTC/USDT &-roi"]
    assert noted["parameters"] == found
    assert noted["trials"] == 4
    assert noted["reason"].startswith("tuned: ")
    assert metadata["kept"] == 1
    assert "tuning_BTC_USDT_roi.journal" in [path.name for path in (tmp_path / "model").iterdir()]


def test_the_next_window_starts_from_what_won_in_this_one_for_the_same_subject_only(tmp_path: Path):
    tuner = Tuner(TuningSettings(**SEARCH), {})
    metadata = {}
    found = search(tuner, tmp_path / "1")
    search(tuner, tmp_path / "2", metadata=metadata)
    search(tuner, tmp_path / "2", subject="ETH/USDT &-roi", metadata=metadata)
    history = {subject: noted["history"] for subject, noted in metadata[METADATA].items()}
    origins = {subject: [trial["origin"] for trial in trials] for subject, trials in history.items()}
    assert origins["BTC/USDT &-roi"] == ["defaults", "warm_start", "search", "search"]
    assert origins["ETH/USDT &-roi"] == ["defaults", "search", "search", "search"]
    assert history["BTC/USDT &-roi"][1]["parameters"] == pytest.approx(dict(found))


def test_a_search_that_was_cut_short_goes_on_from_its_journal_unless_the_users_parameters_changed(tmp_path: Path):
    first, again, other = {}, {}, {}
    search(Tuner(TuningSettings(**SEARCH), {"alpha": 1.0}), tmp_path, metadata=first)
    search(Tuner(TuningSettings(**SEARCH), {"alpha": 1.0}), tmp_path, metadata=again)
    search(Tuner(TuningSettings(**SEARCH), {"alpha": 2.0}), tmp_path, metadata=other)
    assert again == first
    assert other != first


def bench_of(folder, model_class=CalibratedSignalModel, parameters=HELD_BACK, tuning=SEARCH, **ext) -> Workbench:
    folder.mkdir(exist_ok=True)
    section = {"signal": {"backend": "linear", "folds": 2}, "tuning": tuning, **ext}
    return Workbench(model_class, folder, {"model_training_parameters": parameters, "freqai_ext": section})


def test_a_signal_is_trained_with_the_parameters_that_were_found(tmp_path: Path):
    frame = example_frame(CalibratedSignalModel)[lambda whole: whole.columns.drop("&-buy")]
    asked = example_frame(CalibratedSignalModel, seed=1, after=frame)
    bench = bench_of(tmp_path / "tuned").train(frame)
    noted = bench.kitchen.data[METADATA][f"{PAIR} &-roi linear"]
    assert noted["parameters"]
    assert (bench.kitchen.data_path / "tuning_BTC_USDT_roi_linear.journal").is_file()
    plain = bench_of(tmp_path / "plain", parameters=noted["parameters"], tuning={}).train(frame)
    held_back = bench_of(tmp_path / "held_back", tuning={}).train(frame)
    found = bench.predict(asked).numbers
    np.testing.assert_array_equal(found, plain.predict(asked).numbers)
    assert not np.allclose(found, held_back.predict(asked).numbers)


def test_the_result_is_saved_with_the_model_and_the_next_training_starts_from_it(tmp_path: Path):
    frame = example_frame(CalibratedSignalModel)
    bench = bench_of(tmp_path).train(frame)
    bench.train(example_frame(CalibratedSignalModel, seed=2, after=frame), stamp=1_700_086_400)
    for target in ("&-roi", "&-buy"):
        history = bench.kitchen.data[METADATA][f"{PAIR} {target} linear"]["history"]
        assert [trial["origin"] for trial in history[:2]] == ["defaults", "warm_start"], target
    bench.save_and_reload()
    assert set(bench.kitchen.data[METADATA]) == {f"{PAIR} &-roi linear", f"{PAIR} &-buy linear"}


def test_a_target_that_is_constant_is_not_searched(tmp_path: Path):
    bench = bench_of(tmp_path).train(example_frame(CalibratedSignalModel).assign(**{"&-buy": 0.0}))
    assert set(bench.kitchen.data[METADATA]) == {f"{PAIR} &-roi linear"}


def test_every_member_of_an_ensemble_is_searched(tmp_path: Path):
    ensemble = {"members": ["linear", "lightgbm"], "folds": 2, "parameters": {"lightgbm": {"n_estimators": 5}}}
    bench = bench_of(tmp_path, StackedEnsembleModel, {}, {**SEARCH, "trials": 2}, ensemble=ensemble)
    bench.train(example_frame(CalibratedSignalModel, rows=200)[lambda whole: whole.columns.drop("&-buy")])
    assert set(bench.kitchen.data[METADATA]) == {f"{PAIR} &-roi linear", f"{PAIR} &-roi lightgbm"}


def test_a_sequence_model_looks_back_as_far_as_the_window_that_was_found(tmp_path: Path, monkeypatch):
    network = {"window_candles": 6, "hidden_size": 4, "epochs": 2, "batch_size": 100, "learning_rate": 0.02}
    bench = bench_of(tmp_path, PyTorchSequenceRegressor, network)
    monkeypatch.setattr(bench.model._tuner, "parameters", lambda *_, **__: {"window_candles": 30})
    frame = example_frame(PyTorchSequenceRegressor)
    asked = example_frame(PyTorchSequenceRegressor, seed=1, after=frame)
    whole = bench.train(frame).predict(asked).frame["&-roi"]
    assert bench.model.model.history_rows == 29
    last = bench.predict(asked.iloc[-1:]).frame["&-roi"]
    assert last.iloc[0] == pytest.approx(whole.iloc[-1], rel=1e-5)
