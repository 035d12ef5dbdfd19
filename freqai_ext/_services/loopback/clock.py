"""The clock of a server: the wall's, or one that is set from outside."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal


class SettableClock:
    """A clock that stands where it was set, or runs from there at a given rate; calling it gives UTC seconds.

    Parameters
    ----------
    now_s
        Where it stands at first, UTC seconds.
    """

    def __init__(self, now_s: float) -> None:
        self.set(now_s)

    def __call__(self) -> float:
        """Return the simulated time in UTC seconds."""
        return self._from_s + (time.monotonic() - self._since) * self._rate if self._rate else self._from_s

    def set(self, now_s: float, rate: float = 0.0) -> None:
        """Set the time; ``rate`` simulated seconds then pass in each real one. It may be set back."""
        self._from_s, self._rate, self._since = now_s, max(rate, 0.0), time.monotonic()


def clock_of(kind: Literal["wall", "sim"], now: datetime | None) -> Callable[[], float]:
    """Return the wall's clock, or one that stands at ``now``: where that is ``None``, at the present."""
    if kind == "wall":
        return time.time
    return SettableClock(time.time() if now is None else epoch_s(now))


def epoch_s(moment: datetime) -> float:
    """Return a date in UTC seconds; one without a time zone is taken as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
