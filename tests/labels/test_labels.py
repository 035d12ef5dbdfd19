"""Labels, and the time at which they are known."""

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext import labels as package
from freqai_ext._settings import parse_settings
from freqai_ext.errors import MarketDataError, SettingsError
from freqai_ext.labels import (
    LabelSettings,
    direction,
    forward_return,
    forward_returns,
    known_at,
    make_targets,
    mean_forward_return,
    reaches_loss,
    reaches_profit,
    timeframe_to_timedelta,
)
from freqai_ext.labels import timeframe as timeframe_module

FIVE_MINUTES = pd.Timedelta("5min")


LABELS = {
    "forward_return": lambda candles, horizon: forward_return(candles, horizon, "5m"),
    "mean_forward_return": lambda candles, horizon: mean_forward_return(candles, horizon, "5m"),
    "direction": lambda candles, horizon: direction(candles, horizon, "5m"),
    "profit by high": lambda candles, horizon: reaches_profit(candles, 0.01, horizon, "5m"),
    "profit by close": lambda candles, horizon: reaches_profit(candles, 0.01, horizon, "5m", "close"),
    "loss by low": lambda candles, horizon: reaches_loss(candles, -0.01, horizon, "5m"),
    "loss by close": lambda candles, horizon: reaches_loss(candles, -0.01, horizon, "5m", "close"),
}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), horizon=st.integers(1, 12), rows=st.integers(0, 60))
@pytest.mark.parametrize("name", LABELS)
def test_a_label_appears_when_it_is_known_and_never_changes_again(random_candles, name, seed, horizon, rows):
    candles = random_candles(seed)
    whole = LABELS[name](candles, horizon)
    seen = candles.iloc[:rows]
    now = seen["date"].max() + FIVE_MINUTES
    so_far = LABELS[name](seen, horizon)
    known = so_far.values.notna()
    assert (known == (whole.known_at.iloc[: len(seen)] <= now)).all()
    pd.testing.assert_series_equal(so_far.values[known], whole.values.iloc[: len(seen)][known], check_dtype=False)
    pd.testing.assert_series_equal(so_far.known_at[known], whole.known_at.iloc[: len(seen)][known])


@pytest.mark.parametrize("name", LABELS)
def test_labels_keep_the_index_and_leave_the_candles_as_they_are(random_candles, name):
    candles = random_candles(0)
    before = candles.copy(deep=True)
    labels = LABELS[name](candles, 3)
    pd.testing.assert_frame_equal(candles, before)
    assert labels.values.index.equals(candles.index)
    assert labels.known_at.index.equals(candles.index)
    assert labels.horizon_candles == 3
    assert labels.values.name == labels.name


@pytest.mark.parametrize("name", LABELS)
def test_rows_without_a_whole_horizon_have_no_label_but_a_time(candles_of, name):
    labels = LABELS[name](candles_of(np.linspace(100, 200, 10)), 4)
    assert labels.values.isna().tolist() == [False] * 6 + [True] * 4
    assert labels.known_at.notna().all()
    expected = pd.date_range("2025-01-01 00:25", periods=10, freq="5min", tz="UTC")
    assert (labels.known_at == expected).all()


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_are_utc_in_every_resolution_of_the_dates(candles_of, unit):
    candles = candles_of(range(100, 110))
    known = known_at(candles.assign(date=candles["date"].dt.as_unit(unit)), 2, "5m")
    assert str(known.dt.tz) == "UTC"
    assert (known == known_at(candles, 2, "5m")).all()


def test_a_gap_at_the_end_does_not_make_a_label_known_before_it_is_there(candles_of):
    candles = candles_of(range(100, 110)).drop(index=[6, 7, 8])
    labels = forward_return(candles, 3, "5m")
    missing = labels.known_at[labels.values.isna()]
    assert (missing > candles["date"].max() + FIVE_MINUTES).all()


def test_a_gap_in_the_candles_delays_the_label(candles_of):
    candles = candles_of(range(100, 110)).drop(index=[3, 4])
    assert known_at(candles, 2, "5m").tolist()[:3] == [
        pd.Timestamp("2025-01-01 00:15", tz="UTC"),
        pd.Timestamp("2025-01-01 00:30", tz="UTC"),
        pd.Timestamp("2025-01-01 00:35", tz="UTC"),
    ]


