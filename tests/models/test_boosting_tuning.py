"""The boosting models search their parameters inside a training too, and train with what they find."""

import numpy as np
import pytest

from freqai_ext.checks._workbench import PAIR, Workbench, example_frame, label_columns
from freqai_ext.models._tuned_learners import METADATA
from freqai_ext.models.CatboostClassifier import CatboostClassifier
from freqai_ext.models.CatboostClassifierMultiTarget import CatboostClassifierMultiTarget
from freqai_ext.models.CatboostRegressor import CatboostRegressor
from freqai_ext.models.CatboostRegressorMultiTarget import CatboostRegressorMultiTarget
from freqai_ext.models.CustomRegressor import CustomRegressor

SEARCH = {"enabled": True, "trials": 3, "startup_trials": 3, "folds": 2, "noise_errors": 0.0}
SLOW = {"n_estimators": 10, "learning_rate": 1e-4}
"""Steps so small that whatever is tried does better."""


def bench_of(folder, model_class, parameters=SLOW, tuning=SEARCH) -> Workbench:
    folder.mkdir(exist_ok=True)
    return Workbench(model_class, folder, {"model_training_parameters": parameters, "freqai_ext": {"tuning": tuning}})


@pytest.mark.parametrize("model_class", [CatboostRegressor, CatboostClassifier, CustomRegressor])
def test_the_estimator_is_fitted_with_the_parameters_that_were_found(tmp_path, model_class):
    whole = example_frame(model_class)
    asked = example_frame(model_class, seed=1, after=whole)
    label, *others = label_columns(whole)
    frame = whole.drop(columns=others)
    bench = bench_of(tmp_path / "tuned", model_class).train(frame)
    noted = bench.kitchen.data[METADATA][f"{PAIR} {label}"]
    assert noted["parameters"]["learning_rate"] >= 0.01
    assert [trial["origin"] for trial in noted["history"]] == ["defaults", "search", "search"]
    assert list(bench.kitchen.data_path.glob("tuning_BTC_USDT_*.journal"))
    found = bench.predict(asked).numbers
    plain = bench_of(tmp_path / "plain", model_class, SLOW | noted["parameters"], {}).train(frame)
    np.testing.assert_array_equal(found, plain.predict(asked).numbers)
    slow = bench_of(tmp_path / "slow", model_class, tuning={}).train(frame)
    assert not np.allclose(found, slow.predict(asked).numbers)


@pytest.mark.parametrize("model_class", [CatboostRegressorMultiTarget, CatboostClassifierMultiTarget])
def test_each_of_several_targets_is_searched_and_the_next_window_starts_from_its_winner(tmp_path, model_class):
    frame = example_frame(model_class)
    bench = bench_of(tmp_path, model_class).train(frame)
    subjects = {f"{PAIR} {label}" for label in label_columns(frame)}
    assert set(bench.kitchen.data[METADATA]) == subjects
    assert len(list(bench.kitchen.data_path.glob("*.journal"))) == 2
    bench.train(example_frame(model_class, seed=2, after=frame), stamp=1_700_086_400)
    for subject in subjects:
        history = bench.kitchen.data[METADATA][subject]["history"]
        assert [trial["origin"] for trial in history] == ["defaults", "warm_start", "search"], subject


def test_a_label_that_never_changes_is_not_searched(tmp_path):
    bench = bench_of(tmp_path, CatboostRegressor).train(example_frame(CatboostRegressor).assign(**{"&-roi": 0.0}))
    assert METADATA not in bench.kitchen.data


def test_without_the_setting_nothing_is_searched(tmp_path):
    bench = bench_of(tmp_path, CatboostRegressor, tuning={}).train(example_frame(CatboostRegressor))
    assert METADATA not in bench.kitchen.data
    assert not list(tmp_path.rglob("*.journal"))
