"""Configurations of other models serve ours: their parameters are taken over by subject, or refused all at once.

The configurations are those of Freqtrade's examples and documentation and of usual public strategies.
"""

import logging

import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.learning.learners import learner, learner_rules
from freqai_ext.learning.parameters import PATH, fitting_parameters, translate
from freqai_ext.models._backends import backend
from freqai_ext.models._sequence_model import _rules as sequence_rules
from freqai_ext.scaffold import starting_config

GIVEN = {
    "init": starting_config("spot")["freqai"]["model_training_parameters"],
    "docs": {"n_estimators": 800},
    "example": {"n_estimators": 2000, "random_state": 1, "learning_rate": 0.02, "task_type": "CPU"},
    "lightgbm": {
        **{"n_estimators": 800, "num_leaves": 63, "max_depth": -1, "learning_rate": 0.02, "min_child_samples": 20},
        **{"subsample": 0.8, "subsample_freq": 1, "colsample_bytree": 0.7, "reg_alpha": 0.0, "reg_lambda": 0.1},
        **{"boosting_type": "gbdt", "objective": "regression", "metric": "l2", "verbosity": -1, "n_jobs": 2},
        "device": "cpu",
    },
    "xgboost": {
        **{"n_estimators": 100, "learning_rate": 0.05, "max_depth": 6, "subsample": 0.8, "colsample_bytree": 0.8},
        **{"gamma": 0.0, "reg_alpha": 0.0, "reg_lambda": 1, "min_child_weight": 1, "objective": "reg:squarederror"},
        **{"eval_metric": "rmse", "tree_method": "hist", "booster": "gbtree", "verbosity": 0, "nthread": 4, "seed": 1},
        **{"early_stopping_rounds": 20, "max_bin": 128},
    },
    "catboost": {
        **{"iterations": 500, "random_seed": 1, "learning_rate": 0.02, "task_type": "CPU", "depth": 6},
        **{"l2_leaf_reg": 3, "loss_function": "RMSE", "verbose": False, "thread_count": 4, "border_count": 128},
        **{"allow_writing_files": False, "rsm": 0.5},
    },
    "forest": {
        **{"n_estimators": 100, "max_depth": 10, "min_samples_leaf": 5, "max_features": 0.5, "n_jobs": 2},
        **{"random_state": 3, "criterion": "squared_error", "bootstrap": True},
    },
    "torch": {
        "learning_rate": 3e-4,
        "trainer_kwargs": {"n_steps": 5000, "batch_size": 64, "n_epochs": None},
        "model_kwargs": {"hidden_dim": 512, "dropout_percent": 0.2, "n_layer": 1},
    },
    "torch_of_old": {"learning_rate": 3e-4, "trainer_kwargs": {"max_iters": 5000, "n_epochs": 7}, "model_kwargs": {}},
}
LEARNERS = ("lightgbm", "catboost", "hist_gradient_boosting", "linear", "torch", "sequence")
TAKEN = {
    ("init", "lightgbm"): {"n_estimators": 200, "learning_rate": 0.05, "random_state": 1},
    ("init", "catboost"): {"iterations": 200, "learning_rate": 0.05, "random_seed": 1},
    ("init", "hist_gradient_boosting"): {"max_iter": 200, "learning_rate": 0.05, "random_state": 1},
    ("init", "linear"): {},
    ("init", "torch"): {"random_state": 1},
    ("init", "sequence"): {"random_seed": 1},
    ("example", "catboost"): {"iterations": 2000, "random_seed": 1, "learning_rate": 0.02, "task_type": "CPU"},
    ("example", "lightgbm"): {
        **{"n_estimators": 2000, "random_state": 1, "learning_rate": 0.02, "device_type": "cpu"},
    },
    ("example", "sequence"): {"random_seed": 1, "device": "cpu"},
    ("lightgbm", "catboost"): {
        **{"iterations": 800, "learning_rate": 0.02, "min_data_in_leaf": 20, "subsample": 0.8, "rsm": 0.7},
        **{"l2_leaf_reg": 0.1, "boosting_type": "Plain", "verbose": False, "thread_count": 2, "task_type": "CPU"},
        "depth": 6,
    },
    ("lightgbm", "linear"): {"threads": 2},
    ("lightgbm", "sequence"): {"threads": 2, "device": "cpu"},
    ("xgboost", "catboost"): {
        **{"iterations": 100, "learning_rate": 0.05, "depth": 6, "subsample": 0.8, "rsm": 0.8, "l2_leaf_reg": 1},
        **{"verbose": False, "thread_count": 4, "random_seed": 1, "early_stopping_rounds": 20, "border_count": 128},
    },
    ("xgboost", "lightgbm"): {
        **{"n_estimators": 100, "learning_rate": 0.05, "max_depth": 6, "subsample": 0.8, "colsample_bytree": 0.8},
        **{"min_split_gain": 0.0, "reg_alpha": 0.0, "reg_lambda": 1, "min_child_weight": 1, "boosting_type": "gbdt"},
        **{"verbosity": 0, "n_jobs": 4, "random_state": 1, "early_stopping_round": 20, "max_bin": 128},
    },
    ("xgboost", "sequence"): {"threads": 4, "random_seed": 1},
    ("catboost", "lightgbm"): {
        **{"n_estimators": 500, "random_state": 1, "learning_rate": 0.02, "device_type": "cpu", "max_depth": 6},
        **{"reg_lambda": 3, "verbosity": -1, "n_jobs": 4, "max_bin": 128, "feature_fraction_bynode": 0.5},
    },
    ("catboost", "hist_gradient_boosting"): {
        **{"max_iter": 500, "random_state": 1, "learning_rate": 0.02, "max_depth": 6, "l2_regularization": 3},
        **{"verbose": False, "n_jobs": 4, "max_bins": 128, "max_features": 0.5},
    },
    ("forest", "lightgbm"): {
        **{"n_estimators": 100, "max_depth": 10, "min_child_samples": 5, "feature_fraction_bynode": 0.5},
        **{"n_jobs": 2, "random_state": 3},
    },
    ("torch", "sequence"): {
        **{"learning_rate": 3e-4, "batch_size": 64, "hidden_size": 512, "dropout": 0.2, "layers": 1},
    },
    ("torch", "torch"): {"learning_rate": 3e-4, "batch_size": 64, "hidden": 512, "dropout": 0.2, "layers": 1},
    ("torch", "catboost"): {},
    ("torch", "linear"): {},
    ("torch_of_old", "sequence"): {"learning_rate": 3e-4, "epochs": 7},
}


