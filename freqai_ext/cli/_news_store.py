"""``freqai-ext news stats``, ``export`` and ``audit``: the store of news."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqai_ext.errors import NewsDataError, SettingsError

if TYPE_CHECKING:
    from freqai_ext.news.audit import AuditReport
    from freqai_ext.news.store import NewsStore
    from freqai_ext.news.store_statistics import StoreStatistics

_WIDTH = 160
_TERMINAL_S = 0.2
_LINE_S = 60.0


class TableOption(StrEnum):
    """What is exported."""

    ARTICLES = "articles"
    VERDICTS = "verdicts"
    DECISIONS = "decisions"


DatabaseOption = Annotated[Path, typer.Option(help="The store: freqai_ext.news.database.")]
SinceOption = Annotated[str | None, typer.Option(help="From this time on, ISO 8601, UTC unless it says otherwise.")]
UntilOption = Annotated[str | None, typer.Option(help="Until this time.")]
DEFAULT_DATABASE = Path("user_data/news/news.sqlite")


def stats(
    database: DatabaseOption = DEFAULT_DATABASE,
    max_age_minutes: Annotated[float, typer.Option(help="How long a verdict is valid.", min=1)] = 90.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Print what the store holds, and for which share of the time there is a valid verdict."""
    from freqai_ext.news.store_statistics import statistics

    with _store(database, read_only=True) as store:
        found = statistics(store, 60.0 * max_age_minutes)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        _print_statistics(found)


def export(
    table: Annotated[TableOption, typer.Argument(help="What to export.")],
    output: Annotated[Path | None, typer.Option(help="File to write; by default standard output.")] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    asset: Annotated[str | None, typer.Option(help="Only this base asset; of articles and verdicts.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
) -> None:
    """Write articles, verdicts or decisions as JSON lines, the oldest first."""
    from freqai_ext._files import write_atomically

    since_s, until_s = _seconds("--since", since, float("-inf")), _seconds("--until", until, float("inf"))
    named = asset.upper() if asset else None
    with _store(database, read_only=True) as store:
        rows: tuple[Any, ...]
        if table is TableOption.DECISIONS:
            rows = store.decisions(since_s, until_s)
        elif table is TableOption.VERDICTS:
            rows = store.verdicts(named, since_s, until_s)
        else:
            rows = store.articles(named, since_s, until_s)
    text = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
    if output is None:
        typer.echo(text, nl=False)
    else:
        try:
            write_atomically(output, text)
        except OSError as error:
            raise NewsDataError(f"{output}: cannot be written ({error.strerror}); name another file") from None
        typer.echo(f"{len(rows)} {table.value} in {output}", err=True)


def audit(
    database: DatabaseOption = DEFAULT_DATABASE,
    posthoc: Annotated[
        Path | None, typer.Option(help="JSON lines of what became known afterwards: id, votes, sentiment_label.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Look for what a backtest on the store would know too early.

    Ends with exit code 1 where there is such a leak.
    """
    from freqai_ext.news.audit import audit as audit_store

    with _store(database, read_only=True) as store:
        report = audit_store(store, posthoc)
    if as_json:
        typer.echo(json.dumps({"passed": report.passed, **asdict(report)}, indent=2))
    else:
        _print_audit(report)
    if not report.passed:
        raise typer.Exit(1)


@contextmanager
def _store(database: Path, *, read_only: bool = False) -> "Iterator[NewsStore]":
    from freqai_ext.news.store import NewsStore

    if read_only and not database.expanduser().is_file():
        raise NewsDataError(f"{database}: no such file; name the store with --database, or fill it with: news import")
    store = NewsStore.recorded(database) if read_only else NewsStore(database)
    try:
        yield store
    finally:
        store.close()


def _progress(what: str) -> Any:
    """Return what shows progress: in place on a terminal, else a line for each tenth or minute."""
    shown_at_s, shown = time.monotonic(), 0

    def say(done: int, total: int) -> None:
        nonlocal shown_at_s, shown
        now_s = time.monotonic()
        if sys.stderr.isatty():
            if done == total or now_s - shown_at_s >= _TERMINAL_S:
                typer.echo(f"\r{done} of {total} {what}" + ("\n" if done == total else ""), nl=False, err=True)
                shown_at_s = now_s
        elif done != shown and (done == total or 10 * (done - shown) >= total or now_s - shown_at_s >= _LINE_S):
            typer.echo(f"{done} of {total} {what}", err=True)
            shown_at_s, shown = now_s, done

    return say


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _seconds(name: str, text: str | None, default: float) -> float:
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{name}: {text!r} is no time; write it like 2025-02-01 or 2025-02-01T12:00") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _time(at_s: float | None) -> str:
    return "never" if at_s is None else f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M}"


def _print_statistics(found: "StoreStatistics") -> None:
    from rich.console import Console
    from rich.table import Table

    typer.echo(
        f"{found.articles} articles, seen {_time(found.first_seen_s)} to {_time(found.last_seen_s)}; "
        f"{found.verdicts} verdicts, {found.unconfirmed} not confirmed by the shared memory"
    )
    if found.judges:
        typer.echo(f"judges: {_counts(found.judges)}")
    table = Table(box=None, padding=(0, 2, 0, 0))
    titles = ("asset", "articles", "verdicts", "from", "to", "valid", "tainted", "impact", "sentiments", "origins")
    for title in titles:
        table.add_column(title, overflow="fold")
    for one in found.assets:
        table.add_row(
            one.asset,
            str(one.articles),
            str(one.verdicts),
            *((_time(one.first_s), _time(one.last_s)) if one.verdicts else ("", "")),
            *(
                (f"{one.coverage:.1%}", f"{one.tainted:.1%}", f"{one.mean_impact:.2f}")
                if one.verdicts
                else ("", "", "")
            ),
            _counts(one.sentiments),
            _counts(one.origins),
        )
    console = Console()
    console.width = max(console.width, _WIDTH)
    console.print(table)
    for name, reasons in (("allowed", found.allowed), ("denied", found.denied)):
        if reasons:
            typer.echo(f"entries {name}: {_counts(reasons)}")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _print_audit(report: "AuditReport") -> None:
    for one in report.findings:
        typer.echo(f"{one.severity}: {one.rule}: {one.count} of {one.of}: {one.text}")
        if one.examples:
            typer.echo(f"  such as {', '.join(one.examples)}")
    leaks = sum(finding.severity == "leak" for finding in report.findings)
    doubts = len(report.findings) - leaks
    typer.echo(f"{report.articles} articles and {report.verdicts} verdicts: {leaks} leaks, {doubts} doubts")
