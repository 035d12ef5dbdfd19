import pickle
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch

from freqai_ext.errors import MissingExtraError, SettingsError
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.learning.sequence import SequenceLearner

MEAN = Head("distribution")
INTERVAL = Head("distribution", (0.1, 0.9))
CHANCE = Head("probability")
LearnerMaker = Callable[..., SequenceLearner]
DesignMaker = Callable[..., Design]

each_architecture = pytest.mark.parametrize("architecture", ["gru", "tcn", "patch_transformer"])


def changed(design: Design, rows: Any) -> Design:
    matrix = design.matrix.copy()
    matrix[rows] += 3.0
    return replace(design, matrix=matrix)


@each_architecture
def test_each_architecture_learns_what_a_feature_was_ten_rows_ago(
    architecture: str, small_learner: LearnerMaker, make_design: DesignMaker
) -> None:
    design = make_design(1_500)
    label = 100.0 + 7.0 * np.roll(design.matrix[:, 0], 10) + np.random.default_rng(1).standard_normal(1_500)
    train = np.arange(20, 1_200)
    learner = small_learner(
        architecture=architecture,
        window_candles=16,
        hidden_size=16,
        patch_candles=4,
        epochs=30,
        dropout=0.0,
        weight_decay=0.0,
        train_stride_candles=1,
    )
    fitted = learner.fit(INTERVAL, Examples(design, train, label[train], np.ones(train.size)))
    unseen = np.arange(1_200, 1_500)
    mean, low, high = fitted.predict(design, unseen).T
    assert np.corrcoef(mean, label[unseen])[0, 1] > 0.95
    assert abs(mean.mean() - 100.0) < 1.0
    assert 0.5 < np.mean((low <= label[unseen]) & (label[unseen] <= high)) < 0.95
    importance = fitted.importance()
    assert importance is not None
    assert importance.sum() == pytest.approx(1.0)
    assert importance[0] > 0.6


@each_architecture
def test_a_prediction_sees_its_window_and_nothing_else(
    architecture: str, small_learner: LearnerMaker, examples: Examples
) -> None:
    learner = small_learner(architecture=architecture)
    fitted = learner.fit(INTERVAL, examples)
    design, rows = examples.design, np.arange(100, 200)
    before = fitted.predict(design, rows)
    np.testing.assert_array_equal(fitted.predict(changed(design, slice(150, None)), rows)[:50], before[:50])
    last, reach = 149 - 100, learner.history_rows
    oldest_seen = fitted.predict(changed(design, 149 - reach), rows)[last]
    one_before = fitted.predict(changed(design, 149 - reach - 1), rows)[last]
    assert not np.array_equal(oldest_seen, before[last])
    np.testing.assert_array_equal(one_before, before[last])


@each_architecture
def test_windows_stop_at_the_beginning_of_their_run(
    architecture: str, small_learner: LearnerMaker, examples: Examples
) -> None:
    fitted = small_learner(architecture=architecture).fit(MEAN, examples)
    run_start = np.where(np.arange(300) < 150, 0, 150)
    design = replace(examples.design, run_start=run_start)
    rows = np.arange(150, 160)
    before = fitted.predict(design, rows)
    np.testing.assert_array_equal(fitted.predict(changed(design, slice(0, 150)), rows), before)
    repeated = examples.design.matrix.copy()
    repeated[:150] = repeated[150]
    by_hand = replace(examples.design, matrix=repeated)
    np.testing.assert_allclose(fitted.predict(by_hand, rows), before, rtol=1e-5, atol=1e-6)


def test_rows_of_weight_zero_make_no_difference(small_learner: LearnerMaker, examples: Examples) -> None:
    weight = np.where(np.arange(len(examples)) % 2, 1.0, 0.0)
    garbled = replace(examples, label=np.where(weight > 0.0, examples.label, 1e6), weight=weight)
    learner = small_learner()
    kept = learner.fit(INTERVAL, examples.take(weight > 0.0), evaluation=examples.take(weight > 0.0))
    weighted = learner.fit(INTERVAL, garbled, evaluation=garbled)
    rows = examples.rows
    np.testing.assert_array_equal(weighted.predict(examples.design, rows), kept.predict(examples.design, rows))
    np.testing.assert_array_equal(weighted.curves[0], kept.curves[0])


