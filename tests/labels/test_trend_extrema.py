"""Turning points of the trend, and when they are confirmed."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import MarketDataError, SettingsError
from freqai_ext.labels import trailing_volatility, trend_extrema

FIVE_MINUTES = pd.Timedelta("5min")
SEEDS = st.integers(0, 2**32 - 1)
KINDS = st.sampled_from(["fixed", "any", "volatility"])


def ratios_of(candles, kind, seed):
    """One ratio for all, any ratio per candle with some missing, or one that follows the volatility."""
    if kind == "fixed":
        return 0.015
    if kind == "volatility":
        return 1.5 * trailing_volatility(candles, 5)
    generator = np.random.default_rng(seed)
    ratios = pd.Series(generator.uniform(0.002, 0.03, len(candles)), index=candles.index)
    return ratios.mask(generator.random(len(candles)) < 0.2)


def turns_by_definition(closes, ratios):
    """(row, confirmed at row, value) of all extrema, each sought again among the closes since the one before."""
    turns, last, since = [], 0.0, 0
    for row, (close, ratio) in enumerate(zip(closes, ratios, strict=True)):
        leg = closes[since : row + 1]
        if last <= 0.0 and close / leg.min() >= 1.0 + ratio:
            turns.append((since + int(np.argmin(leg)), row, 1.0))
        elif last >= 0.0 and leg.max() / close >= 1.0 + ratio:
            turns.append((since + int(np.argmax(leg)), row, -1.0))
        else:
            continue
        since, last = turns[-1][0] + 1, turns[-1][2]
    return turns


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS, kind=KINDS)
def test_extrema_are_those_of_the_definition(random_candles, seed, kind):
    candles = random_candles(seed)
    ratios = ratios_of(candles, kind, seed)
    turns = turns_by_definition(candles["close"].to_numpy(), np.broadcast_to(ratios, len(candles)))
    values, known = np.full(len(candles), np.nan), np.full(len(candles), -1)
    for (before, _, _), (row, confirmed, value) in itertools.pairwise(turns):
        values[before + 1 : row], values[row], known[before + 1 : row + 1] = 0.0, value, confirmed
    labels = trend_extrema(candles, "5m", reversal_ratio=ratios)
    np.testing.assert_array_equal(labels.values, values)
    closes = candles["date"] + FIVE_MINUTES
    assert labels.known_at.dropna().tolist() == [closes.iloc[row] for row in known if row >= 0]


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS, kind=KINDS, rows=st.integers(0, 60))
def test_a_label_appears_when_it_is_confirmed_and_never_changes_again(random_candles, seed, kind, rows):
    candles = random_candles(seed)
    ratios = ratios_of(candles, kind, seed)
    whole = trend_extrema(candles, "5m", reversal_ratio=ratios)
    seen = candles.iloc[:rows]
    now = seen["date"].max() + FIVE_MINUTES
    so_far = trend_extrema(seen, "5m", reversal_ratio=ratios if kind == "fixed" else ratios.iloc[:rows])
    known = whole.known_at.iloc[: len(seen)] <= now
    for name in ("values", "known_at"):
        before, after = getattr(so_far, name), getattr(whole, name).iloc[: len(seen)]
        assert (before.notna() == known).all()
        pd.testing.assert_series_equal(before[known], after[known], check_dtype=False)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS)
def test_bottoms_and_tops_alternate_and_lie_a_reversal_apart(random_candles, seed):
    candles = random_candles(seed, rows=200)
    values = trend_extrema(candles, "5m", reversal_ratio=0.02).values
    turns = values[values.abs() == 1.0]
    assert len(turns) > 1
    assert (turns.diff().dropna().abs() == 2.0).all()
    assert (np.log(candles["close"][turns.index]).diff().dropna().abs() >= np.log1p(0.02) - 1e-12).all()


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_the_price_upside_down_turns_at_the_same_candles(random_candles, seed):
    candles = random_candles(seed)
    labels = trend_extrema(candles, "5m", reversal_ratio=0.015)
    mirrored = trend_extrema(candles.assign(close=1.0 / candles["close"]), "5m", reversal_ratio=0.015)
    pd.testing.assert_series_equal(mirrored.values, 0.0 - labels.values)
    pd.testing.assert_series_equal(mirrored.known_at, labels.known_at)


def test_rows_are_known_up_to_the_last_confirmed_extremum_and_after_the_first(candles_of):
    candles = candles_of([100, 95, 100, 120, 118, 120, 110, 95, 97, 108, 112, 111])
    labels = trend_extrema(candles, "5m", reversal_ratio=0.08)
    missing = np.nan
    expected = [missing, missing, 0, -1, 0, 0, 0, 1, missing, missing, missing, missing]
    np.testing.assert_array_equal(labels.values, expected)
    top_confirmed, bottom_confirmed = candles["date"][[6, 9]] + FIVE_MINUTES
    assert labels.known_at[2:4].eq(top_confirmed).all()
    assert labels.known_at[4:8].eq(bottom_confirmed).all()
    assert labels.known_at.isna().equals(labels.values.isna())


def test_a_turn_of_just_the_ratio_counts(candles_of):
    closes = [100, 150, 120, 180]
    at = trend_extrema(candles_of(closes), "5m", reversal_ratio=0.25 - 1e-12).values
    np.testing.assert_array_equal(at, [np.nan, -1.0, 1.0, np.nan])
    assert trend_extrema(candles_of(closes), "5m", reversal_ratio=0.25 + 1e-9).values.isna().all()


@pytest.mark.parametrize("nothing", [np.nan, 0.0])
def test_a_candle_without_a_ratio_confirms_nothing(candles_of, nothing):
    candles = candles_of([100, 150, 120, 180, 180])
    ratios = pd.Series([0.2, 0.2, 0.2, nothing, 0.2])
    labels = trend_extrema(candles, "5m", reversal_ratio=ratios)
    np.testing.assert_array_equal(labels.values, [np.nan, -1.0, 1.0, np.nan, np.nan])
    assert labels.known_at[2] == candles["date"][4] + FIVE_MINUTES


@pytest.mark.parametrize("closes", [[], [100.0], [100.0] * 30, list(range(100, 130))])
def test_without_two_confirmed_turns_nothing_is_known(candles_of, closes):
    labels = trend_extrema(candles_of(closes), "5m", reversal_ratio=0.05)
    assert len(labels.values) == len(labels.known_at) == len(closes)
    assert labels.values.isna().all()
    assert labels.known_at.isna().all()


def test_labels_keep_the_index_and_leave_the_candles_as_they_are(random_candles):
    candles = random_candles(0)
    before = candles.copy(deep=True)
    labels = trend_extrema(candles, "5m", reversal_ratio=0.01)
    pd.testing.assert_frame_equal(candles, before)
    assert labels.values.index.equals(candles.index)
    assert labels.known_at.index.equals(candles.index)
    assert labels.values.name == labels.name
    assert str(labels.known_at.dt.tz) == "UTC"


@pytest.mark.parametrize(
    ("ratio", "message"),
    [
        (0.0, r"reversal_ratio: 0\.0 is not valid; it must be above 0, e\.g\. 0\.01"),
        (np.nan, "reversal_ratio: nan is not valid; it must be above 0"),
        (pd.Series([0.1, -0.2, np.nan]), r"reversal_ratio: -0\.2 is not valid; it must be above 0"),
        (pd.Series([0.1, 0.1]), "reversal_ratio: its index is not that of the candles; make it from the same candles"),
    ],
)
def test_a_wrong_ratio_is_named(candles_of, ratio, message):
    with pytest.raises(SettingsError, match=message):
        trend_extrema(candles_of([1, 2, 3]), "5m", reversal_ratio=ratio)


def test_a_missing_column_is_named(candles_of):
    with pytest.raises(MarketDataError, match="candles: no column close; needed are date, close"):
        trend_extrema(candles_of([1, 2]).drop(columns="close"), "5m", reversal_ratio=0.1)


@pytest.mark.parametrize("close", [np.nan, 0.0])
def test_a_close_that_is_no_price_is_named(candles_of, close):
    message = rf"candles: close is {close} at 2025-01-01 00:05:00\+00:00; it must be above 0: drop that candle"
    with pytest.raises(MarketDataError, match=message):
        trend_extrema(candles_of([1, close, 2]), "5m", reversal_ratio=0.1)
