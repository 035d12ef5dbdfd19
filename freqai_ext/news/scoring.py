"""Judges stored articles off-line, as a bot would have judged them then: once for each asset and check interval.

A model that was trained after the news came has seen what followed; verdicts of one are marked as tainted.
"""

import hashlib
import math
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from freqai_ext.errors import NewsAnswerError, NewsUnavailableError
from freqai_ext.news.assets import common_name
from freqai_ext.news.judgement import Judgement
from freqai_ext.news.prompt import JudgeContext, Prompt, build_prompt
from freqai_ext.news.records import Article, Verdict
from freqai_ext.news.search import NewsItem, undated_if_later
from freqai_ext.news.store import NewsStore

ARCHIVE_BOT: Final = "archive"

_DAY_S: Final = 86_400.0
_BATCH: Final = 500
_LONGEST_UNSTORED_S: Final = 5.0
_MOST_FAILURES_IN_A_ROW: Final = 5

Progress = Callable[[int, int], None]


class Judge(Protocol):
    """Something that judges, such as :meth:`~freqai_ext.news.baseline.LexiconJudge.judge_context`."""

    def __call__(self, context: JudgeContext, /) -> Judgement:
        """Return the judgement.

        Raises
        ------
        NewsUnavailableError, NewsAnswerError
            If there is none this time; the others go on.
        """


@dataclass(frozen=True)
class ScoringSettings:
    """How stored articles are judged.

    Attributes
    ----------
    model
        What the judge is called in verdicts.
    trained_until_s
        When its knowledge ends, UTC seconds; ``None`` for one that knows nothing of the world.
    assets
        Judged; all by default.
    since_s, until_s
        Judged are the moments in ``[since_s, until_s)``.
    interval_s
        Moments are its multiples.
    window_s
        At each moment, articles first seen within so many seconds before it are judged.
    max_items
        The newest so many of them.
    judge_latency_s
        A verdict is available so many seconds after its moment.
    names
        What assets are called beside their ticker; well-known names are known.
    """

    model: str
    trained_until_s: float | None = None
    assets: Collection[str] | None = None
    since_s: float = -math.inf
    until_s: float = math.inf
    interval_s: float = 3_600.0
    window_s: float = _DAY_S
    max_items: int = 8
    judge_latency_s: float = 30.0
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoringReport:
    """What became of it.

    Attributes
    ----------
    moments
        Moments with news, all assets together.
    known
        Of them, those whose question the model had answered before.
    added
        Verdicts that were stored.
    tainted
        Of them, those whose model may have known what happened next.
    failed
        Questions without an answer; they are asked again in the next run.
    """

    moments: int
    known: int
    added: int
    tainted: int
    failed: int


def score_articles(
    store: NewsStore, judge: Judge, settings: ScoringSettings, progress: Progress | None = None
) -> ScoringReport:
    """Store a verdict for each asset and moment with news; those that are there already are not asked for again.

    Only articles that count as seen by then are told, and nothing of prices. What was judged is stored as it comes, so
    that a run that was cut off goes on where it ended.

    Parameters
    ----------
    progress
        Called with moments done and all moments, now and then.

    Raises
    ------
    NewsDataError
        If the store cannot be used.
    NewsUnavailableError, NewsAnswerError
        If the judge fails five times in a row; other errors of its at once.
    """
    run = _Run(store, settings)
    assets = sorted(settings.assets) if settings.assets is not None else store.assets()
    moments = [(asset, moment_s) for asset in assets for moment_s in run.moments(asset)]
    try:
        for done, (asset, moment_s) in enumerate(moments):
            run.judge(judge, asset, moment_s)
            if run.flush() and progress is not None:
                progress(done + 1, len(moments))
    finally:
        run.flush(all_of_it=True)
    if progress is not None:
        progress(len(moments), len(moments))
    return ScoringReport(len(moments), run.known, run.added, run.tainted, run.failed)


