"""Fitting one estimator: constants, early stopping, weights, continuing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from freqai_ext.models._backends import Rows, backend

BACKENDS = ("lightgbm", "catboost")


def make_rows(count=300, seed=0, classes=False):
    generator = np.random.default_rng(seed)
    features = pd.DataFrame(generator.normal(size=(count, 5)), columns=[f"%-f{i}_BTC/USDT_5m" for i in range(5)])
    label = features.iloc[:, 0] + 0.3 * generator.normal(size=count)
    if classes:
        label = label.gt(0).map({True: "up", False: "down"})
    return Rows(features, label.rename("&-target"), np.ones(count))


def trees(estimator):
    return getattr(estimator, "tree_count_", None) or estimator.booster_.num_trees()


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(("classes", "dummy"), [(False, DummyRegressor), (True, DummyClassifier)])
def test_a_constant_label_gets_an_estimator_that_predicts_it(name, classes, dummy):
    library, rows = backend(name), make_rows(classes=classes)
    constant = Rows(rows.features, pd.Series("down" if classes else 2.5, index=rows.label.index), rows.weights)
    task = "classification" if classes else "regression"
    estimator = library.fit(task, constant, rows, library.complete({}, task))
    assert isinstance(estimator, dummy)
    assert set(estimator.predict(rows.features)) == {"down" if classes else 2.5}


@pytest.mark.parametrize("name", BACKENDS)
def test_all_trees_are_kept_unless_early_stopping_is_asked_for(name):
    library = backend(name)
    train, noise = make_rows(), make_rows(seed=1)
    noise = Rows(noise.features, noise.label.sample(frac=1, random_state=0).set_axis(noise.label.index), noise.weights)
    kept = library.fit("regression", train, noise, library.complete({"n_estimators": 60}, "regression"))
    asked = {"n_estimators": 60, "early_stopping_rounds": 5}
    stopped = library.fit("regression", train, noise, library.complete(asked, "regression"))
    assert trees(kept) == 60
    assert trees(stopped) < 60


@pytest.mark.parametrize("name", BACKENDS)
def test_early_stopping_without_evaluation_rows_keeps_all_trees(name):
    library = backend(name)
    parameters = library.complete({"n_estimators": 12, "early_stopping_rounds": 2}, "regression")
    assert trees(library.fit("regression", make_rows(), None, parameters)) == 12


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("classes", [False, True])
def test_a_zero_weighted_half_does_not_matter(name, classes):
    library, task = backend(name), "classification" if classes else "regression"
    rows, other = make_rows(classes=classes), make_rows(seed=5, classes=classes)
    results = []
    for seed in (1, 2):
        label = pd.concat([rows.label, other.label.sample(frac=1, random_state=seed)], ignore_index=True)
        features = pd.concat([rows.features, other.features], ignore_index=True)
        weights = np.r_[np.ones(len(rows.label)), np.zeros(len(other.label))]
        estimator = library.fit(
            task, Rows(features, label, weights), None, library.complete({"n_estimators": 20}, task)
        )
        results.append(estimator.predict_proba(rows.features)[:, 1] if classes else estimator.predict(rows.features))
    np.testing.assert_allclose(results[0], results[1], atol=1e-9)


@pytest.mark.parametrize("name", BACKENDS)
def test_continuing_adds_trees_to_the_former_estimator(name):
    library = backend(name)
    parameters = library.complete({"n_estimators": 15}, "regression")
    first = library.fit("regression", make_rows(), make_rows(seed=1), parameters)
    second = library.fit("regression", make_rows(seed=2), make_rows(seed=1), parameters, init_model=first)
    assert trees(second) == 30


@pytest.mark.parametrize("name", BACKENDS)
def test_a_classifier_of_other_classes_is_not_continued(name):
    library = backend(name)
    parameters = library.complete({"n_estimators": 15}, "classification")
    rows = make_rows(classes=True)
    first = library.fit("classification", rows, None, parameters)
    other = Rows(rows.features, rows.label.map({"up": "rise", "down": "fall"}), rows.weights)
    second = library.fit("classification", other, None, parameters, init_model=first)
    assert list(second.classes_) == ["fall", "rise"]
    assert trees(second) == 15


@pytest.mark.parametrize("name", BACKENDS)
def test_evaluation_rows_of_a_class_never_trained_are_left_out(name):
    library = backend(name)
    rows, evaluation = make_rows(classes=True), make_rows(seed=1, classes=True)
    label = evaluation.label.copy()
    label.iloc[:50] = "sideways"
    parameters = library.complete({"n_estimators": 30, "early_stopping_rounds": 3}, "classification")
    estimator = library.fit("classification", rows, Rows(evaluation.features, label, evaluation.weights), parameters)
    assert list(estimator.classes_) == ["down", "up"]
