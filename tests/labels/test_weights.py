"""Sample weights."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import SettingsError
from freqai_ext.labels import (
    combine_weights,
    recency_weights,
    triple_barrier,
    uniqueness_weights,
    volatility_weights,
)

MIDNIGHT = pd.Timestamp("2025-01-01", tz="UTC")
INTERVALS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), min_size=1, max_size=25)
POSITIVE = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30)


def times(minutes):
    return pd.Series(MIDNIGHT + pd.to_timedelta(minutes, unit="min"))


def uniqueness_of(intervals):
    starts, lengths = np.array(intervals).T
    return uniqueness_weights(times(starts), times(starts + lengths))


@settings(max_examples=100, deadline=None)
@given(intervals=INTERVALS)
def test_uniqueness_is_the_mean_over_the_interval_of_one_over_the_open_labels(intervals):
    starts, lengths = np.array(intervals).T
    minutes = np.arange(45)
    is_open = (starts[:, None] <= minutes) & (minutes < (starts + lengths)[:, None])
    share = is_open / np.maximum(is_open.sum(axis=0), 1)
    np.testing.assert_allclose(uniqueness_of(intervals), share.sum(axis=1) / lengths)


@settings(max_examples=50, deadline=None)
@given(intervals=INTERVALS)
def test_labels_share_out_the_time_that_they_cover(intervals):
    covered = {minute for start, length in intervals for minute in range(start, start + length)}
    lengths = np.array(intervals)[:, 1]
    assert (uniqueness_of(intervals) * lengths).sum() == pytest.approx(len(covered))


@settings(max_examples=50, deadline=None)
@given(intervals=INTERVALS)
def test_a_second_copy_of_every_label_halves_the_uniqueness(intervals):
    twice = uniqueness_of(intervals + intervals)
    np.testing.assert_allclose(twice, np.tile(uniqueness_of(intervals) / 2.0, 2))


def test_a_label_may_start_when_another_ends_and_both_are_unique():
    assert uniqueness_of([(0, 5), (5, 5), (20, 1)]).tolist() == [1.0, 1.0, 1.0]


def test_labels_of_a_fixed_horizon_on_every_candle_weigh_one_over_the_horizon():
    inside = uniqueness_of([(row, 4) for row in range(50)]).iloc[3:-3]
    np.testing.assert_allclose(inside, 0.25)


def test_a_row_without_a_known_end_has_no_weight_and_overlaps_nothing():
    start = times([0, 1, 2, 3]).set_axis(list("abcd"))
    end = times([4, 9, 6, 7]).set_axis(list("abcd"))
    end["b"] = start["d"] = pd.NaT
    weights = uniqueness_weights(start, end)
    pd.testing.assert_series_equal(weights, pd.Series([0.75, np.nan, 0.75, np.nan], list("abcd"), name="uniqueness"))


@pytest.mark.parametrize("rows", [0, 3])
def test_without_known_ends_there_are_no_weights(rows):
    start = times(range(rows))
    weights = uniqueness_weights(start, start.mask(start.notna()))
    assert len(weights) == rows
    assert weights.isna().all()


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_uniqueness_takes_times_of_any_resolution(unit):
    start, end = times([0, 1]), times([4, 9])
    pd.testing.assert_series_equal(uniqueness_weights(start.dt.as_unit(unit), end), uniqueness_weights(start, end))


def test_barrier_labels_that_resolve_fast_are_more_unique(random_candles):
    candles = random_candles(0, rows=600)
    labels = triple_barrier(candles, 12, "5m", volatility_candles=5, profit_multiple=0.4, loss_multiple=0.4)
    weights = uniqueness_weights(candles["date"] + timedelta(minutes=5), labels.resolved_at)
    assert weights.notna().equals(labels.values.notna())
    assert weights[labels.candles_held <= 2].mean() > weights[labels.candles_held >= 8].mean()


def test_an_interval_that_ends_at_its_start_is_named():
    with pytest.raises(ValueError, match=r"row 1: its interval ends at 2025-01-01 00:01:00\+00:00, not after its star"):
        uniqueness_weights(times([0, 1]), times([5, 1]))


def test_start_and_end_of_different_rows_are_refused():
    with pytest.raises(ValueError, match="start and end have different indexes; make both from the same candles"):
        uniqueness_weights(times([0, 1]), times([5, 6]).set_axis([1, 2]))


@settings(max_examples=50, deadline=None)
@given(minutes=st.lists(st.integers(0, 10_000), min_size=1, max_size=30), half_life=st.integers(1, 5_000))
def test_recency_halves_with_every_half_life_before_the_newest(minutes, half_life):
    weights = recency_weights(times(minutes), timedelta(minutes=half_life))
    expected = [2.0 ** ((minute - max(minutes)) / half_life) for minute in minutes]
    np.testing.assert_allclose(weights, expected, atol=1e-300)


@pytest.mark.parametrize("hours", [0, -1])
def test_a_half_life_that_is_not_above_zero_is_refused(hours):
    with pytest.raises(SettingsError, match=r"half_life: .* is not valid; it must be above 0, e\.g\. 14 days"):
        recency_weights(times([0]), timedelta(hours=hours))


@settings(max_examples=50, deadline=None)
@given(volatility=POSITIVE, scale=st.floats(1e-3, 1e3))
def test_volatility_weights_do_not_depend_on_the_unit_and_fall_with_the_square(volatility, scale):
    series = pd.Series(volatility)
    weights = volatility_weights(series, calm_quantile=0.0)
    np.testing.assert_allclose(weights, (min(volatility) / series) ** 2)
    np.testing.assert_allclose(volatility_weights(series * scale, calm_quantile=0.0), weights)


def test_calm_rows_weigh_no_more_than_one_at_the_quantile():
    volatility = pd.Series([0.0, 1e-9, 2.0, 3.0, 4.0, np.nan, 5.0])
    weights = volatility_weights(volatility, calm_quantile=0.5)
    np.testing.assert_allclose(weights, [1.0, 1.0, 1.0, 1.0, 9 / 16, np.nan, 9 / 25])


def test_without_any_volatility_there_are_no_weights():
    assert volatility_weights(pd.Series([0.0, 0.0, np.nan])).isna().all()


def test_a_quantile_outside_zero_to_one_is_refused():
    with pytest.raises(SettingsError, match=r"calm_quantile: 5 is not valid; it must be from 0 to 1"):
        volatility_weights(pd.Series([1.0]), calm_quantile=5)


@settings(max_examples=50, deadline=None)
@given(pairs=st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)), min_size=1, max_size=30))
def test_combined_weights_are_the_product_with_a_mean_of_one(pairs):
    first, second = (pd.Series(column) for column in zip(*pairs, strict=True))
    combined = combine_weights(first, second)
    assert combined.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(combined * first.iloc[0] * second.iloc[0], combined.iloc[0] * first * second)
    np.testing.assert_allclose(combine_weights(second * 7.0, first), combined)


def test_a_row_that_lacks_a_weight_has_none_and_the_others_weigh_one_on_average():
    combined = combine_weights(pd.Series([1.0, np.nan, 3.0]), pd.Series([1.0, 1.0, 1.0]))
    np.testing.assert_allclose(combined, [0.5, np.nan, 1.5])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], "no weights are given; give at least one series"),
        ([pd.Series([1.0]), pd.Series([1.0, 1.0])], "weights 2 have another index than weights 1; make all from the"),
        ([pd.Series([1.0, -0.5])], r"weights 1 hold -0\.5; weights must be finite and not below 0"),
        ([pd.Series([1.0]), pd.Series([np.inf])], "weights 2 hold inf; weights must be finite and not below 0"),
        ([pd.Series([0.0, np.nan])], "all weights are 0 or missing; no row would be trained on"),
    ],
)
def test_weights_that_cannot_be_combined_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        combine_weights(*weights)
