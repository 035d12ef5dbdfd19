"""The sandbox's clock: the wall's, or one that is set from outside."""

import time
from datetime import UTC, datetime


class SettableClock:
    """A clock that stands where it was set, or runs from there at a given rate; calling it gives UTC seconds.

    Parameters
    ----------
    now_s
        Where it stands at first, UTC seconds.
    """

    def __init__(self, now_s: float) -> None:
        self._set_to_s = now_s
        self._rate = 0.0
        self._set_at = time.monotonic()

    def __call__(self) -> float:
        """Return the simulated time in UTC seconds."""
        if not self._rate:
            return self._set_to_s
        return self._set_to_s + (time.monotonic() - self._set_at) * self._rate

    def set(self, now_s: float, rate: float = 0.0) -> None:
        """Set the time; ``rate`` simulated seconds then pass in each real one. It may be set back."""
        self._set_to_s, self._rate, self._set_at = now_s, max(rate, 0.0), time.monotonic()


def epoch_s(moment: datetime) -> float:
    """Return a date in UTC seconds; one without a time zone is taken as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
