"""Searches the news of assets and has them judged, one after the other, beside the bot."""

import asyncio
import hashlib
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from freqai_ext._services.throttle import Throttle
from freqai_ext.errors import NewsBudgetError, NewsError, NewsUnavailableError
from freqai_ext.news.assets import common_name
from freqai_ext.news.budget import NewsBudget
from freqai_ext.news.llm import JudgeAnswer, LlmUnavailableError
from freqai_ext.news.prompt import EarlierVerdict, JudgeContext, Prompt, build_prompt
from freqai_ext.news.records import RECORDED, Article, Verdict
from freqai_ext.news.search import NewsItem, NewsResult, NewsSearch, query_for, undated_if_later
from freqai_ext.news.settings import NewsSettings
from freqai_ext.news.watchlist import STANDS_FOR_S, Numbers, Watchlist

logger = logging.getLogger(__name__)

Earlier = Callable[[str, float], Sequence[EarlierVerdict]]
"""Tells the verdicts on an asset that were available before a time (UTC seconds), and what followed them by then."""

Look = Callable[[str], Awaitable[object]]
"""Has what the shared memory holds on an asset at hand."""

Facts = Callable[[str, str, int], Awaitable[Sequence[str]]]
"""Tells what the shared memory holds on an asset and a question, so many texts at most."""

_AT_ONCE: Final = 2
_LOOK_AGAIN_S: Final = 0.25
_SLACK_S: Final = 30.0
_FACTS_WITHIN_S: Final = 5.0
_LONGEST_REASONING: Final = 500
_JUDGED_FOR_S: Final = 7 * 86_400.0


class Judge(Protocol):
    """What judges news: :class:`~freqai_ext.news.llm.LlmClient`."""

    async def judge(self, prompt: Prompt, *, before_attempt: Callable[[], None] | None = None) -> JudgeAnswer:
        """Answer a prompt, or raise a :class:`~freqai_ext.errors.NewsError`, also what ``before_attempt`` raises."""


class VerdictStore(Protocol):
    """Where verdicts go: :class:`~freqai_ext.news.store.NewsStore`. Its methods wait for the disk."""

    def add_articles(self, articles: Iterable[Article]) -> int:
        """Store articles; those that are known stay as they are."""

    def add_verdict(self, verdict: Verdict) -> bool:
        """Store a verdict; False where its id is known."""

    def newest(self, asset: str, at_s: float, *, judge: str | None = None) -> Verdict | None:
        """Return the newest verdict of a judge that was available at a time, however old."""

    def verdicts(
        self, asset: str | None = None, since_s: float = ..., until_s: float = ..., *, judge: str | None = None
    ) -> Sequence[Verdict]:
        """Return the verdicts of a judge that became available in a time."""

    def seen_at(self, asset: str, article_ids: Iterable[str]) -> Mapping[str, float]:
        """Return when articles were first seen to be about an asset."""


@dataclass(frozen=True)
class AnalystStatus:
    """How the analyst fares, since its start.

    Attributes
    ----------
    verdicts
        Verdicts made.
    spared
        Searches that another verdict, such as one of another bot, made unnecessary.
    no_news
        Searches that found nothing.
    unchanged
        Searches that found nothing that had not been judged before.
    failures
        Looks that failed.
    last_failure
        Text of the newest of these; ``None`` without any.
    waiting
        Assets that wait to be looked at.
    """

    verdicts: int
    spared: int
    no_news: int
    unchanged: int
    failures: int
    last_failure: str | None
    waiting: int