class _Run:
    def __init__(self, store: NewsStore, settings: ScoringSettings) -> None:
        self.known = self.added = self.tainted = self.failed = 0
        self._store, self._settings = store, settings
        self._answered = store.prompts(settings.model)
        self._articles: dict[str, tuple[Article, ...]] = {}
        self._unstored: list[Verdict] = []
        self._failed_in_a_row = 0
        self._stored_at_s = time.monotonic()

    def moments(self, asset: str) -> Iterator[float]:
        """Give the moments at which there is news of ``asset``."""
        step_s = self._settings.interval_s
        last_s = -math.inf
        for article in self._of(asset):
            first = max(article.first_seen_at_s, self._settings.since_s, last_s + step_s)
            moment_s = math.ceil(first / step_s) * step_s
            while moment_s < article.first_seen_at_s + self._settings.window_s and moment_s < self._settings.until_s:
                if moment_s > last_s:
                    yield moment_s
                    last_s = moment_s
                moment_s += step_s

    def judge(self, judge: Judge, asset: str, moment_s: float) -> None:
        articles = self._seen(asset, moment_s)
        context = JudgeContext(
            asset=asset,
            name=common_name(asset, self._settings.names),
            now_s=moment_s,
            items=tuple(_item(article) for article in articles),
        )
        prompt = build_prompt(context)
        if prompt.sha256 in self._answered:
            self.known += 1
            return
        try:
            judgement = judge(context)
        except (NewsUnavailableError, NewsAnswerError):
            self.failed += 1
            self._failed_in_a_row += 1
            if self._failed_in_a_row == _MOST_FAILURES_IN_A_ROW:
                raise
            return
        self._failed_in_a_row = 0
        self._unstored.append(self._verdict(asset, moment_s, judgement, prompt, articles))

    def flush(self, *, all_of_it: bool = False) -> bool:
        """Store what was judged, where it is enough or it is time; return whether that was so."""
        late = time.monotonic() - self._stored_at_s >= _LONGEST_UNSTORED_S
        if not (all_of_it or late or len(self._unstored) >= _BATCH):
            return False
        self.added += self._store.add_verdicts(self._unstored)
        self.tainted += sum(verdict.tainted for verdict in self._unstored)
        self._unstored = []
        self._stored_at_s = time.monotonic()
        return True

    def _of(self, asset: str) -> tuple[Article, ...]:
        if asset not in self._articles:
            since_s = self._settings.since_s - self._settings.window_s
            # One asset comes after another, so that one at a time is enough.
            self._articles = {asset: self._store.articles(asset, since_s, self._settings.until_s)}
        return self._articles[asset]

    def _seen(self, asset: str, moment_s: float) -> tuple[Article, ...]:
        articles = self._of(asset)
        end = bisect_right(articles, moment_s, key=lambda article: article.first_seen_at_s)
        begin = bisect_right(
            articles, moment_s - self._settings.window_s, hi=end, key=lambda article: article.first_seen_at_s
        )
        return articles[max(begin, end - self._settings.max_items) : end][::-1]

    def _verdict(
        self, asset: str, moment_s: float, judgement: Judgement, prompt: Prompt, articles: tuple[Article, ...]
    ) -> Verdict:
        settings = self._settings
        identity = "\n".join((settings.model, asset, f"{moment_s:.3f}", prompt.sha256))
        return Verdict(
            id=hashlib.sha256(identity.encode()).hexdigest()[:32],
            asset=asset,
            available_at_s=moment_s + settings.judge_latency_s,
            impact_score=judgement.impact_score,
            sentiment=judgement.sentiment,
            confidence=judgement.confidence,
            reasoning=judgement.reasoning,
            model=settings.model,
            prompt_version=prompt.version,
            prompt_sha256=prompt.sha256,
            article_ids=tuple(article.id for article in articles),
            origin="imported",
            bot=ARCHIVE_BOT,
            trained_until_s=settings.trained_until_s,
        )


def _item(article: Article) -> NewsItem:
    item = NewsItem(article.title, article.url, article.text, article.published_at_s)
    return undated_if_later(item, article.first_seen_at_s)
