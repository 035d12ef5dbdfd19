"""What a walk-forward run did."""

from dataclasses import asdict, dataclass
from typing import Any

from freqai_ext.walkforward.windows import Window


@dataclass(frozen=True)
class WindowFailure:
    """A window that has no predictions, and why."""

    window: Window
    error: str
    traceback: str = ""


@dataclass(frozen=True)
class WalkforwardReport:
    """Outcome of :func:`~freqai_ext.walkforward.run_walkforward`.

    Parameters
    ----------
    pairs
        The pairs that have candles.
    windows
        Windows of all pairs together.
    trained, skipped
        Windows trained and predicted in this run, and those that the cache held already.
    failures
        Windows that could not be trained or predicted. The cache holds nothing for them.
    seconds
        Wall time of the run.
    interrupted
        Whether the run was stopped by SIGINT; what had been trained by then is kept.
    """

    strategy: str
    freqaimodel: str
    identifier: str
    jobs: int
    pairs: tuple[str, ...]
    windows: int
    trained: int
    skipped: int
    failures: tuple[WindowFailure, ...]
    seconds: float
    interrupted: bool = False

    @property
    def windows_per_minute(self) -> float:
        """Windows trained per minute of wall time."""
        return 60 * self.trained / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON types; each failure is ``{"pair", "window", "error", "traceback"}``."""
        failures = [
            {"pair": each.window.pair, "window": str(each.window), "error": each.error, "traceback": each.traceback}
            for each in self.failures
        ]
        return {**asdict(self), "failures": failures, "windows_per_minute": round(self.windows_per_minute, 2)}
