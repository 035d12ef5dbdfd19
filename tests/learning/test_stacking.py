"""Stacking: what members are worth is learnt on rows that they have not seen."""

import logging
import pickle
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.learning.stacking import FittedStack, StackedLearner

ROWS, FEATURES = 600, 4
MEAN = Head("distribution")
BAND = Head("distribution", (0.1, 0.9))
CHANCE = Head("probability")


@dataclass(frozen=True, eq=False)
class Line:
    """A straight line through one feature; its rounds scale it, so that they can be told apart."""

    feature: int
    slope: float
    offset: float
    spread: float
    outputs: tuple[float, ...]
    rounds: tuple[int, ...] = ()
    curves: tuple[np.ndarray, ...] = ()
    told: np.ndarray | None = None

    def at(self, rounds):
        return replace(self, rounds=rounds)

    def predict(self, design, rows):
        scale = self.rounds[0] / 10.0 if self.rounds else 1.0
        line = scale * (self.offset + self.slope * design.matrix[rows, self.feature].astype(float))
        return line[:, None] + np.array([0.0, *self.outputs])[None, :] * self.spread

    def importance(self):
        return self.told


@dataclass(frozen=True)
class LineLearner:
    """Least squares on one feature."""

    feature: int = 0
    name: str = "line"
    history_rows: int = 0
    spread: float = 1.0
    log: list = field(default_factory=list, compare=False)

    def fit(self, head, train, evaluation=None, rounds=None, former=None):
        self.log.append((train, evaluation, rounds, former))
        x, y = train.features[:, self.feature].astype(float), train.label
        slope, offset = np.polyfit(x, y, 1, w=np.sqrt(train.weight))
        told = np.eye(FEATURES)[self.feature]
        return Line(self.feature, slope, offset, self.spread, head.quantiles, told=told)


@dataclass(frozen=True)
class RoundsLearner(LineLearner):
    """A line in parts: one for each output. Its loss is least after ``best`` rounds."""

    best: int = 10

    def fit(self, head, train, evaluation=None, rounds=None, former=None):
        model = super().fit(head, train, evaluation, rounds, former)
        parts = head.outputs
        assert rounds is None or len(rounds) == parts
        curves = tuple(np.abs(np.arange(1.0, 21.0) - self.best) for _ in range(parts)) if evaluation else ()
        return replace(model, rounds=rounds or (20,) * parts, curves=curves)


@dataclass(frozen=True)
class BrokenLearner:
    name: str = "broken"
    history_rows: int = 7
    error: Exception = field(default_factory=lambda: ValueError("no luck"))
    after: int = 0
    calls: list = field(default_factory=list, compare=False)

    def fit(self, head, train, evaluation=None, rounds=None, former=None):
        self.calls.append(1)
        if len(self.calls) > self.after:
            raise self.error
        return LineLearner(3).fit(head, train)


@dataclass(frozen=True)
class MemoryLearner:
    """Knows its training rows by heart and says nothing of others: perfect in sample, worthless out of it."""

    name: str = "memory"
    history_rows: int = 0

    def fit(self, head, train, evaluation=None, rounds=None, former=None):
        return Memory(dict(zip(train.rows.tolist(), train.label.tolist(), strict=True)), head.outputs)


@dataclass(frozen=True)
class Memory:
    known: dict
    outputs: int
    rounds: tuple = ()
    curves: tuple = ()

    def at(self, rounds):
        return self

    def predict(self, design, rows):
        values = np.array([self.known.get(row, 0.9 * (-1) ** row) for row in rows.tolist()])
        return np.repeat(values[:, None], self.outputs, axis=1)

    def importance(self):
        return None


@dataclass(frozen=True)
class ChanceLearner:
    """Says that one feature, cut to (0, 1), is the probability."""

    feature: int = 0
    name: str = "chance"
    history_rows: int = 0

    def fit(self, head, train, evaluation=None, rounds=None, former=None):
        return Chance(self.feature)


