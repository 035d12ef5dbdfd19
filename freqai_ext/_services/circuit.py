"""Leaves a service alone that keeps failing, and longer each time."""

from typing import Final

FAILURES: Final = 3
FIRST_REST_S: Final = 60.0
LONGEST_REST_S: Final = 900.0


class Circuit:
    """Says whether a service is worth a call.

    After so many failures in a row it rests; then calls pass again, and the next failure makes it rest twice as long.
    One success and all is forgotten. Times are given by the caller, so that a simulated clock moves them.

    Parameters
    ----------
    failures
        In a row, before it rests.
    first_rest_s, longest_rest_s
        Seconds.

    Raises
    ------
    ValueError
        If ``failures`` is below 1, or a rest is not above 0.

    Examples
    --------
    >>> circuit = Circuit()
    >>> for _ in range(3):
    ...     circuit.failed(1_000.0)
    >>> circuit.rests_for_s(1_000.0), circuit.rests_for_s(1_060.0)
    (60.0, 0.0)
    """

    def __init__(
        self, failures: int = FAILURES, first_rest_s: float = FIRST_REST_S, longest_rest_s: float = LONGEST_REST_S
    ) -> None:
        if failures < 1 or not (first_rest_s > 0 and longest_rest_s > 0):
            raise ValueError(
                f"{failures} failures, rests of {first_rest_s:g} to {longest_rest_s:g} s; "
                "failures must be 1 or more and rests above 0"
            )
        self._limit = failures
        self._first_rest_s, self._longest_rest_s = min(first_rest_s, longest_rest_s), longest_rest_s
        self.failures = 0
        self._rest_s = 0.0
        self._rests_since_s = 0.0

    def __repr__(self) -> str:
        return f"Circuit(failures={self.failures}, rest_s={self._rest_s:g})"

    def rests_for_s(self, now_s: float) -> float:
        """Return for how many seconds no call is worth it; 0 where one is."""
        since_s = now_s - self._rests_since_s
        # A clock that was set back must not make it rest for years.
        return max(self._rest_s - since_s, 0.0) if since_s >= 0 else 0.0

    def failed(self, now_s: float) -> None:
        """Count a failure. One that began before the rest did does not make it longer."""
        if self.rests_for_s(now_s) > 0:
            return
        self.failures += 1
        if self.failures >= self._limit:
            self._rest_s = min(2.0 * self._rest_s or self._first_rest_s, self._longest_rest_s)
            self._rests_since_s = now_s

    def succeeded(self) -> None:
        """Forget all: it works."""
        self.failures = 0
        self._rest_s = 0.0
