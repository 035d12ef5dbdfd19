"""What vendors call the fields of a piece of news, and how theirs are told apart.

Only the fields that are named here are read. Votes, scores and prices, which a vendor adds to a piece after its
publication, are therefore never stored.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Fields = Mapping[str, object]


@dataclass(frozen=True)
class Shape:
    """The fields of one vendor's news. Paths such as ``"source.title"`` lead into objects; the first value counts.

    Attributes
    ----------
    name
        Of the format.
    signs
        Fields that news of this vendor have, ``"source{}"`` being an object and ``"currencies[]"`` a list of objects.
    least_signs
        So many of ``signs`` make a record this vendor's; ``None`` is all of them.
    title, text, url, id, published
        Where these stand.
    later
        Times at which the vendor got the piece or changed it: it is known from the latest of them on.
    symbols
        Where the assets stand: a list of texts or objects, or one text.
    times_passed
        Other times, that say nothing of when the piece was known.
    is_utc
        Whether the vendor documents that times without a zone are UTC.
    grain_s
        How long after the written time it may have been, where the vendor rounds down.
    among_stocks
        Whether a bare ticker is a stock's.
    is_own
        Whether it is this package's own format, in which nothing else is passed over.
    """

    name: str
    signs: tuple[str, ...]
    title: tuple[str, ...]
    published: tuple[str, ...]
    text: tuple[str, ...] = ()
    url: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    times_passed: tuple[str, ...] = ()
    least_signs: int | None = None
    is_utc: bool = False
    grain_s: float = 0.0
    among_stocks: bool = False
    is_own: bool = False

    def fits(self, fields: Fields) -> bool:
        """Return whether a record is this vendor's."""
        found = sum(_has(fields, sign) for sign in self.signs)
        return found >= (len(self.signs) if self.least_signs is None else self.least_signs)

    @property
    def is_vendors(self) -> bool:
        """Whether all fields of its records are known, so that objects among them hold no time that counts."""
        return bool(self.signs) and not self.is_own

    @property
    def fields(self) -> frozenset[str]:
        """The fields of a record that are read, or known to be no time that counts."""
        paths = (
            *self.title, *self.published, *self.text, *self.url, *self.id, *self.later, *self.symbols,
            *self.times_passed,
        )  # fmt: skip
        return frozenset(path.partition(".")[0] for path in paths)


OWN_LATER: Final = (
    "first_seen_at", "received_at", "fetched_at", "ingested_at", "created_at", "updated_at", "modified_at",
    "edited_at", "crawled_at", "indexed_at", "collected_at", "scraped_at", "added_at", "inserted_at",
    "retrieved_at", "discovered_at", "processed_at", "revised_at", "corrected_at", "last_modified_at",
    "last_updated_at", "last_edited_at",
)  # fmt: skip
"""When a vendor got a piece of news, or wrote the text as it is now."""

OWN: Final = Shape(
    "freqai-ext", ("title", "published_at"), title=("title",), published=("published_at",), text=("text",),
    url=("url",), id=("id",), later=OWN_LATER, symbols=("currencies",), is_own=True,
)  # fmt: skip

SHAPES: Final = (
    Shape(
        "cryptopanic", ("published_at", "title", "kind", "domain", "slug", "source{}", "votes{}", "currencies[]",
                        "instruments[]", "metadata{}", "original_url", "panic_score"),
        least_signs=4, title=("title",), published=("published_at",), text=("content.clean", "description",
        "metadata.description", "content.original"), url=("original_url", "source_url", "url"), id=("id",),
        later=("created_at",), symbols=("currencies", "instruments"),
    ),
    Shape(
        "alpaca", ("headline", "created_at", "symbols"), title=("headline",), published=("created_at",),
        text=("summary", "content"), url=("url",), id=("id",), later=("updated_at",), symbols=("symbols",),
        among_stocks=True,
    ),
    Shape(
        "benzinga", ("title", "created", "stocks"), title=("title",), published=("created",), text=("teaser", "body"),
        url=("url",), id=("id",), later=("updated",), symbols=("stocks",), among_stocks=True,
    ),
    Shape(
        "benzinga-v2", ("title", "benzinga_id", "published"), title=("title",), published=("published",),
        text=("teaser", "body"), url=("url",), id=("benzinga_id",), later=("last_updated",), symbols=("tickers",),
        among_stocks=True,
    ),
    # Its times are those of the quarter of an hour in which a page was found.
    Shape(
        "gdelt", ("url", "title", "seendate"), title=("title",), published=("seendate",), url=("url",), is_utc=True,
        grain_s=900.0,
    ),
    Shape(
        "gdelt", ("URL", "MobileURL", "Date", "Title"), title=("Title",), published=("Date",), url=("URL",),
        is_utc=True, grain_s=900.0,
    ),
    Shape(
        "polygon", ("title", "published_utc", "article_url"), title=("title",), published=("published_utc",),
        text=("description",), url=("article_url",), id=("id",), symbols=("tickers",), among_stocks=True, is_utc=True,
    ),
    Shape(
        "newsapi", ("title", "publishedAt", "source", "urlToImage"), title=("title",), published=("publishedAt",),
        text=("description", "content"), url=("url",),
    ),
    Shape(
        "cryptocompare", ("title", "published_on", "categories"), title=("title",), published=("published_on",),
        text=("body",), url=("url", "guid"), id=("id",), symbols=("categories",),
    ),
    Shape(
        "coindesk", ("TITLE", "PUBLISHED_ON", "URL"), title=("TITLE",), published=("PUBLISHED_ON",), text=("BODY",),
        url=("URL", "GUID"), id=("ID",), later=("CREATED_ON", "UPDATED_ON"), symbols=("CATEGORY_DATA",),
    ),
    Shape(
        "finnhub", ("headline", "datetime", "related"), title=("headline",), published=("datetime",),
        text=("summary",), url=("url",), id=("id",), symbols=("related",), among_stocks=True,
    ),
    Shape(
        "tiingo", ("title", "publishedDate", "crawlDate"), title=("title",), published=("publishedDate",),
        text=("description",), url=("url",), id=("id",), later=("crawlDate",), symbols=("tickers",),
        among_stocks=True,
    ),
    Shape(
        "alphavantage", ("title", "time_published", "ticker_sentiment"), title=("title",),
        published=("time_published",), text=("summary",), url=("url",), symbols=("ticker_sentiment",),
        among_stocks=True,
    ),
    Shape(
        "messari", ("title", "publishTimeMillis", "assets"), title=("title",), published=("publishTimeMillis",),
        text=("description",), url=("url",), symbols=("assets",), times_passed=("publishTime",),
    ),
)  # fmt: skip

