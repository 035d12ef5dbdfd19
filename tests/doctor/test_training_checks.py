"""Checks of settings that are wrong only together."""

import json

import pytest

from freqai_ext.doctor import Level
from freqai_ext.doctor.classes import check_model, check_strategy
from freqai_ext.doctor.training import check_training


def problems(setup, **options):
    return [finding for finding in setup.run(check_training, **options) if finding.level is not Level.OK]


def test_the_starting_configuration_fits_together(setup):
    (finding,) = setup.run(check_training)
    assert (finding.level, finding.message) == (Level.OK, "the settings of 'freqai' fit together")


@pytest.mark.parametrize(
    ("changes", "level", "message"),
    [
        ({"freqai__train_period_days": 0}, Level.FAILURE, "freqai.train_period_days: 0 is no training window"),
        (
            {"exchange__pair_whitelist": ["BTC/USDT", "ETH/USDT", "ETH/BTC"]},
            Level.FAILURE,
            "exchange.pair_whitelist: ETH in more than one pair; ",
        ),
        (
            {"freqai__data_split_parameters__shuffle": True},
            Level.WARNING,
            "freqai.data_split_parameters.shuffle: true puts neighbouring rows",
        ),
        (
            {"freqai__expiration_hours": 4},
            Level.FAILURE,
            "freqai.expiration_hours: 4 is not above live_retrain_hours (4), ",
        ),
        (
            {"freqai__feature_parameters__DI_threshold": 1, "freqai__train_period_days": 2000},
            Level.WARNING,
            "freqai.feature_parameters.DI_threshold: the dissimilarity index keeps the distances of 518,400 rows "
            "to each other, 2002.3 GiB of",
        ),
        (
            {"freqai_ext__features": {"reference_pair": "XRP/USDT"}},
            Level.FAILURE,
            "freqai_ext.features.reference_pair: 'XRP/USDT' is in neither list of pairs of which a live bot keeps",
        ),
    ],
)
def test_the_setting_is_reported(setup, changes, level, message):
    setup.change(**changes)
    (finding,) = problems(setup)
    assert finding.level is level
    assert finding.message.startswith(message)
    assert finding.remedy


def test_a_small_dissimilarity_index_is_in_order(setup):
    setup.change(freqai__feature_parameters__DI_threshold=1)
    assert problems(setup) == []


@pytest.mark.parametrize(("strategy", "level"), [(None, Level.WARNING), ("FreqAIExampleStrategy", Level.FAILURE)])
def test_a_missing_horizon_is_a_failure_for_our_strategy(setup, strategy, level):
    setup.remove("freqai", "feature_parameters", "label_period_candles")
    context = setup.context(strategy=strategy)
    if strategy:
        setup.run_on(check_strategy, context)
    findings = setup.run_on(check_training, context)
    assert findings[0].level is level
    assert findings[0].message.startswith("freqai.feature_parameters.label_period_candles: missing; ")


def test_a_training_window_shorter_than_the_features_look_back_is_reported(setup):
    setup.change(freqai__train_period_days=1, freqai__feature_parameters__indicator_periods_candles=[14, 48])
    context = setup.context(strategy="FreqAIExampleStrategy")
    setup.run_on(check_strategy, context)
    (finding,) = setup.run_on(check_training, context)
    assert finding.level is Level.WARNING
    assert finding.message.startswith("freqai.train_period_days: 1 is shorter than the 1.")


@pytest.mark.parametrize(
    ("model", "parameters", "reported"),
    [
        ("LightGBMRegressor", {}, True),
        ("LightGBMRegressor", {"n_jobs": 1}, False),
        ("CatboostRegressor", {}, False),
    ],
)
def test_unset_threads_are_reported_for_stock_models(setup, model, parameters, reported):
    setup.change(freqai__model_training_parameters=parameters)
    context = setup.context(freqaimodel=model)
    setup.run_on(check_model, context)
    text = "freqai.model_training_parameters.n_jobs: not set, so LightGBMRegressor takes all cores for a fit"
    assert any(finding.message.startswith(text) for finding in setup.run_on(check_training, context)) is reported


def test_predictions_kept_under_the_identifier_are_no_fault_with_a_model_of_ours(setup):
    setup.write("models/freqai_ext_spot/backtesting_predictions/cb_btc_1_prediction.feather", "")
    context = setup.context(freqaimodel="CatboostRegressor")
    setup.run_on(check_model, context)
    assert [finding.level for finding in setup.run_on(check_training, context)] == [Level.OK]


def test_predictions_kept_under_the_identifier_are_reported(setup):
    setup.write("models/freqai_ext_spot/backtesting_predictions/cb_btc_1_prediction.feather", "")
    (finding,) = problems(setup)
    assert finding.level is Level.WARNING
    assert finding.message.startswith(
        "freqai.identifier: 'freqai_ext_spot' holds 1 backtest predictions; a model that is not of"
    )


@pytest.mark.parametrize(("trees", "level"), [(200, Level.WARNING), (400, Level.FAILURE)])
def test_predictions_of_other_settings_are_a_failure(setup, trees, level):
    setup.write("models/freqai_ext_spot/backtesting_predictions/cb_btc_1_prediction.feather", "")
    made_with = json.loads(setup.config_file.read_text())["freqai"]
    setup.write("models/freqai_ext_spot/run_params.json", json.dumps({"freqai": made_with}))
    setup.change(freqai__model_training_parameters__n_estimators=trees)
    (finding,) = problems(setup)
    assert finding.level is level
    assert ("of a run with other settings (model_training_parameters)" in finding.message) is (trees == 400)
