"""Which format a file of news has: by its content, or by its name."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from freqai_ext._settings import suggest
from freqai_ext.errors import NewsDataError, SettingsError
from freqai_ext.news.archives.containers import Container, container_of, records
from freqai_ext.news.archives.mapping import TARGETS, mapped_shape, needs_mapping
from freqai_ext.news.archives.shapes import FEED, OWN, SHAPES, Shape, shape_of
from freqai_ext.news.settings import NewsImportSettings

_FEEDS: Final = ("feed", "rss", "atom")
_MAPPED: Final = ("csv", "json")
FORMATS: Final = tuple(dict.fromkeys((OWN.name, *(shape.name for shape in SHAPES), *_MAPPED, *_FEEDS)))

_SAMPLES: Final = 50
_SHOWN: Final = 20


def detect(
    path: Path, format: str | None, columns: Mapping[str, str], limits: NewsImportSettings
) -> tuple[Container, Shape]:
    """Return what a file is, and which of its fields is what.

    Parameters
    ----------
    format
        One of :data:`FORMATS`, which counts whatever the file looks like; ``None`` finds out.
    columns
        Which field is the title and so on; with any, the file is read by names of fields.

    Raises
    ------
    NewsDataError
        If the file cannot be read, or nothing in it looks like a title and a time.
    SettingsError
        If there is no such format, or no such thing that a column can be.
    """
    if format is not None and format not in FORMATS:
        raise SettingsError(f"--format: {format!r} is no format; {suggest(format, FORMATS)}")
    for target in columns:
        if target not in TARGETS:
            raise SettingsError(f"--column: {target!r} is nothing that a column can be; known: {', '.join(TARGETS)}")
    container = _container(path, format, limits)
    if container == "feed" and not columns:
        return container, FEED
    if format is not None and format not in (*_MAPPED, *_FEEDS):
        return container, _named(path, format, container, limits)
    samples = [one for one in islice(records(path, container, limits), _SAMPLES) if not isinstance(one, str)]
    names = list(dict.fromkeys(name for fields in samples for name in fields))
    for target, column in columns.items():
        if names and column not in names:
            raise SettingsError(f"--column: {target}={column}: {path} has no {column!r}; {suggest(column, names)}")
    found = None if columns or format in _MAPPED else shape_of(samples)
    if found is not None and not (found is OWN and (container == "CSV" or needs_mapping(names))):
        return container, found
    if (mapped := mapped_shape(names, columns, is_table=container == "CSV")) is not None:
        return container, mapped
    if container == "CSV" and names:
        raise NewsDataError(
            f"{path}: none of its columns is taken for a title and a time of publication ({_listed(names)}); say which "
            "they are with --column title=NAME --column published_at=NAME, or the format with --format"
        )
    return container, OWN


def _container(path: Path, format: str | None, limits: NewsImportSettings) -> Container:
    container = container_of(path, limits)
    if container == "nothing":
        return container
    if format in _FEEDS:
        return "feed"
    if format == "csv":
        return "CSV"
    # By its name it is JSON, however damaged its beginning is.
    return "JSON lines" if format in (OWN.name, "json") and container in ("CSV", "feed") else container


def _named(path: Path, format: str, container: Container, limits: NewsImportSettings) -> Shape:
    variants = [shape for shape in (*SHAPES, OWN) if shape.name == format]
    samples = [one for one in islice(records(path, container, limits), _SAMPLES) if not isinstance(one, str)]
    return max(variants, key=lambda shape: sum(shape.fits(fields) for fields in samples))


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name[:40]) for name in names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