def rules_of(name):
    return sequence_rules() if name == "sequence" else learner_rules(name)


@pytest.mark.parametrize(("given", "name"), TAKEN)
def test_a_configuration_of_another_model_is_taken_over(given, name):
    assert fitting_parameters(GIVEN[given], rules_of(name)) == TAKEN[given, name]


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("given", [name for name in GIVEN if name != "lightgbm"])
def test_every_learner_runs_with_it_or_refuses_it_by_name(given, name):
    if (given, name) == ("xgboost", "hist_gradient_boosting"):
        with pytest.raises(SettingsError, match=f"{PATH}.subsample: HistGradientBoosting has no such parameter; every"):
            fitting_parameters(GIVEN[given], rules_of(name))
        return
    own = fitting_parameters(GIVEN[given], rules_of(name))
    if name != "sequence":
        learner(name, own)


@pytest.mark.parametrize("library", ["lightgbm", "catboost"])
@pytest.mark.parametrize("given", GIVEN)
def test_models_of_one_estimator_are_fitted_with_it(given, library):
    found = backend(library)
    found.complete(found.fitting(GIVEN[given], "regression"), "regression")


def test_an_objective_is_taken_over_by_what_it_means():
    given = {"objective": "reg:squarederror", "eval_metric": "logloss"}
    assert backend("catboost").fitting(given, "regression") == {"loss_function": "RMSE", "eval_metric": "Logloss"}
    given = {"loss_function": "MultiClass", "eval_metric": "AUC"}
    assert backend("lightgbm").fitting(given, "classification") == {"objective": "multiclass", "metric": "auc"}


