"""Purged folds of the rows of a training set."""

from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.errors import SettingsError
from freqai_ext.validation import PurgedKFold, PurgedWalkForward

Positions = NDArray[np.intp]

LEAST_TRAIN_ROWS = 20
LEAST_TEST_ROWS = 5
HELD_OUT_SHARE = 0.25


def purged_folds(
    made_at_ns: NDArray[np.int64], known_at_ns: NDArray[np.int64], folds: int, embargo: timedelta
) -> tuple[tuple[Positions, Positions], ...]:
    """Return ``(train, test)`` positions for each fold, purged by the time at which labels are known.

    Several folds are contiguous blocks that together cover all rows, trained on both sides
    (:class:`~freqai_ext.validation.PurgedKFold`); one fold tests the newest quarter. Folds left with fewer than 20
    rows to train on or 5 to test on are dropped, so that a window that is too short for any gives none.

    Parameters
    ----------
    made_at_ns, known_at_ns
        Shape ``(rows,)``: when each row's features and its label are known, UTC, nanoseconds since 1970.
    embargo
        Time after each test block from which no row is trained on; before the block, where there is one fold.
    """
    made_at, known_at = (pd.DatetimeIndex(stamps, tz="UTC") for stamps in (made_at_ns, known_at_ns))
    dates = len(np.unique(made_at_ns))
    if dates < 2:
        return ()
    if folds == 1:
        size = max(1, int(dates * HELD_OUT_SHARE))
        splitter: PurgedWalkForward | PurgedKFold = PurgedWalkForward(
            made_at, known_at, n_splits=1, test_size=size, embargo=embargo
        )
    else:
        splitter = PurgedKFold(made_at, known_at, n_splits=min(folds, dates), embargo=embargo)
    try:
        found = splitter.folds()
    except SettingsError:
        # A fold without training rows: the window is shorter than a few horizons.
        return () if folds == 1 else purged_folds(made_at_ns, known_at_ns, 1, embargo)
    return tuple(
        (fold.train, fold.test)
        for fold in found
        if len(fold.train) >= LEAST_TRAIN_ROWS and len(fold.test) >= LEAST_TEST_ROWS
    )
