"""The models that give odds, trained and asked as FreqAI does: columns, horizons, weights, live candles, restarts."""

import json

import numpy as np
import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqai_ext.checks._workbench import FEATURES, PAIR, Workbench, class_names, example_frame
from freqai_ext.models._interval_files import interval_path
from freqai_ext.models.CalibratedSignalModel import CalibratedSignalModel
from freqai_ext.models.PyTorchSequenceRegressor import PyTorchSequenceRegressor

# Freqtrade's own, in its live loop.
pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray that drops timezone")

LINEAR = {"backend": "linear", "folds": 2}
NETWORK = {"window_candles": 24, "hidden_size": 4, "epochs": 1, "batch_size": 100, "learning_rate": 0.02}
STAMP = 1_700_000_000


class RecordingModel(CalibratedSignalModel):
    """Keeps what it was given to learn from."""

    def fit(self, data_dictionary, dk, **kwargs):
        self.learnt_from = data_dictionary["training_set"]
        return super().fit(data_dictionary, dk, **kwargs)


def frame_of(rows=400, seed=0, after=None, **labels):
    """Return candles with labels: functions of the signal, a feature that all labels follow."""
    frame = example_frame(CalibratedSignalModel, rows, seed, after=after)
    signal = frame["&-roi"] / 0.01
    plain = frame.drop(columns=["&-roi", "&-buy"])
    return plain.assign(**{name: label(signal) for name, label in labels.items()})


def roi(signal):
    return 0.01 * signal


def buy(signal):
    return (signal > 0).astype(float)


def direction(signal):
    return pd.Series(np.select([signal < -0.5, signal > 0.5], ["down", "up"], "flat"))


def ending_early(candles):
    """Return a label whose last candles are not known."""
    return lambda signal: roi(signal).where(np.arange(len(signal)) < len(signal) - candles)


def bench_of(folder, model_class=CalibratedSignalModel, parameters=None, freqai=None, **ext):
    settings = {"signal": LINEAR, **ext} if model_class is not PyTorchSequenceRegressor else ext
    given = {"model_training_parameters": parameters or {}, "freqai_ext": settings, **(freqai or {})}
    return Workbench(model_class, folder, given)


def test_one_return_gives_its_interval_and_the_odds(tmp_path):
    frame = frame_of(**{"&-roi": roi})
    found = bench_of(tmp_path).train(frame).predict(frame_of(seed=1, after=frame, **{"&-roi": roi}))
    assert list(found.frame) == ["&-roi", "&-roi_lo", "&-roi_hi", "p_up", "p_down", "ev_bps", "confidence"]
    assert (found.do_predict == 1).all()


def test_several_returns_binary_targets_and_classes_are_learnt_by_one_model(tmp_path):
    labels = {"&-return_12": roi, "&-buy": buy, "&-direction": direction, "&-return_48": lambda signal: -roi(signal)}
    frame = frame_of(**labels)
    asked = frame_of(seed=1, after=frame, **labels)
    found = bench_of(tmp_path).train(frame).predict(asked).frame
    assert list(found) == [
        *("&-return_12", "&-return_12_lo", "&-return_12_hi"),
        *("&-buy", "&-buy_lo", "&-buy_hi"),
        *("&-direction", "down", "flat", "up"),
        *("&-return_48", "&-return_48_lo", "&-return_48_hi"),
        *("p_up", "p_down", "ev_bps", "confidence"),
        *("p_up_return_12", "p_down_return_12", "ev_bps_return_12", "confidence_return_12"),
        *("p_up_return_48", "p_down_return_48", "ev_bps_return_48", "confidence_return_48"),
    ]
    pd.testing.assert_series_equal(found["p_up"], found["p_up_return_12"], check_names=False)
    signal = asked[FEATURES[0]]
    for column, sign in (("&-return_12", 1), ("&-buy", 1), ("up", 1), ("&-return_48", -1), ("p_up_return_48", -1)):
        assert sign * np.corrcoef(found[column], signal)[0, 1] > 0.7, column
    np.testing.assert_allclose(found[["down", "flat", "up"]].sum(axis=1), 1.0, atol=1e-6)
    assert (found["&-direction"] == found[["down", "flat", "up"]].idxmax(axis=1)).all()
    assert (found["&-direction"] == asked["&-direction"]).mean() > 0.6