@dataclass(frozen=True)
class Chance:
    feature: int
    rounds: tuple = ()
    curves: tuple = ()

    def at(self, rounds):
        return self

    def predict(self, design, rows):
        return 1.0 / (1.0 + np.exp(-design.matrix[rows, [self.feature]].astype(float)))[:, None]

    def importance(self):
        return None


def thirds(examples: Examples):
    positions = np.arange(len(examples))
    blocks = np.array_split(positions, 3)
    return [(np.setdiff1d(positions, block), block) for block in blocks]


def none(examples: Examples):
    return []


def examples(coefficients=(1.0, 0.5, 0.0, 0.0), noise=0.2, seed=0, label=None) -> Examples:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    values = matrix.astype(float) @ np.array(coefficients) + noise * rng.normal(size=ROWS)
    if label is not None:
        values = label(matrix, rng)
    design = Design(matrix, tuple("abcd"), np.zeros(ROWS, dtype=np.intp))
    return Examples(design, np.arange(ROWS), values, np.ones(ROWS))


def error(model, data: Examples) -> float:
    return float(np.mean((model.predict(data.design, data.rows)[:, 0] - data.label) ** 2))


def test_the_stack_errs_less_than_each_member_where_they_know_different_things():
    data, fresh = examples(), examples(seed=1)
    members = (LineLearner(0), LineLearner(1))
    stack = StackedLearner(members, thirds).fit(MEAN, data)
    assert error(stack, fresh) < min(error(member.fit(MEAN, data), fresh) for member in members)


def test_a_member_that_only_remembers_its_training_rows_gets_no_weight():
    stack = StackedLearner((LineLearner(0), MemoryLearner()), thirds).fit(MEAN, examples(noise=1.0))
    assert stack.weights["line"] > 0.5
    assert stack.weights["memory"] < 0.05


def test_weights_are_not_negative_and_their_sum_is_at_most_one():
    members = tuple(LineLearner(feature) for feature in range(4))
    for seed in range(5):
        stack = StackedLearner(members, thirds).fit(MEAN, examples((3.0, -1.0, 0.0, 0.1), 3.0, seed))
        assert (stack.shares >= 0.0).all()
        assert stack.shares.sum() <= 1.0 + 1e-9


def test_forecasts_larger_than_there_is_to_know_are_shrunken():
    stack = StackedLearner((MemoryLearner(), MemoryLearner()), thirds).fit(MEAN, examples((0.0,) * 4, 1.0))
    assert stack.shares.sum() < 0.15


def test_forecasts_of_the_wrong_sign_get_the_least_sum_shared_equally():
    data = examples(label=lambda matrix, rng: -0.9 * (-1.0) ** np.arange(ROWS))
    members = (MemoryLearner(), MemoryLearner())
    assert StackedLearner(members, thirds, least_sum=0.0).fit(MEAN, data).shares.tolist() == [0.0, 0.0]
    assert StackedLearner(members, thirds, least_sum=0.1).fit(MEAN, data).shares.tolist() == [0.05, 0.05]


def test_without_folds_the_weights_are_equal():
    stack = StackedLearner((LineLearner(0), LineLearner(3)), none).fit(MEAN, examples())
    assert stack.weights == {"line": 0.5, "line_2": 0.5}


def test_few_independent_rows_draw_the_weights_to_equality():
    data = examples((1.0, 0.9, 0.0, 0.0), 2.0)
    members = (LineLearner(0), LineLearner(1))
    apart, close = (StackedLearner(members, thirds, overlap).fit(MEAN, data).shares for overlap in (1.0, 1000.0))
    assert close[0] == pytest.approx(close[1], rel=0.01)
    assert abs(apart[0] - apart[1]) > abs(close[0] - close[1])