class Analyst:
    """A :class:`~freqai_ext._services.worker.Job`: search, judgement, store, for each asset that is requested.

    Two assets are looked at at once, each by one look at a time. After a verdict, and where nothing was found, an asset
    rests for ``news_check_interval_s``; a verdict that is younger, whoever made it, makes a search unnecessary. After a
    failure it is tried again in 60 s, doubling. Nothing is stored unless all of it is there and valid: finding no news
    is no verdict, and neither is a failure.

    News of which a verdict of the last seven days has judged every piece are not judged again: a new verdict would make
    old news look fresh, and the last one ages as it should. A piece is known by its address and headline.

    A verdict is available from the time at which the judgement had come. News dated after the search are judged as
    undated, for an engine's date may be wrong, or our clock; the store keeps the date that they claim.

    Parameters
    ----------
    settings
        ``freqai_ext.news``.
    search, llm, store
        Closed by their owner.
    clock
        UTC seconds.
    bot
        Name of this bot in the verdicts.
    wake
        Has :meth:`run` called soon.
    earlier
        Tells what came of earlier verdicts, for the prompt; called in a thread of its own. What it tells that is not
        strictly earlier than the question is left out.
    facts
        Tells texts of the shared memory, for the prompt. It is done without where it fails or takes 5 s.
    look
        Reads what other bots have shared on an asset, just before it is searched.
    delay_s
        For how many seconds an asset that is newly wanted is not searched, so that bots in step do not all search.
    """

    def __init__(
        self,
        settings: NewsSettings,
        search: NewsSearch,
        llm: Judge,
        store: VerdictStore,
        clock: Callable[[], float] = time.time,
        bot: str = "",
        *,
        wake: Callable[[], None] = lambda: None,
        earlier: Earlier | None = None,
        facts: Facts | None = None,
        look: Look | None = None,
        delay_s: Callable[[str, float], float] = lambda _asset, _now_s: 0.0,
    ) -> None:
        self._settings, self._search, self._llm, self._store = settings, search, llm, store
        self._clock, self._bot, self._wake = clock, bot, wake
        self._earlier, self._facts, self._look = earlier, facts, look
        self._watchlist = Watchlist(settings.news_check_interval_s, clock, delay_s)
        self._budget = NewsBudget(settings.budget, clock)
        self._found: dict[str, NewsResult] = {}
        self._writes: set[asyncio.Task[None]] = set()
        self._throttles: defaultdict[str, Throttle] = defaultdict(Throttle)
        self._verdicts = self._spared = self._no_news = self._unchanged = self._failures = 0
        self._last_failure: str | None = None
        # Every client keeps a deadline of its own; this one is for a client that does not.
        self._deadline_s = (
            settings.perplexica.deadline_s + settings.searxng.deadline_s + settings.llm.deadline_s + _SLACK_S
        )

    def request(self, asset: str, numbers: Numbers) -> None:
        """Want a verdict on an asset; returns at once, from any thread. To be called again as long as it is wanted."""
        if self._watchlist.request(asset.upper(), numbers):
            self._wake()

    @property
    def status(self) -> AnalystStatus:
        """How it fares."""
        return AnalystStatus(
            self._verdicts,
            self._spared,
            self._no_news,
            self._unchanged,
            self._failures,
            self._last_failure,
            len(self._watchlist),
        )

    async def run(self, now_s: float) -> float:  # noqa: ARG002 - it takes long, and looks at the clock again and again
        """Look at what is requested until nothing is left that is due; return when the next look is."""
        at_work: set[asyncio.Task[None]] = set()
        try:
            while True:
                while len(at_work) < _AT_ONCE and (taken := self._watchlist.take()) is not None:
                    at_work.add(asyncio.create_task(self._look_into(*taken)))
                if not at_work:
                    return self._watchlist.due_s()
                # What is requested meanwhile must not wait for the slower of two.
                _, at_work = await asyncio.wait(at_work, timeout=_LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in at_work:
                task.cancel()
            await asyncio.gather(*at_work, return_exceptions=True)

    async def close(self) -> None:
        """Wait for what is being stored."""
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def _look_into(self, asset: str, numbers: Numbers) -> None:
        failure: NewsError
        at_least_s = 0.0
        try:
            async with asyncio.timeout(self._deadline_s):
                rests_until_s = await self._verdict_on(asset, numbers)
        except NewsBudgetError as error:
            failure, at_least_s = error, self._budget.free_in_s
        except NewsError as error:
            failure = error
            if isinstance(error, NewsUnavailableError):
                at_least_s = error.retry_after_s or 0.0
        except TimeoutError:
            failure = NewsUnavailableError(f"search and judgement took more than {self._deadline_s:g} s")
        except Exception as error:
            # Its text may hold what was sent.
            logger.debug("%s: a fault in the search for a verdict", asset, exc_info=True)
            failure = NewsError(f"{type(error).__name__} in our own code; the log tells more at level DEBUG")
        else:
            self._watchlist.rest(asset, rests_until_s)
            return
        self._note(asset, failure, self._watchlist.fail(asset, numbers, at_least_s))

    async def _verdict_on(self, asset: str, numbers: Numbers) -> float:
        """Have a verdict on an asset stored where there is news, and return until when the asset rests."""
        interval_s = self._settings.news_check_interval_s
        known = await self._fresh(asset)
        if known is None and self._look is not None:
            await self._look(asset)
            known = await self._fresh(asset)
        if known is not None:
            self._spared += 1
            return known.age_from_s + interval_s
        name = common_name(asset, self._settings.names)
        query = query_for(asset, name)
        found = await self._news_of(asset, query)
        # The search has its own look at the clock, which may have been set back since.
        asked_s = max(self._clock(), found.retrieved_at_s)
        items = tuple(item for item in found.items if item.title or item.text)
        if not items:
            self._no_news += 1
            self._forget(asset)
            logger.info("%s: no news found; it is searched again in %.0f s", asset, interval_s)
            return self._clock() + interval_s
        articles = tuple(_article(item, asset, found.retrieved_at_s) for item in items)
        seen_s, is_new = await asyncio.to_thread(self._known, asset, articles, asked_s)
        if not is_new:
            self._unchanged += 1
            self._forget(asset)
            logger.info("%s: nothing new among %d news; the last verdict ages on", asset, len(items))
            return self._clock() + interval_s
        context = JudgeContext(
            asset=asset,
            name=name,
            now_s=asked_s,
            close=numbers.close,
            change_24h=numbers.change_24h,
            rsi=numbers.rsi,
            items=tuple(
                replace(undated_if_later(item, found.retrieved_at_s), first_seen_at_s=seen_s.get(article.id))
                for item, article in zip(items, articles, strict=True)
            ),
            earlier=await self._earlier_than(asset, asked_s),
            facts=await self._facts_on(asset, query),
        )
        verdict = await self._judged(context, articles)
        self._verdicts += 1
        self._forget(asset)
        logger.info(
            "%s: %s, impact %.2f, confidence %.2f, by %s of %d news",
            asset, verdict.sentiment, verdict.impact_score, verdict.confidence, verdict.model, len(items),
        )  # fmt: skip
        return verdict.available_at_s + interval_s

    async def _fresh(self, asset: str) -> Verdict | None:
        """Return a verdict that is too young for a search, whoever made it."""
        known = await asyncio.to_thread(self._store.newest, asset, self._clock(), judge=RECORDED)
        is_fresh = known is not None and self._clock() - known.age_from_s < self._settings.news_check_interval_s
        return known if is_fresh else None

    def _known(self, asset: str, articles: Sequence[Article], now_s: float) -> tuple[Mapping[str, float], bool]:
        """Return since when each of the articles is known, and whether there is one that no verdict has judged."""
        seen_s = dict(self._store.seen_at(asset, [article.id for article in articles]))
        judged: set[str] = set()
        for verdict in self._store.verdicts(asset, now_s - _JUDGED_FOR_S, now_s, judge=RECORDED):
            judged.update(verdict.article_ids)
            for id in verdict.article_ids:
                # What another bot has judged it had seen by then.
                seen_s[id] = min(seen_s.get(id, verdict.age_from_s), verdict.age_from_s)
        return seen_s, any(article.id not in judged for article in articles)

    async def _news_of(self, asset: str, query: str) -> NewsResult:
        """Search, except where a search that was made lately could not be judged."""
        now_s = self._clock()
        self._found = {
            name: each for name, each in self._found.items() if 0 <= now_s - each.retrieved_at_s < STANDS_FOR_S
        }
        if asset in self._found:
            return self._found[asset]
        self._budget.check()
        self._budget.spend_search()
        found = self._found[asset] = await self._search.search(query)
        return found

    async def _judged(self, context: JudgeContext, articles: tuple[Article, ...]) -> Verdict:
        prompt = build_prompt(context)
        try:
            answer = await self._llm.judge(prompt, before_attempt=self._budget.spend_llm_call)
        except LlmUnavailableError as error:
            self._budget.add_llm_tokens(error.tokens)
            raise
        self._budget.add_llm_tokens(answer.tokens)
        judgement = answer.judgement
        verdict = Verdict(
            id=uuid.uuid4().hex,
            asset=context.asset,
            available_at_s=max(self._clock(), context.now_s),
            impact_score=judgement.impact_score,
            sentiment=judgement.sentiment,
            confidence=judgement.confidence,
            reasoning=judgement.reasoning[:_LONGEST_REASONING],
            model=answer.model,
            prompt_version=prompt.version,
            prompt_sha256=prompt.sha256,
            article_ids=tuple(dict.fromkeys(article.id for article in articles)),
            origin="live",
            bot=self._bot,
            trained_until_s=answer.trained_until_s,
        )
        write = asyncio.create_task(asyncio.to_thread(self._keep, articles, verdict))
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)
        # The end of the bot interrupts a look, but never what is being stored.
        await asyncio.shield(write)
        return verdict

    def _keep(self, articles: tuple[Article, ...], verdict: Verdict) -> None:
        # In this order a crash in between leaves articles without a verdict, and never a verdict without its articles.
        self._store.add_articles(articles)
        self._store.add_verdict(verdict)

    async def _earlier_than(self, asset: str, before_s: float) -> tuple[EarlierVerdict, ...]:
        if self._earlier is None:
            return ()
        told = await asyncio.to_thread(self._earlier, asset, before_s)
        return tuple(verdict for verdict in told if verdict.available_at_s < before_s)

    async def _facts_on(self, asset: str, query: str) -> tuple[str, ...]:
        most = self._settings.graphiti.facts
        if self._facts is None or not most:
            return ()
        try:
            async with asyncio.timeout(_FACTS_WITHIN_S):
                return tuple(await self._facts(asset, query, most))[:most]
        except (NewsError, TimeoutError) as error:
            if self._throttles["facts"].passes():
                logger.warning("%s: judged without facts of the shared memory (%s)", asset, error or "too slow")
            return ()

    def _note(self, asset: str, failure: NewsError, wait_s: float) -> None:
        self._failures += 1
        self._last_failure = str(failure)
        throttle = self._throttles[type(failure).__name__]
        if throttle.passes():
            logger.warning(
                "%s: no verdict on the news, times=%d: %s; tried again in %.0f s",
                asset,
                throttle.count,
                failure,
                wait_s,
            )

    def _forget(self, asset: str) -> None:
        """Forget what is over: the search, and failures."""
        self._found.pop(asset, None)
        failed = sum(throttle.count for throttle in self._throttles.values())
        if failed:
            logger.info("news are searched and judged again after %d failures", failed)
        self._throttles.clear()


def _article(item: NewsItem, asset: str, seen_at_s: float) -> Article:
    # A snippet changes from search to search: what has an address and a headline is known by them.
    parts = (item.url, item.title) if item.url and item.title else (item.url, item.title, item.text)
    identity = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
    return Article(identity, item.title, item.text, item.url, (asset,), item.published_at_s, seen_at_s)