def test_the_expected_value_is_the_forecast_less_the_configured_cost(tmp_path):
    frame = frame_of(**{"&-roi": roi})
    bench = bench_of(tmp_path, signal={**LINEAR, "round_trip_cost_bps": 35.0})
    found = bench.train(frame).predict(frame_of(seed=1, after=frame, **{"&-roi": roi})).frame
    np.testing.assert_allclose(found["ev_bps"], 1e4 * found["&-roi"] - 35.0)


def test_the_return_named_first_is_the_one_without_a_suffix_and_others_are_no_returns(tmp_path):
    labels = {"&-a": roi, "&-b": lambda signal: -roi(signal), "&-risk": lambda signal: roi(signal).abs()}
    frame = frame_of(**labels)
    bench = bench_of(tmp_path, signal={**LINEAR, "return_targets": ["&-b", "&-a"]})
    found = bench.train(frame).predict(frame_of(seed=1, after=frame, **labels)).frame
    pd.testing.assert_series_equal(found["p_up"], found["p_up_b"], check_names=False)
    assert "p_up_a" in found
    assert "p_up_risk" not in found
    assert {"&-risk", "&-risk_lo", "&-risk_hi"} <= set(found)


def test_a_return_target_that_the_strategy_does_not_set_is_refused_by_its_path(tmp_path):
    bench = bench_of(tmp_path, signal={**LINEAR, "return_targets": ["&-return_9"]})
    with pytest.raises(
        OperationalException,
        match=r"freqai_ext\.signal\.return_targets: '&-return_9' is no continuous target of the strategy; "
        r"those are &-roi$",
    ):
        bench.train(frame_of(**{"&-roi": roi, "&-buy": buy}))


def test_each_target_has_the_horizon_that_its_missing_end_tells(tmp_path):
    labels = {"&-return_12": ending_early(12), "&-return_48": ending_early(48), "&-way": roi}
    bench = bench_of(tmp_path, RecordingModel).train(frame_of(**labels))
    learnt_from = bench.model.learnt_from
    # The last of them has no missing end; label_period_candles stands for its horizon.
    horizons = {target.name: target.horizon_candles for target in learnt_from.targets}
    assert horizons == {"&-return_12": 12, "&-return_48": 48, "&-way": 24}
    for target in learnt_from.targets:
        ahead = (target.known_at_ns - learnt_from.made_at_ns) // (300 * 1_000_000_000)
        assert set(ahead) == {target.horizon_candles}
    assert {name: each.horizon_candles for name, each in bench.model.model.signal.targets.items()} == horizons


def weights_by_row(bench, frame):
    """Return the weight of each row of the frame, 0 for those that are not learnt from."""
    learnt_from = bench.train(frame).model.learnt_from
    closes = pd.DatetimeIndex(learnt_from.made_at_ns, tz="UTC") - pd.Timedelta("5min")
    return pd.Series(learnt_from.weight, index=closes).reindex(frame["date"], fill_value=0.0).to_numpy()


def test_weights_fall_with_age_as_freqai_makes_them_whatever_rows_are_left_out(tmp_path):
    frame = frame_of(**{"&-roi": ending_early(50)})
    frame.loc[100:119, FEATURES[1]] = np.nan
    bench = bench_of(tmp_path, RecordingModel, freqai={"feature_parameters": {"weight_factor": 0.5}})
    weight = weights_by_row(bench, frame)
    assert (weight[100:120] == 0.0).all()
    assert (weight[350:] == 0.0).all()
    kept = np.r_[0:100, 120:350]
    np.testing.assert_allclose(weight[kept], np.exp(-(399 - kept) / 200.0))