def test_quantiles_are_averaged_with_weights_that_sum_to_one_though_the_mean_is_shrunken():
    data = examples((0.0,) * 4, 1.0)
    members = (LineLearner(0, spread=1.0), LineLearner(1, spread=3.0))
    stack = StackedLearner(members, thirds, least_sum=0.0).fit(BAND, data)
    lines = [member.fit(BAND, data).predict(data.design, data.rows) for member in members]
    spread = stack.shares / stack.shares.sum() if stack.shares.sum() else np.array([0.5, 0.5])
    expected = spread[0] * lines[0][:, 1:] + spread[1] * lines[1][:, 1:]
    np.testing.assert_allclose(stack.predict(data.design, data.rows)[:, 1:], expected, atol=1e-12)


def test_where_all_weights_are_zero_the_mean_is_zero_and_the_quantiles_are_averaged_equally():
    data = examples()
    lines = tuple(LineLearner(k).fit(BAND, data) for k in (0, 1))
    stack = FittedStack(("a", "b"), lines, np.zeros(2), True)
    forecast = stack.predict(data.design, data.rows)
    assert (forecast[:, 0] == 0.0).all()
    expected = np.mean([line.predict(data.design, data.rows)[:, 1:] for line in lines], axis=0)
    np.testing.assert_allclose(forecast[:, 1:], expected)


def outcomes(matrix, rng):
    return (rng.random(ROWS) < 1.0 / (1.0 + np.exp(-matrix[:, 0]))).astype(float)


def test_probabilities_are_pooled_with_weights_of_sum_one_and_the_informed_member_gets_most():
    data = examples(label=outcomes)
    stack = StackedLearner((ChanceLearner(0), ChanceLearner(1)), thirds).fit(CHANCE, data)
    assert stack.shares.sum() == pytest.approx(1.0)
    assert stack.weights["chance"] > 0.9
    forecast = stack.predict(data.design, data.rows)
    assert forecast.shape == (ROWS, 1)
    assert ((forecast > 0.0) & (forecast < 1.0)).all()


def test_pooled_weights_are_those_of_the_least_log_loss():
    def mixed(matrix, rng):
        chance = 0.7 / (1.0 + np.exp(-3 * matrix[:, 0])) + 0.3 / (1.0 + np.exp(-3 * matrix[:, 1]))
        return (rng.random(ROWS) < chance).astype(float)

    data = examples(label=mixed)
    stack = StackedLearner((ChanceLearner(0), ChanceLearner(1)), thirds).fit(CHANCE, data)
    chances = [Chance(k).predict(data.design, data.rows)[:, 0] for k in (0, 1)]

    def loss(share):
        pooled = share * chances[0] + (1 - share) * chances[1]
        return -np.mean(np.log(np.where(data.label == 1.0, pooled, 1.0 - pooled)))

    grid = np.linspace(0.0, 1.0, 1001)
    assert stack.shares[0] == pytest.approx(grid[np.argmin([loss(share) for share in grid])], abs=0.02)


def test_a_member_that_fails_is_left_out_and_named_in_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        stack = StackedLearner((LineLearner(0), BrokenLearner()), thirds).fit(MEAN, examples())
    assert list(stack.weights) == ["line"]
    assert not stack.is_complete
    assert caplog.messages == ["Stack: left out member 'broken', which failed: ValueError: no luck"]


def test_a_member_that_fails_only_on_all_rows_is_left_out_too():
    stack = StackedLearner((LineLearner(0), BrokenLearner(after=3)), thirds).fit(MEAN, examples())
    assert stack.names == ("line",)


def test_a_member_that_forecasts_no_number_is_left_out(caplog):
    data = examples()
    data.design.matrix[5, 2] = np.inf
    stack = StackedLearner((LineLearner(0), ChanceLearner(2), LineLearner(1)), thirds).fit(MEAN, data)
    assert stack.names == ("line", "chance", "line_2")
    data.design.matrix[5, 2] = np.nan
    stack = StackedLearner((LineLearner(0), ChanceLearner(2), LineLearner(1)), thirds).fit(MEAN, data)
    assert stack.names == ("line", "line_2")
    assert "a forecast of an unseen row is not finite" in caplog.text


