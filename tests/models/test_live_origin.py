"""Live forecasts and models of another origin are set aside with one line, and come back with it."""

import copy
import logging

import pandas as pd
import pytest

from freqai_ext.checks._workbench import PAIR
from freqai_ext.models import _live_origin
from freqai_ext.models._live_origin import LIVE_RECORD, activate_live_origin
from freqai_ext.models._prediction_origin import SHELF, activate_origin, live_settings, recorded
from freqai_ext.models.CalibratedSignalModel import CalibratedSignalModel
from freqai_ext.models.CatboostRegressor import CatboostRegressor

OLD, NEW = 1_700_000_000, 1_700_003_600


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


class OtherFeatures:
    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        return dataframe.assign(**{"%-new": 1.0})

    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs): ...
    def feature_engineering_standard(self, dataframe, metadata, **kwargs): ...
    def set_freqai_targets(self, dataframe, metadata, **kwargs): ...
    def populate_indicators(self, dataframe, metadata):
        return self.freqai.start(dataframe, metadata, self)


FEATURES = {"label_period_candles": 24, "include_timeframes": ["5m"], "indicator_periods_candles": [10]}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"model_class": CalibratedSignalModel}, "freqaimodel"),
        ({"strategy": OtherFeatures()}, "strategy code"),
        ({"freqai_ext": {"hyper": {"horizons": [12, 48]}}}, "freqai_ext.hyper"),
        ({"feature_parameters": FEATURES | {"DI_threshold": 0.9}}, "freqai.feature_parameters"),
        ({"fit_live_predictions_candles": 20}, "freqai.fit_live_predictions_candles"),
        ({"model_training_parameters": {"n_estimators": 41}}, "freqai.model_training_parameters"),
        ({"train_period_days": 20}, "freqai.train_period_days"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_origin_begins_without_trains_now_and_the_first_one_comes_back(bot, caplog, changed, named):
    before, first = bot.model.dd.historic_predictions[PAIR], copy.deepcopy(bot.freqai)
    model = bot.restart(**changed)
    (line,) = lines(caplog)
    assert line.startswith(
        f"Forecasts and models in {bot.folder} are of another origin ({named}). They were set aside in "
    )
    assert line.endswith("; the bot begins without and trains now.")
    assert model.dd.historic_predictions == {}
    assert bot.load()[0] is None
    assert model.dd.get_pair_dict_info(PAIR) == ("", 0)
    assert not list(bot.folder.glob("sub-train-*"))
    bot.train(NEW + 60)
    bot.forecast()
    assert bot.forecast()["do_predict"].iloc[-1] == 1
    model.dd.save_historic_predictions_to_disk()

    caplog.clear()
    bot.freqai = first
    model = bot.restart()
    (line,) = lines(caplog)
    assert "those of this origin are back from" in line
    pd.testing.assert_frame_equal(model.dd.historic_predictions[PAIR], before)
    assert bot.load()[0] is not None
    assert model.dd.get_pair_dict_info(PAIR) == (f"cb_btc_{NEW}", NEW)

    caplog.clear()
    bot.restart(**changed)
    assert "are back from" in lines(caplog)[0]
    assert bot.model.dd.get_pair_dict_info(PAIR) == (f"cb_btc_{NEW + 60}", NEW + 60)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"live_retrain_hours": 9, "expiration_hours": 24, "purge_old_models": 4, "data_kitchen_thread_count": 1},
        {"backtest_period_days": 3, "save_backtest_models": True, "write_metrics_to_disk": True},
        {"freqai_ext": {"hyper": {"kelly_fraction": 0.5}, "strategy": {"leverage": 2.0}, "news": {"policy": "allow"}}},
        {"freqai_ext": {"guardian": {"push_interval_s": 60}}},
    ],
    ids=str,
)
def test_a_restart_and_settings_that_change_no_forecast_keep_everything(bot, caplog, changed):
    model = bot.restart(**changed)
    assert lines(caplog) == []
    assert len(model.dd.historic_predictions[PAIR]) == 150
    assert bot.load()[0] is not None
    assert not (bot.folder / SHELF).exists()


