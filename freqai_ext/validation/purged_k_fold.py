"""K-fold cross-validation without training labels that overlap the test."""

from datetime import timedelta

import numpy as np
from numpy.typing import ArrayLike

from freqai_ext.errors import SettingsError
from freqai_ext.validation._splitter import PurgedSplitter
from freqai_ext.validation.fold import Fold


class PurgedKFold(PurgedSplitter):
    """Contiguous test folds; training rows on both sides, purged and embargoed.

    A label occupies the half-open interval ``[date, known_at)``. A fold's test span reaches from its first ``date`` to
    its last ``known_at``. Left out of its training are the rows whose label interval overlaps the test span, and those
    whose ``date`` lies in ``[test_stop, test_stop + embargo)``: their features still look back on the test.

    Training rows later than the test are for model selection and calibration. What a model would have earned at the
    time is told by :class:`PurgedWalkForward` only.

    Parameters
    ----------
    dates
        UTC time of each row, in any order and with repeats, as of several pairs. Rows of one date share a fold.
    known_at
        UTC time from which each row's label is known, as in ``Labels.known_at``; later than its date. Leave out the
        rows without a label beforehand.
    n_splits
        Number of folds, at least 2. They hold the same number of distinct dates, or one more.
    embargo
        Time after the test span from which no row is trained on, e.g. the longest look-back of the features.

    Raises
    ------
    SettingsError
        If ``n_splits`` or ``embargo`` is not valid; by ``folds`` and ``split`` also if there are fewer dates than
        folds, or a fold is left without training rows.
    ValueError
        If the dates do not fit to the times at which the labels are known.

    References
    ----------
    López de Prado (2018), Advances in Financial Machine Learning, 7.4.

    Examples
    --------
    >>> import pandas as pd
    >>> dates = pd.date_range("2025-01-01", periods=6, freq="1h", tz="UTC")
    >>> splitter = PurgedKFold(dates, dates + pd.Timedelta("2h"), n_splits=3)
    >>> [(train.tolist(), test.tolist()) for train, test in splitter.split()]
    [([3, 4, 5], [0, 1]), ([0, 5], [2, 3]), ([0, 1, 2], [4, 5])]
    """

    def __init__(
        self, dates: ArrayLike, known_at: ArrayLike, *, n_splits: int = 5, embargo: timedelta = timedelta(0)
    ) -> None:
        super().__init__(dates, known_at, n_splits, embargo, least=2)

    def folds(self) -> tuple[Fold, ...]:
        """Return the folds, in order of time."""
        date, known_at = self._times.date, self._times.known_at
        distinct = np.unique(date)
        if len(distinct) < self.n_splits:
            raise SettingsError(
                f"n_splits: {self.n_splits} is not valid for {len(distinct)} distinct dates; use fewer folds"
            )
        folds = []
        for block in np.array_split(distinct, self.n_splits):
            test = (date >= block[0]) & (date <= block[-1])
            stop = known_at[test].max()
            overlaps = (date < stop) & (known_at > block[0])
            embargoed = (date >= stop) & (date < stop + self._embargo_ns)
            folds.append(self._fold(test, ~test, overlaps, embargoed))
        return tuple(folds)