def test_a_stride_leaves_candles_out_by_their_time_and_older_rows_lose_half_in_the_half_life(tmp_path):
    frame = frame_of(**{"&-roi": ending_early(24)})
    bench = bench_of(
        tmp_path, RecordingModel, signal={**LINEAR, "train_stride_candles": 3, "recency_half_life_days": 0.5}
    )
    first, later = (weights_by_row(bench, each) for each in (frame, frame.iloc[1:].reset_index(drop=True)))
    assert np.diff(np.flatnonzero(first)).tolist() == [3] * (np.count_nonzero(first) - 1)
    np.testing.assert_array_equal(np.flatnonzero(first[1:]), np.flatnonzero(later))
    kept = np.flatnonzero(first)
    assert first[kept[48]] / first[kept[0]] == pytest.approx(2.0)


def test_a_window_without_a_known_label_says_so(tmp_path):
    with pytest.raises(OperationalException, match="no row of the training window has whole features, a known label"):
        bench_of(tmp_path).train(frame_of(rows=24, **{"&-roi": roi}))


def test_statistics_of_targets_and_classes_alone_are_noted_at_training(tmp_path):
    bench = bench_of(tmp_path).train(frame_of(**{"&-roi": roi, "&-direction": direction}))
    noted = bench.kitchen.data["labels_mean"]
    assert set(noted) == {"&-roi", *bench.model.class_names}
    assert set(noted) == set(bench.kitchen.data["labels_std"])


def test_a_backtest_gives_further_columns_no_statistics(tmp_path):
    frame = frame_of(**{"&-roi": roi})
    bench = bench_of(tmp_path).train(frame)
    found = bench.predict(frame)
    kitchen = bench.kitchen
    kitchen.data["extra_returns_per_train"] = {}
    stored = kitchen.get_predictions_to_append(found.frame, found.do_predict, frame)
    assert [column for column in stored if column.endswith(("_mean", "_std"))] == ["&-roi_mean", "&-roi_std"]


class Live:
    """A trained model behind FreqAI's live loop, candle by candle."""

    def __init__(self, bench, frame):
        self.bench, self.frame = bench, frame
        self.bench.model.live = self.bench.kitchen.live = True
        self.kitchen.find_labels(frame)

    @property
    def kitchen(self):
        return self.bench.kitchen

    def candle(self, rows):
        """Let the bot see the first ``rows`` candles; return what the strategy gets."""
        known = self.frame.iloc[:rows].copy()
        labels = [column for column in known if column.startswith("&")]
        known.loc[known.index[-24:], labels] = np.nan
        self.bench.model.build_strategy_return_arrays(known, self.kitchen, PAIR, STAMP)
        return self.kitchen.return_dataframe

    def restart(self):
        """Load the model from disk into a new instance, as a bot that was started again."""
        before, kitchen = self.bench.model, self.kitchen
        model = self.bench._new(type(before))
        model.class_names = class_names(self.frame)
        model.dd.pair_dict = before.dd.pair_dict
        model.dk = self.bench.kitchen = FreqaiDataKitchen(self.bench.config, False, PAIR)
        self.bench.model = model
        self.kitchen.data_path, self.kitchen.model_filename = kitchen.data_path, kitchen.model_filename
        self.kitchen.unique_class_list = list(kitchen.unique_class_list)
        model.model = model.dd.load_data(PAIR, self.kitchen)
        model.live = self.kitchen.live = True


def live_bench(folder, model_class, parameters=None, **ext):
    """Return a live bot with a model of 400 candles, and the candles that follow, which move ten times as much."""
    folder.mkdir(exist_ok=True)
    labels = {"&-roi": roi, "&-direction": direction}
    if model_class is PyTorchSequenceRegressor:
        del labels["&-direction"]
    trained_on = frame_of(**labels)
    bench = bench_of(folder, model_class, parameters, **ext).train(trained_on)
    bench.model.dd.save_data(bench.model.model, PAIR, bench.kitchen)
    wild = {**labels, "&-roi": lambda signal: 10.0 * roi(signal)}
    return Live(bench, pd.concat([trained_on, frame_of(rows=120, seed=1, after=trained_on, **wild)], ignore_index=True))