FEED: Final = Shape(
    "feed", ("title", "published_at", "updated_at"), title=("title",), published=("published_at", "updated_at"),
    text=("text",), url=("url",), id=("id",), later=("updated_at", "created_at"),
)  # fmt: skip

# Categories of CryptoCompare and CoinDesk that are no assets though they are written like tickers.
_NO_ASSETS: Final = frozenset({
    "ALTCOIN", "ASIA", "BLOCKCHAIN", "BUSINESS", "COMMODITY", "CRYPTOCURRENCY", "EXCHANGE", "FIAT", "ICO", "MARKET",
    "MACROECONOMICS", "MINING", "OTHER", "REGULATION", "RESEARCH", "SECURITY INCIDENTS", "SPONSORED", "TECHNOLOGY",
    "TOKEN SALE", "TRADING", "WALLET", "DIGITAL ASSET TREASURY",
})  # fmt: skip
_CODE: Final = re.compile(r"""["'](?:code|symbol|ticker)["']\s*:\s*["']([^"']{1,40})["']""")
_TICKERS: Final = re.compile(r"[A-Z0-9$/-]+(?:\s+[A-Z0-9$/-]+)+")
_SYMBOL_NAMES: Final = ("code", "symbol", "ticker", "CATEGORY", "name", "slug", "title")


def shape_of(samples: Sequence[Fields]) -> Shape | None:
    """Return the shape that most of some records have, vendors' before our own; ``None`` where there is none."""
    counts = [(sum(shape.fits(fields) for fields in samples), shape) for shape in (*SHAPES, OWN)]
    most, best = max(counts, key=lambda one: one[0])
    return best if most else None


def _has(fields: Fields, sign: str) -> bool:
    if sign.endswith("{}"):
        return isinstance(fields.get(sign[:-2]), Mapping)
    if sign.endswith("[]"):
        value = fields.get(sign[:-2])
        return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)
    return sign in fields


def first_value(fields: Fields, paths: Iterable[str]) -> object:
    """Return the first value at one of ``paths`` that is not empty; ``None`` without any."""
    for path in paths:
        value: object = fields
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is not None and value != "":
            return value
    return None


def symbols_in(value: object) -> list[str]:
    """Return the symbols in what a vendor gives: texts or objects in a list, or one text with marks between them.

    Examples
    --------
    >>> symbols_in([{"code": "BTC", "price_in_usd": 9}, "ETH"]), symbols_in("['BTC', 'ETH']"), symbols_in("BTC|Asia")
    (['BTC', 'ETH'], ['BTC', 'ETH'], ['BTC'])
    >>> symbols_in("[{'code': 'BTC', 'title': 'Bitcoin'}]"), symbols_in("BTC ETH"), symbols_in("Bitcoin Cash")
    (['BTC'], ['BTC', 'ETH'], ['Bitcoin Cash'])
    """
    if isinstance(value, str):
        # Objects in a cell of a table, as a program prints them, else texts with marks between them.
        value = _CODE.findall(value) or [part.strip(" []()'\"") for part in re.split(r"[,;|]", value)]
        if len(value) == 1 and _TICKERS.fullmatch(value[0]):
            value = value[0].split()
    if not isinstance(value, list):
        return []
    texts = [first_value(each, _SYMBOL_NAMES) if isinstance(each, Mapping) else each for each in value]
    return [text for text in texts if isinstance(text, str) and text and text.upper() not in _NO_ASSETS]
