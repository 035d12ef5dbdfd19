"""Judges stored articles off-line, as a bot would have judged them then: once for each asset and check interval.

A model that was trained after the news came has seen what followed; verdicts of one are marked as tainted.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from freqai_ext.errors import NewsAnswerError, NewsBudgetError, NewsUnavailableError
from freqai_ext.news.judgement import Judgement
from freqai_ext.news.prompt import JudgeContext, build_prompt
from freqai_ext.news.records import JudgeIdentity, Verdict
from freqai_ext.news.scoring_budget import ScoringBudget
from freqai_ext.news.scoring_plan import Material, ScoringPlan, ScoringSettings, plan_scoring
from freqai_ext.news.store import NewsStore

__all__ = ["ARCHIVE_BOT", "Answer", "Judge", "ScoringReport", "ScoringSettings", "score_articles"]

ARCHIVE_BOT: Final = "archive"

_LONGEST_UNSTORED_S: Final = 5.0
_MOST_FAILURES_IN_A_ROW: Final = 5

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Answer:
    """A judgement, and the tokens that it took; 0 where it took none."""

    judgement: Judgement
    tokens: int = 0


class Judge(Protocol):
    """Something that judges: :class:`~freqai_ext.news.llm_judge.LlmJudge`, :class:`LexiconJudge`."""

    @property
    def identity(self) -> JudgeIdentity:
        """Who it is, in its verdicts."""

    async def answer(self, context: JudgeContext) -> Answer:
        """Return the judgement.

        Raises
        ------
        NewsUnavailableError, NewsAnswerError
            If there is none this time; the others go on, unless it is ``lasting``.
        """


@dataclass(frozen=True)
class ScoringReport:
    """What became of it.

    Attributes
    ----------
    moments
        Moments with news, all assets together.
    unchanged
        Of them, those without anything that had not been judged before; they get no verdict.
    known
        Of them, those whose question the judge had answered before.
    added
        Verdicts that were stored.
    tainted
        Of them, those whose model may have known what happened next.
    failed
        Questions without an answer; they are asked again in the next run.
    left
        Questions that were not asked, because the budget was spent.
    tokens
        What the answers took.
    stopped
        Why some were not asked; ``None`` where all were.
    """

    moments: int
    unchanged: int
    known: int
    added: int
    tainted: int
    failed: int
    left: int
    tokens: int
    stopped: str | None


def score_articles(
    store: NewsStore,
    judge: Judge,
    settings: ScoringSettings,
    progress: Progress | None = None,
    *,
    plan: ScoringPlan | None = None,
    budget: ScoringBudget | None = None,
) -> ScoringReport:
    """Store a verdict for each asset and moment with something new; those that are there already are not asked for.

    Only articles that count as seen by then are told, and nothing of prices. What was judged is stored as it comes, so
    that a run that was cut off goes on where it ended.

    Parameters
    ----------
    progress
        Called with questions done and all questions, after each.
    plan
        Of :func:`plan_scoring`, where the caller has it already.
    budget
        Ends the run in good order where it is spent.

    Raises
    ------
    NewsDataError
        If the store cannot be used.
    NewsUnavailableError, NewsAnswerError
        If the judge fails five times in a row, or says that it stays so; other errors of its at once.
    """
    plan = plan or plan_scoring(store, judge.identity, settings)
    run = _Run(store, judge, settings, plan, budget, progress)
    asyncio.run(run.go())
    return ScoringReport(
        moments=plan.moments,
        unchanged=plan.unchanged,
        known=plan.known,
        added=run.added,
        tainted=run.tainted,
        failed=run.failed,
        left=len(plan.questions) - run.done,
        tokens=run.tokens,
        stopped=run.stopped,
    )


class _Run:
    def __init__(
        self,
        store: NewsStore,
        judge: Judge,
        settings: ScoringSettings,
        plan: ScoringPlan,
        budget: ScoringBudget | None,
        progress: Progress | None,
    ) -> None:
        self.done = self.added = self.tainted = self.failed = self.tokens = 0
        self.stopped: str | None = None
        self._store, self._judge, self._settings, self._budget = store, judge, settings, budget
        self._material = Material(store, settings)
        self._total, self._questions = len(plan.questions), iter(plan.questions)
        self._progress = progress
        self._unstored: list[Verdict] = []
        self._uncounted = (0, 0)
        self._failed_in_a_row = 0
        self._stored_at_s = time.monotonic()

    async def go(self) -> None:
        workers = [
            asyncio.create_task(self._work(self._questions)) for _ in range(max(1, self._settings.questions_at_once))
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self._flush(all_of_it=True)

    async def _work(self, questions: Iterator[tuple[str, float]]) -> None:
        while self.stopped is None:
            # Nothing is awaited up to the question itself, so that each is taken once and the budget never overrun.
            question = next(questions, None)
            if question is None:
                return
            articles = self._material.seen(*question)
            context = self._material.context(*question)
            prompt = build_prompt(context)
            try:
                if self._budget is not None:
                    self._budget.reserve(prompt.tokens)
            except NewsBudgetError as error:
                self.stopped = str(error)
                return
            tokens = 0
            try:
                answer = await self._judge.answer(context)
                tokens = answer.tokens
            except (NewsUnavailableError, NewsAnswerError) as error:
                tokens = getattr(error, "tokens", 0)
                self._fail(error)
            else:
                self._failed_in_a_row = 0
                ids = tuple(article.id for article in articles)
                self._unstored.append(self._verdict(*question, answer.judgement, prompt.sha256, ids))
            finally:
                if self._budget is not None:
                    self._budget.settle(prompt.tokens, tokens)
                self.tokens += tokens
                self._uncounted = (self._uncounted[0] + 1, self._uncounted[1] + tokens)
                self._flush()
            self.done += 1
            if self._progress is not None:
                self._progress(self.done, self._total)

    def _fail(self, error: NewsUnavailableError | NewsAnswerError) -> None:
        self.failed += 1
        self._failed_in_a_row += 1
        if self._failed_in_a_row == _MOST_FAILURES_IN_A_ROW or getattr(error, "lasting", False):
            raise error

    def _flush(self, *, all_of_it: bool = False) -> None:
        """Store what was judged, where it is enough or it is time."""
        late = time.monotonic() - self._stored_at_s >= _LONGEST_UNSTORED_S
        questions, tokens = self._uncounted
        if not questions or not (all_of_it or late or len(self._unstored) >= self._settings.unstored_verdicts):
            return
        spending = self._budget.written(questions, tokens) if self._budget is not None else None
        self.added += self._store.add_verdicts(self._unstored, spending)
        self.tainted += sum(verdict.tainted for verdict in self._unstored)
        self._unstored, self._uncounted = [], (0, 0)
        self._stored_at_s = time.monotonic()

    def _verdict(
        self,
        asset: str,
        moment_s: float,
        judgement: Judgement,
        prompt_sha256: str,
        article_ids: tuple[str, ...],
    ) -> Verdict:
        judge, settings = self._judge.identity, self._settings
        identity = "\n".join((judge.name, asset, f"{moment_s:.3f}", prompt_sha256))
        return Verdict(
            id=hashlib.sha256(identity.encode()).hexdigest()[:32],
            asset=asset,
            available_at_s=moment_s + settings.judge_latency_s,
            impact_score=judgement.impact_score,
            sentiment=judgement.sentiment,
            confidence=judgement.confidence,
            reasoning=judgement.reasoning,
            model=judge.model,
            prompt_version=judge.prompt_version,
            prompt_sha256=prompt_sha256,
            article_ids=article_ids,
            origin="imported",
            bot=ARCHIVE_BOT,
            trained_until_s=settings.trained_until_s,
            judge_kind=judge.kind,
        )
