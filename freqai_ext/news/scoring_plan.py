"""What there is to ask of an archive: the moments at which something new was there to be judged, and their cost."""

import math
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from freqai_ext.news._store_rows import text_sha256
from freqai_ext.news.assets import common_name
from freqai_ext.news.prompt import JudgeContext, build_prompt
from freqai_ext.news.records import Article, JudgeIdentity
from freqai_ext.news.search import NewsItem, undated_if_later
from freqai_ext.news.store import NewsStore

_DAY_S: Final = 86_400.0
_SAMPLE: Final = 200
_ANSWER_TOKENS: Final = 150


@dataclass(frozen=True)
class ScoringSettings:
    """How stored articles are judged.

    Attributes
    ----------
    trained_until_s
        When the judge's knowledge ends, UTC seconds; ``None`` for one that knows nothing of the world.
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
    questions_at_once
        So many are asked side by side.
    unstored_verdicts
        So many verdicts may wait to be stored, 5 s at most; a crash loses them.
    """

    trained_until_s: float | None = None
    assets: Collection[str] | None = None
    since_s: float = -math.inf
    until_s: float = math.inf
    interval_s: float = 3_600.0
    window_s: float = _DAY_S
    max_items: int = 8
    judge_latency_s: float = 30.0
    names: Mapping[str, str] = field(default_factory=dict)
    questions_at_once: int = 1
    unstored_verdicts: int = 500


@dataclass(frozen=True)
class ScoringPlan:
    """What is to be asked.

    Attributes
    ----------
    questions
        Assets and moments (UTC seconds), asset by asset, the oldest first.
    moments
        Moments with news, all assets together.
    unchanged
        Of them, those at which nothing was there that had not been judged before. They get no verdict: one would make
        old news look fresh, and a running bot makes none either.
    known
        Those whose question the judge has answered before.
    """

    questions: tuple[tuple[str, float], ...]
    moments: int
    unchanged: int
    known: int


@dataclass(frozen=True)
class ScoringEstimate:
    """What the questions of a plan will take, about.

    Attributes
    ----------
    questions
        How many.
    input_tokens, output_tokens
        A quarter of the characters of a sample of the questions, and 150 for each answer.
    """

    questions: int
    input_tokens: int
    output_tokens: int

    def hours(self, seconds_per_question: float, questions_at_once: int) -> float:
        """Return how long they take where each takes so long."""
        return self.questions * seconds_per_question / questions_at_once / 3_600.0


class Material:
    """The articles of one asset after the other, as they had been seen at each moment."""

    def __init__(self, store: NewsStore, settings: ScoringSettings) -> None:
        self._store, self._settings = store, settings
        self._articles: dict[str, tuple[Article, ...]] = {}

    def articles(self, asset: str) -> tuple[Article, ...]:
        """Return the articles about an asset that matter, the oldest first."""
        if asset not in self._articles:
            since_s = self._settings.since_s - self._settings.window_s
            # One asset comes after another, so that one at a time is enough.
            self._articles = {asset: self._store.articles(asset, since_s, self._settings.until_s)}
        return self._articles[asset]

    def moments(self, asset: str) -> Iterator[float]:
        """Give the moments at which there is news of ``asset``."""
        step_s, settings = self._settings.interval_s, self._settings
        last_s = -math.inf
        for article in self.articles(asset):
            first = max(article.first_seen_at_s, settings.since_s, last_s + step_s)
            moment_s = math.ceil(first / step_s) * step_s
            while moment_s < article.first_seen_at_s + settings.window_s and moment_s < settings.until_s:
                if moment_s > last_s:
                    yield moment_s
                    last_s = moment_s
                moment_s += step_s

    def seen(self, asset: str, moment_s: float) -> tuple[Article, ...]:
        """Return the articles that are told at a moment, the newest first."""
        articles = self.articles(asset)
        end = bisect_right(articles, moment_s, key=lambda article: article.first_seen_at_s)
        begin = bisect_right(
            articles, moment_s - self._settings.window_s, hi=end, key=lambda article: article.first_seen_at_s
        )
        return articles[max(begin, end - self._settings.max_items) : end][::-1]

    def context(self, asset: str, moment_s: float) -> JudgeContext:
        """Return all that is asked about at a moment; nothing of prices."""
        return JudgeContext(
            asset=asset,
            name=common_name(asset, self._settings.names),
            now_s=moment_s,
            items=tuple(_item(article) for article in self.seen(asset, moment_s)),
        )


