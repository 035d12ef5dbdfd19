"""Looks for look-ahead in a store of news: what a backtest on it would know too early."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from freqai_ext.news._posthoc import matches, read_aftermath
from freqai_ext.news._store_rows import text_sha256
from freqai_ext.news.archive import LEAST_CLUSTERED, MANY_CLUSTERED
from freqai_ext.news.records import Article, Verdict
from freqai_ext.news.store import NewsStore

Severity = Literal["leak", "doubt"]

_EXAMPLES: Final = 3
_CLOCK_SKEW_S: Final = 60.0
_DAY_S: Final = 86_400.0
_TO_THE_LAST_ZONE_S: Final = 43_200.0
_STEP_OF_ZONES_S: Final = 900.0
_DAYS_OF_A_CLUSTER: Final = 5
_RECORDED: Final = ("live", "shared")


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes
    ----------
    severity
        ``"leak"``: a backtest may know the future; ``"doubt"``: worth a look.
    rule
        Its short name.
    count, of
        How many of how many.
    text
        What it means and what to do.
    examples
        Ids of a few.
    """

    severity: Severity
    rule: str
    count: int
    of: int
    text: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuditReport:
    """What was looked at and found.

    Attributes
    ----------
    articles, verdicts
        How many were looked at.
    findings
        Leaks first.
    """

    articles: int
    verdicts: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether there is no leak."""
        return all(finding.severity != "leak" for finding in self.findings)


def audit(store: NewsStore, posthoc: Path | None = None) -> AuditReport:
    """Look for verdicts and articles that are dated too early, models that knew the future, and stolen scores.

    Parameters
    ----------
    posthoc
        JSON lines with what became known only afterwards: ``id`` of an article, ``votes``, ``sentiment_label``.
        Verdicts that follow it closer than any text explains are a leak.

    Raises
    ------
    NewsDataError
        If the store or the file cannot be read.
    """
    articles, numbered = store.articles(), store.numbered_verdicts()
    verdicts = [verdict for _, verdict in numbered]
    by_id = {article.id: article for article in articles}
    # What was fetched was there, whatever date it claims; nothing of an archive's was there before its date.
    fetched = {id for verdict in verdicts if verdict.origin == "live" for id in verdict.article_ids}
    findings = [
        *_too_early(verdicts, by_id, fetched),
        *_seen_before_published(articles, fetched),
        *_tainted(verdicts),
        *_clock_set_back(numbered, [decision.decided_at_s for decision in store.decisions()]),
        *([] if posthoc is None else _stolen(verdicts, posthoc)),
        *_unknown_articles(verdicts, by_id),
        *_duplicates(articles, verdicts),
        *_assumed_dates(articles),
        *_clustered_times([article for article in articles if article.id not in fetched]),
    ]
    return AuditReport(len(articles), len(verdicts), tuple(sorted(findings, key=lambda one: one.severity != "leak")))


def _too_early(
    verdicts: Sequence[Verdict], by_id: Mapping[str, Article], fetched: Collection[str]
) -> Iterable[Finding]:
    unseen, unpublished = [], []
    for verdict in verdicts:
        cited = [by_id[id] for id in verdict.article_ids if id in by_id]
        # The bot that made a shared verdict had seen what this one came upon later.
        if verdict.origin != "shared" and any(each.first_seen_at_s > verdict.available_at_s for each in cited):
            unseen.append(verdict.id)
        if any(
            (article.published_at_s or 0.0) > verdict.available_at_s + _CLOCK_SKEW_S
            for article in cited
            if article.id not in fetched
        ):
            unpublished.append(verdict.id)
    yield from _finding(
        "leak", "verdict-before-seen", unseen, len(verdicts),
        "verdicts that were available before an article that they cite had been seen; judge them again",
    )  # fmt: skip
    yield from _finding(
        "leak", "verdict-before-published", unpublished, len(verdicts),
        "verdicts that were available before an article that they cite was published; judge them again",
    )  # fmt: skip


def _seen_before_published(articles: Sequence[Article], fetched: Collection[str]) -> Iterable[Finding]:
    early = [
        article.id
        for article in articles
        if article.published_at_s is not None and article.first_seen_at_s < article.published_at_s - _CLOCK_SKEW_S
    ]
    yield from _finding(
        "leak", "seen-before-published", [id for id in early if id not in fetched], len(articles),
        "articles that count as seen before their publication; import the archive again",
    )  # fmt: skip
    dated = sum(article.published_at_s is not None for article in articles if article.id in fetched)
    doubtful = [id for id in early if id in fetched]
    if doubtful:
        yield Finding(
            "doubt",
            "fetched-before-published",
            len(doubtful),
            dated,
            f"dated articles that a bot fetched before the date that they claim ({len(doubtful) / dated:.0%}); engines "
            "that tell no time zone are off by hours, but where it is most of them, the bot's clock is slow and all "
            "that it recorded is dated too early: compare it with a time server's",
            tuple(doubtful[:_EXAMPLES]),
        )


def _tainted(verdicts: Sequence[Verdict]) -> Iterable[Finding]:
    yield from _finding(
        "leak", "tainted", [verdict.id for verdict in verdicts if verdict.tainted], len(verdicts),
        "verdicts of a model that was trained after them and may remember what followed; take a model with an earlier "
        "end of knowledge, or a later range",
    )  # fmt: skip


def _clock_set_back(numbered: Sequence[tuple[int, Verdict]], decided_at_s: Sequence[float]) -> Iterable[Finding]:
    recorded = [verdict for _, verdict in sorted(numbered, key=lambda one: one[0]) if verdict.origin in _RECORDED]
    back, latest_s = [], float("-inf")
    for verdict in recorded:
        if verdict.available_at_s < latest_s - _CLOCK_SKEW_S:
            back.append(verdict.id)
        latest_s = max(latest_s, verdict.available_at_s)
    yield from _finding(
        "leak", "clock-set-back", back, len(recorded),
        "verdicts that were recorded after later ones, so that the clock was set back and they may be dated too early; "
        "leave out that range",
    )  # fmt: skip
    steps = sum(after < before - _CLOCK_SKEW_S for before, after in pairwise(decided_at_s))
    if steps:
        text = "decisions whose clock was set back, or a simulation that was run again into the same store"
        yield Finding("doubt", "decisions-set-back", steps, len(decided_at_s), text)


def _stolen(verdicts: Sequence[Verdict], posthoc: Path) -> Iterable[Finding]:
    aftermath = read_aftermath(posthoc)
    by_model: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_model.setdefault(verdict.model, []).append(verdict)
    for model, own in by_model.items():
        for match in matches(own, aftermath):
            yield Finding(
                "leak",
                "posthoc-match",
                match.verdicts,
                len(own),
                f"verdicts of {model}: {match.what} ({match.articles} articles), which nobody knew then; no text "
                "explains that much, so see where the scores come from",
            )


def _unknown_articles(verdicts: Sequence[Verdict], by_id: dict[str, Article]) -> Iterable[Finding]:
    # Articles of other bots' verdicts are not here.
    own = [verdict for verdict in verdicts if verdict.origin in ("live", "imported")]
    unknown = [verdict.id for verdict in own if any(id not in by_id for id in verdict.article_ids)]
    yield from _finding(
        "doubt", "articles-not-stored", unknown, len(own),
        "verdicts that cite articles which are not stored, so that it cannot be told whether they came too early",
    )  # fmt: skip


def _assumed_dates(articles: Sequence[Article]) -> Iterable[Finding]:
    assumed = [article for article in articles if article.date_assumed]
    if assumed:
        kinds = Counter(article.date_assumed for article in assumed)
        shown = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5))
        yield Finding(
            "doubt",
            "assumed-dates",
            len(assumed),
            len(articles),
            f"articles of which not all of the date was said ({shown}); those of midnight that was said to be the time "
            "are known by then, all others only from the latest moment that they can mean",
            tuple(article.id for article in assumed[:_EXAMPLES]),
        )


def _clustered_times(articles: Sequence[Article]) -> Iterable[Finding]:
    """Find dates that were stored as the moment at which their day begins, in UTC or elsewhere."""
    # Of those that are known only long after their date it does not matter.
    early = [
        article
        for article in articles
        if article.published_at_s is not None
        and article.date_assumed is None
        and article.first_seen_at_s - article.published_at_s < _DAY_S + _TO_THE_LAST_ZONE_S
    ]
    # An archive's articles are all known by the same latency; what a bot has fetched itself is not, and is not early.
    clusters: dict[tuple[float, float], list[str]] = {}
    days: dict[tuple[float, float], set[float]] = {}
    for article in early:
        published_at_s = article.published_at_s or 0.0
        day, of_day_s = divmod(published_at_s, _DAY_S)
        place = (of_day_s, round(article.first_seen_at_s - published_at_s, 3))
        clusters.setdefault(place, []).append(article.id)
        days.setdefault(place, set()).add(day)
    for place, ids in clusters.items():
        of_day_s = place[0]
        if len(ids) < LEAST_CLUSTERED or len(ids) < MANY_CLUSTERED * len(early):
            continue
        if of_day_s == 0.0:
            yield from _finding(
                "leak", "midnight-times", ids, len(early),
                "articles of an archive that were published at exactly midnight UTC, as dates without a time are "
                "written, and count as known up to a day too early; import the archive again into an empty store, by "
                "which such dates count as known at their end",
            )  # fmt: skip
        elif of_day_s % _STEP_OF_ZONES_S == 0.0 and len(days[place]) >= _DAYS_OF_A_CLUSTER:
            shown = f"{of_day_s // 3600:02.0f}:{of_day_s % 3600 // 60:02.0f}"
            yield from _finding(
                "doubt", "clustered-times", ids, len(early),
                f"articles of an archive that were published at exactly {shown} UTC; where that is midnight in their "
                "own zone, they may be dates without a time, which are known up to a day too early",
            )  # fmt: skip


def _duplicates(articles: Sequence[Article], verdicts: Sequence[Verdict]) -> Iterable[Finding]:
    texts = Counter(text_sha256(article) for article in articles)
    again = sum(count - 1 for count in texts.values())
    if again:
        text = "articles with title and text of another one; the same news may count several times"
        yield Finding("doubt", "duplicate-articles", again, len(articles), text)
    said = Counter(
        (verdict.asset, verdict.model, verdict.prompt_sha256) for verdict in verdicts if verdict.prompt_sha256
    )
    repeated = sum(count - 1 for count in said.values())
    if repeated:
        text = "verdicts that answer a question which the same model had answered before"
        yield Finding("doubt", "duplicate-verdicts", repeated, len(verdicts), text)


def _finding(severity: Severity, rule: str, ids: Sequence[str], of: int, text: str) -> Iterable[Finding]:
    if ids:
        yield Finding(severity, rule, len(ids), of, text, tuple(ids[:_EXAMPLES]))
