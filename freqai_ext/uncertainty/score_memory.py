"""The most recent conformity scores, kept in order of size."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable

from freqai_ext.uncertainty.conformal_scores import conformal_rank


class ScoreMemory:
    """The last ``rows`` scores added; any order statistic in constant time.

    Parameters
    ----------
    rows
        How many scores are kept; the oldest goes when one more comes.
    scores
        The scores to start from, the oldest first.
    """

    def __init__(self, rows: int, scores: Iterable[float] = ()) -> None:
        self._arrived = deque(scores, maxlen=rows)
        self._sorted = sorted(self._arrived)

    def add(self, score: float) -> None:
        """Keep ``score``, and forget the oldest one if the memory is full."""
        if len(self._arrived) == self._arrived.maxlen:
            del self._sorted[bisect_left(self._sorted, self._arrived[0])]
        self._arrived.append(score)
        insort(self._sorted, score)

    def covers(self, coverage: float) -> bool:
        """Return whether there are enough scores for a finite quantile at ``coverage``."""
        return conformal_rank(len(self._sorted), coverage) <= len(self._sorted)

    def quantile(self, coverage: float) -> float:
        """Return the conformal quantile, or the largest score where there are too few for it to be finite."""
        return self._sorted[min(conformal_rank(len(self._sorted), coverage), len(self._sorted)) - 1]

    def in_order_of_arrival(self) -> list[float]:
        """Return the scores, the oldest first."""
        return list(self._arrived)