def test_all_that_cannot_be_taken_over_is_named_at_once_with_its_counterpart():
    given = {"gamma": 0.2, "reg_alpha": 1, "min_child_weight": 7, "booster": "dart", "n_estimatrs": 3, "depth": 4}
    with pytest.raises(SettingsError) as raised:
        fitting_parameters(given, rules_of("catboost"))
    assert str(raised.value).splitlines() == [
        f"{PATH}.gamma: CatBoost has no such parameter; depth and l2_leaf_reg bound its trees; remove it",
        f"{PATH}.reg_alpha: CatBoost has no such parameter; its penalty is l2_leaf_reg; remove it",
        f"{PATH}.min_child_weight: CatBoost has no such parameter; write min_data_in_leaf with grow_policy "
        "'Lossguide', or remove it",
        f"{PATH}.booster: CatBoost has no such parameter; its trees are boosted plainly; remove it",
        f"{PATH}.n_estimatrs: CatBoost has no such parameter; did you mean 'n_estimators'?",
    ]


def test_all_wrong_values_are_named_at_once():
    with pytest.raises(SettingsError) as raised:
        learner("lightgbm", {"learning_rate": -1, "num_leaves": "many", "n_estimators": 9})
    assert [line.split(":")[0] for line in str(raised.value).splitlines()] == [
        f"{PATH}.learning_rate",
        f"{PATH}.num_leaves",
    ]


def test_one_line_names_what_is_not_used(caplog):
    caplog.set_level(logging.INFO)
    fitting_parameters(GIVEN["torch"], rules_of("catboost"))
    fitting_parameters(GIVEN["init"], rules_of("linear"))
    fitting_parameters(GIVEN["docs"], rules_of("catboost"))
    nested = "trainer_kwargs.n_steps, trainer_kwargs.batch_size, trainer_kwargs.n_epochs, model_kwargs.hidden_dim, "
    assert caplog.messages == [
        f"{PATH}: CatBoost has no counterpart of learning_rate, {nested}model_kwargs.dropout_percent, "
        "model_kwargs.n_layer and leaves them out.",
        f"{PATH}: the linear learner has no counterpart of n_estimators, learning_rate and leaves them out; it has "
        "alpha, threads.",
    ]


def test_a_learning_rate_belongs_to_the_parameters_beside_it():
    assert translate({"learning_rate": 0.05}, rules_of("sequence")).own == {"learning_rate": 0.05}
    assert translate({"learning_rate": 0.05, "max_depth": 3}, rules_of("sequence")).own == {}
    assert translate({"learning_rate": 0.05, "max_depth": 3}, rules_of("lightgbm")).own["learning_rate"] == 0.05
    assert translate({"learning_rate": 3e-4, "batch_size": 64}, rules_of("lightgbm")).own == {}


def test_a_number_of_leaves_becomes_the_depth_of_symmetric_trees_unless_one_is_given():
    assert translate({"num_leaves": 31}, rules_of("catboost")).own == {"depth": 5}
    assert translate({"num_leaves": 127, "max_depth": 4}, rules_of("catboost")).own == {"depth": 4}
    assert translate({"max_leaves": 20, "grow_policy": "lossguide"}, rules_of("catboost")).own == {
        "max_leaves": 20,
        "grow_policy": "Lossguide",
    }


@pytest.mark.parametrize(
    ("name", "given", "library"),
    [
        ("catboost", {"task_type": "GPU"}, "CatBoost"),
        ("catboost", {"device": "cuda"}, "CatBoost"),
        ("catboost", {"tree_method": "gpu_hist"}, "CatBoost"),
        ("lightgbm", {"device": "cuda"}, "LightGBM"),
        ("lightgbm", {"device_type": "gpu"}, "LightGBM"),
        ("lightgbm", {"task_type": "GPU"}, "LightGBM"),
    ],
)
def test_a_missing_gpu_is_told_in_a_sentence(name, given, library):
    pytest.importorskip("torch")
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    for check in (
        lambda: learner(name, fitting_parameters(given, rules_of(name))),
        lambda: backend(name).complete(given, "regression"),
    ):
        with pytest.raises(
            SettingsError, match=f"asks for a GPU, and {library} finds none here that it can use"
        ) as raised:
            check()
        assert "write 'cpu', or remove it" in str(raised.value)
        assert ".cpp" not in str(raised.value)
        assert ".h:" not in str(raised.value)
