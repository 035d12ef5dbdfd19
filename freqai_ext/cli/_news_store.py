"""``freqai-ext news score``, ``stats``, ``export`` and ``audit``: the store of news."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqai_ext.cli._config_options import ConfigOption, UserdirOption, bot_command
from freqai_ext.errors import NewsDataError, SettingsError

if TYPE_CHECKING:
    from freqai_ext.news.audit import AuditReport
    from freqai_ext.news.scoring import Judge
    from freqai_ext.news.store import NewsStore
    from freqai_ext.news.store_statistics import StoreStatistics

_WIDTH = 160
_DAY_S = 86_400.0


class JudgeOption(StrEnum):
    """Who judges."""

    LEXICON = "lexicon"
    LLM = "llm"


class TableOption(StrEnum):
    """What is exported."""

    ARTICLES = "articles"
    VERDICTS = "verdicts"
    DECISIONS = "decisions"


DatabaseOption = Annotated[Path, typer.Option(help="The store: freqai_ext.news.database.")]
SinceOption = Annotated[str | None, typer.Option(help="From this time on, ISO 8601, UTC unless it says otherwise.")]
UntilOption = Annotated[str | None, typer.Option(help="Until this time.")]
DEFAULT_DATABASE = Path("user_data/news/news.sqlite")


def score(
    database: DatabaseOption = DEFAULT_DATABASE,
    judge: Annotated[
        JudgeOption, typer.Option(help="Word list of our own, or the first language model of the configuration.")
    ] = JudgeOption.LEXICON,
    assets: Annotated[str, typer.Option(help="Base assets, such as BTC,ETH; by default all with news.")] = "",
    since: SinceOption = None,
    until: UntilOption = None,
    interval_s: Annotated[float, typer.Option(help="Seconds between two verdicts on an asset.", min=60)] = 3_600.0,
    judge_latency_s: Annotated[float, typer.Option(help="Seconds that a judgement takes.", min=0)] = 30.0,
    config: ConfigOption = None,
    userdir: UserdirOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Judge stored articles as a bot would have then. What was judged before is not asked for again."""
    from freqai_ext.news.scoring import ScoringSettings, score_articles

    wanted = frozenset(asset.upper() for asset in _words(assets))
    with _store(database) as store, _judge(judge, config, userdir) as (ask, chosen):
        settings = ScoringSettings(
            assets=wanted or None,
            since_s=_seconds("--since", since, float("-inf")),
            until_s=_seconds("--until", until, float("inf")),
            interval_s=interval_s,
            judge_latency_s=judge_latency_s,
            **chosen,
        )
        report = score_articles(store, ask, settings, _progress("moments"))
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
        return
    typer.echo(
        f"{report.added} verdicts of {settings.model} stored, {report.known} known before, {report.failed} failed, of "
        f"{report.moments} moments with news"
    )
    if report.tainted:
        typer.echo(
            f"{report.tainted} of them are tainted: the model was trained after these news and may know what followed"
        )


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


@contextmanager
def _judge(
    judge: JudgeOption, config: list[Path] | None, userdir: Path | None
) -> "Iterator[tuple[Judge, Mapping[str, Any]]]":
    """Give the judge, and what the scoring must know of it."""
    if judge is JudgeOption.LEXICON:
        from freqai_ext.news.baseline import LexiconJudge

        lexicon = LexiconJudge()
        yield lexicon.judge_context, {"model": lexicon.name}
        return
    import asyncio

    from freqai_ext._services.secrets import resolve_secrets
    from freqai_ext.config import load_ext_settings
    from freqai_ext.news.llm import LlmClient
    from freqai_ext.news.prompt import build_prompt

    news = resolve_secrets(load_ext_settings(bot_command(config, userdir).config).news, "freqai_ext.news")
    # Which of several models answers is chance, and each is trained until another day.
    llm = news.llm.model_copy(update={"endpoints": news.llm.endpoints[:1]})
    client = LlmClient(llm)
    endpoint = llm.endpoints[0]
    if endpoint.trained_until is None:
        typer.echo(
            f"{endpoint.model}: freqai_ext.news.llm.endpoints.0.trained_until is not set, so that nobody can tell "
            "whether it knows what followed; set it to the day on which its knowledge ends",
            err=True,
        )
        trained_until_s = None
    else:
        # That day is known, too.
        trained_until_s = _seconds("trained_until", endpoint.trained_until, 0.0) + _DAY_S
    with asyncio.Runner() as runner:
        try:
            yield (
                lambda context: runner.run(client.judge(build_prompt(context))).judgement,
                {
                    "model": endpoint.model,
                    "trained_until_s": trained_until_s,
                    "names": news.names,
                },
            )
        finally:
            runner.run(client.aclose())


def _progress(what: str) -> Any:
    def say(done: int, total: int) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\r{done} of {total} {what}" + ("\n" if done == total else ""), nl=False, err=True)

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