@pytest.mark.parametrize("head", [MEAN, CHANCE])
def test_of_contradicting_rows_the_heavier_are_believed(
    head: Head, small_learner: LearnerMaker, examples: Examples
) -> None:
    is_opposed = np.arange(len(examples)) % 2 == 0
    truth = np.sign(examples.label) if head == MEAN else (examples.label > 0.0).astype(np.float64)
    opposite = -truth if head == MEAN else 1.0 - truth
    label = np.where(is_opposed, opposite, truth)
    learner = small_learner(epochs=20, dropout=0.0, train_stride_candles=1)
    for opposed, agreed, sign in ((0.2, 1.8, 1.0), (1.8, 0.2, -1.0)):
        weighted = replace(examples, label=label, weight=np.where(is_opposed, opposed, agreed))
        said = learner.fit(head, weighted).predict(examples.design, examples.rows)[:, 0]
        assert sign * np.corrcoef(said, truth)[0, 1] > 0.5


def test_only_the_proportion_of_weights_matters(small_learner: LearnerMaker, examples: Examples) -> None:
    learner = small_learner()
    weight = np.linspace(0.5, 1.5, len(examples))
    once = learner.fit(INTERVAL, replace(examples, weight=weight)).predict(examples.design, examples.rows)
    twice = learner.fit(INTERVAL, replace(examples, weight=2.0 * weight)).predict(examples.design, examples.rows)
    np.testing.assert_array_equal(once, twice)


def test_examples_that_all_weigh_nothing_are_refused(small_learner: LearnerMaker, examples: Examples) -> None:
    with pytest.raises(ValueError, match="train: no example has a weight above 0"):
        small_learner().fit(MEAN, replace(examples, weight=np.zeros(len(examples))))


@each_architecture
def test_the_same_seed_gives_the_same_network_and_another_seed_another(
    architecture: str, small_learner: LearnerMaker, examples: Examples
) -> None:
    def predictions(seed: int) -> np.ndarray:
        learner = small_learner(architecture=architecture, random_seed=seed)
        return learner.fit(INTERVAL, examples).predict(examples.design, examples.rows)

    first = predictions(1)
    torch.manual_seed(99)
    np.testing.assert_array_equal(predictions(1), first)
    assert not np.allclose(predictions(2), first)