def test_forward_return_is_the_return_at_the_end_of_the_horizon(candles_of):
    values = forward_return(candles_of([100, 90, 110, 99]), 2, "5m").values
    np.testing.assert_allclose(values, [0.1, 0.1, np.nan, np.nan])


def test_forward_returns_of_several_horizons_are_each_known_at_their_own_time(random_candles):
    candles = random_candles(4)
    several = forward_returns(candles, (12, 3, 24), "5m")
    assert list(several) == [12, 3, 24]
    for horizon, labels in several.items():
        alone = forward_return(candles, horizon, "5m")
        pd.testing.assert_series_equal(labels.values, alone.values)
        pd.testing.assert_series_equal(labels.known_at, alone.known_at)
        assert labels.horizon_candles == horizon


def test_mean_forward_return_is_freqais_target(random_candles):
    candles = random_candles(1)
    closes = candles["close"].to_numpy()
    expected = [closes[row + 1 : row + 6].mean() / closes[row] - 1 for row in range(len(closes) - 5)]
    np.testing.assert_allclose(mean_forward_return(candles, 5, "5m").values[:-5], expected)


def test_direction_names_the_side_and_includes_the_thresholds(candles_of):
    values = direction(candles_of([100, 125, 125.5, 94.125, 94.125]), 1, "5m", -0.25, 0.25).values
    assert values[:4].tolist() == ["up", "flat", "down", "flat"]
    assert values.isna().tolist() == [False] * 4 + [True]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), horizon=st.integers(1, 12), touch=st.sampled_from(["extreme", "close"]))
def test_barriers_are_reached_by_the_candles_after_the_row(random_candles, seed, horizon, touch):
    candles = random_candles(seed)
    up = candles["high" if touch == "extreme" else "close"].to_numpy()
    down = candles["low" if touch == "extreme" else "close"].to_numpy()
    close = candles["close"].to_numpy()
    rows = range(len(close) - horizon)
    profit = [float((up[row + 1 : row + 1 + horizon] / close[row] - 1 >= 0.02).any()) for row in rows]
    loss = [float((down[row + 1 : row + 1 + horizon] / close[row] - 1 <= -0.02).any()) for row in rows]
    assert reaches_profit(candles, 0.02, horizon, "5m", touch).values.dropna().tolist() == profit
    assert reaches_loss(candles, -0.02, horizon, "5m", touch).values.dropna().tolist() == loss


def test_a_wick_reaches_a_barrier_that_no_close_reaches(candles_of):
    candles = candles_of([100, 100, 100], highs=[100, 130, 100], lows=[100, 70, 100])
    assert reaches_profit(candles, 0.25, 1, "5m").values[0] == 1.0
    assert reaches_profit(candles, 0.25, 1, "5m", "close").values[0] == 0.0
    assert reaches_loss(candles, -0.25, 1, "5m").values[0] == 1.0
    assert reaches_loss(candles, -0.25, 1, "5m", "close").values[0] == 0.0


def test_a_barrier_that_is_just_met_is_reached(candles_of):
    candles = candles_of([100, 100, 100], highs=[100, 125, 100], lows=[100, 75, 100])
    assert reaches_profit(candles, 0.25, 1, "5m").values[0] == 1.0
    assert reaches_loss(candles, -0.25, 1, "5m").values[0] == 1.0


def test_the_rows_own_candle_does_not_count(candles_of):
    candles = candles_of([100, 100, 100], highs=[150, 100, 100], lows=[50, 100, 100])
    assert reaches_profit(candles, 0.25, 1, "5m").values[0] == 0.0
    assert reaches_loss(candles, -0.25, 1, "5m").values[0] == 0.0


