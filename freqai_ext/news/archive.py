"""Imports an archive of news, so that the past can be judged as it would have been then.

An archive is a file of a vendor's, a feed, a table (see :mod:`freqai_ext.news.archives`), or one of our own: JSON
lines, gzipped or not, of ``published_at``, ``title``, and optionally ``text``, ``currencies`` (tickers), ``url``,
``id`` and times of the vendor's: when it got the piece (``first_seen_at``, ``crawled_at``, …) or wrote the text as it
is (``updated_at``, …). Nothing else of it is stored.

A file is read twice: what is wrong with it as a whole shows before anything is stored. Articles are then stored some
thousand at a time; an import that is broken off is taken up by importing the file again, which adds what is missing.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from itertools import islice
from pathlib import Path
from typing import Final

from freqai_ext._services.written_time import DateOrder
from freqai_ext.errors import NewsDataError
from freqai_ext.news._archive_line import MIDNIGHT, MIDNIGHT_MEANT, ArticleReader, BadLineError, ReadingRules
from freqai_ext.news.archives.containers import Container, Record, records
from freqai_ext.news.archives.detection import detect
from freqai_ext.news.archives.hindsight import holds_a_time, known_afterwards, named_like_a_time, times_within
from freqai_ext.news.archives.shapes import Fields, Shape
from freqai_ext.news.asset_matcher import AssetMatcher
from freqai_ext.news.records import Article
from freqai_ext.news.settings import NewsImportSettings
from freqai_ext.news.store import NewsStore

DEFAULT_LATENCY_S: Final = 600.0

_BATCH: Final = 5_000
_MB: Final = 1_000_000
# What a row takes beside its texts, and what a mention takes beside the article's id, twice.
_ROW_BYTES: Final = 250
_MENTION_BYTES: Final = 60
_STORED_COUNTS_FROM_BYTES: Final = 10 * _MB
LEAST_CLUSTERED: Final = 10
MANY_CLUSTERED: Final = 0.1
"""Share of times at one moment of the day from which on it is no chance: of whole hours each has 4 %."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ImportOptions:
    """How an archive is read, where it does not say so itself.

    Attributes
    ----------
    format
        Name of a vendor's format, ``"csv"``, ``"json"``, ``"feed"``; ``None`` finds out.
    columns
        Which column or field is the title and so on, whatever others look like it.
    zone
        Of times that name none; ``None`` takes the latest moment that they can mean.
    date_order
        Of dates such as ``03/01/2025``, which are refused without it.
    midnight_is_a_time
        Whether times of midnight are meant though many of the file's are; else they stand for dates without a time.
    limits
        What is taken in at most.
    names
        What assets are called beside what is known.
    """

    format: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo | None = None
    date_order: DateOrder | None = None
    midnight_is_a_time: bool = False
    limits: NewsImportSettings = field(default_factory=NewsImportSettings)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportReport:
    """What became of an archive.

    Attributes
    ----------
    format
        What it was taken for, such as ``"cryptopanic in JSON lines"``.
    lines
        Records: lines that are not empty, or what stands for them.
    added
        Articles that were stored.
    duplicates
        Articles that were there already, or twice in the archive.
    left_out
        Bad records by reason.
    assumed
        Articles by what was assumed of their times.
    never_stored
        Records by the field, of those that were known only after publication and were passed over.
    matched
        Articles whose assets were found by their titles.
    without_asset
        Articles without any asset, so that nothing judges them.
    first_s, last_s
        When the first and the last of its articles count as seen, UTC seconds; ``None`` without any.
    """

    format: str
    lines: int
    added: int
    duplicates: int
    left_out: Mapping[str, int]
    assumed: Mapping[str, int]
    never_stored: Mapping[str, int]
    matched: int
    without_asset: int
    first_s: float | None
    last_s: float | None


def import_archive(
    store: NewsStore,
    path: Path,
    *,
    latency_s: float = DEFAULT_LATENCY_S,
    ignore_fields: Collection[str] = (),
    options: ImportOptions | None = None,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.time,
) -> ImportReport:
    """Store the articles of an archive, each as if it had been seen ``latency_s`` after the latest its times can mean.

    Nothing is stored of an archive of our own format with fields that were known only afterwards, of any with times of
    which nobody knows what they are, of one that breaks off, or one that passes a limit. Importing it again adds
    nothing.

    Parameters
    ----------
    latency_s
        From the latest of publication and the vendor's times until a bot could have known it.
    ignore_fields
        Fields that look as if they were known only afterwards, and times, that may be there: they are passed over.
        A time of the vendor's that is named here does not count, and its articles may count as seen too early.
    options
        What it does not say itself.
    progress
        Called with records done and all records, now and then.
    clock
        UTC seconds; what was published after it is left out.

    Raises
    ------
    NewsDataError
        If the file cannot be read or is of no format that is known, passes a limit, holds fields that were known only
        afterwards or times that are not known, or the store cannot be written.
    """
    if not 0.0 <= latency_s < float("inf"):
        raise NewsDataError(
            f"{path}: latency {latency_s:g} s; news cannot be known before they are published, so give 0 or more"
        )
    options = options or ImportOptions()
    container, shape = detect(path, options.format, options.columns, options.limits)
    rules = ReadingRules(shape, latency_s, clock(), options.zone, options.date_order, frozenset(ignore_fields))
    matcher = AssetMatcher(options.names)
    survey = _Survey(path, container, ArticleReader(rules, matcher), shape, rules.ignored, options.limits)
    survey.look()
    if survey.has_many_midnights:
        rules = replace(rules, midnight=MIDNIGHT_MEANT if options.midnight_is_a_time else MIDNIGHT)
    reader = ArticleReader(rules, matcher)
    reading = _Reading(records(path, container, options.limits), reader)
    added, articles = 0, iter(reading)
    while batch := list(islice(articles, _BATCH)):
        added += store.add_articles(batch)
        if progress is not None:
            progress(reading.lines, survey.lines)
    if progress is not None:
        progress(survey.lines, survey.lines)
    return ImportReport(
        format=container if container == "nothing" else f"{shape.name} in {container}",
        lines=reading.lines,
        added=added,
        duplicates=reading.articles - added,
        left_out=dict(reading.left_out.most_common()),
        assumed=dict(reader.counts.assumed.most_common()),
        never_stored=dict(survey.never_stored.most_common()),
        matched=reader.counts.matched,
        without_asset=reader.counts.without_asset,
        first_s=reading.first_s,
        last_s=reading.last_s,
    )


