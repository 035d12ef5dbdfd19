from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from freqai_ext.signals.folds import LEAST_TEST_ROWS, LEAST_TRAIN_ROWS, purged_folds

CANDLE_NS = 300 * 1_000_000_000


def embargo_of(candles: int) -> timedelta:
    return timedelta(seconds=300 * candles)


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(2, 300),
    pairs=st.integers(1, 3),
    longest=st.integers(1, 60),
    folds=st.integers(1, 6),
    embargo=st.integers(0, 20),
)
def test_no_training_label_overlaps_a_test_label_and_the_embargo_is_kept(seed, rows, pairs, longest, folds, embargo):
    generator = np.random.default_rng(seed)
    made_at = np.concatenate(
        [np.sort(generator.choice(2 * rows, rows, replace=False)) * CANDLE_NS for _ in range(pairs)]
    )
    known_at = made_at + generator.integers(1, longest + 1, rows * pairs) * CANDLE_NS
    for train, test in purged_folds(made_at, known_at, folds, embargo_of(embargo)):
        assert len(train) >= LEAST_TRAIN_ROWS
        assert len(test) >= LEAST_TEST_ROWS
        overlaps = (made_at[train, None] < known_at[test]) & (made_at[test] < known_at[train, None])
        assert not overlaps.any()
        stop = known_at[test].max()
        assert not ((made_at[train] >= stop) & (made_at[train] < stop + embargo * CANDLE_NS)).any()
        # Rows of one time, of whichever pair, are on the same side.
        assert not np.isin(made_at[train], made_at[test]).any()


@given(st.integers(200, 400), st.integers(2, 5), st.integers(1, 12))
def test_several_folds_test_every_row_once(rows, folds, horizon):
    made_at = np.arange(rows) * CANDLE_NS
    found = purged_folds(made_at, made_at + horizon * CANDLE_NS, folds, timedelta(0))
    assert len(found) == folds
    assert np.concatenate([test for _, test in found]).tolist() == list(range(rows))


def test_one_fold_tests_the_newest_quarter_and_trains_on_what_was_known_before():
    made_at = np.arange(400) * CANDLE_NS
    ((train, test),) = purged_folds(made_at, made_at + 12 * CANDLE_NS, 1, timedelta(0))
    assert test.tolist() == list(range(300, 400))
    assert train.tolist() == list(range(289))


def test_the_embargo_of_one_fold_lies_before_its_test_rows():
    made_at = np.arange(400) * CANDLE_NS
    ((train, _),) = purged_folds(made_at, made_at + 12 * CANDLE_NS, 1, embargo_of(5))
    assert train.tolist() == list(range(284))


def test_a_quarter_is_counted_in_candles_and_not_in_rows_of_pairs():
    made_at = np.tile(np.arange(100), 3) * CANDLE_NS
    ((_, test),) = purged_folds(made_at, made_at + CANDLE_NS, 1, timedelta(0))
    assert sorted(test.tolist()) == [*range(75, 100), *range(175, 200), *range(275, 300)]


def test_a_window_too_short_for_several_folds_gets_one():
    made_at = np.arange(90) * CANDLE_NS
    ((train, test),) = purged_folds(made_at, made_at + 40 * CANDLE_NS, 3, timedelta(0))
    assert test.tolist() == list(range(68, 90))
    assert train.tolist() == list(range(29))


def test_windows_too_short_for_any_fold_give_none():
    made_at = np.arange(60) * CANDLE_NS
    for folds in (1, 3):
        assert purged_folds(made_at, made_at + 50 * CANDLE_NS, folds, timedelta(0)) == ()
        assert purged_folds(made_at[:1], made_at[:1] + CANDLE_NS, folds, timedelta(0)) == ()
        assert purged_folds(made_at[:0], made_at[:0], folds, timedelta(0)) == ()
        assert purged_folds(made_at[:8], made_at[:8] + CANDLE_NS, folds, timedelta(0)) == ()


def test_a_fold_with_too_few_rows_to_train_on_is_left_out_and_the_others_stay():
    made_at = np.arange(120) * CANDLE_NS
    found = purged_folds(made_at, made_at + 35 * CANDLE_NS, 3, timedelta(0))
    # The middle fold, rows 40 to 79, keeps rows 0 to 5 and 114 to 119.
    assert [(test[0], test[-1]) for _, test in found] == [(0, 39), (80, 119)]
