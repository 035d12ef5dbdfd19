"""What every learner must keep, whatever it learns with. A new learner is one more entry of ``LEARNERS``."""

import pickle
from functools import partial

import numpy as np
import pytest

from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.learning.learners import learner

# Settings with which it learns a strong signal from a few hundred rows.
LEARNERS = {
    "lightgbm": partial(learner, "lightgbm", {"n_estimators": 40, "learning_rate": 0.15, "random_state": 1}),
    "catboost": partial(learner, "catboost", {"n_estimators": 60, "learning_rate": 0.2, "l2_leaf_reg": 1}),
    "hist_gradient_boosting": partial(learner, "hist_gradient_boosting", {"max_iter": 40, "learning_rate": 0.15}),
    "torch": partial(learner, "torch", {"hidden": 16, "epochs": 30, "batch_size": 64, "learning_rate": 0.01}),
    "linear": partial(learner, "linear", {"alpha": 0.01}),
}
# The same with little patience, where it trains in rounds.
IMPATIENT = {
    "lightgbm": partial(learner, "lightgbm", {"early_stopping_rounds": 3}),
    "catboost": partial(learner, "catboost", {"early_stopping_rounds": 3}),
    "hist_gradient_boosting": partial(learner, "hist_gradient_boosting", {"early_stopping_rounds": 3}),
    "torch": partial(learner, "torch", {"patience_epochs": 3}),
}
CONTINUING = {"lightgbm", "catboost", "torch"}
KEEPING_ROUNDS = {"lightgbm", "catboost", "hist_gradient_boosting"}
FOLLOWING_CODES = set(LEARNERS)

DISTRIBUTION = Head("distribution", (0.1, 0.9))
PROBABILITY = Head("probability")
SIGNAL, FEATURES, ROWS = 2, 6, 600


def make_design(seed=0, rows=ROWS, features=FEATURES, codes=0):
    matrix = np.random.default_rng(seed).normal(size=(rows, features)).astype(np.float32)
    if codes:
        matrix[:, 0] = np.arange(rows) % codes
    names = tuple(f"%-f{number}_BTC/USDT:USDT_5m" for number in range(features))
    return Design(matrix, names, np.zeros(rows, dtype=np.intp), (0,) if codes else ())


def make_examples(head=DISTRIBUTION, design=None, rows=None, noise=0.5, seed=7):
    design = design or make_design()
    label = design.matrix[:, SIGNAL] + noise * np.random.default_rng(seed).normal(size=len(design))
    if head.kind == "probability":
        label = (label > 0).astype(float)
    rows = np.arange(len(design)) if rows is None else rows
    return Examples(design, rows, label[rows], np.ones(len(rows)))


def split(examples, first=400):
    return examples.take(np.arange(first)), examples.take(np.arange(first, len(examples)))


def predict(fitted, examples):
    return fitted.predict(examples.design, examples.rows)


heads = pytest.mark.parametrize("head", [DISTRIBUTION, PROBABILITY], ids=lambda head: head.kind)


@pytest.fixture(params=LEARNERS)
def name(request):
    if request.param == "torch":
        pytest.importorskip("torch")
    return request.param


@pytest.fixture
def make(name):
    return LEARNERS[name]


def test_it_says_its_name_and_how_far_it_looks_back(name, make):
    assert make().name == name
    assert make().history_rows >= 0


def test_it_learns_a_strong_signal(make):
    train, test = split(make_examples())
    said = predict(make().fit(DISTRIBUTION, train), test)
    assert said.shape == (200, 3)
    assert said.dtype == np.float64
    assert np.corrcoef(said[:, 0], test.label)[0, 1] > 0.7
    # As large as it should be, not only in the right order.
    assert np.mean((said[:, 0] - test.label) ** 2) < 0.6 * np.var(test.label)


def test_it_learns_a_probability(make):
    train, test = split(make_examples(PROBABILITY))
    said = predict(make().fit(PROBABILITY, train), test)
    assert said.shape == (200, 1)
    assert said.min() > 0
    assert said.max() < 1
    assert np.mean((said[:, 0] > 0.5) == (test.label > 0.5)) > 0.75
    assert np.mean((said[:, 0] - test.label) ** 2) < 0.18