class _Reading:
    """Reads articles and counts what it leaves out."""

    def __init__(self, coming: Iterator[Record], reader: ArticleReader) -> None:
        self.lines = self.articles = 0
        self.left_out: Counter[str] = Counter()
        self.first_s: float | None = None
        self.last_s: float | None = None
        self._coming, self._reader = coming, reader

    def __iter__(self) -> Iterator[Article]:
        for record in self._coming:
            self.lines += 1
            if isinstance(record, str):
                self.left_out[record] += 1
                continue
            try:
                article = self._reader.article(record)
            except BadLineError as error:
                self.left_out[str(error)] += 1
                continue
            self.articles += 1
            seen_s = article.first_seen_at_s
            self.first_s = seen_s if self.first_s is None else min(self.first_s, seen_s)
            self.last_s = seen_s if self.last_s is None else max(self.last_s, seen_s)
            yield article


class _Survey:
    """Looks at all of an archive before anything of it is stored."""

    def __init__(
        self,
        path: Path,
        container: Container,
        reader: ArticleReader,
        shape: Shape,
        ignored: Collection[str],
        limits: NewsImportSettings,
    ) -> None:
        self.lines = 0
        self.never_stored: Counter[str] = Counter()
        self._path, self._container, self._limits = path, container, limits
        self._reader, self._shape, self._ignored = reader, shape, ignored
        self._is_time: dict[str, bool] = {}
        self._afterwards: dict[str, bool] = {}

    @property
    def has_many_midnights(self) -> bool:
        """Whether so many times are midnight that a program must have made them of dates."""
        counts = self._reader.counts
        return counts.midnights >= LEAST_CLUSTERED and counts.midnights >= MANY_CLUSTERED * counts.articles

    def look(self) -> None:
        """Read all of it.

        Raises
        ------
        NewsDataError
            If nothing of it may be stored.
        """
        self._look_for_sizes(_Reading(self._records(), self._reader))

    def _records(self) -> Iterator[Record]:
        for record in records(self._path, self._container, self._limits):
            self.lines += 1
            if not isinstance(record, str):
                self._check(record)
            yield record

    def _check(self, fields: Fields) -> None:
        for name, value in fields.items():
            if name in self._ignored or value is None or value == "":
                continue
            if name not in self._is_time:
                self._afterwards[name] = bool(known_afterwards([name]))
                self._is_time[name] = name not in self._shape.fields and named_like_a_time(name)
            if self._afterwards[name] and name not in self._shape.fields:
                if self._shape.is_own:
                    raise _known_afterwards(self._path, self.lines, name)
                self.never_stored[name] += 1
            if self._is_time[name] and holds_a_time(value):
                raise _unknown_time(self._path, self.lines, name)
            if isinstance(value, dict) and not self._shape.is_vendors:
                for inner in times_within(name, value):
                    raise _unknown_time(self._path, self.lines, inner)

    def _look_for_sizes(self, reading: _Reading) -> None:
        stored_bytes, limits = 0, self._limits
        packed_bytes = max(self._path.stat().st_size, 1)
        most_bytes = min(_MB * limits.max_stored_mb, max(_STORED_COUNTS_FROM_BYTES, limits.max_ratio * packed_bytes))
        for article in reading:
            stored_bytes += _stored_bytes(article)
            if reading.articles > limits.max_articles:
                raise NewsDataError(
                    f"{self._path}: holds more than {limits.max_articles} articles, so nothing of it is stored; split "
                    "it, or raise freqai_ext.news.imports.max_articles"
                )
            if stored_bytes > most_bytes:
                raise NewsDataError(
                    f"{self._path}: would take more than {most_bytes / _MB:.0f} MB of the store, "
                    f"{stored_bytes // packed_bytes} times its own size, so nothing of it is stored; split it, or "
                    "raise freqai_ext.news.imports.max_stored_mb and max_ratio"
                )


def _stored_bytes(article: Article) -> int:
    texts = sum(len(text.encode("utf-8", "replace")) for text in (article.title, article.text, article.url))
    return texts + _ROW_BYTES + len(article.id) + len(article.assets) * 2 * (len(article.id) + _MENTION_BYTES)


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
        f"nothing of that, pass it over with --ignore-fields {name.partition('.')[0]}"
    )
