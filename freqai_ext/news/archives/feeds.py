"""RSS and Atom feeds, read by ``feedparser``. Nothing is fetched, and entities that a file declares are refused."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from freqai_ext.errors import NewsDataError

_MOST_BYTES_MENDED: Final = 4_000_000


def entries(path: Path, document: bytes) -> Iterator[Mapping[str, object]]:
    """Give the entries of a feed: ``id``, ``title``, ``url``, ``text``, ``published_at``, ``updated_at`` as written.

    A feed that is not well-formed is read as well as can be, up to 4 MB.

    Raises
    ------
    NewsDataError
        If it declares entities, is no feed, or is large and not well-formed.
    """
    # It takes 0.1 s to load.
    import feedparser  # type: ignore[import-untyped]

    _check(path, document)
    try:
        # Only a stream is never taken for an address.
        feed = feedparser.parse(io.BytesIO(document))
    except Exception as error:
        # Its parser for what is not well-formed raises what comes.
        raise NewsDataError(f"{path}: cannot be read as a feed ({type(error).__name__}); fetch it again") from None
    if not feed.entries and not feed.version:
        raise NewsDataError(f"{path}: is XML, but neither RSS nor Atom; name a feed, or a file of another format")
    for entry in feed.entries:
        # Its own get() gives one time where another is asked for.
        found = dict(entry)
        contents = found.get("content") or [{}]
        yield {
            "id": _id(found.get("id"), str(found.get("link") or "")),
            "title": found.get("title"),
            "url": found.get("link"),
            "text": found.get("summary") or contents[0].get("value"),
            "published_at": found.get("published"),
            "updated_at": found.get("updated"),
            "created_at": found.get("created"),
        }


def _id(guid: object, link: str) -> object:
    """Return an entry's id; one that is no address or name of the web counts within its site alone."""
    return guid if not guid or ":" in str(guid) else f"{link.partition('://')[2].partition('/')[0]}:{guid}"


def _check(path: Path, document: bytes) -> None:
    def refuse(*declaration: Any) -> None:
        raise NewsDataError(
            f"{path}: declares an entity ({str(declaration[0])[:40]!r}), by which a small file can unfold to a huge "
            "one or read others; feeds need none, so take the declaration out"
        )

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if len(document) > _MOST_BYTES_MENDED:
            raise NewsDataError(f"{path}: is not well-formed XML ({error}); fetch it again") from None
        if b"<!ENTITY" in document.upper():
            refuse("ENTITY")
