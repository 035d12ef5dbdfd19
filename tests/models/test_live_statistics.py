"""Mean and deviation of recent predictions are FreqAI's own, without its loop, and of the columns that need them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from freqtrade.freqai.data_drawer import FreqaiDataDrawer
from freqtrade.freqai.freqai_interface import IFreqaiModel
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.models._live_statistics import LiveStatistics, moments_before
from freqai_ext.models.CatboostClassifier import CatboostClassifier
from freqai_ext.models.CustomRegressor import CustomRegressor


class Drawer:
    def __init__(self):
        self.historic_predictions = {}


class Model(LiveStatistics, IFreqaiModel):
    """FreqAI's methods without the rest of FreqAI."""

    def __init__(self, dk, candles):
        self.freqai_info = {"fit_live_predictions_candles": candles}
        self.dd, self.dk = Drawer(), dk

    def train(self, *args, **kwargs): ...
    def fit(self, *args, **kwargs): ...
    def predict(self, *args, **kwargs): ...


class ModelOfTheUser(Model):
    def fit_live_predictions(self, dk, pair):
        window = self.dd.historic_predictions[pair]
        dk.data["labels_mean"] = {label: window[label].max() for label in dk.label_list}
        dk.data["labels_std"] = {label: float(len(window)) for label in dk.label_list}


def kitchen(frame, labels, classes=(), **per_training):
    return SimpleNamespace(
        full_df=frame.copy(),
        pair="BTC/USDT",
        label_list=list(labels),
        unique_class_list=list(classes),
        data={"extra_returns_per_train": per_training},
    )


def predictions(rows=100, **columns):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"date": pd.date_range("2025-01-01", periods=rows, freq="5min", tz="UTC")})
    for label in ("&-roi", "&-vol"):
        frame[label] = generator.normal(size=rows)
        frame[f"{label}_mean"], frame[f"{label}_std"] = 0.5, 2.0
    return frame.assign(do_predict=1, **columns)


def of_freqai(frame, labels, candles, classes=(), **per_training):
    dk = kitchen(frame, labels, classes, **per_training)
    model = Model(dk, candles)
    model.fit_live_predictions = lambda dk, pair: IFreqaiModel.fit_live_predictions(model, dk, pair)
    IFreqaiModel.backtesting_fit_live_predictions(model, dk)
    return dk.full_df


def ours(frame, labels, candles, classes=(), model_class=Model, **per_training):
    dk = kitchen(frame, labels, classes, **per_training)
    model_class(dk, candles).backtesting_fit_live_predictions(dk)
    return dk.full_df


