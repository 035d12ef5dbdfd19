"""What news may cost in any hour: searches, questions to language models, and tokens."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from freqai_ext.errors import NewsBudgetError
from freqai_ext.news.settings import NewsBudgetSettings

HOUR_S: Final = 3600.0


class NewsBudget:
    """Counts what was spent within the last hour; half-open, ``(now - 3600 s, now]``. Forgets it with the process.

    Not for several threads at once.

    Parameters
    ----------
    settings
        ``freqai_ext.news.budget``.
    clock
        UTC seconds.

    Examples
    --------
    >>> budget = NewsBudget(NewsBudgetSettings(searches_per_hour=1), clock=lambda: 0.0)
    >>> budget.spend_search()
    >>> budget.spend_search()
    Traceback (most recent call last):
    freqai_ext.errors.NewsBudgetError: the 1 searches of this hour are spent; the next is free in 3600 s, or raise \
freqai_ext.news.budget.searches_per_hour
    """

    def __init__(self, settings: NewsBudgetSettings, clock: Callable[[], float] = time.time) -> None:
        self.searches = RollingHour(settings.searches_per_hour, "searches", "searches_per_hour", clock)
        self.llm_calls = RollingHour(settings.llm_calls_per_hour, "LLM calls", "llm_calls_per_hour", clock)
        self.llm_tokens = RollingHour(settings.llm_tokens_per_hour, "LLM tokens", "llm_tokens_per_hour", clock)

    @property
    def free_in_s(self) -> float:
        """Seconds until a search and its judgement can be paid for; 0 where they can be now."""
        return max(part.free_in_s for part in (self.searches, self.llm_calls, self.llm_tokens))

    def check(self) -> None:
        """Raise where a search, or the judgement that follows it, cannot be paid for.

        Raises
        ------
        NewsBudgetError
            Names what is spent, for how long, and the setting.
        """
        for part in (self.searches, self.llm_calls, self.llm_tokens):
            part.check()

    def spend_search(self) -> None:
        """Count a search that is about to be made.

        Raises
        ------
        NewsBudgetError
            If none is left.
        """
        self.searches.check()
        self.searches.add(1)

    def spend_llm_call(self) -> None:
        """Count a question that is about to be asked.

        Raises
        ------
        NewsBudgetError
            If no question, or no token, is left.
        """
        self.llm_calls.check()
        self.llm_tokens.check()
        self.llm_calls.add(1)

    def add_llm_tokens(self, tokens: int) -> None:
        """Count what questions turned out to cost, which may exceed what is left."""
        self.llm_tokens.add(tokens)


class RollingHour:
    """An amount per hour.

    Parameters
    ----------
    limit
        Most that any hour may have.
    what, setting
        For messages: what is counted, and the setting under ``freqai_ext.news.budget`` that limits it.
    clock
        UTC seconds.
    """

    def __init__(self, limit: int, what: str, setting: str, clock: Callable[[], float]) -> None:
        self._limit, self._what, self._setting, self._clock = limit, what, setting, clock
        self._entries: deque[tuple[float, int]] = deque()
        self._spent = 0

    @property
    def spent(self) -> int:
        """What the last hour had."""
        self._forget(self._clock())
        return self._spent

    @property
    def free_in_s(self) -> float:
        """Seconds until something is free again; 0 where it is."""
        now_s = self._clock()
        self._forget(now_s)
        excess = self._spent - self._limit
        if excess < 0:
            return 0.0
        for at_s, amount in self._entries:
            excess -= amount
            if excess < 0:
                return max(at_s + HOUR_S - now_s, 0.0)
        return HOUR_S

    def check(self) -> None:
        """Raise where all is spent.

        Raises
        ------
        NewsBudgetError
            If so.
        """
        if self.spent >= self._limit:
            raise NewsBudgetError(
                f"the {self._limit} {self._what} of this hour are spent; the next is free in {self.free_in_s:.0f} s, "
                f"or raise freqai_ext.news.budget.{self._setting}"
            )

    def add(self, amount: int) -> None:
        """Count ``amount`` now; nothing where it is not above 0."""
        if amount > 0:
            now_s = self._clock()
            self._forget(now_s)
            self._entries.append((now_s, amount))
            self._spent += amount

    def _forget(self, now_s: float) -> None:
        entries = self._entries
        if entries and entries[-1][0] > now_s:
            # The clock was set back: what was spent by the old one must not count for longer than an hour.
            self._entries = entries = deque((min(at_s, now_s), amount) for at_s, amount in entries)
        while entries and entries[0][0] <= now_s - HOUR_S:
            self._spent -= entries.popleft()[1]
