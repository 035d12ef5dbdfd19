"""Learners by name: parameters, translated names, defaults that depend on the rows, and errors that name the key."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from freqai_ext.errors import MissingExtraError, SettingsError
from freqai_ext.learning import learners
from freqai_ext.learning.boosting import feature_share, leaf_rows, rounds_of_parts
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.learning.learners import LEARNERS, learner

ROOT = Path(__file__).parents[2]
PATH = "freqai.model_training_parameters"
BOOSTING = ("lightgbm", "catboost", "hist_gradient_boosting")


def make_examples(rows=120, features=4):
    matrix = np.random.default_rng(0).normal(size=(rows, features)).astype(np.float32)
    design = Design(matrix, tuple(map(str, range(features))), np.zeros(rows, dtype=np.intp))
    return Examples(design, np.arange(rows), matrix[:, 0].astype(float), np.ones(rows))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_name_gives_the_learner_of_that_name(name):
    assert learner(name, {}).name == name


def test_an_unknown_learner_is_an_error_that_lists_the_known_ones():
    with pytest.raises(SettingsError, match=r"learner: 'ligthgbm' is not a learner; did you mean 'lightgbm'\?"):
        learner("ligthgbm", {})


def test_torch_that_is_not_installed_names_the_extra(monkeypatch):
    monkeypatch.setattr(learners, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'freqai-ext\[torch\]'"):
        learner("torch", {})


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("lightgbm", {"n_estimatrs": 5}, "n_estimatrs: LightGBM has no such parameter; did you mean 'n_estimators'?"),
        ("catboost", {"depht": 5}, "depht: CatBoost has no such parameter; did you mean 'depth'?"),
        (
            "hist_gradient_boosting",
            {"max_itr": 5},
            "max_itr: HistGradientBoosting has no such parameter; did you mean 'max_iter'?",
        ),
        ("torch", {"epoch": 5}, "epoch: the perceptron has no such parameter; did you mean 'epochs'?"),
        (
            "linear",
            {"n_estimators": 5},
            "n_estimators: the linear learner has no such parameter; known: alpha, threads",
        ),
        ("lightgbm", {"num_leaves": 1}, "num_leaves: 1 is refused by LightGBM: "),
        ("catboost", {"depth": 99}, "depth: 99 is refused by CatBoost: "),
        (
            "hist_gradient_boosting",
            {"n_estimators": 0},
            "n_estimators: 0 is refused by HistGradientBoosting: The 'max_",
        ),
        (
            "hist_gradient_boosting",
            {"n_jobs": "all"},
            "n_jobs: 'all' is refused by HistGradientBoosting: write a number",
        ),
        ("torch", {"dropout": 1}, "dropout: 1 is refused by the perceptron: input should be less than 1"),
        ("linear", {"alpha": 0}, "alpha: 0 is refused by the linear learner: input should be greater than 0"),
        (
            "lightgbm",
            {"n_estimators": 5, "iterations": 6},
            "iterations: the same parameter as 'n_estimators'; keep one",
        ),
        ("torch", {"n_jobs": 1, "threads": 1}, "threads: the same parameter as 'n_jobs'; keep one of the two"),
        ("lightgbm", {"application": "huber"}, "application: follows from what is forecast, so it cannot be set here"),
        ("catboost", {"loss_function": "MAE"}, "loss_function: follows from what is forecast"),
        ("catboost", {"od_wait": 5}, "od_wait: overlaps with early stopping; write early_stopping_rounds instead"),
        ("hist_gradient_boosting", {"loss": "poisson"}, "loss: follows from what is forecast"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_rule_and_a_remedy(name, given, message):
    with pytest.raises(SettingsError) as caught:
        learner(name, given)
    assert str(caught.value).startswith(f"{PATH}.{message}")


@pytest.mark.parametrize("name", BOOSTING)
@pytest.mark.parametrize(
    "given",
    [
        {"n_estimators": 7, "learning_rate": 0.2, "random_state": 3, "n_jobs": 1, "max_depth": 3, "verbosity": -1},
        {"iterations": 7, "learning_rate": 0.2, "thread_count": 1, "depth": 3},
    ],
)
def test_names_of_one_boosting_library_are_understood_by_the_others(name, given):
    fitted = learner(name, given).fit(Head("distribution", (0.5,)), make_examples())
    assert set(fitted.rounds) == {7}


@pytest.mark.parametrize("name", BOOSTING)
def test_early_stopping_can_be_turned_off(name):
    examples = make_examples()
    fitted = learner(name, {"n_estimators": 60, "early_stopping_rounds": 0}).fit(
        Head("distribution"), examples, examples.take(np.arange(10))
    )
    assert fitted.rounds == (60,)
    assert len(fitted.curves[0]) == 60


@pytest.mark.parametrize("name", BOOSTING)
def test_rounds_that_do_not_fit_the_parts_are_an_error(name):
    with pytest.raises(ValueError, match="one number of at least 1 for each of the 1 parts"):
        learner(name, {}).fit(Head("distribution"), make_examples(), rounds=(3, 3))


@pytest.mark.parametrize(
    ("features", "looked_at"), [(6, 6), (10, 8), (40, 12), (200, 60), (433, 130), (1280, 130), (5000, 130)]
)
def test_a_tree_looks_at_a_share_of_many_features(features, looked_at):
    assert feature_share(features) * features == pytest.approx(looked_at, abs=0.2)


def test_leaves_hold_fewer_rows_where_there_are_few():
    assert [leaf_rows(rows) for rows in (10, 100, 2000, 10**6)] == [1, 5, 100, 500]


def test_rounds_are_the_default_unless_given():
    assert rounds_of_parts(None, 9, 2) == (9, 9)
    assert rounds_of_parts((1, 2), 9, 2) == (1, 2)
    with pytest.raises(ValueError, match="at least 1"):
        rounds_of_parts((0, 2), 9, 2)


def test_the_users_share_of_features_and_rows_in_a_leaf_win_over_those_that_follow_from_the_rows():
    head, examples = Head("distribution"), make_examples(400, 60)
    one = learner("lightgbm", {"feature_fraction": 1.0, "n_estimators": 1}).fit(head, examples)
    none = learner("lightgbm", {"min_data_in_leaf": 300, "n_estimators": 1}).fit(head, examples)
    assert one.importance().argmax() == 0
    assert none.importance() is None


def test_making_a_learner_imports_no_other_library():
    code = (
        "import sys; from freqai_ext.learning.learners import learner; learner('linear', {}); "
        "print(sorted({'torch', 'lightgbm', 'catboost'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("name", LEARNERS)
def test_one_thread_is_enough_where_more_are_allowed(name):
    code = f"""
import os
import numpy as np
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.learning.learners import learner

matrix = np.random.default_rng(0).normal(size=(3000, 40)).astype(np.float32)
design = Design(matrix, tuple(map(str, range(40))), np.zeros(3000, dtype=np.intp))
examples = Examples(design, np.arange(3000), matrix[:, 0].astype(float), np.ones(3000))
chosen = learner({name!r}, {{}})
if {name!r} == "torch":
    import torch
before = len(os.listdir("/proc/self/task"))
fitted = chosen.fit(Head("distribution"), examples, examples)
fitted.predict(design, examples.rows)
print(len(os.listdir("/proc/self/task")) - before)
"""
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    environment |= {"OMP_NUM_THREADS": "4"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    # CatBoost hands its work to one thread of its own; unbounded, three and more would come.
    assert int(run.stdout) <= 1
