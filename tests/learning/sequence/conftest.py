from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.sequence import SequenceLearner, SequenceSettings

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def small_learner() -> Callable[..., SequenceLearner]:
    def build(**given: Any) -> SequenceLearner:
        small = {
            "window_candles": 6,
            "hidden_size": 8,
            "heads": 2,
            "patch_candles": 2,
            "epochs": 3,
            "batch_size": 64,
            "learning_rate": 0.01,
            "device": "cpu",
        }
        return SequenceLearner(SequenceSettings.model_validate({**small, **given}))

    return build


@pytest.fixture
def make_design() -> Callable[..., Design]:
    def build(rows: int = 300, features: int = 3, seed: int = 0) -> Design:
        matrix = np.random.default_rng(seed).standard_normal((rows, features)).astype(np.float32)
        return Design(matrix, tuple(f"feature_{place}" for place in range(features)), np.zeros(rows, dtype=np.intp))

    return build


@pytest.fixture
def examples(make_design: Callable[..., Design]) -> Examples:
    """300 rows whose label is the first feature of the row before, with a little noise."""
    design = make_design()
    noise = 0.1 * np.random.default_rng(1).standard_normal(300)
    label = np.roll(design.matrix[:, 0], 1).astype(np.float64) + noise
    rows = np.arange(1, 300)
    return Examples(design, rows, label[rows], np.ones(299))