def test_fitting_and_predicting_leave_random_numbers_and_threads_as_they_were(
    small_learner: LearnerMaker, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    from freqai_ext.learning.sequence.network import SequenceNetwork

    threads: list[int] = []
    forward = SequenceNetwork.forward

    def counting(self: Any, *given: Any) -> Any:
        threads.append(torch.get_num_threads())
        return forward(self, *given)

    monkeypatch.setattr(SequenceNetwork, "forward", counting)
    torch.set_num_threads(3)
    before = torch.get_rng_state()
    fitted = small_learner(threads=2).fit(MEAN, examples)
    fitted.predict(examples.design, examples.rows)
    assert torch.get_num_threads() == 3
    assert set(threads) == {2}
    torch.testing.assert_close(torch.get_rng_state(), before)


@each_architecture
@pytest.mark.parametrize("head", [INTERVAL, CHANCE])
def test_predictions_are_bit_identical_after_pickling_without_any_code_of_torch(
    architecture: str, head: Head, small_learner: LearnerMaker, examples: Examples
) -> None:
    found: set[str] = set()

    class Recording(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            found.add(module)
            return super().find_class(module, name)

    label = (examples.label > 0.0).astype(np.float64) if head == CHANCE else examples.label
    fitted = small_learner(architecture=architecture).fit(head, replace(examples, label=label))
    before = fitted.predict(examples.design, examples.rows)
    pickled = pickle.dumps(fitted)
    loaded = Recording(BytesIO(pickled)).load()
    assert not [module for module in found if module.startswith("torch")]
    assert len(pickled) < 100_000
    np.testing.assert_array_equal(loaded.predict(examples.design, examples.rows), before)
    assert loaded.rounds == fitted.rounds


def test_weights_that_carry_code_are_refused(small_learner: LearnerMaker, examples: Examples) -> None:
    fitted = small_learner().fit(MEAN, examples)
    harmful = BytesIO()
    torch.save({"project.weight": print}, harmful)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        replace(fitted, state=harmful.getvalue()).predict(examples.design, examples.rows)


def test_a_constant_label_is_predicted_as_it_is(small_learner: LearnerMaker, examples: Examples) -> None:
    constant = replace(examples, label=np.full(len(examples), 0.1))
    fitted = small_learner().fit(INTERVAL, constant, evaluation=examples)
    np.testing.assert_array_equal(fitted.predict(examples.design, examples.rows), np.full((len(examples), 3), 0.1))
    assert np.isfinite(fitted.curves[0]).all()
    assert fitted.importance() is None


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_one_class_is_predicted_by_a_hair_within_its_bounds(
    only: float, small_learner: LearnerMaker, examples: Examples
) -> None:
    fitted = small_learner().fit(CHANCE, replace(examples, label=np.full(len(examples), only)))
    chance = fitted.predict(examples.design, examples.rows)
    assert ((chance > 0.0) & (chance < 1.0)).all()
    np.testing.assert_allclose(chance, only, atol=1e-5)


def test_probabilities_part_the_classes_and_keep_the_base_rate(small_learner: LearnerMaker, examples: Examples) -> None:
    happened = (examples.label > 0.8).astype(np.float64)
    learner = small_learner(epochs=25, dropout=0.0, train_stride_candles=1)
    fitted = learner.fit(CHANCE, replace(examples, label=happened))
    chance = fitted.predict(examples.design, examples.rows)
    assert chance.shape == (len(examples), 1)
    assert ((chance > 0.0) & (chance < 1.0)).all()
    assert chance[happened == 1.0].mean() > chance[happened == 0.0].mean() + 0.4
    assert chance.mean() == pytest.approx(happened.mean(), abs=0.05)


def test_an_untaught_network_says_what_is_usual(small_learner: LearnerMaker, examples: Examples) -> None:
    fitted = small_learner(learning_rate=1e-12).fit(INTERVAL, examples)
    said = fitted.predict(examples.design, examples.rows)
    usual = [examples.label.mean(), *np.quantile(examples.label, (0.1, 0.9), method="inverted_cdf")]
    np.testing.assert_allclose(said, np.tile(usual, (len(examples), 1)), atol=1e-5)


def test_predicting_many_rows_never_lays_out_all_windows(
    small_learner: LearnerMaker, make_design: DesignMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from freqai_ext.learning.sequence.network import SequenceNetwork

    design = make_design(50_000, 50)
    rows = np.arange(50_000)
    some = Examples(design, rows[:500], design.matrix[:500, 0].astype(np.float64), np.ones(500))
    fitted = small_learner(window_candles=48, epochs=1).fit(MEAN, some)
    shapes: list[tuple[int, ...]] = []
    forward = SequenceNetwork.forward

    def recording(self: Any, embedded: Any, index: Any) -> Any:
        shapes.append((*embedded.shape, *index.shape))
        return forward(self, embedded, index)

    monkeypatch.setattr(SequenceNetwork, "forward", recording)
    tracemalloc.start()
    said = fitted.predict(design, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    all_windows = 50_000 * 48 * 50 * 4
    assert said.shape == (50_000, 1)
    assert peak < all_windows / 20
    assert max(windows * candles for _, _, windows, candles in shapes) <= 2**22 / 50
    assert sum(read for read, *_ in shapes) < 1.1 * 50_000


def test_batches_and_the_order_of_rows_do_not_change_predictions(
    small_learner: LearnerMaker, examples: Examples
) -> None:
    fitted = small_learner().fit(INTERVAL, examples)
    together = fitted.predict(examples.design, np.array([200, 7, 100]))
    apart = [fitted.predict(examples.design, np.array([row]))[0] for row in (200, 7, 100)]
    np.testing.assert_allclose(together, apart, rtol=1e-5, atol=1e-6)
    assert fitted.predict(examples.design, np.array([], dtype=np.intp)).shape == (0, 3)


def test_another_design_is_refused(small_learner: LearnerMaker, examples: Examples, make_design: DesignMaker) -> None:
    fitted = small_learner().fit(MEAN, examples)
    with pytest.raises(ValueError, match=r"design\.names: 4 features, which are not the 3 trained on"):
        fitted.predict(make_design(features=4), np.array([5]))


def test_a_device_that_is_not_there_is_refused(
    small_learner: LearnerMaker, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match=r"device: 'cuda' is not valid; .* write 'auto' or 'cpu'"):
        small_learner(device="cuda").fit(MEAN, examples)
    assert small_learner(device="auto").fit(MEAN, examples).rounds == (3,)


def test_without_torch_the_extra_is_named(
    small_learner: LearnerMaker, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = small_learner().fit(MEAN, examples)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="needs the extra 'torch'"):
        small_learner().fit(MEAN, examples)
    with pytest.raises(MissingExtraError, match="needs the extra 'torch'"):
        fitted.predict(examples.design, examples.rows)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@each_architecture
def test_cuda_learns_and_its_result_predicts_on_the_cpu(
    architecture: str, small_learner: LearnerMaker, examples: Examples
) -> None:
    learner = small_learner(architecture=architecture, device="cuda", epochs=20, dropout=0.0, train_stride_candles=1)
    fitted = learner.fit(INTERVAL, examples, evaluation=examples)
    said = fitted.predict(examples.design, examples.rows)
    assert np.corrcoef(said[:, 0], examples.label)[0, 1] > 0.8
    moved = replace(fitted, settings=fitted.settings.model_copy(update={"device": "cpu"}))
    np.testing.assert_allclose(moved.predict(examples.design, examples.rows), said, rtol=1e-2, atol=1e-3)
