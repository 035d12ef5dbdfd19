"""Every contender gets a configuration of its own."""

import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.evaluation import Contender, prepare_entrants
from freqai_ext.evaluation.configuration import load_entrants
from freqai_ext.evaluation.run import choose_baseline


def test_each_contender_has_an_identifier_of_its_own_and_the_same_windows(place):
    first, second = prepare_entrants(place.options(), [Contender("A", "RidgeModel"), Contender("B c", "ForestModel")])
    assert (first.identifier, second.identifier) == ("small-evaluate-A", "small-evaluate-B-c")
    assert second.config["freqaimodel"] == "ForestModel"
    assert first.config["freqai"]["train_period_days"] == second.config["freqai"]["train_period_days"] == 2


def test_own_settings_are_merged_and_training_parameters_replaced(place):
    place.config["freqai"]["model_training_parameters"] = {"alpha": 1.0}
    own = {"freqai": {"train_period_days": 1, "model_training_parameters": {"solver": "svd"}}}
    plain, changed = prepare_entrants(
        place.options(), [Contender("A", "RidgeModel"), Contender("B", "RidgeModel", "DirectionStrategy", own)]
    )
    assert plain.config["freqai"]["model_training_parameters"] == {"alpha": 1.0}
    assert changed.config["freqai"]["model_training_parameters"] == {"solver": "svd"}
    assert changed.config["freqai"]["train_period_days"] == 1
    assert changed.config["freqai"]["feature_parameters"]["label_period_candles"] == 6
    assert changed.config["strategy"] == "DirectionStrategy"
    assert own["freqai"]["model_training_parameters"] == {"solver": "svd"}


def test_features_and_label_horizon_hold_for_all(place):
    (entrant,) = prepare_entrants(
        place.options(), [Contender("A", "RidgeModel")], families=("momentum",), label_candles=12
    )
    assert entrant.config["freqai_ext"]["features"]["families"] == ["momentum"]
    assert entrant.config["freqai"]["feature_parameters"]["label_period_candles"] == 12


def test_unknown_models_are_named_beside_the_known_ones(place):
    with pytest.raises(SettingsError) as error:
        place.entrants("RidgeModel", "Nope", "Nada")
    assert "--models: Nada, Nope not found; known are FailingModel, ForestModel" in str(error.value)
    assert "LightGBMRegressor" in str(error.value)
    assert "/freqaimodels; freqai-ext init puts those of freqai_ext there" in str(error.value)


def test_a_wrong_setting_names_the_contender_and_its_path(place):
    wrong = Contender("A", "RidgeModel", None, {"freqai_ext": {"signal": {"folds": 0}}})
    with pytest.raises(SettingsError, match=r"A: freqai_ext\.signal\.folds: 0 is not valid"):
        prepare_entrants(place.options(), [wrong])


def test_what_cannot_be_loaded_is_refused_before_anything_is_trained(place):
    (place.userdir / "freqaimodels" / "Wrong.py").write_text(
        "from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel\n"
        "class WrongModel(BaseRegressionModel):\n"
        "    def __init__(self, config):\n"
        "        raise ValueError('no such parameter')\n"
        "    def fit(self, data_dictionary, dk, **kwargs): ...\n"
    )
    with pytest.raises(
        SettingsError,
        match=r"WrongModel: strategy SmallStrategy with model WrongModel cannot be loaded: Val",
    ):
        load_entrants(place.entrants("WrongModel"))


def test_loading_finds_the_pairs_and_the_timeframe(place):
    (entrant,) = load_entrants(place.entrants("RidgeModel"))
    assert entrant.pairs == ("BTC/USDT", "ETH/USDT")
    assert entrant.config["timeframe"] == "5m"


def test_the_baseline_is_the_first_stock_model_unless_one_is_named(place):
    entrants = place.entrants("RidgeModel", "XGBoostRegressor", "LightGBMRegressor")
    assert choose_baseline(entrants, None) == "XGBoostRegressor"
    assert choose_baseline(entrants[:1], None) == "RidgeModel"
    assert choose_baseline(entrants, "RidgeModel") == "RidgeModel"
    with pytest.raises(SettingsError, match="--baseline: 'X' is not among the models; write one of RidgeModel, XG"):
        choose_baseline(entrants, "X")
