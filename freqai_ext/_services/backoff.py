"""How long to wait before the next try: longer each time, and not in step with others."""

import random


class Backoff:
    """Waits that double, each shortened by up to a fifth at random so that several clients do not come at once.

    Parameters
    ----------
    first_s
        The first wait in seconds.
    longest_s
        No wait is longer; it may be shorter than ``first_s``.
    seed
        Of the random part.

    Raises
    ------
    ValueError
        If a wait is not above 0.

    Examples
    --------
    >>> backoff = Backoff(1.0, 60.0, seed=0)
    >>> [0.8 * step <= backoff.next() <= step for step in (1.0, 2.0, 4.0)]
    [True, True, True]
    """

    def __init__(self, first_s: float, longest_s: float, seed: int | None = None) -> None:
        if not (first_s > 0 and longest_s > 0):
            raise ValueError(f"waits of {first_s:g} to {longest_s:g} s; they must be above 0")
        self._first_s, self._longest_s = min(first_s, longest_s), longest_s
        self._random = random.Random(seed)  # noqa: S311 - spreads load, guards nothing
        self._next_s = self._first_s

    def next(self) -> float:
        """Return the next wait in seconds."""
        wait_s, self._next_s = self._next_s, min(2.0 * self._next_s, self._longest_s)
        return wait_s * self._random.uniform(0.8, 1.0)

    def reset(self) -> None:
        """Begin again with the first wait: it went well."""
        self._next_s = self._first_s