def test_targets_are_made_with_their_thresholds(random_candles):
    candles = random_candles(2, rows=300)
    targets = make_targets(candles, 6, "5m", LabelSettings(buy_threshold=0.02, stoploss_threshold=-0.03, touch="close"))
    assert list(targets) == ["buy", "sell", "roi", "stoploss"]
    expected = {
        "buy": reaches_profit(candles, 0.02, 6, "5m", "close"),
        "sell": reaches_loss(candles, -0.01, 6, "5m", "close"),
        "roi": forward_return(candles, 6, "5m"),
        "stoploss": reaches_loss(candles, -0.03, 6, "5m", "close"),
    }
    for name, labels in expected.items():
        pd.testing.assert_series_equal(targets[name].values, labels.values)
    assert targets["buy"].values.mean() != targets["sell"].values.mean()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"buy_threshold": 0}, r"freqai_ext\.labels\.buy_threshold: 0 is not valid; .* greater than 0"),
        ({"sell_threshold": 0.01}, r"freqai_ext\.labels\.sell_threshold: 0.01 is not valid; .* less than 0"),
        ({"stoploss_threshold": -5}, r"freqai_ext\.labels\.stoploss_threshold: -5 is not valid; .* greater than -1"),
        ({"touch": "wick"}, r"freqai_ext\.labels\.touch: 'wick' is not valid; .*'extreme' or 'close'"),
    ],
)
def test_a_wrong_setting_is_named(raw, message):
    with pytest.raises(SettingsError, match=message):
        parse_settings(LabelSettings, raw, "freqai_ext.labels")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: forward_return(c, 0, "5m"), "horizon_candles: 0 is not valid; it must be at least 1"),
        (lambda c: reaches_profit(c, -0.01, 3, "5m"), "threshold: -0.01 is not valid; a profit must be above 0"),
        (lambda c: reaches_loss(c, 0.01, 3, "5m"), "threshold: 0.01 is not valid; a loss must be below 0"),
        (
            lambda c: direction(c, 3, "5m", 0.0, 0.0),
            "down_threshold: 0.0 is not valid; it must be below up_threshold 0.0",
        ),
        (lambda c: forward_return(c, 3, "5 minutes"), "timeframe: '5 minutes' is not valid; write a whole number and"),
    ],
)
def test_a_wrong_argument_is_named(candles_of, call, message):
    with pytest.raises(SettingsError, match=message):
        call(candles_of([1, 2, 3, 4, 5]))


def test_a_missing_column_is_named(candles_of):
    with pytest.raises(MarketDataError, match="candles: no column low; needed are date, high, low, close"):
        make_targets(candles_of([1, 2]).drop(columns="low"), 1, "5m")


@pytest.mark.parametrize(
    ("timeframe", "length"),
    [("30s", "30s"), ("5m", "5min"), ("15m", "15min"), ("4h", "4h"), ("1d", "1D"), ("1w", "7D")],
)
def test_timeframes_have_their_length(timeframe, length):
    assert timeframe_to_timedelta(timeframe) == pd.Timedelta(length)


@pytest.mark.parametrize("timeframe", ["", "5", "m", "0m", "5x", "1M", "1.5h", "-5m", "5m "])
def test_what_is_no_timeframe_is_refused(timeframe):
    with pytest.raises(
        SettingsError, match=r"is not valid; write a whole number and s, m, h, d or w, e\.g\. 5m, 1h, 1d"
    ):
        timeframe_to_timedelta(timeframe)


def test_the_example_in_the_documentation_runs():
    results = doctest.testmod(timeframe_module)
    assert results.attempted > 0
    assert results.failed == 0


def test_public_names_are_these():
    assert sorted(package.__all__) == [
        "BarrierLabels",
        "ExtremaLabels",
        "LabelSettings",
        "Labels",
        "Side",
        "Touch",
        "combine_weights",
        "direction",
        "forward_return",
        "forward_returns",
        "known_at",
        "make_targets",
        "mean_forward_return",
        "reaches_loss",
        "reaches_profit",
        "recency_weights",
        "timeframe_to_timedelta",
        "trailing_volatility",
        "trend_extrema",
        "triple_barrier",
        "uniqueness_weights",
        "volatility_weights",
    ]
    assert all(hasattr(package, name) for name in package.__all__)
