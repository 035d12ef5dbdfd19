"""What the purged splitters share."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from freqai_ext.errors import SettingsError
from freqai_ext.validation._label_times import LabelTimes, length, timestamp
from freqai_ext.validation.fold import Fold


class PurgedSplitter(ABC):
    """A scikit-learn splitter whose folds are cut at distinct dates, so that equal dates stay together."""

    def __init__(self, dates: ArrayLike, known_at: ArrayLike, n_splits: int, embargo: timedelta, least: int) -> None:
        if n_splits < least:
            raise SettingsError(f"n_splits: {n_splits} is not valid; it must be at least {least}")
        self.n_splits = n_splits
        self.embargo = embargo
        self._embargo_ns = length("embargo", embargo)
        self._times = LabelTimes.of(dates, known_at)

    @abstractmethod
    def folds(self) -> tuple[Fold, ...]:
        """Return the folds, in order of time."""

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:  # noqa: ARG002, N803
        """Return the number of folds; the arguments are scikit-learn's and play no part."""
        return self.n_splits

    def split(
        self,
        X: Any = None,  # noqa: N803
        y: object = None,  # noqa: ARG002
        groups: object = None,  # noqa: ARG002
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield each fold's training and test positions; ``y`` and ``groups`` are scikit-learn's and play no part.

        Raises
        ------
        ValueError
            If ``X`` has another number of rows than the dates.
        """
        if X is not None and (rows := np.shape(X)[0]) != len(self._times):
            raise ValueError(f"X has {rows} rows and the splitter {len(self._times)} dates; give one date per row of X")
        for fold in self.folds():
            yield fold.train, fold.test

    def _fold(
        self,
        test: NDArray[np.bool_],
        candidates: NDArray[np.bool_],
        overlaps: NDArray[np.bool_],
        embargoed: NDArray[np.bool_],
    ) -> Fold:
        purged = candidates & overlaps
        held_back = candidates & embargoed & ~overlaps
        fold = Fold(
            train=np.flatnonzero(candidates & ~purged & ~held_back),
            test=np.flatnonzero(test),
            test_start=timestamp(self._times.date[test].min()),
            test_stop=timestamp(self._times.known_at[test].max()),
            purged=int(purged.sum()),
            embargoed=int(held_back.sum()),
        )
        if not fold.train.size:
            raise SettingsError(
                f"n_splits: {self.n_splits} leaves the test from {fold.test_start} no row to train on ({fold.purged} "
                f"purged, {fold.embargoed} embargoed); use fewer or shorter test folds, or a shorter embargo"
            )
        return fold
