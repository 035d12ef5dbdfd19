"""The triple barrier: which barrier is met first, what is earned, and when it is known."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import MarketDataError, SettingsError
from freqai_ext.labels import forward_return, known_at, trailing_volatility, triple_barrier

FIVE_MINUTES = pd.Timedelta("5min")
WARM_UP = 5
PER_ROW = ("values", "returns", "barrier_width", "candles_held", "resolved_at")
SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.sampled_from(["long", "short"])
MULTIPLES = st.sampled_from([0.3, 0.7, 1.5, math.inf])


def labels_of(candles, horizon=4, profit=0.7, loss=0.7, side="long"):
    return triple_barrier(
        candles, horizon, "5m", volatility_candles=WARM_UP, profit_multiple=profit, loss_multiple=loss, side=side
    )


def followed_by(candles_of, **candle):
    """Ten candles that swing by 1 %, then one given as open, high, low, close relative to the last close, then calm."""
    closes = [100.0 if row % 2 else 101.0 for row in range(10)]
    after = [100.0 * candle.get(name, 1.0) for name in ("open", "high", "low", "close")]
    opens, highs, lows, ends = ([*closes, price, 100.0, 100.0] for price in after)
    return candles_of(ends, highs, lows, opens), 9


def walk_forward(candles, row, horizon, profit, loss, side):
    """The definition, candle by candle: outcome, return and candles held of one position."""
    entry = candles["close"].iloc[row]
    for held in range(1, horizon + 1):
        later = candles.iloc[row + held]
        if side == "long":
            target, stop = entry * (1 + profit), entry * (1 - loss)
            if later["low"] <= stop:
                return -1.0, min(stop, later["open"]) / entry - 1, held
            if later["high"] >= target:
                return 1.0, max(target, later["open"]) / entry - 1, held
        else:
            target, stop = entry * (1 - profit), entry * (1 + loss)
            if later["high"] >= stop:
                return -1.0, 1 - max(stop, later["open"]) / entry, held
            if later["low"] <= target:
                return 1.0, 1 - min(target, later["open"]) / entry, held
    move = candles["close"].iloc[row + horizon] / entry - 1
    return 0.0, move if side == "long" else -move, horizon


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, horizon=st.integers(1, 12), profit=MULTIPLES, loss=MULTIPLES, side=SIDES)
def test_each_row_is_labelled_as_its_position_would_end(random_candles, seed, horizon, profit, loss, side):
    candles = random_candles(seed)
    labels = labels_of(candles, horizon, profit, loss, side)
    width = trailing_volatility(candles, WARM_UP) * math.sqrt(horizon)
    rows = range(WARM_UP, len(candles) - horizon)
    assert np.flatnonzero(labels.values.notna()).tolist() == list(rows)
    ends = [walk_forward(candles, r, horizon, profit * width.iloc[r], loss * width.iloc[r], side) for r in rows]
    actual = pd.concat([labels.values, labels.returns, labels.candles_held], axis=1).dropna()
    np.testing.assert_allclose(actual, np.reshape(ends, (-1, 3)), rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, horizon=st.integers(1, 12), rows=st.integers(0, 60), side=SIDES)
def test_a_label_appears_when_its_horizon_ends_and_never_changes_again(random_candles, seed, horizon, rows, side):
    candles = random_candles(seed)
    whole = labels_of(candles, horizon, side=side)
    seen = candles.iloc[:rows]
    now = seen["date"].max() + FIVE_MINUTES
    so_far = labels_of(seen, horizon, side=side)
    known = (whole.known_at.iloc[: len(seen)] <= now) & (np.arange(len(seen)) >= WARM_UP)
    for name in PER_ROW:
        before, after = getattr(so_far, name), getattr(whole, name).iloc[: len(seen)]
        assert (before.notna() == known).all()
        pd.testing.assert_series_equal(before[known], after[known], check_dtype=False)
    assert so_far.known_at.notna().all()


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, horizon=st.integers(1, 12))
def test_a_label_is_resolved_when_the_candle_of_the_touch_closes(random_candles, seed, horizon):
    candles = random_candles(seed)
    labels = labels_of(candles, horizon)
    pd.testing.assert_series_equal(labels.known_at, known_at(candles, horizon, "5m"))
    for row in np.flatnonzero(labels.values.notna()):
        touch = candles["date"].iloc[row + int(labels.candles_held.iloc[row])]
        assert labels.resolved_at.iloc[row] == touch + FIVE_MINUTES
    timed_out = labels.values == 0.0
    assert (labels.resolved_at[timed_out] == labels.known_at[timed_out]).all()
    assert not (labels.resolved_at > labels.known_at).any()


@pytest.mark.parametrize("side", ["long", "short"])
def test_where_one_candle_meets_both_barriers_the_loss_is_first(candles_of, side):
    candles, row = followed_by(candles_of, high=1.5, low=0.5)
    labels = labels_of(candles, 2, side=side)
    assert labels.values[row] == -1.0
    assert labels.returns[row] == pytest.approx(-0.7 * labels.barrier_width[row])
    assert labels.candles_held[row] == 1.0


@pytest.mark.parametrize(
    ("side", "candle", "outcome", "expected"),
    [
        ("long", {"open": 0.8, "high": 0.9, "low": 0.7}, -1.0, -0.2),
        ("long", {"open": 1.2, "high": 1.3, "low": 1.1}, 1.0, 0.2),
        ("short", {"open": 1.2, "high": 1.3, "low": 1.1}, -1.0, -0.2),
        ("short", {"open": 0.8, "high": 0.9, "low": 0.7}, 1.0, 0.2),
    ],
)
def test_a_candle_that_opens_beyond_a_barrier_is_left_at_its_open(candles_of, side, candle, outcome, expected):
    candles, row = followed_by(candles_of, **candle)
    labels = labels_of(candles, 2, side=side)
    assert labels.values[row] == outcome
    assert labels.returns[row] == pytest.approx(expected)


@pytest.mark.parametrize(("side", "high_outcome"), [("long", 1.0), ("short", -1.0)])
def test_a_barrier_that_is_just_met_is_met(candles_of, side, high_outcome):
    calm, row = followed_by(candles_of)
    width = labels_of(calm, 2, 1.0, 1.0).barrier_width[row]
    for column, level, outcome in (("high", 1.0 + width, high_outcome), ("low", 1.0 - width, -high_outcome)):
        met = calm.copy()
        met.loc[row + 1, column] = 100.0 * level
        assert labels_of(met, 2, 1.0, 1.0, side).values[row] == outcome
        met.loc[row + 1, column] = 100.0 * (level + (1e-9 if column == "low" else -1e-9))
        assert labels_of(met, 2, 1.0, 1.0, side).values[row] == 0.0


def test_the_rows_own_candle_does_not_count(candles_of):
    candles, row = followed_by(candles_of)
    candles.loc[row, ["high", "low"]] = [150.0, 50.0]
    assert labels_of(candles, 2).values[row] == 0.0


def test_without_barriers_the_return_is_the_forward_return(random_candles):
    candles = random_candles(3)
    forward = forward_return(candles, 6, "5m").values
    for side, sign in (("long", 1.0), ("short", -1.0)):
        labels = labels_of(candles, 6, math.inf, math.inf, side)
        assert set(labels.values.dropna()) == {0.0}
        expected = sign * forward[labels.values.notna()]
        pd.testing.assert_series_equal(labels.returns.dropna(), expected, check_names=False)


def test_barriers_stand_at_the_usual_move_over_the_horizon(random_candles):
    candles = random_candles(5)
    labels = labels_of(candles, 9)
    expected = (3.0 * trailing_volatility(candles, WARM_UP))[labels.values.notna()]
    pd.testing.assert_series_equal(labels.barrier_width.dropna(), expected, check_names=False)


def test_a_price_that_stands_still_has_no_barriers_and_so_no_label(candles_of):
    labels = labels_of(candles_of([100.0] * 20), 2)
    for name in PER_ROW:
        assert getattr(labels, name).isna().all()
    assert labels.known_at.notna().all()


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
def test_a_missing_price_within_the_horizon_leaves_the_row_without_a_label(candles_of, column):
    candles, row = followed_by(candles_of)
    candles.loc[row + 1, column] = np.nan
    labels = labels_of(candles, 2)
    assert labels.values[row - 2 : row + 1].isna().tolist() == [False, True, True]


def test_labels_keep_the_index_and_leave_the_candles_as_they_are(random_candles):
    candles = random_candles(0)
    before = candles.copy(deep=True)
    labels = labels_of(candles, 3)
    pd.testing.assert_frame_equal(candles, before)
    for name in (*PER_ROW, "known_at"):
        assert getattr(labels, name).index.equals(candles.index)
        assert getattr(labels, name).name == {"values": labels.name}.get(name, name)
    assert labels.horizon_candles == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profit": 0.0}, r"profit_multiple: 0\.0 is not valid; it must be above 0, e\.g\. 1\.0"),
        ({"loss": -1.0}, r"loss_multiple: -1\.0 is not valid; it must be above 0, e\.g\. 1\.0"),
        ({"loss": math.nan}, "loss_multiple: nan is not valid; it must be above 0"),
        ({"side": "both"}, "side: 'both' is not valid; write 'long' or 'short'"),
        ({"horizon": 0}, "horizon_candles: 0 is not valid; it must be at least 1"),
    ],
)
def test_a_wrong_argument_is_named(random_candles, arguments, message):
    with pytest.raises(SettingsError, match=message):
        labels_of(random_candles(0), **arguments)


def test_a_missing_column_is_named(random_candles):
    with pytest.raises(MarketDataError, match="candles: no column open; needed are date, open, high, low, close"):
        labels_of(random_candles(0).drop(columns="open"))
