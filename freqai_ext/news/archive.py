"""Imports an archive of news, so that the past can be judged as it would have been then.

An archive is JSON lines, gzipped or not: ``published_at`` (ISO 8601, or UTC seconds or milliseconds), ``title``, and
optionally ``text``, ``currencies`` (tickers), ``url``, ``id`` and times of the vendor's: when it got the piece
(``first_seen_at``, ``received_at``, ``fetched_at``, ``crawled_at``, …) or wrote the text as it is (``created_at``,
``updated_at``, ``edited_at``, …). Nothing else of it is stored.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from freqai_ext.errors import NewsDataError
from freqai_ext.news._archive_line import (
    BadLineError,
    article_of_line,
    holds_a_time,
    known_afterwards,
    named_like_a_time,
    parse_object,
)
from freqai_ext.news._jsonl import lines
from freqai_ext.news.records import Article
from freqai_ext.news.store import NewsStore

DEFAULT_LATENCY_S: Final = 600.0

_BATCH: Final = 5_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ImportReport:
    """What became of an archive.

    Attributes
    ----------
    lines
        Lines that are not empty.
    added
        Articles that were stored.
    duplicates
        Articles that were there already, or twice in the archive.
    left_out
        Bad lines by reason.
    first_s, last_s
        When the first and the last of its articles count as seen, UTC seconds; ``None`` without any.
    """

    lines: int
    added: int
    duplicates: int
    left_out: Mapping[str, int]
    first_s: float | None
    last_s: float | None


def import_archive(
    store: NewsStore,
    path: Path,
    *,
    latency_s: float = DEFAULT_LATENCY_S,
    ignore_fields: Collection[str] = (),
    progress: Progress | None = None,
    clock: Callable[[], float] = time.time,
) -> ImportReport:
    """Store the articles of an archive, each as if it had been seen ``latency_s`` after its latest time.

    The file is read twice: nothing is stored of an archive with fields that were known only afterwards or with times
    of which nobody knows what they are, or of one that breaks off. Importing it again adds nothing.

    Parameters
    ----------
    latency_s
        From the latest of publication and the vendor's times until a bot could have known it.
    ignore_fields
        Fields that look as if they were known only afterwards, and times, that may be there: they are passed over.
        A time of the vendor's that is named here does not count, and its articles may count as seen too early.
    progress
        Called with lines done and all lines, now and then.
    clock
        UTC seconds; what was published after it is left out.

    Raises
    ------
    NewsDataError
        If the file cannot be read, holds fields that were known only afterwards or times that are not known, or the
        store cannot be written.
    """
    if not 0.0 <= latency_s < float("inf"):
        raise NewsDataError(
            f"{path}: latency {latency_s:g} s; news cannot be known before they are published, so give 0 or more"
        )
    ignored = frozenset(ignore_fields)
    total = _check(path, ignored)
    reading = _Reading(path, latency_s, clock(), ignored)
    added = 0
    for batch in reading.batches():
        added += store.add_articles(batch)
        if progress is not None:
            progress(reading.lines, total)
    if progress is not None:
        progress(total, total)
    return ImportReport(
        lines=reading.lines,
        added=added,
        duplicates=reading.articles - added,
        left_out=dict(reading.left_out.most_common()),
        first_s=reading.first_s,
        last_s=reading.last_s,
    )


class _Reading:
    """Reads articles and counts what it leaves out."""

    def __init__(self, path: Path, latency_s: float, now_s: float, ignored: frozenset[str]) -> None:
        self.lines = self.articles = 0
        self.left_out: Counter[str] = Counter()
        self.first_s: float | None = None
        self.last_s: float | None = None
        self._path, self._latency_s, self._now_s, self._ignored = path, latency_s, now_s, ignored

    def batches(self) -> Iterator[list[Article]]:
        batch: list[Article] = []
        for line in lines(self._path):
            self.lines += 1
            try:
                if line is None:
                    raise BadLineError("longer than 1 MB")
                article = article_of_line(parse_object(line), self._latency_s, self._now_s, self._ignored)
            except BadLineError as error:
                self.left_out[str(error)] += 1
                continue
            self._count(article)
            batch.append(article)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _count(self, article: Article) -> None:
        self.articles += 1
        seen_s = article.first_seen_at_s
        self.first_s = seen_s if self.first_s is None else min(self.first_s, seen_s)
        self.last_s = seen_s if self.last_s is None else max(self.last_s, seen_s)


def _check(path: Path, ignored: frozenset[str]) -> int:
    """Return the number of lines; raises at a field that was known only afterwards, or a time of nobody knows what."""
    is_time: dict[str, bool] = {}
    count = 0
    for line in lines(path):
        count += 1
        try:
            found = parse_object(line) if line is not None else {}
        except BadLineError:
            continue
        for name, value in found.items():
            if name in ignored:
                continue
            if name not in is_time:
                if known_afterwards([name]):
                    raise _known_afterwards(path, count, name)
                is_time[name] = named_like_a_time(name)
            if is_time[name] and holds_a_time(value):
                raise _unknown_time(path, count, name)
    return count


def _known_afterwards(path: Path, line: int, name: str) -> NewsDataError:
    return NewsDataError(
        f"{path}: line {line} has the field {name!r}, which is known only after publication; a backtest that saw it "
        "would know the future. Nothing was stored. Take it out of the archive, or pass it over with --ignore-fields "
        f"{name}"
    )


def _unknown_time(path: Path, line: int, name: str) -> NewsDataError:
    return NewsDataError(
        f"{path}: line {line} has the time {name!r}, and what happened then is not known; if the text was written or "
        "changed then, a backtest would see it too early. Nothing was stored. Where the piece as it is was not there "
        "before that time, call it updated_at in the archive, and it counts as seen from then on; where the time says "
        f"nothing of that, pass it over with --ignore-fields {name}"
    )
