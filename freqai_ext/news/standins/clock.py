"""The stand-ins' clock: the wall's, or one that is set from outside."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from freqai_ext.news.standins.settings import StandInSettings


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


def clock_of(settings: StandInSettings) -> Callable[[], float]:
    """Return the clock that the settings name."""
    if settings.clock == "wall":
        return time.time
    return SettableClock(time.time() if settings.now is None else epoch_s(settings.now))


def epoch_s(moment: datetime) -> float:
    """Return a date in UTC seconds; one without a time zone is taken as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def iso(moment_s: float) -> str:
    """Return UTC seconds as the services write dates."""
    return datetime.fromtimestamp(moment_s, UTC).isoformat().replace("+00:00", "Z")