def test_another_length_of_the_window_of_statistics_keeps_everything(bot):
    bot.restart(fit_live_predictions_candles=20)
    bot.train(NEW + 60)
    bot.restart(fit_live_predictions_candles=30)
    assert bot.load()[0] is not None


def test_what_guardian_has_recorded_meanwhile_does_not_count(tmp_path):
    config = {"freqai": {}, "freqai_ext": {"guardian": {"features": {"enabled": True}}}, "user_data_dir": tmp_path}
    before = live_settings(config)
    (tmp_path / "guardian").mkdir()
    (tmp_path / "guardian" / "guardian.sqlite").write_bytes(b"x")
    assert live_settings(config) == before
    config["freqai_ext"]["guardian"]["features"]["max_age_min"] = 7
    assert live_settings(config) != before


def test_models_without_a_record_are_set_aside_with_their_forecasts(bot, caplog):
    """As a bot of an earlier version leaves them, or one with a stock model."""
    (bot.folder / LIVE_RECORD).unlink()
    model = bot.restart()
    (line,) = lines(caplog)
    assert "are of unknown origin, such as an earlier version or another model. They were set aside in " in line
    assert model.dd.historic_predictions == {}
    assert bot.load()[0] is None
    assert (bot.folder / SHELF / "live-unknown" / f"sub-train-BTC_{NEW}").is_dir()
    assert recorded(bot.folder / LIVE_RECORD)["freqaimodel"] == "CatboostRegressor"


def test_a_damaged_record_counts_as_none(bot, caplog):
    (bot.folder / LIVE_RECORD).write_text("[" * 100_000)
    bot.restart()
    assert "are of unknown origin" in lines(caplog)[0]


def test_stored_windows_of_a_backtest_stay_where_they_are(bot):
    predictions = bot.folder / "backtesting_predictions"
    predictions.mkdir()
    (predictions / "cb_eth_1740787200_prediction.feather").write_text("x")
    window = bot.folder / "sub-train-ETH_1740787200"
    window.mkdir()
    bot.restart(CalibratedSignalModel)
    assert window.is_dir()
    assert not (bot.folder / f"sub-train-BTC_{NEW}").exists()


def test_a_backtest_under_the_identifier_of_a_bot_leaves_its_files_alone(bot, caplog):
    activate_origin(bot.folder, {"freqaimodel": "Other"})
    bot.restart()
    assert lines(caplog) == []
    assert bot.load()[0] is not None


def test_a_backtest_touches_no_live_files_at_its_start(bot, caplog):
    from freqtrade.enums import RunMode

    bot.config["runmode"] = RunMode.BACKTEST
    CalibratedSignalModel(config=bot.config | {"freqaimodel": "CalibratedSignalModel"})
    assert lines(caplog) == []
    assert (bot.folder / f"sub-train-BTC_{NEW}").is_dir()


def test_a_crash_while_files_are_moved_is_made_up_for_at_the_next_start(bot, monkeypatch):
    move, calls = _live_origin._move, []

    def crash(paths, source, target):
        calls.append(1)
        move(paths[:1], source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(_live_origin, "_move", crash)
    with pytest.raises(KeyboardInterrupt):
        bot.restart(CalibratedSignalModel)
    monkeypatch.undo()
    model = bot.restart(CalibratedSignalModel)
    assert model.dd.historic_predictions == {}
    assert not list(bot.folder.glob("sub-train-*"))
    model = bot.restart(CatboostRegressor)
    assert len(model.dd.historic_predictions[PAIR]) == 150
    assert len(list(bot.folder.glob("sub-train-*"))) == 2


def test_forecasts_alone_without_a_record_are_kept(tmp_path):
    tmp_path.joinpath("historic_predictions.pkl").write_bytes(b"kept")
    assert activate_live_origin(tmp_path, {"freqaimodel": "A"}) is False
    assert tmp_path.joinpath("historic_predictions.pkl").read_bytes() == b"kept"
    assert activate_live_origin(tmp_path, {"freqaimodel": "A", "strategy code": "1"}) is False
    assert activate_live_origin(tmp_path, {"freqaimodel": "A"}) is False
    assert activate_live_origin(tmp_path, {"freqaimodel": "A", "strategy code": "2"}) is True
    assert not tmp_path.joinpath("historic_predictions.pkl").exists()
