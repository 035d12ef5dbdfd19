"""One line of an archive of news."""

import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

import orjson

from freqai_ext.news._plain_text import one_line
from freqai_ext.news.records import Article

MAX_TITLE_CHARACTERS: Final = 500
MAX_TEXT_CHARACTERS: Final = 4_000
_MAX_URL_CHARACTERS: Final = 2_000
_MAX_ID_CHARACTERS: Final = 200
_MAX_ASSETS: Final = 50

_ASSET: Final = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,19}")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_KNOWN_AFTERWARDS: Final = frozenset(
    {
        "vote", "votes", "upvotes", "downvotes", "like", "likes", "dislikes", "reaction", "reactions",
        "comments", "replies", "views", "reads", "clicks", "shares", "retweets", "favorites", "favourites",
        "count", "counts", "score", "scores", "rank", "rating", "ratings", "sentiment", "label", "labels",
        "target", "targets", "outcome", "outcomes", "impact", "importance", "bullish", "bearish", "return",
        "returns", "change", "future", "after", "posthoc", "hindsight",
    }
)  # fmt: skip
_VENDOR_TIMES: Final = frozenset(
    {
        "first_seen_at", "received_at", "fetched_at", "ingested_at", "created_at", "updated_at", "modified_at",
        "edited_at", "crawled_at", "indexed_at", "collected_at", "scraped_at", "added_at", "inserted_at",
        "retrieved_at", "discovered_at", "processed_at", "revised_at", "corrected_at", "last_modified_at",
        "last_updated_at", "last_edited_at",
    }
)  # fmt: skip
"""When the vendor got a piece of news, or wrote the text as it is now."""

_LAST_WORDS_OF_TIMES: Final = frozenset({"at", "time", "ts", "utc", "epoch"})
_ENDS_OF_THEIR_LAST_WORDS: Final = ("timestamp", "date", "datetime")
_UNITS: Final = frozenset({"s", "sec", "seconds", "ms", "millis", "us", "ns"})
_TIME_IN_TEXT: Final = re.compile(r"20\d\d|\d\d?:\d\d|\d{10}")
_OLDEST_S: Final = datetime(2009, 1, 1, tzinfo=UTC).timestamp()
_EPOCH_MS: Final = 1e11


class BadLineError(Exception):
    """A line that is left out. The text is the reason, the same for all lines of its kind."""


def parse_object(line: bytes) -> dict[str, object]:
    """Return the JSON object in ``line``.

    Raises
    ------
    BadLineError
        If there is none.
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise BadLineError("not JSON in UTF-8") from None
    if not isinstance(found, dict):
        raise BadLineError("no JSON object")
    return found


def known_afterwards(fields: Collection[str]) -> tuple[str, ...]:
    """Return those of ``fields`` whose name says that they tell what became known after publication, sorted.

    Examples
    --------
    >>> known_afterwards(["title", "sentiment_label", "is_retweet", "likeCount", "source"])
    ('likeCount', 'sentiment_label')
    """
    return tuple(
        sorted(
            field for field in fields if not _KNOWN_AFTERWARDS.isdisjoint(word.lower() for word in _WORD.findall(field))
        )
    )


def named_like_a_time(field: str) -> bool:
    """Return whether a field's name says that it is a time, and it is none of those that are known.

    Examples
    --------
    >>> [named_like_a_time(field) for field in ("revisedAt", "seen_ts_ms", "pubDate", "format", "edited_at")]
    [True, True, True, False, False]
    """
    if field == "published_at" or field in _VENDOR_TIMES:
        return False
    words = [word for word in map(str.lower, _WORD.findall(field)) if word not in _UNITS]
    return bool(words) and (words[-1] in _LAST_WORDS_OF_TIMES or words[-1].endswith(_ENDS_OF_THEIR_LAST_WORDS))


def holds_a_time(value: object) -> bool:
    """Return whether a value may be a moment in time since 2009, in whatever form.

    Examples
    --------
    >>> [holds_a_time(value) for value in ("Sat, 01 Feb 2025 12:00:00 GMT", 1738411200, "5 min", 90, None)]
    [True, True, False, False, False]
    """
    if isinstance(value, str):
        return _TIME_IN_TEXT.search(value) is not None
    if isinstance(value, dict):
        return any(holds_a_time(part) for part in value.values())
    return isinstance(value, int | float) and value >= _OLDEST_S


def article_of_line(
    found: Mapping[str, object], latency_s: float, now_s: float, ignored: Collection[str] = ()
) -> Article:
    """Return the article in a line's object; it counts as seen ``latency_s`` after its latest time.

    Times of the vendor's that are ``ignored`` do not count.

    Raises
    ------
    BadLineError
        If something that it needs is missing or wrong.
    """
    title = _text(found, "title", MAX_TITLE_CHARACTERS)
    if not title:
        raise BadLineError("no title")
    if found.get("published_at") is None:
        raise BadLineError("no published_at")
    published_at_s = _time(found["published_at"], "published_at", now_s)
    vendor_s = [
        _time(value, name, now_s)
        for name, value in found.items()
        if name in _VENDOR_TIMES and value is not None and value != "" and name not in ignored
    ]
    text, url = _text(found, "text", MAX_TEXT_CHARACTERS), _text(found, "url", _MAX_URL_CHARACTERS)
    return Article(
        id=_id(found, title, text, url, published_at_s),
        title=title,
        text=text,
        url=url,
        assets=_assets(found.get("currencies")),
        published_at_s=published_at_s,
        first_seen_at_s=max([published_at_s, *vendor_s]) + latency_s,
    )


def _text(found: Mapping[str, object], name: str, most_characters: int) -> str:
    value = found.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadLineError(f"{name} is no text")
    if len(value) <= most_characters and value.isascii() and value.isprintable():
        # Most titles, and several times as fast.
        return " ".join(value.split())
    return one_line(value, most_characters)


def _id(found: Mapping[str, object], title: str, text: str, url: str, published_at_s: float) -> str:
    given = found.get("id")
    if given is None or given == "":
        return hashlib.sha256("\n".join((url, title, text, f"{published_at_s:.3f}")).encode()).hexdigest()[:32]
    if isinstance(given, bool) or not isinstance(given, str | int) or len(str(given)) > _MAX_ID_CHARACTERS:
        raise BadLineError("id is neither a short text nor a whole number")
    return str(given)


def _assets(found: object) -> tuple[str, ...]:
    if found is None:
        return ()
    if not isinstance(found, list):
        raise BadLineError("currencies is no list")
    codes = [each.get("code") if isinstance(each, dict) else each for each in found[:_MAX_ASSETS]]
    if not all(isinstance(code, str) for code in codes):
        raise BadLineError("currencies holds something else than tickers")
    tickers = (str(code).strip().upper() for code in codes)
    return tuple(dict.fromkeys(ticker for ticker in tickers if _ASSET.fullmatch(ticker)))


def _time(value: object, name: str, now_s: float) -> float:
    at_s = _seconds(value, name)
    if not at_s >= _OLDEST_S:
        raise BadLineError(f"{name} is before 2009")
    if at_s > now_s:
        raise BadLineError(f"{name} is in the future")
    return at_s


def _seconds(value: object, name: str) -> float:
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value.strip())
            # Naive times are UTC here.
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            raise BadLineError(f"{name} is no time; write ISO 8601 or UTC seconds") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadLineError(f"{name} is no time; write ISO 8601 or UTC seconds")
    return float(value) / 1_000.0 if value > _EPOCH_MS else float(value)