def plan_scoring(store: NewsStore, judge: JudgeIdentity, settings: ScoringSettings) -> ScoringPlan:
    """Return what ``judge`` is to be asked about the articles of ``store``.

    A moment is asked about where at least one of the articles that are told then was not told at an earlier one within
    the window, by title and text. What was told counts from the judge's stored verdicts, too, so that runs over
    neighbouring ranges, and one that goes on after an interruption, ask nothing twice.

    Raises
    ------
    NewsDataError
        If the store cannot be used.
    """
    material = Material(store, settings)
    questions: list[tuple[str, float]] = []
    moments = unchanged = known = 0
    for asset in sorted(settings.assets) if settings.assets is not None else store.assets():
        told = _Told(store, judge, settings, asset, material.articles(asset))
        for moment_s in material.moments(asset):
            moments += 1
            articles = material.seen(asset, moment_s)
            if not told.is_new(articles, moment_s):
                unchanged += 1
            elif told.is_answered(articles):
                known += 1
            else:
                questions.append((asset, moment_s))
    return ScoringPlan(tuple(questions), moments, unchanged, known)


def estimate_scoring(store: NewsStore, plan: ScoringPlan, settings: ScoringSettings) -> ScoringEstimate:
    """Return what the questions of a plan will take, by up to 200 of them.

    Raises
    ------
    NewsDataError
        If the store cannot be read.
    """
    count = len(plan.questions)
    material = Material(store, settings)
    sample = plan.questions[:: max(1, math.ceil(count / _SAMPLE))]
    tokens = [build_prompt(material.context(asset, moment_s)).tokens for asset, moment_s in sample]
    mean = sum(tokens) / len(tokens) if tokens else 0.0
    return ScoringEstimate(count, round(count * mean), count * _ANSWER_TOKENS)


class _Told:
    """What a judge was told of an asset before, and when."""

    def __init__(
        self,
        store: NewsStore,
        judge: JudgeIdentity,
        settings: ScoringSettings,
        asset: str,
        articles: tuple[Article, ...],
    ) -> None:
        self._window_s = settings.window_s
        self._keys = {article.id: text_sha256(article) for article in articles}
        self._told_s: dict[str, float] = {}
        self._answered: set[frozenset[str]] = set()
        for verdict in store.verdicts(asset, settings.since_s - settings.window_s, judge=judge.name):
            self._answered.add(frozenset(verdict.article_ids))
            if verdict.available_at_s - settings.judge_latency_s < settings.since_s:
                self._note(verdict.article_ids, verdict.available_at_s - settings.judge_latency_s)

    def is_new(self, articles: tuple[Article, ...], moment_s: float) -> bool:
        """Return whether one of the articles was not told lately, and note that all of them are now."""
        ids = [article.id for article in articles]
        is_new = any(moment_s - self._told_s.get(self._keys[id], -math.inf) > self._window_s for id in ids)
        self._note(ids, moment_s)
        return is_new

    def is_answered(self, articles: tuple[Article, ...]) -> bool:
        """Return whether the judge has a stored verdict on just these."""
        return frozenset(article.id for article in articles) in self._answered

    def _note(self, ids: Collection[str], moment_s: float) -> None:
        for id in ids:
            if id in self._keys:
                self._told_s[self._keys[id]] = moment_s


def _item(article: Article) -> NewsItem:
    item = NewsItem(
        article.title, article.url, article.text, article.published_at_s, first_seen_at_s=article.first_seen_at_s
    )
    return undated_if_later(item, article.first_seen_at_s)