def test_if_every_member_fails_the_error_lists_them():
    members = (BrokenLearner("one"), BrokenLearner("two", error=KeyError("gone")))
    with pytest.raises(RuntimeError, match=r"stack: every member failed \(one: no luck; two: 'gone'\)"):
        StackedLearner(members, thirds).fit(MEAN, examples())


def test_a_wrong_setting_is_not_taken_for_a_failure():
    members = (LineLearner(0), BrokenLearner(error=SettingsError("x: 3 is not valid")))
    with pytest.raises(SettingsError, match="x: 3 is not valid"):
        StackedLearner(members, thirds).fit(MEAN, examples())


def test_members_train_for_the_rounds_that_serve_their_folds_best():
    member = RoundsLearner(best=7)
    stack = StackedLearner((member, LineLearner(1)), thirds).fit(BAND, examples())
    assert stack.rounds == (7, 7, 7)
    assert [rounds for _, _, rounds, _ in member.log] == [None, None, None, (7, 7, 7)]


def test_with_evaluation_members_are_watched_on_it_and_give_curves_for_every_part():
    data, later = examples(), examples(seed=5)
    members = (RoundsLearner(best=7), LineLearner(1), RoundsLearner(best=9))
    stack = StackedLearner(members, thirds).fit(BAND, data, later)
    assert [member.log[-1][1] for member in members] == [later] * 3
    assert stack.rounds == (20,) * 6
    assert [int(np.argmin(curve)) + 1 for curve in stack.curves] == [7, 7, 7, 9, 9, 9]


def test_weights_do_not_depend_on_the_evaluation_rows():
    members = (LineLearner(0), LineLearner(1))
    data = examples()
    alone = StackedLearner(members, thirds).fit(MEAN, data)
    watched = StackedLearner(members, thirds).fit(MEAN, data, examples((0.0, 9.0, 0.0, 0.0), seed=3))
    assert alone.weights == watched.weights


def test_given_rounds_go_to_their_members_in_the_folds_as_on_all_rows():
    first, second = RoundsLearner(), RoundsLearner(1, name="other")
    stack = StackedLearner((first, LineLearner(2), second), thirds).fit(BAND, examples(), rounds=(1, 2, 3, 4, 5, 6))
    assert stack.rounds == (1, 2, 3, 4, 5, 6)
    assert {rounds for _, _, rounds, _ in first.log} == {None, (1, 2, 3)}
    assert [len(train) for train, _, rounds, _ in second.log if rounds == (4, 5, 6)] == [400, 400, 400, ROWS]


def test_a_wrong_number_of_rounds_is_refused():
    learner = StackedLearner((RoundsLearner(), LineLearner(1)), thirds)
    with pytest.raises(ValueError, match="rounds: 2 given; the members have 3 parts, so give one for each"):
        learner.fit(BAND, examples(), rounds=(1, 2))


def test_given_rounds_are_set_aside_where_a_member_fails(caplog):
    learner = StackedLearner((RoundsLearner(best=4), BrokenLearner()), thirds)
    stack = learner.fit(MEAN, examples(), rounds=(9, 9))
    assert stack.rounds == (4,)
    assert "the given rounds are not used, since a member failed: no luck" in caplog.text


def test_an_incomplete_stack_gives_no_curves():
    stack = StackedLearner((RoundsLearner(), BrokenLearner()), thirds).fit(MEAN, examples(), examples(seed=2))
    assert stack.curves == ()


def test_at_fewer_rounds_each_member_gets_its_own():
    stack = StackedLearner((RoundsLearner(0), RoundsLearner(1)), thirds).fit(MEAN, examples(), examples(seed=2))
    fewer = stack.at((5, 3))
    assert fewer.rounds == (5, 3)
    assert [member.rounds for member in fewer.members] == [(5,), (3,)]
    assert fewer.weights == stack.weights


