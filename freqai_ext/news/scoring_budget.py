"""What the judging of an archive may cost, in one run and in any 24 hours."""

import time
from collections.abc import Callable
from typing import Final

from freqai_ext.errors import NewsBudgetError
from freqai_ext.news.records import Spending
from freqai_ext.news.settings import NewsScoringSettings
from freqai_ext.news.store import NewsStore

_DAY_S: Final = 86_400.0
_PATH: Final = "freqai_ext.news.scoring"


class ScoringBudget:
    """Counts questions and tokens, those of earlier runs by the store.

    A question that is being asked counts with the tokens that it is expected to take, so that several side by side do
    not spend what is left twice. What an answer takes is known only afterwards: the last ones may exceed a limit of
    tokens by the length of their answers.

    Parameters
    ----------
    settings
        ``freqai_ext.news.scoring``.
    store
        Where earlier runs have written what they spent.
    judge
        Name of the judge.
    clock
        UTC seconds.
    """

    def __init__(
        self, settings: NewsScoringSettings, store: NewsStore, judge: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings, self._store, self._judge, self._clock = settings, store, judge, clock
        self._questions = self._tokens = 0
        self._unwritten = (0, 0)

    @property
    def questions_left(self) -> int | None:
        """How many questions may be asked now; ``None`` where they are not bounded."""
        run, day = self._settings.questions_per_run, self._settings.questions_per_day
        of_day, _ = self._spent_of_day()
        left = [limit - used for limit, used in ((run, self._questions), (day, of_day)) if limit is not None]
        return max(min(left), 0) if left else None

    def reserve(self, tokens: int) -> None:
        """Count a question that is about to be asked, which is expected to take so many tokens.

        Raises
        ------
        NewsBudgetError
            If it cannot be paid for. Names what is spent and the setting.
        """
        settings, (questions_of_day, tokens_of_day) = self._settings, self._spent_of_day()
        for limit, used, more, what, setting in (
            (settings.questions_per_run, self._questions, 1, "questions of a run", "questions_per_run"),
            (settings.questions_per_day, questions_of_day, 1, "questions of 24 hours", "questions_per_day"),
            (settings.tokens_per_run, self._tokens, tokens, "tokens of a run", "tokens_per_run"),
            (settings.tokens_per_day, tokens_of_day, tokens, "tokens of 24 hours", "tokens_per_day"),
        ):
            if limit is not None and used + more > limit:
                raise NewsBudgetError(
                    f"the {limit} {what} are spent; run it again later, which asks nothing twice, or raise "
                    f"{_PATH}.{setting}"
                )
        self._count(1, tokens)

    def settle(self, expected_tokens: int, tokens: int) -> None:
        """Count what a question turned out to take in place of what was expected."""
        self._count(0, tokens - expected_tokens)

    def written(self, questions: int, tokens: int) -> Spending:
        """Return what is to be stored of so much that was asked; from then on the store counts it."""
        self._unwritten = (self._unwritten[0] - questions, self._unwritten[1] - tokens)
        return Spending(self._clock(), self._judge, questions, tokens)

    def _count(self, questions: int, tokens: int) -> None:
        self._questions += questions
        self._tokens += tokens
        self._unwritten = (self._unwritten[0] + questions, self._unwritten[1] + tokens)

    def _spent_of_day(self) -> tuple[int, int]:
        questions, tokens = self._store.spent(self._judge, self._clock() - _DAY_S)
        return questions + self._unwritten[0], tokens + self._unwritten[1]
