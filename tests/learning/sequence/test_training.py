from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Head
from freqai_ext.learning.sequence import SequenceLearner
from freqai_ext.learning.sequence.schedule import learning_rate_factor
from freqai_ext.learning.sequence.thinning import thinned_passes

MEAN = Head("distribution")
LearnerMaker = Callable[..., SequenceLearner]


def test_where_later_epochs_are_worse_the_best_one_is_restored(small_learner: LearnerMaker, examples: Examples) -> None:
    learner = small_learner(epochs=12, patience_epochs=3, dropout=0.0)
    opposed = replace(examples, label=-examples.label)
    fitted = learner.fit(MEAN, examples, evaluation=opposed)
    (curve,) = fitted.curves
    assert fitted.rounds == (1 + int(curve.argmin()),)
    assert fitted.rounds[0] < 4
    assert curve.size == fitted.rounds[0] + 3
    again = learner.fit(MEAN, examples, rounds=fitted.rounds)
    np.testing.assert_array_equal(
        fitted.predict(examples.design, examples.rows), again.predict(examples.design, examples.rows)
    )


def test_given_rounds_are_trained_exactly_even_past_the_best(small_learner: LearnerMaker, examples: Examples) -> None:
    learner = small_learner(epochs=4, patience_epochs=1)
    fitted = learner.fit(MEAN, examples, evaluation=replace(examples, label=-examples.label), rounds=(7,))
    assert fitted.rounds == (7,)
    assert fitted.curves[0].shape == (7,)
    alone = learner.fit(MEAN, examples, rounds=(7,))
    assert alone.curves == ()
    np.testing.assert_array_equal(
        alone.predict(examples.design, examples.rows), fitted.predict(examples.design, examples.rows)
    )


def test_without_evaluation_all_epochs_are_trained(small_learner: LearnerMaker, examples: Examples) -> None:
    fitted = small_learner(epochs=5).fit(MEAN, examples)
    assert fitted.rounds == (5,)
    assert fitted.curves == ()
    assert fitted.at((1,)) is fitted


def test_evaluation_rows_without_weight_are_none(small_learner: LearnerMaker, examples: Examples) -> None:
    weightless = replace(examples, weight=np.zeros(len(examples)))
    assert small_learner().fit(MEAN, examples, evaluation=weightless).curves == ()


def test_the_curve_is_the_weighted_loss_on_the_evaluation_rows(small_learner: LearnerMaker, examples: Examples) -> None:
    evaluation = replace(examples, weight=np.linspace(0.0, 2.0, len(examples)))
    fitted = small_learner(huber_deviations=None).fit(MEAN, examples, evaluation=evaluation, rounds=(3,))
    errors = (examples.label - fitted.predict(examples.design, examples.rows)[:, 0]) / examples.label.std()
    expected = 0.5 * np.average(errors**2, weights=evaluation.weight)
    assert fitted.curves[0][-1] == pytest.approx(expected, rel=1e-5)


def test_the_curve_of_quantiles_adds_their_pinball_loss(small_learner: LearnerMaker, examples: Examples) -> None:
    head = Head("distribution", (0.1, 0.7))
    fitted = small_learner(huber_deviations=None).fit(head, examples, evaluation=examples, rounds=(3,))
    mean, low, high = fitted.predict(examples.design, examples.rows).T
    label, unit = examples.label, examples.label.std()
    pinball = [
        np.mean(np.where(label > said, level, level - 1.0) * (label - said))
        for said, level in ((low, 0.1), (high, 0.7))
    ]
    expected = 0.5 * np.mean(((label - mean) / unit) ** 2) + np.mean(pinball) / unit
    assert fitted.curves[0][-1] == pytest.approx(expected, rel=1e-5)


def test_a_former_result_is_continued_from(small_learner: LearnerMaker, examples: Examples) -> None:
    former = small_learner(epochs=25, dropout=0.0, train_stride_candles=1).fit(MEAN, examples)
    learner = small_learner(epochs=1, dropout=0.0, learning_rate=1e-3)

    def error(fitted_from: object) -> float:
        fitted = learner.fit(MEAN, examples, former=fitted_from)  # type: ignore[arg-type]
        return float(np.mean((fitted.predict(examples.design, examples.rows)[:, 0] - examples.label) ** 2))

    assert error(former) < 0.3 * error(None)


def test_a_former_result_that_does_not_fit_is_ignored(small_learner: LearnerMaker, examples: Examples) -> None:
    learner = small_learner()
    scratch = learner.fit(MEAN, examples).predict(examples.design, examples.rows)
    renamed = replace(examples, design=replace(examples.design, names=("x", "y", "z")))
    for former in (
        small_learner(hidden_size=4).fit(MEAN, examples),
        small_learner(architecture="tcn").fit(MEAN, examples),
        learner.fit(Head("distribution", (0.5,)), examples),
        learner.fit(MEAN, renamed),
    ):
        continued = learner.fit(MEAN, examples, former=former)
        np.testing.assert_array_equal(continued.predict(examples.design, examples.rows), scratch)


def test_twenty_rows_are_enough_to_fit(small_learner: LearnerMaker, examples: Examples) -> None:
    few = examples.take(np.arange(20))
    fitted = small_learner().fit(Head("distribution", (0.1, 0.9)), few, evaluation=few.take(np.arange(3)))
    assert np.isfinite(fitted.predict(examples.design, examples.rows)).all()


@pytest.mark.parametrize("settings", [{"schedule": "cosine"}, {"layers": 2}, {"huber_deviations": None}])
def test_settings_of_the_training_change_the_result(
    settings: dict[str, object], small_learner: LearnerMaker, examples: Examples
) -> None:
    usual = small_learner(huber_deviations=0.5).fit(MEAN, examples)
    other = small_learner(**{"huber_deviations": 0.5, **settings}).fit(MEAN, examples)
    assert not np.allclose(usual.predict(examples.design, examples.rows), other.predict(examples.design, examples.rows))


def test_a_stride_of_passes_takes_every_example_once() -> None:
    passes = list(islice(thinned_passes(103, 4, np.random.default_rng(0)), 8))
    for turn in (passes[:4], passes[4:]):
        assert sorted(np.concatenate(turn).tolist()) == list(range(103))
        assert all(np.unique(positions % 4).size == 1 for positions in turn)
    assert any(np.any(np.diff(positions) < 0) for positions in passes)


def test_one_cycle_rises_to_the_peak_and_falls_and_cosine_only_falls() -> None:
    steps = np.linspace(0.0, 1.2, 121)
    cycle = np.array([learning_rate_factor("one_cycle", step) for step in steps])
    cosine = np.array([learning_rate_factor("cosine", step) for step in steps])
    assert cycle.argmax() == 30
    assert cycle[0] == pytest.approx(0.04)
    assert cycle[30] == 1.0
    assert np.all(np.diff(cycle[:31]) > 0.0)
    assert np.all(np.diff(cycle[30:101]) < 0.0)
    assert np.all(np.diff(cosine[:101]) < 0.0)
    assert cosine[0] == 1.0
    np.testing.assert_allclose([cycle[100:], cosine[100:]], 0.001)
