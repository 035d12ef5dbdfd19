"""Entries and exits from predictions, for longs and their mirror image, shorts."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

METADATA = {"pair": "ETH/USDT"}
LONG, SHORT = "enter_long", "enter_short"
CLOSING = {"enter_long": "exit_long", "enter_short": "exit_short"}

GOOD = {
    "expected_return": 0.003,
    "do_predict": 1,
    "volume": 5.0,
    "stoploss_risk": 0.05,
    "rsi": 50.0,
    "close": 101.0,
    "ema": 100.0,
}
"""A candle to go long on."""


def frame(*changes):
    return pd.DataFrame([{**GOOD, **change} for change in changes or ({},)])


def mirrored(candles):
    """Return the candles that say of shorts what ``candles`` say of longs."""
    return candles.assign(
        expected_return=-candles["expected_return"],
        rsi=100.0 - candles["rsi"],
        ema=2 * candles["close"] - candles["ema"],
    )


def marks(candles, column):
    return candles[column].eq(1).tolist() if column in candles else [False] * len(candles)


def entries(strategy, candles, column=LONG):
    return marks(strategy.populate_entry_trend(candles.copy(), METADATA), column)


def exits(strategy, candles, column="exit_long"):
    return marks(strategy.populate_exit_trend(candles.copy(), METADATA), column)


@pytest.fixture
def futures(make_strategy):
    return make_strategy("futures")


def test_a_promising_candle_is_entered_and_tagged(strategy):
    entered = strategy.populate_entry_trend(frame(), METADATA)
    assert entered.loc[0, LONG] == 1
    assert entered.loc[0, "enter_tag"] == "expected_rise"


def test_candles_without_a_signal_get_zeros_and_no_tag(futures):
    quiet = futures.populate_exit_trend(futures.populate_entry_trend(frame({"do_predict": 0}), METADATA), METADATA)
    for column in (LONG, SHORT, *CLOSING.values()):
        assert quiet[column].tolist() == [0]
    assert quiet["enter_tag"].tolist() == quiet["exit_tag"].tolist() == [None]


@pytest.mark.parametrize(
    "change",
    [
        {"do_predict": 0},
        {"do_predict": 2},
        {"do_predict": -1},
        {"volume": 0.0},
        {"stoploss_risk": 0.2},
        {"expected_return": 0.0015},
        {"expected_return": np.nan},
        {"rsi": 85.0},
        {"rsi": np.nan},
    ],
    ids=lambda change: " ".join(f"{key}={value}" for key, value in change.items()),
)
def test_each_condition_alone_keeps_the_strategy_out(futures, change):
    assert entries(futures, frame({}, change)) == [True, False]
    assert entries(futures, mirrored(frame({}, change)), SHORT) == [True, False]


def test_the_trend_matters_only_where_it_is_asked_for(futures):
    against = frame({"ema": 102.0})
    assert entries(futures, against) == entries(futures, mirrored(against), SHORT) == [True]
    futures.entry_needs_trend.value = True
    assert entries(futures, against) == entries(futures, mirrored(against), SHORT) == [False]
    assert entries(futures, frame()) == entries(futures, mirrored(frame()), SHORT) == [True]


def test_spot_never_goes_short(strategy):
    falling = mirrored(frame())
    assert SHORT not in strategy.populate_entry_trend(falling.copy(), METADATA)
    assert "exit_short" not in strategy.populate_exit_trend(falling.copy(), METADATA)


def test_a_short_is_tagged_as_such(futures):
    entered = futures.populate_entry_trend(mirrored(frame()), METADATA)
    assert entered.loc[0, SHORT] == 1
    assert entered.loc[0, "enter_tag"] == "expected_fall"


@pytest.mark.parametrize(
    ("change", "leaves"),
    [
        ({"expected_return": -0.001}, True),
        ({"expected_return": -0.0005}, False),
        ({"expected_return": 0.002}, False),
        ({"expected_return": -0.001, "do_predict": 0}, False),
        ({"expected_return": -0.001, "volume": 0.0}, False),
        ({"expected_return": np.nan}, False),
    ],
)
def test_a_position_is_left_when_the_trusted_expectation_has_turned(futures, change, leaves):
    assert exits(futures, frame(change)) == [leaves]
    assert exits(futures, mirrored(frame(change)), "exit_short") == [leaves]


CANDLES = st.lists(
    st.fixed_dictionaries(
        {
            "expected_return": st.floats(-0.02, 0.02),
            "do_predict": st.sampled_from([-1, 0, 1, 2]),
            "volume": st.sampled_from([0.0, 3.0]),
            "stoploss_risk": st.floats(0.0, 1.0),
            "rsi": st.integers(0, 100).map(float),
            "close": st.just(100.0),
            "ema": st.integers(90, 110).map(float),
        }
    ),
    min_size=1,
    max_size=20,
).map(pd.DataFrame)


@settings(max_examples=60, deadline=None)
@given(candles=CANDLES)
def test_shorts_mirror_longs(make_strategy, candles):
    futures = make_strategy("futures")
    for needs_trend in (False, True):
        futures.entry_needs_trend.value = needs_trend
        for column in (LONG, SHORT):
            opposite = SHORT if column == LONG else LONG
            assert entries(futures, candles, column) == entries(futures, mirrored(candles), opposite)
            assert exits(futures, candles, CLOSING[column]) == exits(futures, mirrored(candles), CLOSING[opposite])


@settings(max_examples=60, deadline=None)
@given(candles=CANDLES)
def test_no_candle_is_entered_both_ways_or_without_trust(make_strategy, candles):
    futures = make_strategy("futures")
    long, short = (np.array(entries(futures, candles, column)) for column in (LONG, SHORT))
    assert not (long & short).any()
    distrusted = candles["do_predict"].ne(1) | candles["volume"].eq(0)
    assert not (long | short)[distrusted].any()
    leaving = np.array(exits(futures, candles)) | np.array(exits(futures, candles, "exit_short"))
    assert not leaving[distrusted].any()


NOW = datetime(2025, 1, 2, tzinfo=UTC)


def leave(strategy, candles_held, expected=None, is_short=False):
    """Ask ``custom_exit`` about a trade that has lasted ``candles_held`` candles; the horizon is 12."""
    if expected is not None:
        strategy.dp.analyzed["ETH/USDT"] = pd.DataFrame({"expected_return": [9.9, expected]})
    trade = SimpleNamespace(open_date_utc=NOW - timedelta(minutes=5 * candles_held), is_short=is_short)
    return strategy.custom_exit("ETH/USDT", trade, NOW, 100.0, 0.0)


@pytest.mark.parametrize(
    ("candles_held", "expected", "is_short", "reason"),
    [
        (23, 0.0, False, None),
        (24, 0.0, False, "horizon_passed"),
        (24, 0.0015, False, "horizon_passed"),
        (24, 0.01, False, None),
        (24, -0.01, False, "horizon_passed"),
        (24, -0.01, True, None),
        (24, 0.01, True, "horizon_passed"),
        (500, 0.0, True, "horizon_passed"),
        (24, np.nan, False, "horizon_passed"),
    ],
)
def test_a_trade_ends_after_its_horizon_unless_the_newest_forecast_calls_for_it(
    futures, candles_held, expected, is_short, reason
):
    assert leave(futures, candles_held, expected, is_short) == reason


def test_a_trade_goes_on_while_there_is_no_analysed_candle(strategy):
    assert leave(strategy, 500) is None
