"""Walk-forward validation on labels that are known before the test begins."""

from datetime import timedelta

import numpy as np
from numpy.typing import ArrayLike

from freqai_ext.errors import SettingsError
from freqai_ext.validation._label_times import length
from freqai_ext.validation._splitter import PurgedSplitter
from freqai_ext.validation.fold import Fold


class PurgedWalkForward(PurgedSplitter):
    """Consecutive test folds at the end of the data, each trained on what was known when it begins.

    A label occupies the half-open interval ``[date, known_at)``. A row is trained on where ``known_at`` is at most the
    first test ``date`` minus the ``embargo``, so its label does not overlap the test span.

    Parameters
    ----------
    dates
        UTC time of each row, in any order and with repeats, as of several pairs. Rows of one date share a fold.
    known_at
        UTC time from which each row's label is known, as in ``Labels.known_at``; later than its date. Leave out the
        rows without a label beforehand.
    n_splits
        Number of folds, at least 1.
    test_size
        Number of distinct dates in each test fold; by default as many as make the folds and the first training equal.
    train_period
        Train on the rows whose ``date`` lies within this time before the test; by default on all earlier ones.
    embargo
        Time between the last label trained on and the test, e.g. what a live training takes. Nothing is trained on
        after a test fold, so this is where an embargo acts.

    Raises
    ------
    SettingsError
        If a setting is not valid; by ``folds`` and ``split`` also if there are too few dates, or a fold is left without
        training rows.
    ValueError
        If the dates do not fit to the times at which the labels are known.

    Examples
    --------
    >>> import pandas as pd
    >>> dates = pd.date_range("2025-01-01", periods=6, freq="1h", tz="UTC")
    >>> splitter = PurgedWalkForward(dates, dates + pd.Timedelta("2h"), n_splits=2)
    >>> [(train.tolist(), test.tolist()) for train, test in splitter.split()]
    [([0], [2, 3]), ([0, 1, 2], [4, 5])]
    """

    def __init__(
        self,
        dates: ArrayLike,
        known_at: ArrayLike,
        *,
        n_splits: int = 5,
        test_size: int | None = None,
        train_period: timedelta | None = None,
        embargo: timedelta = timedelta(0),
    ) -> None:
        super().__init__(dates, known_at, n_splits, embargo, least=1)
        if test_size is not None and test_size < 1:
            raise SettingsError(f"test_size: {test_size} is not valid; it must be at least 1")
        self.test_size = test_size
        self.train_period = train_period
        self._train_period_ns: int | None = None
        if train_period is not None:
            self._train_period_ns = length("train_period", train_period, least=timedelta.resolution)

    def folds(self) -> tuple[Fold, ...]:
        """Return the folds, in order of time."""
        date, known_at = self._times.date, self._times.known_at
        distinct = np.unique(date)
        test_size = len(distinct) // (self.n_splits + 1) if self.test_size is None else self.test_size
        if test_size < 1 or self.n_splits * test_size >= len(distinct):
            raise SettingsError(
                f"n_splits: {self.n_splits} test folds of {max(test_size, 1)} dates leave none of {len(distinct)} "
                "distinct dates to train on; use fewer or shorter folds"
            )
        folds = []
        for block in distinct[-self.n_splits * test_size :].reshape(self.n_splits, test_size):
            earlier = date < block[0]
            if self._train_period_ns is not None:
                earlier &= date >= block[0] - self._train_period_ns
            test = (date >= block[0]) & (date <= block[-1])
            folds.append(self._fold(test, earlier, known_at > block[0], known_at > block[0] - self._embargo_ns))
        return tuple(folds)
