"""Purged splits: by property, by brute force and against purgedcv."""

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict

from freqai_ext.errors import SettingsError
from freqai_ext.validation import PurgedKFold, PurgedWalkForward, purged_k_fold, purged_walk_forward

HOUR = pd.Timedelta("1h")
SEEDS = st.integers(0, 2**32 - 1)


def label_times(seed: int, rows: int = 60, longest: int = 8) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Sorted dates with gaps, and labels of differing length."""
    generator = np.random.default_rng(seed)
    hours = np.cumsum(generator.integers(1, 4, rows))
    dates = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h")
    return dates, dates + pd.to_timedelta(generator.integers(1, longest + 1, rows), unit="h")


def panel_times(seed: int) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """The same dates three times over with differing labels, in no order."""
    dates, known_at = zip(*(label_times(seed, longest=longest) for longest in (2, 5, 8)), strict=True)
    order = np.random.default_rng(seed).permutation(180)
    return dates[0].append(list(dates[1:]))[order], known_at[0].append(list(known_at[1:]))[order]


def folds_or_assume(splitter):
    try:
        return splitter.folds()
    except SettingsError:
        assume(False)


@settings(deadline=None)
@given(seed=SEEDS, n_splits=st.integers(1, 8), embargo=st.integers(0, 6), days=st.none() | st.integers(1, 3))
@pytest.mark.parametrize("make", [label_times, panel_times])
def test_walk_forward_trains_on_all_that_was_known_and_nothing_else(make, seed, n_splits, embargo, days):
    dates, known_at = make(seed)
    period = None if days is None else pd.Timedelta(days=days)
    splitter = PurgedWalkForward(dates, known_at, n_splits=n_splits, train_period=period, embargo=embargo * HOUR)
    for fold in folds_or_assume(splitter):
        assert known_at[fold.train].max() <= fold.test_start - embargo * HOUR
        wanted = known_at <= fold.test_start - embargo * HOUR
        if period is not None:
            wanted &= dates >= fold.test_start - period
        assert fold.train.tolist() == np.flatnonzero(wanted).tolist()


@settings(deadline=None)
@given(seed=SEEDS, n_splits=st.integers(2, 8), embargo=st.integers(0, 6))
@pytest.mark.parametrize("make", [label_times, panel_times])
def test_k_fold_keeps_every_row_that_neither_overlaps_nor_follows_too_soon(make, seed, n_splits, embargo):
    dates, known_at = make(seed)
    opens, closes = dates.tolist(), known_at.tolist()
    for fold in folds_or_assume(PurgedKFold(dates, known_at, n_splits=n_splits, embargo=embargo * HOUR)):
        assert fold.test_start == dates[fold.test].min()
        assert fold.test_stop == known_at[fold.test].max()
        tested = set(fold.test.tolist())
        train, overlapping, held_back = [], 0, 0
        for row in range(len(dates)):
            if row in tested:
                continue
            if any(opens[row] < closes[test] and opens[test] < closes[row] for test in tested):
                overlapping += 1
            elif fold.test_stop <= opens[row] < fold.test_stop + embargo * HOUR:
                held_back += 1
            else:
                train.append(row)
        assert fold.train.tolist() == train
        assert (fold.purged, fold.embargoed) == (overlapping, held_back)


@given(seed=SEEDS, n_splits=st.integers(2, 8))
def test_k_folds_test_every_row_once_and_keep_equal_dates_together(seed, n_splits):
    dates, known_at = panel_times(seed)
    folds = PurgedKFold(dates, known_at, n_splits=n_splits).folds()
    assert np.sort(np.concatenate([fold.test for fold in folds])).tolist() == list(range(len(dates)))
    counts = [dates[fold.test].nunique() for fold in folds]
    assert sum(counts) == dates.nunique()
    assert max(counts) - min(counts) <= 1


@given(seed=SEEDS, n_splits=st.integers(1, 5), test_size=st.integers(1, 9))
def test_walk_forward_tests_are_consecutive_and_end_with_the_data(seed, n_splits, test_size):
    dates, known_at = panel_times(seed)
    folds = PurgedWalkForward(dates, known_at, n_splits=n_splits, test_size=test_size).folds()
    tested = [dates[fold.test].unique().sort_values() for fold in folds]
    assert [len(each) for each in tested] == [test_size] * n_splits
    assert tested[0].append(tested[1:]).tolist() == dates.unique().sort_values()[-n_splits * test_size :].tolist()


def test_a_label_that_ends_as_the_test_begins_is_trained_on():
    dates = pd.date_range("2025-01-01", periods=4, freq="1h", tz="UTC")
    known_at = dates + HOUR
    (fold,) = PurgedWalkForward(dates, known_at, n_splits=1, test_size=1).folds()
    assert fold.train.tolist() == [0, 1, 2]
    assert [fold.train.tolist() for fold in PurgedKFold(dates, known_at, n_splits=2).folds()] == [[2, 3], [0, 1]]


def test_walk_forward_counts_what_it_leaves_out():
    dates = pd.date_range("2025-01-01", periods=10, freq="1h", tz="UTC")
    (fold,) = PurgedWalkForward(dates, dates + 3 * HOUR, n_splits=1, test_size=2, embargo=2 * HOUR).folds()
    assert (fold.train.tolist(), fold.purged, fold.embargoed) == ([0, 1, 2, 3], 2, 2)


@settings(deadline=None)
@given(seed=SEEDS, n_splits=st.integers(2, 6), embargo=st.integers(0, 5))
def test_k_fold_agrees_with_purgedcv(seed, n_splits, embargo):
    purgedcv = pytest.importorskip("purgedcv")
    dates, known_at = label_times(seed)
    ours = folds_or_assume(PurgedKFold(dates, known_at, n_splits=n_splits, embargo=embargo * HOUR))
    # Its embargo includes the end.
    closed = embargo * HOUR - pd.Timedelta("1s") if embargo else None
    theirs = purgedcv.PurgedKFold(n_splits, prediction_times=dates, evaluation_times=known_at, embargo=closed)
    assert_same_folds(ours, theirs.split(np.zeros(len(dates))))


@settings(deadline=None)
@given(seed=SEEDS, n_splits=st.integers(1, 6), test_size=st.integers(1, 6))
def test_walk_forward_agrees_with_purgedcv(seed, n_splits, test_size):
    purgedcv = pytest.importorskip("purgedcv")
    dates, known_at = label_times(seed)
    ours = PurgedWalkForward(dates, known_at, n_splits=n_splits, test_size=test_size).folds()
    theirs = purgedcv.WalkForwardSplit(n_splits, test_size, prediction_times=dates, evaluation_times=known_at)
    assert_same_folds(ours, theirs.split(np.zeros(len(dates))))


def assert_same_folds(ours, theirs):
    expected = [(train.tolist(), test.tolist()) for train, test in theirs]
    assert [(fold.train.tolist(), fold.test.tolist()) for fold in ours] == expected


def test_a_planted_leak_gives_skill_on_noise_and_purging_takes_it_away():
    horizon, rows = 20, 600
    returns = np.random.default_rng(0).normal(size=rows + horizon)
    labels = np.array([returns[row + 1 : row + 1 + horizon].sum() for row in range(rows)])
    dates = pd.date_range("2025-01-01", periods=rows, freq="1h", tz="UTC")

    def skill(known_at):
        """Forecast each row by the label of the row trained on that is nearest in time; one row in four is tested."""
        forecast = np.full(rows, np.nan)
        for train, test in PurgedKFold(dates, known_at, n_splits=rows // 4).split():
            forecast[test] = labels[train[np.abs(test[:, None] - train).argmin(axis=1)]]
        return np.corrcoef(forecast, labels)[0, 1]

    assert skill(dates + HOUR) > 0.8
    assert abs(skill(dates + (horizon + 1) * HOUR)) < 0.25


def test_scikit_learn_takes_the_splitters():
    dates, known_at = label_times(0)
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = X @ [1.0, -2.0]
    splitter = PurgedKFold(dates, known_at, n_splits=4)
    np.testing.assert_allclose(cross_val_predict(LinearRegression(), X, y, cv=splitter), y)
    assert splitter.get_n_splits(X, y) == 4
    assert [len(test) for _, test in splitter.split(pd.DataFrame(X))] == [15] * 4


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_may_come_as_series_arrays_and_in_any_resolution(unit):
    dates, known_at = label_times(1)
    expected = list(PurgedKFold(dates, known_at).split())
    series = pd.Series(dates.as_unit(unit), index=range(100, 160))
    naive = known_at.tz_localize(None).to_numpy()
    for given_dates in (series, list(dates), dates.tz_convert("Asia/Tokyo")):
        actual = list(PurgedKFold(given_dates, naive).split())
        assert all((a[0] == e[0]).all() and (a[1] == e[1]).all() for a, e in zip(actual, expected, strict=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d, k: PurgedKFold(d, k, n_splits=1), "n_splits: 1 is not valid; it must be at least 2"),
        (lambda d, k: PurgedWalkForward(d, k, n_splits=0), "n_splits: 0 is not valid; it must be at least 1"),
        (lambda d, k: PurgedWalkForward(d, k, test_size=0), "test_size: 0 is not valid; it must be at least 1"),
        (lambda d, k: PurgedKFold(d, k, embargo=-HOUR), "embargo: .* is not valid; give a time delta of at least zero"),
        (lambda d, k: PurgedKFold(d, k, embargo=5), "embargo: 5 is not valid; give a time delta of at least zero"),
        (
            lambda d, k: PurgedWalkForward(d, k, train_period=0 * HOUR),
            "train_period: .* is not valid; give a time delta above zero",
        ),
        (
            lambda d, k: PurgedKFold(d[:3], k[:3], n_splits=5).folds(),
            "n_splits: 5 is not valid for 3 distinct dates; use fewer folds",
        ),
        (
            lambda d, k: PurgedWalkForward(d, k, n_splits=6, test_size=10).folds(),
            "n_splits: 6 test folds of 10 dates leave none of 60 distinct dates to train on; use fewer",
        ),
        (
            lambda d, k: PurgedWalkForward(d, k, n_splits=2, test_size=29, embargo=99 * HOUR).folds(),
            r"n_splits: 2 leaves the test from .* no row to train on \(\d purged, \d embargoed\); use fewer or shorter",
        ),
    ],
)
def test_a_wrong_setting_is_named(call, message):
    with pytest.raises(SettingsError, match=message):
        call(*label_times(2))


@pytest.mark.parametrize(
    ("dates", "known_at", "message"),
    [
        (["2025-01-01"], ["2025-01-02", "2025-01-03"], "dates and known_at have the lengths 1 and 2; give one of each"),
        (["2025-01-01", None], ["2025-01-02"] * 2, "dates: missing in row 1; give a time for each row"),
        (
            ["2025-01-01"] * 2,
            ["2025-01-02", "2025-01-01"],
            r"known_at: 2025-01-01 00:00:00\+00:00 in row 1 is not after its date 2025-01-01 00:00:00\+00:00; give the",
        ),
    ],
)
def test_times_that_do_not_fit_are_named(dates, known_at, message):
    with pytest.raises(ValueError, match=message):
        PurgedKFold(pd.to_datetime(dates, utc=True), pd.to_datetime(known_at, utc=True))


def test_what_is_no_time_is_refused():
    with pytest.raises(ValueError, match="dates: holds int64, not times; give the candles' UTC times"):
        PurgedKFold(np.arange(10), np.arange(10) + 1)


def test_another_number_of_rows_is_refused():
    with pytest.raises(ValueError, match="X has 59 rows and the splitter 60 dates; give one date per row of X"):
        next(PurgedKFold(*label_times(3)).split(np.zeros((59, 2))))


@pytest.mark.parametrize("module", [purged_k_fold, purged_walk_forward])
def test_the_examples_in_the_documentation_run(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
