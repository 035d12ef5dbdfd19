"""Training parameters: defaults, names, and errors that name the key."""

import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.models._backends import backend

BACKENDS = ("lightgbm", "catboost")


@pytest.mark.parametrize("name", BACKENDS)
def test_defaults_are_completed_under_the_users_parameters(name):
    completed = backend(name).complete({"n_estimators": 7, "learning_rate": 0.2}, "regression")
    assert {"lightgbm": completed.get("n_jobs"), "catboost": completed.get("thread_count")}[name] == 1
    assert completed["learning_rate"] == 0.2
    assert 7 in completed.values()


@pytest.mark.parametrize(
    ("name", "given", "default_name"),
    [
        ("lightgbm", {"feature_fraction": 0.9}, "colsample_bytree"),
        ("lightgbm", {"num_threads": 2}, "n_jobs"),
        ("catboost", {"colsample_bylevel": 0.9}, "rsm"),
        ("catboost", {"max_bin": 128}, "border_count"),
    ],
)
def test_a_default_yields_to_the_users_value_under_any_of_its_names(name, given, default_name):
    completed = backend(name).complete(given, "regression")
    assert completed[default_name] == next(iter(given.values()))
    assert len(set(completed) & (set(given) | {default_name})) == 1


@pytest.mark.parametrize("name", BACKENDS)
def test_names_of_the_other_backend_with_an_exact_counterpart_are_understood(name):
    completed = backend(name).complete({"n_jobs": 2, "random_state": 3, "max_depth": 4, "verbosity": -1}, "regression")
    assert 2 in (completed.get("n_jobs"), completed.get("thread_count"))


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "lightgbm",
            {"n_estimatrs": 5},
            "n_estimatrs: LightGBM has no such parameter; did you mean 'n_estimators'?",
        ),
        (
            "catboost",
            {"n_estimatrs": 5},
            "n_estimatrs: CatBoost has no such parameter; did you mean 'n_estimators'?",
        ),
        (
            "lightgbm",
            {"max_depth": "deep"},
            "freqai.model_training_parameters.max_depth: 'deep' is refused by LightGBM",
        ),
        (
            "catboost",
            {"max_depth": "deep"},
            "freqai.model_training_parameters.max_depth: 'deep' is refused by CatBoost",
        ),
        ("catboost", {"learning_rate": -1}, "learning_rate: -1 is refused by CatBoost: must be above 0"),
        ("lightgbm", {"learning_rate": -1}, "learning_rate: -1 is refused by LightGBM"),
        (
            "catboost",
            {"n_estimators": 5, "iterations": 6},
            "freqai.model_training_parameters.iterations: the same parameter as 'n_estimators'; keep one of the two",
        ),
        ("lightgbm", {"n_estimators": 0}, "n_estimators: 0 is refused by LightGBM"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_value_and_a_remedy(name, given, message, task):
    with pytest.raises(SettingsError, match=message.replace("?", r"\?")):
        backend(name).complete(given, task)


@pytest.mark.parametrize("name", BACKENDS)
def test_checking_does_not_change_what_was_given(name):
    given = {"n_estimators": 300, "early_stopping_rounds": 20}
    backend(name).complete(given, "regression")
    assert given == {"n_estimators": 300, "early_stopping_rounds": 20}
    assert 300 in backend(name).complete(given, "regression").values()
