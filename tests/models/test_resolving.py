"""Freqtrade finds the models where users point it."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from freqtrade.exceptions import OperationalException
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

import freqai_ext.models
from freqai_ext.scaffold import starting_config

PACKAGE = Path(freqai_ext.models.__file__).parent
NAMES = sorted(path.stem for path in PACKAGE.glob("[A-Z]*.py"))


@pytest.fixture
def config(tmp_path):
    (tmp_path / "freqaimodels").mkdir()
    return {
        "user_data_dir": tmp_path,
        "freqaimodel_path": str(PACKAGE),
        "exchange": {"pair_whitelist": ["BTC/USDT"]},
        "timeframe": "5m",
        "freqai": {
            "identifier": "resolving",
            "feature_parameters": {"include_timeframes": ["5m"]},
            "model_training_parameters": {},
        },
    }


def test_the_folder_of_the_package_lists_exactly_the_models(config):
    found = FreqaiModelResolver.search_all_objects(config, enum_failed=True)
    assert sorted(each["name"] for each in found if str(PACKAGE) in str(each["location"].resolve())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_model_loads_from_the_folder_of_the_package(config, name):
    model = FreqaiModelResolver.load_freqaimodel({**config, "freqaimodel": name})
    assert type(model).__name__ == name


@pytest.mark.parametrize(
    ("name", "ext", "message"),
    [
        ("CustomRegressor", {"pipelin": {}}, "freqai_ext.pipelin: unknown setting; did you mean 'pipeline'?"),
        (
            "CustomRegressor",
            {"custom_regressor": {"backend": "xgboost"}},
            "freqai_ext.custom_regressor.backend: 'xgboost' is not valid",
        ),
        ("CalibratedSignalModel", {"signal": {"backend": "xgboost"}}, "freqai_ext.signal.backend: 'xgboost' is not"),
        ("CalibratedSignalModel", {"signal": {"return_targets": ["roi"]}}, "freqai_ext.signal.return_targets"),
        ("StackedEnsembleModel", {"ensemble": {"members": ["linear", "linear"]}}, "freqai_ext.ensemble.members"),
        ("PyTorchSequenceRegressor", {"sequence": {"window": 8}}, "freqai_ext.sequence.window: unknown setting"),
    ],
)
def test_a_wrong_setting_stops_the_bot_with_its_path(config, name, ext, message):
    with pytest.raises(OperationalException, match=re.escape(message)):
        FreqaiModelResolver.load_freqaimodel({**config, "freqai_ext": ext, "freqaimodel": name})


@pytest.mark.parametrize(
    ("name", "ext", "given", "message"),
    [
        ("CalibratedSignalModel", {}, {"n_estimatrs": 4}, "n_estimatrs: LightGBM has no such parameter"),
        ("CalibratedSignalModel", {"signal": {"backend": "linear"}}, {"apha": 4}, "apha: the linear learner has no"),
        (
            "StackedEnsembleModel",
            {"ensemble": {"members": ["linear", "catboost"]}},
            {"num_leaves_": 4},
            "freqai.model_training_parameters.num_leaves_",
        ),
        (
            "StackedEnsembleModel",
            {"ensemble": {"parameters": {"linear": {"num_leaves": 4}}}},
            {},
            "num_leaves",
        ),
        ("PyTorchSequenceClassifier", {}, {"epoch": 4}, "freqai.model_training_parameters.epoch: the network has no"),
        (
            "PyTorchSequenceRegressor",
            {"sequence": {"architecture": "patch_transformer"}},
            {"hidden_size": 10},
            "hidden_size 10 must be a multiple of heads 4",
        ),
    ],
)
def test_a_wrong_training_parameter_stops_the_bot_with_its_name(config, name, ext, given, message):
    freqai = {**config["freqai"], "model_training_parameters": given}
    with pytest.raises(OperationalException, match=re.escape(message)):
        FreqaiModelResolver.load_freqaimodel({**config, "freqai": freqai, "freqai_ext": ext, "freqaimodel": name})


@pytest.mark.parametrize("name", NAMES)
def test_every_model_runs_with_the_configuration_that_init_writes(config, name):
    written = starting_config("spot")
    freqai = {**written["freqai"], "identifier": "resolving"}
    model: Any = FreqaiModelResolver.load_freqaimodel(
        {**config, "freqai": freqai, "freqai_ext": written["freqai_ext"], "freqaimodel": name}
    )
    assert type(model).__name__ == name


def test_freqais_window_is_that_of_a_network_unless_another_is_set(config):
    def window(conv_width, given, section):
        freqai = {**config["freqai"], "conv_width": conv_width, "model_training_parameters": given}
        ext = {"sequence": section}
        model: Any = FreqaiModelResolver.load_freqaimodel(
            {**config, "freqai": freqai, "freqai_ext": ext, "freqaimodel": "PyTorchSequenceRegressor"}
        )
        return model.history_rows + 1

    assert window(1, {}, {}) == 48
    assert window(30, {}, {}) == 30
    assert window(30, {"model_kwargs": {"time_window": 12}}, {}) == 12
    assert window(30, {}, {"window_candles": 20}) == 20


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize(
    ("name", "ext"), [("PyTorchSequenceRegressor", {}), ("CalibratedSignalModel", {"signal": {"backend": "torch"}})]
)
def test_a_missing_cuda_device_stops_the_bot_before_it_trades(config, name, ext):
    freqai = {**config["freqai"], "model_training_parameters": {"device": "cuda"}}
    with pytest.raises(OperationalException, match=r"device: 'cuda' is not .*write 'auto' or 'cpu'"):
        FreqaiModelResolver.load_freqaimodel({**config, "freqai": freqai, "freqai_ext": ext, "freqaimodel": name})


def test_a_parameter_goes_to_the_members_whose_library_takes_it(config):
    ext = {"ensemble": {"members": ["lightgbm", "catboost", "linear"], "parameters": {"catboost": {"n_estimators": 7}}}}
    freqai = {
        **config["freqai"],
        "model_training_parameters": {"n_estimators": 5, "random_strength": 3.0, "alpha": 2.0},
    }
    model: Any = FreqaiModelResolver.load_freqaimodel(
        {**config, "freqai": freqai, "freqai_ext": ext, "freqaimodel": "StackedEnsembleModel"}
    )
    assert model._parameters == {
        "lightgbm": {"n_estimators": 5},
        "catboost": {"iterations": 7, "random_strength": 3.0},
        "linear": {"alpha": 2.0},
    }
