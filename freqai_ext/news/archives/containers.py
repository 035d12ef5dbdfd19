"""What a file of news is, whoever wrote it: JSON lines, one JSON document, a table (CSV), or a feed (RSS, Atom).

Each gives its records one after the other: an object by names of fields, or the reason why there is none.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import orjson

from freqai_ext.errors import NewsDataError
from freqai_ext.news._untrusted_file import Unpacked, opened
from freqai_ext.news.archives import feeds, mapping
from freqai_ext.news.settings import NewsImportSettings

Container = Literal["JSON lines", "JSON", "CSV", "feed", "nothing"]
Record = Mapping[str, object] | str
"""The fields of a record, or what is wrong with it."""

NOT_JSON: Final = "not JSON in UTF-8"

_SPACES: Final = b"\xef\xbb\xbf \t\r\n"
_PAGES: Final = (
    "results", "news", "articles", "feed", "data", "items", "posts", "stories", "entries", "headlines", "docs",
)  # fmt: skip
_TITLES: Final = frozenset({"title", "headline", "TITLE"})
_DELIMITERS: Final = (",", ";", "\t", "|")
_MOST_COLUMNS: Final = 500


def container_of(path: Path, limits: NewsImportSettings) -> Container:
    """Return what a file is, by its content.

    Raises
    ------
    NewsDataError
        If it cannot be read, or is a web page.
    """
    with opened(path, limits) as content:
        beginning = content.beginning(4_096)
    text = _text(beginning).lstrip("\N{ZERO WIDTH NO-BREAK SPACE} \t\r\n\0")
    if not text:
        return "nothing"
    if text[0] == "<":
        if text[:200].lower().startswith(("<!doctype html", "<html")):
            raise NewsDataError(f"{path}: is a web page and no feed; save the address of its RSS or Atom feed")
        return "feed"
    if text[0] in "{[":
        return "JSON lines" if _begins_with_a_line_of_json(path, limits) else "JSON"
    return "CSV"


def records(path: Path, container: Container, limits: NewsImportSettings) -> Iterator[Record]:
    """Give the records of a file.

    Raises
    ------
    NewsDataError
        If the file cannot be read, passes a limit, or is no such thing.
    """
    with opened(path, limits) as content:
        if container == "CSV":
            yield from _rows(path, content, limits)
        elif container == "feed":
            yield from feeds.entries(path, content.document())
        elif container == "JSON":
            yield from _of_document(content.document(), limits)
        else:
            yield from _of_lines(content.lines(), limits)


def _begins_with_a_line_of_json(path: Path, limits: NewsImportSettings) -> bool:
    with opened(path, limits) as content:
        for line in content.lines():
            # One that is longer than lines may be is a page in one line.
            if line is None or line.strip(_SPACES):
                return line is not None and _is_json(line)
    return True


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line.strip(_SPACES))
    except orjson.JSONDecodeError:
        return False
    return True


def _of_document(document: bytes, limits: NewsImportSettings) -> Iterator[Record]:
    try:
        value = orjson.loads(document.strip(_SPACES))
    except orjson.JSONDecodeError:
        # JSON lines of which the first is damaged.
        longest = 1_000 * limits.max_line_kb
        yield from _of_lines((line if len(line) <= longest else None for line in document.split(b"\n")), limits)
    else:
        yield from _expanded(value)


def _of_lines(lines: Iterator[bytes | None], limits: NewsImportSettings) -> Iterator[Record]:
    for line in lines:
        if line is None:
            yield _too_long(limits)
        elif stripped := line.strip(_SPACES):
            try:
                value = orjson.loads(stripped)
            except orjson.JSONDecodeError:
                yield NOT_JSON
            else:
                yield from _expanded(value)


def _expanded(value: object, depth: int = 2) -> Iterator[Record]:
    """Give the records of a page, of a list, or the one that the value is."""
    if isinstance(value, list):
        yield from (each if isinstance(each, dict) else "no JSON object" for each in value)
    elif not isinstance(value, dict):
        yield "no JSON object"
    elif (page := _page(value)) is not None and depth:
        yield from _expanded(page, depth - 1)
    else:
        yield value


def _page(value: Mapping[str, object]) -> object | None:
    if not _TITLES.isdisjoint(value):
        return None
    if value and all(isinstance(part, dict) and not _TITLES.isdisjoint(part) for part in value.values()):
        return list(value.values())
    for name, part in value.items():
        if name.lower() in _PAGES and isinstance(part, list | dict):
            inner = part if isinstance(part, list) else [part]
            if all(isinstance(each, dict) for each in inner):
                return part
    return None


def _rows(path: Path, content: Unpacked, limits: NewsImportSettings) -> Iterator[Record]:
    skipped: list[None] = []
    rows = csv.reader(_texts(content, skipped), delimiter=_delimiter(path))
    header: Sequence[str] | None = None
    while True:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error:
            yield "not CSV"
            continue
        finally:
            while skipped:
                skipped.pop()
                yield _too_long(limits)
        if not any(row):
            continue
        if header is None:
            header = [name.strip().strip("\N{ZERO WIDTH NO-BREAK SPACE}") for name in row[:_MOST_COLUMNS]]
        elif len(row) < len(header) // 2:
            yield "a row with too few columns"
        else:
            yield {name: value for name, value in zip(header, row, strict=False) if name}


def _texts(content: Unpacked, skipped: list[None]) -> Iterator[str]:
    lines = content.lines()
    for line in lines:
        if line is None:
            skipped.append(None)
        elif line[:2] in (b"\xff\xfe", b"\xfe\xff"):
            # A line end of two bytes is not one byte.
            rest = b"".join(part for part in lines if part is not None)
            yield from (line + rest).decode("utf-16", "replace").splitlines(keepends=True)
        else:
            yield line.decode("utf-8", "replace")


def _delimiter(path: Path) -> str:
    with opened(path, NewsImportSettings()) as content:
        header = _text(content.beginning(65_536)).lstrip("\N{ZERO WIDTH NO-BREAK SPACE}\r\n").splitlines()[0]
    columns = {mark: next(csv.reader([header], delimiter=mark), []) for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: (len(mapping.known_columns(columns[mark])), len(columns[mark])))


def _too_long(limits: NewsImportSettings) -> str:
    return f"longer than {limits.max_line_kb / 1_000:g} MB"


def _text(beginning: bytes) -> str:
    encoding = "utf-16" if beginning[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return beginning.decode(encoding, "replace")
