"""Fields by whose names a record tells what was known only after publication, or a time of nobody knows what."""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Final

from freqai_ext.news.archives.shapes import OWN_LATER

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
_LAST_WORDS_OF_TIMES: Final = frozenset({"at", "time", "ts", "utc", "epoch"})
_CHANGES: Final = frozenset({
    "updated", "modified", "edited", "revised", "corrected", "created", "crawled", "scraped", "fetched", "received",
    "ingested", "indexed", "collected", "inserted", "retrieved", "discovered", "processed", "published",
})  # fmt: skip
_ENDS_OF_THEIR_LAST_WORDS: Final = ("timestamp", "date", "datetime")
_UNITS: Final = frozenset({"s", "sec", "seconds", "ms", "millis", "us", "ns"})
_TIME_IN_TEXT: Final = re.compile(r"20\d\d|\d\d?:\d\d|\d{10}")
_OLDEST_S: Final = datetime(2009, 1, 1, tzinfo=UTC).timestamp()
_DEEPEST: Final = 3


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
    >>> [named_like_a_time(field) for field in ("revisedAt", "seen_ts_ms", "pubDate", "modified", "edited_at")]
    [True, True, True, True, False]
    """
    if field == "published_at" or field in OWN_LATER:
        return False
    words = [word for word in map(str.lower, _WORD.findall(field)) if word not in _UNITS]
    return bool(words) and (
        words[-1] in _LAST_WORDS_OF_TIMES or words[-1] in _CHANGES or words[-1].endswith(_ENDS_OF_THEIR_LAST_WORDS)
    )


def holds_a_time(value: object, depth: int = 1) -> bool:
    """Return whether a value may be a moment in time since 2009, in whatever form.

    Examples
    --------
    >>> [holds_a_time(value) for value in ("Sat, 01 Feb 2025 12:00:00 GMT", 1738411200, "5 min", 90, None)]
    [True, True, False, False, False]
    """
    if isinstance(value, str):
        return _TIME_IN_TEXT.search(value) is not None
    if isinstance(value, dict):
        # What lies deeper is taken for one.
        return depth > _DEEPEST or any(holds_a_time(part, depth + 1) for part in value.values())
    return isinstance(value, int | float) and value >= _OLDEST_S


def times_within(name: str, value: object, depth: int = 1) -> Iterator[str]:
    """Give the paths of the times inside an object, such as ``"meta.updated_at"``, those that are known included."""
    if isinstance(value, dict) and depth < _DEEPEST:
        for inner, part in value.items():
            path = f"{name}.{inner}"
            if (inner in OWN_LATER or named_like_a_time(inner)) and holds_a_time(part):
                yield path
            yield from times_within(path, part, depth + 1)