def test_quantiles_cover_about_what_they_say(make):
    train, test = split(make_examples())
    said = predict(make().fit(DISTRIBUTION, train), test)
    assert 0.6 < np.mean((test.label > said[:, 1]) & (test.label < said[:, 2])) < 0.95
    assert np.mean(test.label < said[:, 1]) < 0.25
    assert np.mean(test.label > said[:, 2]) < 0.25


def test_a_mean_can_be_asked_for_alone(make):
    train, test = split(make_examples())
    said = predict(make().fit(Head("distribution"), train), test)
    assert said.shape == (200, 1)
    assert np.corrcoef(said[:, 0], test.label)[0, 1] > 0.7


def test_labels_far_from_zero_and_small_are_learnt_in_their_unit(make):
    plain, test = split(make_examples())
    moved = Examples(plain.design, plain.rows, 5.0 + 0.001 * plain.label, plain.weight)
    said = predict(make().fit(DISTRIBUTION, moved), test)
    assert np.corrcoef(said[:, 0], test.label)[0, 1] > 0.7
    assert np.mean((said[:, 0] - 5.0 - 0.001 * test.label) ** 2) < 0.6e-6 * np.var(test.label)


@heads
def test_weights_are_honoured(make, head):
    examples = make_examples(head)
    is_heavy = np.arange(len(examples)) % 2 == 0
    opposite = 1.0 - examples.label if head.kind == "probability" else -examples.label
    label = np.where(is_heavy, examples.label, opposite)
    for heavy, sign in ((is_heavy, 1), (~is_heavy, -1)):
        weighted = Examples(examples.design, examples.rows, label, np.where(heavy, 1.9, 0.1))
        said = predict(make().fit(head, weighted), examples)
        assert sign * np.corrcoef(said[:, 0], examples.label)[0, 1] > 0.5


@heads
def test_rows_of_weight_zero_make_no_difference(make, head):
    train, test = split(make_examples(head))
    generator = np.random.default_rng(3)
    weight = generator.choice([0.0, 1.5], size=len(train))
    evaluation = Examples(test.design, test.rows, test.label, np.where(np.arange(len(test)) % 2, 1.0, 0.0))
    results = []
    for seed in (1, 2):
        matrix = train.design.matrix.copy()
        ignored = np.r_[train.rows[weight == 0], evaluation.rows[evaluation.weight == 0]]
        if make().history_rows == 0:
            matrix[ignored] = 100 * np.random.default_rng(seed).normal(size=(len(ignored), FEATURES))
        design = Design(matrix, train.design.names, train.design.run_start)
        label = np.where(weight == 0, float(seed - 1), train.label)
        other = np.where(evaluation.weight == 0, float(seed - 1), evaluation.label)
        fitted = make().fit(
            head,
            Examples(design, train.rows, label, weight),
            Examples(design, evaluation.rows, other, evaluation.weight),
        )
        results.append(fitted.predict(train.design, train.rows))
    np.testing.assert_array_equal(*results)


def test_no_row_of_any_weight_is_an_error_that_says_so(make):
    examples = make_examples()
    nothing = Examples(examples.design, examples.rows, examples.label, np.zeros(len(examples)))
    with pytest.raises(ValueError, match="has a weight above 0"):
        make().fit(DISTRIBUTION, nothing)


def test_evaluation_rows_of_no_weight_are_as_none(make):
    train, test = split(make_examples())
    unweighted = Examples(test.design, test.rows, test.label, np.zeros(len(test)))
    with_them, without = make().fit(DISTRIBUTION, train, unweighted), make().fit(DISTRIBUTION, train)
    assert with_them.curves == ()
    np.testing.assert_array_equal(predict(with_them, test), predict(without, test))