@pytest.mark.parametrize("candles", [1, 2, 7, 33, 50, 99])
def test_a_backtest_gets_what_the_loop_of_freqai_gives(candles):
    frame = predictions()
    expected = of_freqai(frame, ["&-roi", "&-vol"], candles)
    pd.testing.assert_frame_equal(ours(frame, ["&-roi", "&-vol"], candles), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("candles", [0, 100, 101, 1000])
def test_a_backtest_without_enough_rows_stays_as_it_was(candles):
    frame = predictions()
    assert candles == 0 or of_freqai(frame, ["&-roi", "&-vol"], candles).equals(frame)
    assert ours(frame, ["&-roi", "&-vol"], candles).equals(frame)


def test_columns_of_text_are_skipped_and_classes_keep_what_the_training_noted():
    frame = predictions(**{"&-direction": ["up", "down"] * 50, "up": 0.25, "up_mean": 0.0, "up_std": 0.0})
    arguments = (frame, ["&-roi", "&-vol", "&-direction"], 20, ["up"])
    done = ours(*arguments)
    pd.testing.assert_frame_equal(done, of_freqai(*arguments), rtol=0, atol=1e-9)
    assert "&-direction_mean" not in done
    assert (done["up_mean"] == 0).all()


def test_a_constant_column_deviates_by_nothing_and_a_huge_one_loses_no_digits():
    generator = np.random.default_rng(1)
    frame = predictions(**{"&-even": 0.1, "&-huge": 1e9 + generator.normal(size=100)})
    frame.loc[20, "&-roi"] = 1e15
    labels = ["&-roi", "&-vol", "&-even", "&-huge"]
    done, expected = ours(frame, labels, 30), of_freqai(frame, labels, 30)
    assert (done["&-even_std"].iloc[30:] == 0).all()
    assert (done["&-even_mean"].iloc[30:] == 0.1).all()
    # What an outlier leaves behind once it has left the window is where running sums fail.
    later = done.index > 50
    for column in ("&-roi_mean", "&-roi_std", "&-huge_std"):
        np.testing.assert_allclose(done.loc[later, column], expected.loc[later, column], rtol=0, atol=1e-9)


def test_values_given_once_per_training_fill_the_rows_after_the_window():
    frame = predictions(**{"&-threshold": 3.0})
    arguments = (frame, ["&-roi", "&-vol"], 20)
    done = ours(*arguments, **{"&-threshold": 1.5, "note": 2})
    pd.testing.assert_frame_equal(
        done, of_freqai(*arguments, **{"&-threshold": 1.5, "note": 2}), rtol=0, atol=1e-9, check_dtype=False
    )
    assert "&-threshold_mean" not in done
    assert done["&-threshold"].tolist() == [3.0] * 20 + [1.5] * 80


def test_a_model_that_computes_its_own_statistics_is_asked_candle_by_candle():
    frame = predictions()
    done = ours(frame, ["&-roi", "&-vol"], 20, model_class=ModelOfTheUser)
    assert (done["&-roi_std"].iloc[20:] == 20.0).all()
    assert done["&-roi_mean"].iloc[60] == frame["&-roi"].iloc[40:60].max()
    replaced = kitchen(frame, ["&-roi", "&-vol"])
    model = Model(replaced, 20)
    model.fit_live_predictions = lambda dk, pair: ModelOfTheUser.fit_live_predictions(model, dk, pair)
    model.backtesting_fit_live_predictions(replaced)
    assert replaced.full_df.equals(done)


def with_intervals():
    ends = [(label, end, add) for label in ("&-roi", "&-vol") for end, add in (("lo", -1), ("hi", 1))]
    frame = predictions(p_up=np.linspace(0, 1, 100))
    return frame.assign(**{f"{label}_{end}": frame[label] + add for label, end, add in ends})


@pytest.mark.parametrize("candles", [0, 20])
def test_further_columns_of_a_model_get_no_statistics(candles):
    frame = with_intervals()
    done = ours(frame, ["&-roi", "&-vol"], candles)
    assert list(done.columns) == list(frame.columns)
    pd.testing.assert_frame_equal(done[["&-roi_lo", "p_up"]], frame[["&-roi_lo", "p_up"]])
    expected = of_freqai(predictions(), ["&-roi", "&-vol"], candles) if candles else predictions()
    pd.testing.assert_frame_equal(done[["&-roi_mean", "&-vol_std"]], expected[["&-roi_mean", "&-vol_std"]])


def test_windows_whose_training_failed_count_as_the_zeros_that_the_strategy_sees():
    frame = with_intervals()
    frame.loc[40:59, "&-roi"] = np.nan
    done = ours(frame, ["&-roi", "&-vol"], 20)
    assert done["&-roi_mean"].iloc[60] == 0
    assert done["&-roi_mean"].notna().all()


def live(model_class, frame, labels, classes=(), candles=20):
    dk = kitchen(frame, labels, classes)
    model = model_class(dk, candles)
    model.dd.historic_predictions[dk.pair] = frame
    model.fit_live_predictions(dk, dk.pair)
    return dk.data["labels_mean"], dk.data["labels_std"]


def test_the_live_bot_gets_the_statistics_of_freqai():
    frame = predictions(**{"&-direction": ["up", "down"] * 50, "up": np.linspace(0, 1, 100)})
    labels = ["&-roi", "&-vol", "&-direction"]
    dk = kitchen(frame, labels, ["up"])
    model = Model(dk, 20)
    model.dd.historic_predictions[dk.pair] = frame
    IFreqaiModel.fit_live_predictions(model, dk, dk.pair)
    mean, deviation = live(Model, frame, labels, ["up"])
    assert mean == pytest.approx(dk.data["labels_mean"], abs=1e-12)
    assert deviation == pytest.approx(dk.data["labels_std"], abs=1e-12)
    assert set(mean) == {"&-roi", "&-vol", "up"}


def drawer():
    """FreqAI's own methods that keep predictions, on a drawer without files."""
    drawer = FreqaiDataDrawer.__new__(FreqaiDataDrawer)
    drawer.historic_predictions, drawer.model_return_values = {}, {}
    drawer.freqai_info = {"feature_parameters": {}}
    return drawer


def candles(rows):
    dates = pd.date_range("2025-01-01", periods=rows, freq="5min", tz="UTC")
    return pd.DataFrame({"date": dates, "high": 3.0, "low": 1.0, "close": np.arange(rows, dtype=float)})


def predicted(rows, **columns):
    return pd.DataFrame({"&-roi": 0.1, "&-roi_lo": -0.1, "p_up": np.linspace(0.1, 0.9, rows), **columns}, range(rows))


@pytest.fixture
def bot():
    dk = kitchen(predictions(), ["&-roi"])
    model = Model(dk, 0)
    model.dd = drawer()
    model.freqai_info = {"feature_parameters": {}}
    model.guard_history()
    model.set_start_dry_live_date = lambda frame: None
    return model, dk


def test_the_live_bot_keeps_further_columns_without_statistics(bot):
    model, dk = bot
    model.set_initial_historic_predictions(predicted(5), dk, dk.pair, candles(5))
    model.dd.set_initial_return_values(dk.pair, predicted(5), candles(5))
    model.dd.append_model_predictions(dk.pair, predicted(1), [1], dk, candles(6))
    model.dd.append_model_predictions(dk.pair, predicted(1, p_up=0.7), [1], dk, candles(7))
    history = model.dd.historic_predictions[dk.pair]
    assert [column for column in history if column.endswith(("_mean", "_std"))] == ["&-roi_mean", "&-roi_std"]
    assert history["p_up"].tolist() == [*np.linspace(0.1, 0.9, 5), 0.1, 0.7]
    assert history["&-roi_lo"].tolist() == [-0.1] * 7
    assert history["do_predict"].tolist() == [0] * 5 + [1, 1]
    pd.testing.assert_frame_equal(model.dd.model_return_values[dk.pair], history)


def test_a_candle_that_is_older_than_the_last_prediction_overwrites_nothing(bot):
    model, dk = bot
    model.set_initial_historic_predictions(predicted(5), dk, dk.pair, candles(5))
    before = model.dd.historic_predictions[dk.pair].copy()
    model.dd.append_model_predictions(dk.pair, predicted(1, p_up=0.7), [1], dk, candles(4))
    pd.testing.assert_frame_equal(model.dd.historic_predictions[dk.pair], before)


def test_stored_predictions_that_lack_a_column_get_it(bot):
    """A class that is new, a value that the model adds, or files of a version without, gave a KeyError each candle."""
    model, dk = bot
    model.set_initial_historic_predictions(predicted(5), dk, dk.pair, candles(5))
    histories = model.dd.historic_predictions
    histories[dk.pair] = histories[dk.pair].drop(columns=["&-roi_std", "p_up", "do_predict"])
    dk.label_list.append("&-vol")
    dk.data["extra_returns_per_train"] = {"threshold": 2.0}
    model.dd.append_model_predictions(dk.pair, predicted(1, **{"&-vol": 0.3, "p_down": 0.4}), [1], dk, candles(6))
    last = model.dd.historic_predictions[dk.pair].iloc[-1]
    assert last[["&-vol", "&-vol_mean", "p_down", "do_predict", "threshold", "&-roi_std"]].tolist() == [
        *(0.3, 0, 0.4, 1, 2.0, 0)
    ]
    assert model.dd.historic_predictions[dk.pair]["p_down"].tolist() == [0.0] * 5 + [0.4]


def test_a_value_that_is_not_finite_spoils_only_the_windows_that_hold_it():
    values = np.arange(12.0)[:, None]
    values[5] = np.inf
    mean, deviation = moments_before(values, 3)
    assert np.isnan(mean).ravel().tolist() == [3 <= start <= 5 for start in range(9)]
    assert np.isnan(deviation).ravel().tolist() == [3 <= start <= 5 for start in range(9)]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=40),
    st.integers(min_value=1, max_value=39),
)
def test_running_moments_are_those_of_each_window(values, window):
    window = min(window, len(values) - 1)
    mean, deviation = moments_before(np.array(values)[:, None], window)
    for row in range(window, len(values)):
        part = np.array(values[row - window : row])
        assert mean[row - window, 0] == pytest.approx(part.mean(), abs=1e-9)
        assert deviation[row - window, 0] == pytest.approx(part.std(), rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("model", [CatboostClassifier, CustomRegressor])
@pytest.mark.parametrize("method", ["fit_live_predictions", "backtesting_fit_live_predictions"])
def test_the_models_of_the_package_use_it(model, method):
    assert getattr(model, method) is getattr(LiveStatistics, method)