def test_each_member_continues_from_its_own_former_self_and_folds_from_none():
    members = (LineLearner(0), LineLearner(1))
    learner = StackedLearner(members, thirds)
    former = learner.fit(MEAN, examples())
    members[1].log.clear()
    learner.fit(MEAN, examples(seed=1), former=former)
    assert [earlier for _, _, _, earlier in members[1].log] == [None, None, None, former.members[1]]


def test_rows_of_weight_zero_make_no_difference():
    data = examples()
    weight = (np.arange(ROWS) % 3 > 0).astype(float)
    spoilt = Examples(data.design, data.rows, np.where(weight > 0, data.label, 99.0), weight)
    learner = StackedLearner((LineLearner(0), LineLearner(1)), thirds)
    with_them, without = learner.fit(MEAN, spoilt), learner.fit(MEAN, spoilt.take(weight > 0))
    assert with_them.weights == without.weights
    np.testing.assert_array_equal(with_them.predict(data.design, data.rows), without.predict(data.design, data.rows))


def test_importance_is_the_weighted_mean_of_the_members_that_tell():
    data = examples()
    stack = StackedLearner((LineLearner(0), LineLearner(1), MemoryLearner()), thirds).fit(MEAN, data)
    first, second = stack.shares[:2]
    np.testing.assert_allclose(stack.importance(), [first / (first + second), second / (first + second), 0, 0])
    assert StackedLearner((MemoryLearner(),), thirds).fit(MEAN, data).importance() is None


def test_the_stack_looks_back_as_far_as_its_members_and_numbers_their_names():
    learner = StackedLearner((LineLearner(0), BrokenLearner(), LineLearner(1)), none)
    assert learner.name == "stack"
    assert learner.history_rows == 7
    assert learner.names == ("line", "broken", "line_2")


def test_predictions_survive_pickling_bit_for_bit_and_twice_is_the_same():
    data = examples()
    learner = StackedLearner((RoundsLearner(0), LineLearner(1)), thirds)
    stack = learner.fit(BAND, data)
    forecast = stack.predict(data.design, data.rows)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(stack)).predict(data.design, data.rows), forecast)
    np.testing.assert_array_equal(learner.fit(BAND, data).predict(data.design, data.rows), forecast)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"members": ()}, "members: none given; a stack needs at least one learner"),
        ({"overlap": 0.5}, "overlap: 0.5 is not valid; it must be at least 1"),
        ({"least_sum": 1.5}, "least_sum: 1.5 is not valid; it must be between 0 and 1"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        StackedLearner(**{"members": (LineLearner(),), "splitter": none, **arguments})


@pytest.mark.parametrize("head", [BAND, CHANCE], ids=lambda head: head.kind)
def test_lightgbm_and_the_linear_learner_are_stacked_on_real_fits(head):
    from freqai_ext.learning.learners import learner

    def signal(matrix, rng):
        steps = matrix[:, 0].astype(float) + 1.5 * (matrix[:, 1] > 0.5) + rng.normal(size=ROWS)
        return steps if head.kind == "distribution" else (steps > 0.5).astype(float)

    data, fresh = examples(label=signal), examples(label=signal, seed=1)
    members = (
        learner("lightgbm", {"n_estimators": 100, "learning_rate": 0.1, "min_child_samples": 20}),
        learner("linear", {}),
    )
    stacked = StackedLearner(members, thirds)
    watched = stacked.fit(head, data, fresh)
    assert watched.names == ("lightgbm", "linear")
    assert len(watched.rounds) == len(watched.curves) == head.outputs
    assert min(watched.weights.values()) > 0.0
    rounds = tuple(max(1, count // 2) for count in watched.rounds)
    assert stacked.fit(head, data, rounds=rounds).rounds == rounds
    forecast = watched.predict(data.design, data.rows)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(watched)).predict(data.design, data.rows), forecast)
    alone = [error(member.fit(head, data, fresh), fresh) for member in members]
    assert error(stacked.fit(head, data), fresh) < 1.02 * min(alone)
    assert watched.importance().sum() == pytest.approx(1.0)
