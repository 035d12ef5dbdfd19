"""Prediction sets of ``FreqaiHyperStrategy``: chosen by a parameter, loaded once, and refused where they cannot be."""

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

METADATA = {"pair": "ETH/USDT"}
DATES = pd.date_range("2025-01-01", periods=4, freq="5min", tz="UTC")


@pytest.fixture
def userdir(tmp_path):
    """A user directory with predictions of the run ``small``: a rise on the last two candles."""
    folder = tmp_path / "models" / "small" / "backtesting_predictions"
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"date": DATES, "&-return_24": [0.0, 0.0, 0.01, 0.01], "do_predict": 1})
    frame.to_feather(folder / f"cb_eth_{int(DATES[0].timestamp())}_prediction.feather")
    return tmp_path


@pytest.fixture
def make(make_hyper_strategy, make_config, userdir):
    def make_strategy(runmode, *, chosen="own", sets=("small",), identifier="large", original=None):
        config = {
            "user_data_dir": userdir,
            "runmode": runmode,
            "freqai": {**make_config()["freqai"], "identifier": identifier, "original_identifier": original},
        }
        parameters = {"prediction_set": chosen}
        strategy = make_hyper_strategy("spot", parameters=parameters, config=config, hyper={"prediction_sets": sets})
        strategy.freqai.start = lambda candles, metadata, _: candles.assign(**{"&-return_24": 0.01, "do_predict": 1})
        return strategy

    return make_strategy


def analysed(strategy):
    candles = pd.DataFrame({"date": DATES, "close": 100.0, "volume": 5.0})
    return strategy.populate_indicators(candles, METADATA)


def entered(strategy, candles):
    return strategy.populate_entry_trend(candles.copy(), METADATA)["enter_long"].tolist()


def test_the_parameter_chooses_whose_predictions_count(make):
    own, small = make(RunMode.BACKTEST), make(RunMode.BACKTEST, chosen="small")
    assert entered(own, analysed(own)) == [1, 1, 1, 1]
    assert entered(small, analysed(small)) == [0, 0, 1, 1]


def test_hyperopt_loads_every_set_before_the_epochs_and_switches_without_reading_again(make, userdir):
    strategy = make(RunMode.HYPEROPT)
    candles = analysed(strategy)
    assert "small@&-return_24" in candles
    for path in (userdir / "models").rglob("*.feather"):
        path.unlink()
    for chosen, expected in (("own", [1, 1, 1, 1]), ("small", [0, 0, 1, 1]), ("own", [1, 1, 1, 1])):
        strategy.prediction_set.value = chosen
        assert entered(strategy, candles) == expected


def test_a_set_that_is_not_chosen_is_not_needed_in_a_backtest(make):
    strategy = make(RunMode.BACKTEST, sets=("missing",))
    assert entered(strategy, analysed(strategy)) == [1, 1, 1, 1]


def test_hyperopt_refuses_a_set_that_is_not_there(make):
    with pytest.raises(OperationalException, match="'missing' has no predictions of ETH/USDT"):
        analysed(make(RunMode.HYPEROPT, sets=("small", "missing")))


def test_a_set_that_the_configuration_does_not_name_is_refused(make):
    strategy = make(RunMode.BACKTEST, chosen="elsewhere")
    with pytest.raises(OperationalException) as refusal:
        entered(strategy, analysed(strategy))
    assert str(refusal.value) == (
        "prediction_set: the parameters of FreqaiHyperStrategy trust 'elsewhere', which is not among "
        "freqai_ext.hyper.prediction_sets ['small']; add it there, or run hyperopt again"
    )


@pytest.mark.parametrize("runmode", [RunMode.DRY_RUN, RunMode.LIVE])
def test_a_bot_that_does_not_run_the_chosen_set_does_not_start(make, runmode):
    with pytest.raises(OperationalException) as refusal:
        make(runmode, chosen="small").ft_load_hyper_params()
    assert str(refusal.value) == (
        "prediction_set: the parameters of FreqaiHyperStrategy trust 'small', and this bot predicts 'large'; start it "
        "with the configuration whose freqai.identifier is 'small', or set prediction_set to 'own'"
    )


