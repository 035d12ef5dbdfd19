"""``freqai-ext news import``: archives of news into the store."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from freqai_ext.cli._config_options import ConfigOption, UserdirOption, bot_command
from freqai_ext.cli._news_store import DEFAULT_DATABASE, DatabaseOption, _progress, _store, _time, _words
from freqai_ext.errors import NewsDataError, SettingsError

if TYPE_CHECKING:
    from freqai_ext.news.archive import ImportOptions, ImportReport
    from freqai_ext.news.store import NewsStore


class DateOrderOption(StrEnum):
    """What comes first in 03/01/2025."""

    DMY = "dmy"
    MDY = "mdy"


def import_(
    archives: Annotated[
        list[Path],
        typer.Argument(help="CryptoPanic, Alpaca, Benzinga, GDELT, ...; RSS, Atom, CSV, JSON; gzipped or not."),
    ],
    database: DatabaseOption = DEFAULT_DATABASE,
    latency_s: Annotated[float, typer.Option(help="Seconds from publication until a bot would have known it.")] = 600.0,
    ignore_fields: Annotated[
        str, typer.Option(help="Fields that are passed over, those known only afterwards too: votes,updated_at.")
    ] = "",
    format: Annotated[
        str | None, typer.Option(help="Format, such as cryptopanic or csv; else it is found out.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="What a column or field is: title=Headline, published_at=When, currencies=Coin; repeatable."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Zone of times without one, such as UTC or Europe/Berlin; else the latest they can mean."),
    ] = None,
    date_order: Annotated[
        DateOrderOption | None, typer.Option(help="Whether 03/01/2025 is in January (dmy) or in March (mdy).")
    ] = None,
    midnight_is_a_time: Annotated[
        bool, typer.Option("--midnight-is-a-time", help="Do not take many times of midnight for dates without a time.")
    ] = False,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="A limit of freqai_ext.news.imports, such as max_unpacked_mb=2000; repeatable."),
    ] = None,
    config: ConfigOption = None,
    userdir: UserdirOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Store archives of news. What was known only after publication is never stored.

    A file is stored or refused as a whole; one that was broken off is imported again. Ends with exit code 1 where a
    file was refused, or nothing of it was stored and nothing known before.
    """
    options = _options(format, column, timezone, date_order, midnight_is_a_time, limit, config, userdir)
    reports: dict[Path, ImportReport] = {}
    refused: dict[Path, NewsDataError] = {}
    with _store(database) as store:
        for path in archives:
            try:
                reports[path] = _imported(store, path, latency_s, _words(ignore_fields), options)
            except NewsDataError as error:
                refused[path] = error
    if len(archives) == 1 and refused:
        raise refused[archives[0]]
    if as_json:
        typer.echo(json.dumps(_as_dict(reports, refused), indent=2))
    else:
        for path, report in reports.items():
            _print(path, report)
        for fault in refused.values():
            typer.echo(f"Error: {fault}", err=True)
    if refused or not all(report.added or report.duplicates for report in reports.values()):
        raise typer.Exit(1)


def _imported(
    store: "NewsStore", path: Path, latency_s: float, ignored: tuple[str, ...], options: "ImportOptions"
) -> "ImportReport":
    from freqai_ext.news.archive import import_archive

    return import_archive(
        store, path, latency_s=latency_s, ignore_fields=ignored, options=options, progress=_progress("records")
    )


def _options(
    format: str | None,
    column: list[str] | None,
    timezone: str | None,
    date_order: DateOrderOption | None,
    midnight_is_a_time: bool,
    limit: list[str] | None,
    config: list[Path] | None,
    userdir: Path | None,
) -> "ImportOptions":
    from freqai_ext._settings import parse_settings
    from freqai_ext.news.archive import ImportOptions
    from freqai_ext.news.settings import NewsImportSettings, NewsSettings

    news = NewsSettings()
    if config or userdir:
        from freqai_ext.config import load_ext_settings

        news = load_ext_settings(bot_command(config, userdir).config).news
    changed = _pairs("--limit", limit)
    limits = parse_settings(NewsImportSettings, {**news.imports.model_dump(), **changed}, "--limit")
    return ImportOptions(
        format=format,
        columns=_pairs("--column", column),
        zone=_zone(timezone),
        date_order=None if date_order is None else date_order.value,
        midnight_is_a_time=midnight_is_a_time,
        limits=limits,
        names=news.names,
    )


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts or []]
    for name, mark, value in pairs:
        if not (name.strip() and mark and value.strip()):
            raise SettingsError(f"{option}: {name + mark + value!r} is no NAME=VALUE; write it like title=Headline")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise SettingsError(
            f"--timezone: {name!r} is no time zone; write its name, such as UTC, Europe/Berlin or America/New_York"
        ) from None


def _as_dict(reports: Mapping[Path, "ImportReport"], refused: Mapping[Path, NewsDataError]) -> dict[str, Any]:
    return {
        "added": sum(report.added for report in reports.values()),
        "duplicates": sum(report.duplicates for report in reports.values()),
        "files": [
            *({"file": str(path), **asdict(report)} for path, report in reports.items()),
            *({"file": str(path), "refused": str(error)} for path, error in refused.items()),
        ],
    }


def _print(path: Path, report: "ImportReport") -> None:
    span = f", seen {_time(report.first_s)} to {_time(report.last_s)}" if report.first_s is not None else ""
    typer.echo(f"{path}: {report.format}")
    typer.echo(f"{report.added} articles stored, {report.duplicates} known before, of {report.lines} records{span}")
    for reason, count in report.left_out.items():
        typer.echo(f"{count} left out: {reason}")
    for assumed, count in report.assumed.items():
        typer.echo(f"{count} known only from the latest moment that they can mean: {assumed}")
    if report.never_stored:
        fields = ", ".join(f"{name} ({count})" for name, count in report.never_stored.items())
        typer.echo(f"passed over, since known only after publication: {fields}")
    if report.matched:
        typer.echo(f"{report.matched} without assets of the vendor's, found by their titles")
    if report.without_asset:
        typer.echo(f"{report.without_asset} without any asset, which nothing judges")
    if not (report.added or report.duplicates):
        typer.echo(f"{path}: nothing of it is stored", err=True)
