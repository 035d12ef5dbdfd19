"""The linear learner against closed forms."""

import numpy as np
import pytest

from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.learning.learners import learner


def make_examples(rows, features, signal, seed=0):
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(rows, features)).astype(np.float32)
    design = Design(matrix, tuple(map(str, range(features))), np.zeros(rows, dtype=np.intp))
    label = signal * matrix[:, 0] + generator.normal(size=rows)
    return Examples(design, np.arange(rows), label, np.ones(rows))


def test_the_penalty_keeps_half_of_a_lone_coefficient_at_one():
    examples = make_examples(20_000, 1, signal=1.0)
    slopes = [learner("linear", {"alpha": alpha}).fit(Head("distribution"), examples).slopes[0] for alpha in (1e-6, 1)]
    assert slopes[1] / slopes[0] == pytest.approx(0.5, abs=0.02)


def test_a_lone_log_odds_coefficient_is_shrunken_about_as_much():
    generator = np.random.default_rng(1)
    examples = make_examples(20_000, 1, signal=0.0)
    chance = 1 / (1 + np.exp(-0.3 * examples.design.matrix[:, 0]))
    label = (generator.random(20_000) < chance).astype(float)
    examples = Examples(examples.design, examples.rows, label, examples.weight)
    slopes = [learner("linear", {"alpha": alpha}).fit(Head("probability"), examples).slopes[0] for alpha in (1e-6, 1)]
    assert slopes[0] == pytest.approx(0.3, abs=0.05)
    assert slopes[1] / slopes[0] == pytest.approx(0.5, abs=0.03)


def test_bands_are_stretched_for_what_the_fit_used_up():
    train, test = make_examples(300, 150, signal=0.0), make_examples(4000, 150, signal=0.0, seed=1)
    head = Head("distribution", (0.1, 0.9))
    fitted = learner("linear", {"alpha": 0.05}).fit(head, train)
    for examples, least, most in ((train, 0.85, 1.0), (test, 0.72, 0.88)):
        said = fitted.predict(examples.design, examples.rows)
        covered = np.mean((examples.label > said[:, 1]) & (examples.label < said[:, 2]))
        assert least < covered < most
