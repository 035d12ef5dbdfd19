"""One record of an archive of news as an article, known from the latest moment on that its times can mean."""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final

from freqai_ext._services.written_time import NO_TIME, DateOrder, WrittenTime, read_time
from freqai_ext.news._plain_text import one_line, without_markup
from freqai_ext.news.archives.shapes import Fields, Shape, first_value, symbols_in
from freqai_ext.news.asset_matcher import AssetMatcher
from freqai_ext.news.assets import asset_of_symbol
from freqai_ext.news.records import Article

MAX_TITLE_CHARACTERS: Final = 500
MAX_TEXT_CHARACTERS: Final = 4_000
MIDNIGHT: Final = "midnight, as in many records of the file, taken for a date"
MIDNIGHT_MEANT: Final = "midnight, as in many records of the file, said to be the time"
ROUNDED: Final = "a time that the vendor rounds down"

_MAX_URL_CHARACTERS: Final = 2_000
_MAX_ID_CHARACTERS: Final = 200
_MAX_ASSETS: Final = 50
_OLDEST_S: Final = datetime(2009, 1, 1, tzinfo=UTC).timestamp()
_DAY_S: Final = 86_400.0
_TO_THE_LAST_ZONE_S: Final = 43_200.0
_CLOCK: Final = re.compile(r"\d{1,2}:\d\d.*")
_MIDNIGHT: Final = re.compile(r".*[\dT ]00:00(:00([.,]0+)?)?(\D.*)?")


class BadLineError(Exception):
    """A record that is left out. The text is the reason, the same for all of its kind."""


@dataclass(frozen=True)
class ReadingRules:
    """How the records of an archive are read.

    Attributes
    ----------
    shape
        Which of its fields is what.
    latency_s
        From the latest of a record's times until a bot could have known it.
    now_s
        When the archive is read, UTC seconds: what lies after it is left out.
    zone, date_order
        As of :func:`~freqai_ext._services.written_time.read_time`.
    ignored
        Fields that do not count.
    midnight
        What a time of exactly midnight is taken for: :data:`MIDNIGHT`, a date without a time; :data:`MIDNIGHT_MEANT`,
        the time that it says, and so does ``None``.
    """

    shape: Shape
    latency_s: float
    now_s: float
    zone: tzinfo | None = None
    date_order: DateOrder | None = None
    ignored: Collection[str] = ()
    midnight: str | None = None


@dataclass
class ReadingCounts:
    """What was found and assumed while records were read, and how often.

    Attributes
    ----------
    articles
        All.
    midnights
        Those published, by their own word, at exactly midnight in UTC or in their own zone.
    assumed
        Articles by what was assumed of their times.
    matched
        Articles whose assets were found in their titles.
    without_asset
        Articles without any asset, so that nothing judges them.
    """

    articles: int = 0
    midnights: int = 0
    assumed: Counter[str] = field(default_factory=Counter)
    matched: int = 0
    without_asset: int = 0