@pytest.mark.parametrize(
    ("chosen", "identifier", "original"),
    [
        ("own", "large", None),
        ("small", "small", None),
        ("large", "large", None),
        ("small", "small-sim-20250113T0000", "small"),
        ("small", "small-offline", "small"),
        ("small", "small/.walkforward/0af3", "small"),
        ("small-offline", "small-offline-offline", "small-offline"),
    ],
)
def test_a_bot_that_runs_the_chosen_set_starts_and_trades_on_it(make, chosen, identifier, original):
    strategy = make(RunMode.DRY_RUN, chosen=chosen, identifier=identifier, original=original)
    strategy.ft_load_hyper_params()
    assert entered(strategy, analysed(strategy)) == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "identifier", ["small-offline", "small-sim-20250113T0000", "small-simulated", "small/.walkforward/0af3"]
)
def test_a_bot_whose_name_looks_like_that_of_a_copy_is_another_bot(make, identifier):
    """In a fleet it would trade on the forecasts of the other one, or take them for its own."""
    strategy = make(RunMode.HYPEROPT, chosen="small", identifier=identifier)
    assert strategy.identifier == identifier
    assert strategy.other_sets == ("small",)
    assert entered(strategy, analysed(strategy)) == [0, 0, 1, 1]
    with pytest.raises(OperationalException, match=f"trust 'small', and this bot predicts '{identifier}'"):
        make(RunMode.DRY_RUN, chosen="small", identifier=identifier).ft_load_hyper_params()


def test_without_other_sets_or_horizons_there_is_nothing_to_search(make_hyper_strategy):
    several = make_hyper_strategy(hyper={"prediction_sets": ["small"]})
    assert (several.prediction_set.optimize, several.prediction_set.opt_range) == (True, ["own", "small"])
    assert (several.horizon.optimize, several.horizon.opt_range) == (True, [12, 24, 48])
    alone = make_hyper_strategy(hyper={"horizons": [24]})
    assert alone.prediction_set.optimize is alone.horizon.optimize is False


def test_a_horizon_that_is_not_trained_stops_the_start(make_hyper_strategy):
    strategy = make_hyper_strategy(hyper={"horizons": [6, 12]}, parameters={"horizon": 24})
    with pytest.raises(OperationalException, match=r"^horizon: the parameters of FreqaiHyperStrategy say 24, and "):
        strategy.ft_load_hyper_params()


def test_hyperopt_finds_the_parameters_of_every_space(make_hyper_strategy):
    strategy = make_hyper_strategy(hyper={"prediction_sets": ["small"]})
    strategy.ft_load_hyper_params()
    found = {space: {name for name, _ in strategy.enumerate_parameters(space)} for space in ("buy", "sell")}
    assert found == {
        "buy": {
            "horizon",
            "prediction_set",
            "min_probability",
            "min_ev_bps",
            "min_confidence",
            "interval_rule",
            "max_interval_loss_bps",
        },
        "sell": {
            "exit_rule",
            "exit_probability",
            "exit_expected_bps",
            "exit_interval_loss_bps",
            "exit_after_horizons",
        },
    }


@pytest.mark.parametrize(
    ("hyper", "message"),
    [
        ({"horizons": [24, 12]}, r"hyper\.horizons: \[24, 12\] is not valid; list at least one horizon, each once"),
        ({"horizons": []}, r"hyper\.horizons: \[\] is not valid"),
        ({"horizons": [0, 12]}, r"hyper\.horizons\.0: 0 is not valid"),
        ({"prediction_sets": ["../secrets"]}, r"hyper\.prediction_sets: .* write identifiers of FreqAI runs"),
        ({"prediction_sets": ["own"]}, r"hyper\.prediction_sets: .* 'own' is the bot's own run"),
        ({"prediction_sets": ["a", "a"]}, r"hyper\.prediction_sets: .* name each run once"),
        ({"kelly_fraction": 0}, r"hyper\.kelly_fraction: 0 is not valid"),
        ({"max_stake_share": 1.5}, r"hyper\.max_stake_share: 1\.5 is not valid"),
    ],
)
def test_a_wrong_setting_stops_the_bot_with_its_path(make_hyper_strategy, hyper, message):
    with pytest.raises(OperationalException, match=rf"^freqai_ext\.{message}"):
        make_hyper_strategy(hyper=hyper)
