from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.signals.folds import purged_folds
from freqai_ext.signals.out_of_fold import fit_with_out_of_fold

CANDLE_NS = 300 * 1_000_000_000
HEAD = Head("distribution")
ROWS = 300


@dataclass(frozen=True, eq=False)
class Remembered:
    """Labels by row of the design; 0 where the row was not learnt from."""

    labels: dict[int, float]
    used: tuple[int, ...]
    rounds: tuple[int, ...] = ()
    curves: tuple[np.ndarray, ...] = ()

    def at(self, rounds):
        return Remembered(self.labels, rounds, self.rounds, self.curves)

    def predict(self, design, rows):
        # The second column tells after how many rounds.
        return np.array([[self.labels.get(int(row), 0.0), sum(self.used)] for row in rows])

    def importance(self):
        return None


@dataclass(frozen=True)
class Memoriser:
    """Notes how it is fitted; a fold whose test rows begin at ``row`` loses least after ``best[row]`` rounds."""

    best: dict[int, int] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    name: str = "memoriser"
    history_rows: int = 0

    def fit(self, head, train, evaluation=None, rounds=None, former=None):
        self.calls.append({"evaluation": evaluation, "rounds": rounds, "former": former, "train": train})
        labels = dict(zip(train.rows.tolist(), train.label.tolist(), strict=True))
        if evaluation is None or not self.best:
            return Remembered(labels, rounds or (100,))
        loss = (np.arange(1, 101) - self.best[int(evaluation.rows[0])]) ** 2.0
        return Remembered(labels, (100,), (100,), (loss,))


def examples_of(first_row: int = 0) -> Examples:
    design = Design(
        np.zeros((ROWS + first_row, 1), dtype=np.float32), ("a",), np.zeros(ROWS + first_row, dtype=np.intp)
    )
    label = 1.0 + np.random.default_rng(0).random(ROWS)
    return Examples(design, np.arange(ROWS) + first_row, label, np.ones(ROWS))


def folds_of(number: int):
    made_at = np.arange(ROWS) * CANDLE_NS
    return purged_folds(made_at, made_at + 6 * CANDLE_NS, number, timedelta(0))


@pytest.mark.parametrize("first_row", [0, 17])
def test_every_row_is_forecast_once_by_a_model_that_has_not_seen_it(first_row):
    examples = examples_of(first_row)
    final, found = fit_with_out_of_fold(Memoriser(), HEAD, examples, folds_of(3))
    assert found.positions.tolist() == list(range(ROWS))
    assert found.forecast.shape == (ROWS, 2)
    assert (found.forecast[:, 0] == 0.0).all()
    assert (final.predict(examples.design, examples.rows)[:, 0] == examples.label).all()


def test_folds_given_in_any_order_give_forecasts_in_order_of_rows():
    examples = examples_of()
    learner = Memoriser(best={0: 10, 100: 30, 200: 20})
    _, found = fit_with_out_of_fold(learner, HEAD, examples, folds_of(3)[::-1])
    assert found.positions.tolist() == list(range(ROWS))


def test_a_model_is_watched_on_its_own_test_rows():
    learner = Memoriser()
    fit_with_out_of_fold(learner, HEAD, examples_of(), folds_of(3))
    watched = [call["evaluation"].rows.tolist() for call in learner.calls[:-1]]
    assert watched == [list(range(start, start + 100)) for start in (0, 100, 200)]
    assert learner.calls[-1]["evaluation"] is None


def test_the_rounds_that_serve_all_folds_best_make_the_forecasts_and_the_final_model():
    learner = Memoriser(best={0: 10, 100: 30, 200: 20})
    final, found = fit_with_out_of_fold(learner, HEAD, examples_of(), folds_of(3))
    # The least mean of three parabolas lies at the mean of their minima, not at any fold's own.
    assert found.rounds == (20,)
    assert (found.forecast[:, 1] == 20).all()
    assert [call["rounds"] for call in learner.calls] == [None, None, None, (20,)]
    assert final.used == (20,)


def test_only_the_final_model_continues_the_former_since_that_has_seen_the_test_rows():
    learner, former = Memoriser(), Remembered({}, ())
    fit_with_out_of_fold(learner, HEAD, examples_of(), folds_of(3), former)
    assert [call["former"] for call in learner.calls] == [None, None, None, former]


def test_one_fold_forecasts_the_newest_quarter_only():
    _, found = fit_with_out_of_fold(Memoriser(), HEAD, examples_of(), folds_of(1))
    assert found.positions.tolist() == list(range(225, 300))


def test_without_folds_all_rows_are_learnt_and_none_is_forecast():
    learner = Memoriser()
    _, found = fit_with_out_of_fold(learner, Head("distribution", (0.1, 0.9)), examples_of(), ())
    assert found.forecast.shape == (0, 3)
    assert found.positions.shape == (0,)
    assert found.rounds == ()
    assert [len(call["train"]) for call in learner.calls] == [ROWS]
    assert learner.calls[0]["rounds"] is None
