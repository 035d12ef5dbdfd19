"""The usual names of fields, by which tables (CSV) and JSON of unknown vendors are read."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from freqai_ext.news.archives.shapes import OWN_LATER, Shape

TARGETS: Final = ("title", "text", "url", "id", "published_at", "updated_at", "currencies")
"""What a column can be said to be."""

_USUAL: Final = {
    "title": ("title", "headline", "newstitle", "articletitle", "headlinetext", "newsheadline", "heading", "news"),
    "published_at": (
        "publishedat", "published", "publishedon", "publisheddate", "publishdate", "publicationdate", "datepublished",
        "publishedutc", "publishtime", "publishedtime", "timepublished", "publishtimestamp", "publishedtimestamp",
        "pubdate", "postedat", "datetimeutc", "datetime", "utctime", "timestamputc", "timestamp", "unixtimestamp",
        "unixtime", "timeunix", "epoch", "unix", "createdutc", "dateutc", "seendate", "ts", "date", "newsdate", "time",
    ),
    "text": (
        "text", "body", "content", "articletext", "articlebody", "fulltext", "contenttext", "description", "summary",
        "snippet", "teaser", "abstract", "excerpt",
    ),
    "url": ("url", "link", "articleurl", "newsurl", "originalurl", "sourceurl", "permalink", "href", "urls"),
    "id": ("guid", "uuid"),
    "currencies": (
        "currencies", "currency", "tickers", "ticker", "symbols", "symbol", "coins", "coin", "assets", "asset",
        "instruments", "pairs", "pair", "cryptocurrencies", "cryptocurrency", "relatedcoinids", "relatedsymbols",
    ),
}  # fmt: skip
_LATER: Final = frozenset(name.replace("_", "") for name in OWN_LATER) | {
    "updated", "modified", "edited", "revised", "crawled", "scraped", "fetched", "received", "ingested", "inserted",
    "created", "added", "crawldate", "datemodified", "dateupdated", "datecreated", "dateadded", "modifieddate",
    "updateddate", "createddate", "updatetime", "lastupdated", "lastmodified", "scrapeddate", "updatedon", "createdon",
}  # fmt: skip


def mapped_shape(names: Iterable[str], columns: Mapping[str, str], *, is_table: bool) -> Shape | None:
    """Return which of the fields ``names`` is what; ``None`` where there is no title or no time.

    Parameters
    ----------
    columns
        Of :data:`TARGETS`, the field that it is, whatever else looks like it.
    """
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(_plain(name), name)
    found = {
        target: tuple(plain[usual] for usual in usuals if usual in plain and plain[usual] not in columns.values())
        for target, usuals in _USUAL.items()
    }
    found |= {target: (column,) for target, column in columns.items()}
    later = tuple(name for usual, name in plain.items() if usual in _LATER and name not in columns.values())
    published = found["published_at"] or later
    if not found["title"] or not published:
        return None
    return Shape(
        "csv" if is_table else "json",
        (),
        title=found["title"],
        text=found["text"],
        url=found["url"],
        id=found["id"],
        published=published,
        later=(*found.get("updated_at", ()), *later),
        symbols=found["currencies"],
    )


def needs_mapping(names: Iterable[str]) -> bool:
    """Return whether what has our own names of title and time has others of text or assets that would be lost."""
    plain = {_plain(name) for name in names}
    return any(own not in plain and not plain.isdisjoint(_USUAL[own]) for own in ("currencies", "text"))


def known_columns(names: Iterable[str]) -> frozenset[str]:
    """Return which of the names of columns are usual ones."""
    usual = {usual for usuals in _USUAL.values() for usual in usuals} | _LATER
    return frozenset(name for name in names if _plain(name) in usual)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
