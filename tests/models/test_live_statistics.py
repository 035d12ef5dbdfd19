"""Mean and deviation of recent predictions are FreqAI's own, for more columns and without its loop."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
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


class ModelWithIntervals(Model):
    def extra_prediction_columns(self, dk):
        return [*(f"{label}_{end}" for label in dk.label_list for end in ("lo", "hi")), "p_up"]


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


def test_further_columns_of_a_model_get_statistics_where_freqai_fails():
    with pytest.raises(KeyError, match="&-roi_lo"):
        of_freqai(with_intervals(), ["&-roi", "&-vol"], 20)
    done = ours(with_intervals(), ["&-roi", "&-vol"], 20, model_class=ModelWithIntervals)
    np.testing.assert_allclose(done["&-roi_lo_mean"].iloc[20:], done["&-roi_mean"].iloc[20:] - 1, atol=1e-12)
    np.testing.assert_allclose(done["p_up_mean"].iloc[20:], done["p_up"].rolling(20).mean().shift().iloc[20:])
    assert (done["p_up_mean"].iloc[:20] == 0).all()


def test_without_a_window_further_columns_have_statistics_of_zero_as_in_live_trading():
    done = ours(with_intervals(), ["&-roi", "&-vol"], 0, model_class=ModelWithIntervals)
    assert (done[["p_up_mean", "p_up_std", "&-roi_hi_mean"]] == 0).all(axis=None)
    assert (done["&-roi_mean"] == 0.5).all()


def test_windows_whose_training_failed_count_as_the_zeros_that_the_strategy_sees():
    frame = with_intervals()
    frame.loc[40:59, "p_up"] = np.nan
    done = ours(frame, ["&-roi", "&-vol"], 20, model_class=ModelWithIntervals)
    assert done["p_up_mean"].iloc[60] == 0
    assert done["p_up_mean"].notna().all()


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


def test_the_live_bot_gets_statistics_of_further_columns_equal_to_those_of_a_backtest():
    frame = with_intervals()
    mean, deviation = live(ModelWithIntervals, frame.iloc[:80], ["&-roi", "&-vol"])
    backtest = ours(frame, ["&-roi", "&-vol"], 20, model_class=ModelWithIntervals).iloc[80]
    assert mean == pytest.approx({column: backtest[f"{column}_mean"] for column in mean})
    assert deviation == pytest.approx({column: backtest[f"{column}_std"] for column in mean})
    assert {"&-roi_lo", "&-vol_hi", "p_up"} < set(mean)


def test_the_live_bot_without_a_window_notes_zeros_for_further_columns(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        IFreqaiModel,
        "build_strategy_return_arrays",
        lambda self, dataframe, dk, pair, trained: seen.update(dk.data["labels_mean"]),
    )
    dk = kitchen(predictions(), ["&-roi", "&-vol"])
    dk.data["labels_mean"] = {"&-roi": 0.5, "&-vol": 0.5, "p_up": 0.4}
    ModelWithIntervals(dk, 0).build_strategy_return_arrays(dk.full_df, dk, dk.pair, 0)
    assert seen == {
        **{"&-roi": 0.5, "&-vol": 0.5, "p_up": 0.4},
        **dict.fromkeys(("&-roi_lo", "&-roi_hi", "&-vol_lo", "&-vol_hi"), 0),
    }


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
