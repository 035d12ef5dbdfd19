"""The exchange's clock: the wall's, or one that is set from outside."""

import time
from typing import Protocol

from freqai_ext.errors import ReplayError


class Clock(Protocol):
    """Tells the exchange what time it is."""

    def now_ms(self) -> int:
        """Return the time as UTC milliseconds."""


class WallClock:
    """Real time."""

    def now_ms(self) -> int:
        """Return the real time as UTC milliseconds."""
        return time.time_ns() // 1_000_000


class SettableClock:
    """A clock that stands where it was set, or runs from there at a given rate.

    Parameters
    ----------
    now_ms
        Where it stands at first, UTC milliseconds.
    """

    def __init__(self, now_ms: int) -> None:
        self._set_to = now_ms
        self._rate = 0.0
        self._set_at = time.monotonic()

    def now_ms(self) -> int:
        """Return the simulated time as UTC milliseconds."""
        if not self._rate:
            return self._set_to
        return self._set_to + int((time.monotonic() - self._set_at) * self._rate * 1000)

    def set(self, now_ms: int, rate: float = 0.0) -> None:
        """Set the time.

        Parameters
        ----------
        now_ms
            The new time, UTC milliseconds.
        rate
            Simulated seconds for each real one; at 0 the clock stands still.

        Raises
        ------
        ReplayError
            When ``rate`` is negative: time does not run backwards.
        """
        if rate < 0:
            raise ReplayError(f"clock rate {rate} is negative; use 0 to stand still or a positive rate to run")
        self._set_to, self._rate, self._set_at = now_ms, rate, time.monotonic()