class ArticleReader:
    """Makes articles of the records of one archive and counts what it assumes."""

    def __init__(self, rules: ReadingRules, matcher: AssetMatcher) -> None:
        self.counts = ReadingCounts()
        self._rules, self._shape, self._matcher = rules, rules.shape, matcher
        self._zone = UTC if rules.shape.is_utc and rules.zone is None else rules.zone

    def article(self, fields: Fields) -> Article:
        """Return the article in a record.

        Raises
        ------
        BadLineError
            If something that it needs is missing or wrong.
        """
        shape = self._shape
        title = self._text(fields, shape.title, "title", MAX_TITLE_CHARACTERS)
        if not title:
            raise BadLineError("no title")
        published, published_at_s, assumed, is_midnight = self._published(fields)
        later_s = [
            self._time(fields[name], name)[1]
            for name in shape.later
            if name in fields and fields[name] is not None and fields[name] != "" and name not in self._rules.ignored
        ]
        text = self._text(fields, shape.text, "text", MAX_TEXT_CHARACTERS)
        url = self._text(fields, shape.url, "url", _MAX_URL_CHARACTERS)
        assets = self._assets(fields, title)
        self.counts.articles += 1
        self.counts.midnights += is_midnight
        self.counts.without_asset += not assets
        self.counts.assumed.update(assumed)
        return Article(
            id=self._id(fields, title, text, url, published.written_s),
            title=title,
            text=text,
            url=url,
            assets=assets,
            published_at_s=published_at_s,
            first_seen_at_s=max([published_at_s, *later_s]) + self._rules.latency_s,
            date_assumed="; ".join(assumed) or None,
        )

    def _published(self, fields: Fields) -> tuple[WrittenTime, float, tuple[str, ...], bool]:
        candidates = [
            (name, value)
            for name in self._shape.published
            if name not in self._rules.ignored and (value := first_value(fields, (name,))) is not None
        ]
        if not candidates:
            raise BadLineError("no published_at")
        (name, value), others = candidates[0], candidates[1:]
        clock = next((other for _, other in others if isinstance(other, str) and _CLOCK.fullmatch(other)), None)
        if clock is not None and isinstance(value, str) and ":" not in value:
            value, others = f"{value} {clock}", [one for one in others if one[1] != clock]
        written, at_s = self._time(value, "published_at")
        assumed = written.assumed
        if self._shape.grain_s and NO_TIME not in assumed:
            at_s, assumed = min(at_s + self._shape.grain_s, max(at_s, self._rules.now_s)), (*assumed, ROUNDED)
        is_midnight = NO_TIME not in assumed and _is_midnight(value, written)
        if self._rules.midnight is not None and is_midnight:
            assumed = (*assumed, self._rules.midnight)
            if self._rules.midnight == MIDNIGHT:
                end_s = written.written_s + _DAY_S + (_TO_THE_LAST_ZONE_S if self._zone is None else 0.0)
                at_s = max(at_s, min(end_s, self._rules.now_s))
        for name, other in others:
            # Another form of the same time says nothing new; a later time may be that of the text.
            same, other_s = self._time(other, name)
            if name not in self._shape.later and not same.earliest_s <= written.latest_s <= same.latest_s:
                at_s = max(at_s, other_s)
        return written, at_s, assumed, is_midnight

    def _time(self, value: object, name: str) -> tuple[WrittenTime, float]:
        """Return a time as written, and the latest moment that it can mean."""
        now_s = self._rules.now_s
        try:
            written = read_time(value, self._zone, self._rules.date_order)
        except ValueError as error:
            raise BadLineError(f"{name} {error}") from None
        if written.written_s < _OLDEST_S:
            raise BadLineError(f"{name} is before 2009")
        if written.earliest_s > now_s:
            raise BadLineError(f"{name} is in the future")
        # What is in the archive was there when it is read.
        return written, min(written.latest_s, max(now_s, written.earliest_s))

    def _text(self, fields: Fields, paths: tuple[str, ...], name: str, most_characters: int) -> str:
        value = first_value(fields, [path for path in paths if path not in self._rules.ignored])
        if value is None:
            return ""
        if not isinstance(value, str):
            raise BadLineError(f"{name} is no text")
        if not self._shape.is_own and name != "url" and ("<" in value or "&" in value):
            value = without_markup(value, most_characters)
        if len(value) <= most_characters and value.isascii() and value.isprintable():
            # Most titles, and several times as fast.
            return " ".join(value.split())
        return one_line(value, most_characters)

    def _id(self, fields: Fields, title: str, text: str, url: str, written_s: float) -> str:
        given = first_value(fields, self._shape.id)
        if given is not None:
            if isinstance(given, bool) or not isinstance(given, str | int) or len(str(given)) > _MAX_ID_CHARACTERS:
                raise BadLineError("id is neither a short text nor a whole number")
            if clean := one_line(str(given), _MAX_ID_CHARACTERS):
                # Vendors count from 1, each for itself.
                return clean if self._shape.is_own else f"{self._shape.name}:{clean}"
        return hashlib.sha256("\n".join((url, title, text, f"{written_s:.3f}")).encode()).hexdigest()[:32]

    def _assets(self, fields: Fields, title: str) -> tuple[str, ...]:
        value = first_value(fields, [path for path in self._shape.symbols if path not in self._rules.ignored])
        symbols = _own_symbols(value) if self._shape.is_own else symbols_in(value)[:_MAX_ASSETS]
        found = (asset_of_symbol(symbol, among_stocks=self._shape.among_stocks) for symbol in symbols)
        assets = tuple(dict.fromkeys(asset for asset in found if asset is not None))
        if not assets:
            assets = self._matcher.assets(title)
            self.counts.matched += bool(assets)
        return assets


def _own_symbols(found: object) -> list[str]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise BadLineError("currencies is no list")
    codes = [each.get("code") if isinstance(each, Mapping) else each for each in found[:_MAX_ASSETS]]
    if not all(isinstance(code, str) for code in codes):
        raise BadLineError("currencies holds something else than tickers")
    return [str(code) for code in codes]


def _is_midnight(value: object, written: WrittenTime) -> bool:
    return written.written_s % _DAY_S == 0.0 or (isinstance(value, str) and _MIDNIGHT.fullmatch(value) is not None)