@heads
def test_it_is_deterministic(make, head):
    train, test = split(make_examples(head))
    first, second = (predict(make().fit(head, train, test), test) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@heads
def test_what_it_learnt_is_pickled_without_the_rows_and_predicts_the_same(make, head):
    train, test = split(make_examples(head))
    fitted = make().fit(head, train, test)
    pickled = pickle.dumps(fitted)
    restored = pickle.loads(pickled)
    np.testing.assert_array_equal(predict(restored, test), predict(fitted, test))
    assert restored.rounds == fitted.rounds
    assert train.design.matrix[:1].tobytes() not in pickled
    assert len(pickled) < 400_000
    np.testing.assert_array_equal(restored.importance(), fitted.importance())


@heads
def test_a_constant_label_is_predicted(make, head):
    train, test = split(make_examples(head))
    for value in (0.0, 1.0) if head.kind == "probability" else (0.0, -2.5):
        constant = Examples(train.design, train.rows, np.full(len(train), value), train.weight)
        fitted = pickle.loads(pickle.dumps(make().fit(head, constant, test)))
        said = predict(fitted, test)
        assert said.shape == (len(test), head.outputs)
        np.testing.assert_allclose(said, value, atol=1e-5)
        if head.kind == "probability":
            assert 0.0 < said.min() <= said.max() < 1.0
        assert fitted.at(fitted.rounds).predict(test.design, test.rows).shape == said.shape


def test_evaluation_rows_of_one_class_are_no_trouble(make):
    train, test = split(make_examples(PROBABILITY))
    fitted = make().fit(PROBABILITY, train, test.take(test.label == 1.0))
    assert np.isfinite(predict(fitted, test)).all()
    assert all(np.isfinite(curve).all() for curve in fitted.curves)


@heads
def test_twenty_rows_are_enough(make, head):
    examples = make_examples(head)
    fitted = make().fit(head, examples.take(np.arange(20)), examples.take(np.arange(20, 25)))
    assert np.isfinite(predict(fitted, examples)).all()


def test_constant_features_are_no_trouble(make):
    design = make_design()
    design.matrix[:, :2] = (0.0, 1e30)
    train, test = split(make_examples(design=design))
    assert np.corrcoef(predict(make().fit(DISTRIBUTION, train), test)[:, 0], test.label)[0, 1] > 0.7


def test_no_rows_are_predicted_as_no_rows(make):
    fitted = make().fit(DISTRIBUTION, make_examples())
    assert fitted.predict(make_design(), np.array([], dtype=np.intp)).shape == (0, 3)


@heads
def test_what_comes_after_a_row_does_not_change_its_prediction(make, head):
    examples = make_examples(head)
    train = examples.take(np.arange(300))
    changed = Design(examples.design.matrix.copy(), examples.design.names, examples.design.run_start)
    changed.matrix[400:] += 10.0
    before, until = make().fit(head, train), np.arange(400)
    again = make().fit(head, Examples(changed, train.rows, train.label, train.weight))
    expected = before.predict(examples.design, until)
    np.testing.assert_array_equal(before.predict(changed, until), expected)
    np.testing.assert_array_equal(again.predict(changed, until), expected)
    np.testing.assert_allclose(before.predict(examples.design, until[-1:]), expected[-1:], rtol=1e-5)


@heads
def test_exactly_so_many_rounds_are_trained_as_asked(name, make, head):
    train, test = split(make_examples(head))
    usual = make().fit(head, train)
    if not usual.rounds:
        pytest.skip(f"{name} has no rounds")
    asked = tuple(range(3, 3 + len(usual.rounds)))
    fitted = make().fit(head, train, rounds=asked)
    watched = make().fit(head, train, test, rounds=asked)
    assert fitted.rounds == watched.rounds == asked
    assert [len(curve) for curve in watched.curves] == list(asked)
    assert fitted.curves == ()
    assert np.abs(predict(fitted, test) - predict(usual, test)).max() > 1e-3


@heads
def test_evaluation_rows_are_watched_and_not_learnt_from(name, make, head):
    train, test = split(make_examples(head))
    fitted = make().fit(head, train, test)
    if not fitted.rounds:
        pytest.skip(f"{name} has no rounds")
    assert len(fitted.curves) == len(fitted.rounds)
    for curve, rounds in zip(fitted.curves, fitted.rounds, strict=True):
        assert curve.dtype == np.float64
        assert rounds == np.argmin(curve) + 1
        assert curve[rounds - 1] < curve[0]
    same = make().fit(head, train, rounds=fitted.rounds)
    np.testing.assert_array_equal(predict(same, test), predict(fitted, test))


def test_training_stops_where_the_evaluation_rows_get_worse(name):
    if name not in IMPATIENT:
        pytest.skip(f"{name} has no rounds")
    train, test = split(make_examples())
    shuffled = Examples(test.design, test.rows, np.random.default_rng(0).permutation(test.label), test.weight)
    fitted = IMPATIENT[name]().fit(DISTRIBUTION, train, shuffled)
    assert len(fitted.curves[0]) < 20
    assert fitted.rounds[0] <= len(fitted.curves[0]) - 2


@heads
def test_fewer_rounds_of_a_fit_are_a_fit_of_fewer_rounds(name, make, head):
    train, test = split(make_examples(head))
    fitted = make().fit(head, train, test)
    fewer = tuple(3 + number for number in range(len(fitted.rounds)))
    truncated = fitted.at(fewer)
    if name not in KEEPING_ROUNDS:
        assert truncated is fitted
        return
    assert truncated.rounds == fewer
    np.testing.assert_array_equal(predict(truncated, test), predict(make().fit(head, train, rounds=fewer), test))
    # Rounds after the best are kept too: another fold may want them.
    trained = tuple(len(curve) for curve in fitted.curves)
    whole = make().fit(head, train, rounds=trained)
    np.testing.assert_array_equal(predict(fitted.at(trained), test), predict(whole, test))
    assert truncated.at(trained).rounds == trained


@heads
def test_a_former_result_is_continued(name, make, head):
    first, second = split(make_examples(head))
    former = make().fit(head, first)
    rounds = (2,) * len(former.rounds)
    alone = make().fit(head, second, rounds=rounds or None)
    continued = make().fit(head, second, rounds=rounds or None, former=former)
    if name not in CONTINUING:
        np.testing.assert_array_equal(predict(continued, first), predict(alone, first))
        return
    assert continued.rounds == rounds
    errors = [np.mean((predict(fitted, first)[:, 0] - first.label) ** 2) for fitted in (continued, alone)]
    assert errors[0] < 0.8 * errors[1]
    assert np.abs(predict(continued, first) - predict(former, first)).max() > 0
    constant = Examples(first.design, first.rows, np.ones(len(first)), first.weight)
    after_constant = make().fit(head, first, former=make().fit(head, constant))
    assert np.corrcoef(predict(after_constant, second)[:, 0], second.label)[0, 1] > 0.5
    again = make().fit(head, first, second, former=continued)
    watched = make().fit(head, second, first, rounds=rounds, former=former)
    assert [len(curve) for curve in watched.curves] == list(rounds)
    assert np.isfinite(predict(pickle.loads(pickle.dumps(again)), first)).all()


def test_a_former_result_that_cannot_be_continued_is_ignored(make):
    train, test = split(make_examples())
    wider = split(make_examples(design=make_design(features=FEATURES + 1)))[0]
    fresh = predict(make().fit(DISTRIBUTION, train), test)
    strangers = [
        make().fit(DISTRIBUTION, wider),
        make().fit(Head("distribution"), train),
        *(other().fit(DISTRIBUTION, train) for other in LEARNERS.values() if other is not make),
    ]
    for stranger in strangers:
        np.testing.assert_array_equal(predict(make().fit(DISTRIBUTION, train, former=stranger), test), fresh)


@heads
def test_importance_sums_to_one_and_names_the_feature_that_matters(make, head):
    importance = make().fit(head, make_examples(head)).importance()
    assert importance.shape == (FEATURES,)
    assert importance.min() >= 0
    assert importance.sum() == pytest.approx(1)
    assert importance.argmax() == SIGNAL


@pytest.mark.parametrize("codes", [5, 90])
def test_codes_are_told_apart_though_they_have_no_order(name, make, codes):
    if name not in FOLLOWING_CODES:
        pytest.skip(f"{name} does not follow codes of rows")
    design = make_design(codes=codes)
    effect = np.random.default_rng(1).permutation(np.arange(codes) % 5 - 2.0)[design.matrix[:, 0].astype(int)]
    label = effect + 0.1 * np.random.default_rng(2).normal(size=len(design))
    train, test = split(Examples(design, np.arange(ROWS), label, np.ones(ROWS)), 500)
    fitted = make().fit(DISTRIBUTION, train)
    if codes == 5:
        assert np.corrcoef(predict(fitted, test)[:, 0], test.label)[0, 1] > 0.9
        assert fitted.importance().argmax() == 0
    unknown = Design(design.matrix.copy(), design.names, design.run_start, (0,))
    unknown.matrix[:, 0] = codes + 7
    assert np.isfinite(fitted.predict(unknown, test.rows)).all()
    np.testing.assert_array_equal(predict(pickle.loads(pickle.dumps(fitted)), test), predict(fitted, test))


def test_the_caller_keeps_its_random_numbers(make):
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make().fit(DISTRIBUTION, make_examples())
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
