from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.learning.sequence import SequenceLearner
from freqai_ext.learning.sequence.input_scale import InputScale
from freqai_ext.learning.sequence.tcn import layers_to_see
from freqai_ext.learning.sequence.windows import Windows, window_rows

MEAN = Head("distribution")
LearnerMaker = Callable[..., SequenceLearner]
DesignMaker = Callable[..., Design]


def test_windows_end_at_their_row_and_repeat_the_first_row_of_the_run() -> None:
    run_start = np.array([0, 0, 0, 3, 3, 3])
    rows = window_rows(np.array([2, 3, 5]), run_start, 4)
    np.testing.assert_array_equal(rows, [[0, 0, 1, 2], [3, 3, 3, 3], [3, 3, 4, 5]])


def test_windows_share_their_rows() -> None:
    rows, run_start = np.array([9, 2, 8]), np.zeros(10, dtype=np.intp)
    windows = Windows.ending_at(rows, run_start, 3)
    np.testing.assert_array_equal(windows.rows, [0, 1, 2, 6, 7, 8, 9])
    np.testing.assert_array_equal(windows.rows[windows.index], window_rows(rows, run_start, 3))


def test_numbers_are_scaled_by_median_and_interquartile_range_of_the_training_rows(make_design: DesignMaker) -> None:
    design = make_design(20_000, 2)
    design = replace(design, matrix=design.matrix * np.float32(7.0) + np.float32(100.0))
    design.matrix[10_000:] = 1e9
    scale = InputScale.measure(design, np.arange(10_000))
    scaled = scale.numbers(design.matrix)
    assert np.abs(np.median(scaled[:10_000], axis=0)).max() < 1e-4
    np.testing.assert_allclose(scaled[:10_000].std(axis=0), 1.0, atol=0.03)
    np.testing.assert_array_equal(scaled[10_000:], 5.0)


def test_constant_and_rare_features_are_scaled_too(make_design: DesignMaker) -> None:
    design = make_design(1_000, 2)
    design.matrix[:, 0] = 0.1
    design.matrix[:, 1] = np.arange(1_000) % 100 == 0
    scale = InputScale.measure(design, np.arange(1_000))
    later = np.array([[7.0, 1.0], [0.1, 0.0]], dtype=np.float32)
    np.testing.assert_array_equal(scale.numbers(later), [[0.0, 5.0], [0.0, 0.0]])


def test_codes_never_seen_are_all_one_code(make_design: DesignMaker) -> None:
    design = make_design(50, 3)
    design.matrix[:, 1] = np.arange(50) % 3
    scale = InputScale.measure(replace(design, categorical=(1,)), np.arange(50))
    assert scale.cardinalities == (3,)
    assert scale.numbers(design.matrix).shape == (50, 2)
    later = np.zeros((4, 3), dtype=np.float32)
    later[:, 1] = [2.0, 3.0, 40.0, -1.0]
    np.testing.assert_array_equal(scale.codes(later), [[2], [3], [3], [3]])


@pytest.mark.parametrize("architecture", ["gru", "tcn", "patch_transformer"])
def test_codes_are_learnt_without_order_and_matter(
    architecture: str, small_learner: LearnerMaker, make_design: DesignMaker
) -> None:
    design = make_design(600, 3)
    codes = np.random.default_rng(3).integers(0, 4, 600)
    design.matrix[:, 2] = codes
    design = replace(design, categorical=(2,))
    label = np.array([1.0, -1.0, 1.0, -1.0])[codes]
    learner = small_learner(architecture=architecture, epochs=25, dropout=0.0, train_stride_candles=1)
    fitted = learner.fit(MEAN, Examples(design, np.arange(600), label, np.ones(600)))
    assert np.corrcoef(fitted.predict(design, np.arange(600))[:, 0], label)[0, 1] > 0.9
    importance = fitted.importance()
    assert importance is not None
    assert importance.argmax() == 2
    unseen = design.matrix.copy()
    unseen[:, 2] = 9.0
    assert np.isfinite(fitted.predict(replace(design, matrix=unseen), np.arange(600))).all()


@pytest.mark.parametrize(("window", "kernel", "layers"), [(2, 2, 1), (48, 3, 5), (31, 3, 4), (32, 3, 5), (64, 8, 4)])
def test_convolutions_are_as_deep_as_the_window_needs(window: int, kernel: int, layers: int) -> None:
    assert layers_to_see(window, kernel) == layers


def test_a_window_that_is_no_multiple_of_the_patch_is_read_whole(
    small_learner: LearnerMaker, examples: Examples
) -> None:
    fitted = small_learner(architecture="patch_transformer", window_candles=7, patch_candles=3).fit(MEAN, examples)
    rows = np.array([100])
    before = fitted.predict(examples.design, rows)
    matrix = examples.design.matrix.copy()
    matrix[94] += 3.0
    assert not np.array_equal(fitted.predict(replace(examples.design, matrix=matrix), rows), before)
