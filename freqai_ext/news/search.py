"""A search for news, whoever does it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol
from urllib.parse import urlsplit

from freqai_ext.news._plain_text import one_line

MAX_ANSWER_BYTES: Final = 1_000_000
"""A larger one would take so long to decode that the bot's own thread noticed."""

MAX_TITLE_CHARACTERS: Final = 200
MAX_URL_CHARACTERS: Final = 500


@dataclass(frozen=True)
class NewsItem:
    """A piece of news as a search found it, one line each, cleaned of what nobody sees and cut. Not to be trusted.

    Attributes
    ----------
    title
        Its headline; empty where there is none.
    url
        Where it stands; empty where that is no address of the web.
    text
        What it says, or the beginning of it.
    published_at_s
        What the source claims, UTC seconds; it may lie after the search. ``None`` where it does not say.
    first_seen_at_s
        Since when it is known here, UTC seconds; ``None`` where that is since the search.
    """

    title: str
    url: str
    text: str
    published_at_s: float | None = None
    first_seen_at_s: float | None = None


@dataclass(frozen=True)
class NewsResult:
    """What a search found.

    Attributes
    ----------
    answer
        What the service itself says; empty where it only lists. Without items it is out of a model's memory, no news.
    items
        The news, best first; empty means that there are none.
    retrieved_at_s
        When all of it was here, UTC seconds.
    sha256
        Of the answer as it came.
    """

    answer: str = field(repr=False)
    items: tuple[NewsItem, ...]
    retrieved_at_s: float
    sha256: str


def undated_if_later(item: NewsItem, seen_at_s: float) -> NewsItem:
    """Return the item without a date that lies after ``seen_at_s`` (UTC seconds), which is wrong, or our clock is.

    What counts is when it was seen, not when a model is asked about it: that may be so much later that such a date
    looks fresh by then.
    """
    is_later = item.published_at_s is not None and item.published_at_s > seen_at_s
    return replace(item, published_at_s=None) if is_later else item


class NewsSearch(Protocol):
    """Something that finds news."""

    async def search(self, query: str) -> NewsResult:
        """Return what was found.

        Raises
        ------
        NewsUnavailableError
            It cannot be reached, is too slow, or fails: nobody knows whether there are news.
        NewsRefusedError
            Address, key or model is wrong.
        NewsAnswerError
            What it answers cannot be used.
        """

    async def aclose(self) -> None:
        """Close what is open; a later search opens it again."""


def query_for(asset: str, name: str | None) -> str:
    """Return what to search for news of a base asset.

    Examples
    --------
    >>> query_for("LINK", "Chainlink")
    'Chainlink LINK cryptocurrency news'
    """
    subject = f"{name} {asset}" if name and name.casefold() != asset.casefold() else asset
    return f"{one_line(subject, 80)} cryptocurrency news"


def web_address(url: object) -> str:
    """Return ``url`` if it is an address of the web without a password and not too long, else an empty text."""
    if not isinstance(url, str) or len(url) > MAX_URL_CHARACTERS or not url.isprintable() or " " in url:
        return ""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return ""
    return url if fits else ""


def unique_items(items: Iterable[NewsItem]) -> tuple[NewsItem, ...]:
    """Return the items without repetitions: same address or same title.

    The first of them stays, with the date and the text of a later one where it has none.
    """
    kept: list[NewsItem] = []
    place_of: dict[str, int] = {}
    for item in items:
        names = _names(item)
        place = next((place_of[name] for name in names if name in place_of), len(kept))
        if place == len(kept):
            kept.append(item)
        else:
            first = kept[place]
            published_at_s = item.published_at_s if first.published_at_s is None else first.published_at_s
            kept[place] = replace(first, text=first.text or item.text, published_at_s=published_at_s)
        for name in names:
            place_of.setdefault(name, place)
    return tuple(kept)


def _names(item: NewsItem) -> list[str]:
    address = item.url.partition("#")[0].rstrip("/").partition("://")[2].removeprefix("www.")
    return [name for name in (address and f"at {address}", item.title and f"titled {item.title.casefold()}") if name]
