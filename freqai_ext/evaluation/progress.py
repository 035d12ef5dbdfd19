"""How far the training of a contender is."""

from collections.abc import Sequence

from freqai_ext.evaluation.configuration import Entrant
from freqai_ext.walkforward import Window, pair_windows
from freqai_ext.walkforward.cache import PredictionCache


class WindowCount:
    """Counts the windows of a contender that have predictions, while other processes make them.

    Attributes
    ----------
    total
        Windows of all pairs.
    """

    def __init__(self, entrant: Entrant) -> None:
        self._cache = PredictionCache(entrant.config)
        self._windows: Sequence[Window] = [
            window for pair in entrant.pairs for window in pair_windows(entrant.config, pair)
        ]
        self.total = len(self._windows)

    def done(self) -> int:
        """Return the number of windows that have predictions now."""
        return sum(self._cache.path(window).is_file() for window in self._windows)