@pytest.mark.parametrize(
    ("model_class", "parameters"), [(CalibratedSignalModel, {}), (PyTorchSequenceRegressor, NETWORK)]
)
def test_candles_predicted_one_by_one_live_are_those_of_a_window(tmp_path, model_class, parameters):
    live = live_bench(tmp_path, model_class, parameters)
    live.bench.model.live = False
    expected = live.bench.predict(live.frame).frame
    live.restart()
    for rows in range(460, 471):
        seen = live.candle(rows)
    assert (seen["do_predict"].iloc[-10:] == 1).all()
    for column in expected.select_dtypes("number"):
        np.testing.assert_allclose(
            seen[column].iloc[-10:].astype(float), expected[column].iloc[460:470], rtol=1e-4, atol=1e-6, err_msg=column
        )
        has_statistics = column in live.frame or column in live.bench.model.class_names
        assert (f"{column}_mean" in seen) is has_statistics, column


def test_a_missing_feature_marks_the_live_candle_as_not_to_be_trusted(tmp_path):
    live = live_bench(tmp_path, CalibratedSignalModel)
    live.frame.loc[461, FEATURES[2]] = np.nan
    seen = [live.candle(rows)["do_predict"].iloc[-1] for rows in (460, 461, 462, 463)]
    # FreqAI trusts nothing of the first frame.
    assert seen == [0, 1, 0, 1]


def test_a_restarted_bot_goes_on_with_the_intervals_it_had(tmp_path):
    went_on = live_bench(tmp_path / "on", CalibratedSignalModel)
    expected = [went_on.candle(rows)["&-roi_hi"].iloc[-1] for rows in range(480, 500)]
    restarted = live_bench(tmp_path / "again", CalibratedSignalModel)
    found = []
    for rows in range(480, 500):
        if rows in (485, 490):
            # FreqAI's history of predictions survives a restart by itself.
            predicted = restarted.bench.model.dd.historic_predictions
            restarted.restart()
            restarted.bench.model.dd.historic_predictions = predicted
            restarted.bench.model.dd.model_return_values[PAIR] = pd.DataFrame()
        found.append(restarted.candle(rows)["&-roi_hi"].iloc[-1])
    assert found == expected
    path = interval_path(restarted.kitchen.data_path, restarted.kitchen.model_filename)
    assert set(json.loads(path.read_text())) == {"&-roi"}


def test_a_bot_whose_intervals_are_lost_begins_with_those_of_training(tmp_path):
    live = live_bench(tmp_path, CalibratedSignalModel)
    for rows in range(480, 500):
        learnt = live.candle(rows)
    state = live.bench.model.model.signal.interval_state(PAIR)
    interval_path(live.kitchen.data_path, live.kitchen.model_filename).unlink()
    live.restart()
    assert live.bench.model.model.signal.interval_state(PAIR) != state
    assert live.candle(500)["&-roi_hi"].iloc[-1] < learnt["&-roi_hi"].iloc[-1]


def test_a_backtest_writes_no_intervals_to_disk(tmp_path):
    frame = frame_of(**{"&-roi": roi})
    bench = bench_of(tmp_path).train(frame)
    bench.predict(frame)
    assert not list(tmp_path.rglob("*_intervals.json"))


def test_an_expired_live_model_gives_zeros_in_every_column(tmp_path):
    live = live_bench(tmp_path, CalibratedSignalModel)
    live.candle(460)
    live.bench.model.dk.check_if_model_expired = lambda _: True
    last = live.candle(461).iloc[-1]
    assert last["do_predict"] == 2
    assert (last[["&-roi", "&-roi_lo", "&-roi_hi", "p_up", "ev_bps", "confidence"]] == 0.0).all()
