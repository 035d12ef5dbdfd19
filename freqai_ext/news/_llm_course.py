"""What happens while one question is asked: the time that is left, and the attempts made."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from freqai_ext.news._structured_levels import Level


@dataclass(frozen=True)
class Attempt:
    """One request to one endpoint.

    Attributes
    ----------
    endpoint, model, level
        Who was asked, and for what.
    outcome
        ``"valid"``, ``"invalid"``, ``"format_refused"``, ``"refused"``, ``"unavailable"`` or ``"timeout"``.
    status
        The HTTP status, or that of the error in a 200; ``None`` where there is none.
    latency_s
        Real seconds.
    tokens
        As the endpoint counts them; 0 where it does not.
    """

    endpoint: str
    model: str
    level: Level
    outcome: str
    status: int | None
    latency_s: float
    tokens: int


class Course:
    """The course of one question.

    Parameters
    ----------
    deadline_s
        Real seconds from now on.
    before_attempt
        Called before every request; what it raises ends the question.
    """

    def __init__(self, deadline_s: float, before_attempt: Callable[[], None] | None = None) -> None:
        self._began_s = time.monotonic()
        self._ends_s = self._began_s + deadline_s
        self._before_attempt = before_attempt
        self.attempts: list[Attempt] = []

    @property
    def left_s(self) -> float:
        """Seconds until the deadline; below 0 after it."""
        return self._ends_s - time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began_s

    @property
    def tokens(self) -> int:
        """Of all attempts."""
        return sum(attempt.tokens for attempt in self.attempts)

    def begin_attempt(self) -> None:
        """Say that a request is about to be sent."""
        if self._before_attempt is not None:
            self._before_attempt()
