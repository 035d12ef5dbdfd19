"""Freqtrade finds the models where users point it."""

from pathlib import Path

import pytest
from freqtrade.exceptions import OperationalException
from freqtrade.resolvers.freqaimodel_resolver import FreqaiModelResolver

import freqai_ext.models

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
            "model_training_parameters": {"n_estimators": 5},
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
    ("section", "message"),
    [
        ({"freqai_ext": {"pipelin": {}}}, "freqai_ext.pipelin: unknown setting; did you mean 'pipeline'?"),
        (
            {"freqai_ext": {"custom_regressor": {"backend": "xgboost"}}},
            "freqai_ext.custom_regressor.backend: 'xgboost' is not valid",
        ),
    ],
)
def test_a_wrong_setting_stops_the_bot_with_its_path(config, section, message):
    with pytest.raises(OperationalException, match=message.replace("?", r"\?")):
        FreqaiModelResolver.load_freqaimodel({**config, **section, "freqaimodel": "CustomRegressor"})
