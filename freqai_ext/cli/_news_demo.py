"""``freqai-ext demo --news``: what the news strategy has searched, judged, shared, decided and repeated."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from freqai_ext.cli._demo_progress import Progress
from freqai_ext.demo import DemoMarket
from freqai_ext.demo.news import HOURS, NewsReport, run_news_demo
from freqai_ext.news.gate import ALLOWING

if TYPE_CHECKING:
    from rich.console import Console


def show_news_demo(console: "Console", market: DemoMarket, folder: Path, progress: Progress) -> None:
    """Run the demonstration and print what came of it."""
    console.print(
        f"GraphitiHybridStrategy beside stand-ins of Perplexica, SearXNG, a language model and Graphiti, {HOURS} "
        f"simulated hours on {market.description}: {', '.join(market.pairs)}. The news are made up and know nothing of "
        "prices.\n"
    )
    with progress as shown:
        report = run_news_demo(market, folder, shown)
    _print(console, report)


def _print(console: "Console", report: NewsReport) -> None:
    live = report.live
    console.print(
        f"\n[bold]The bot[/bold]: {live['simulated_hours']:.0f} hours in {live['wall_seconds']:.0f} s, "
        f"{live['trades_opened']} trades opened, {live['trades_closed']} closed, {live['log_errors']} errors in the "
        "log."
    )
    console.print(
        f"\n[bold]Search and judgement[/bold]: {report.articles} articles stored, {len(report.verdicts)} verdicts made"
    )
    console.print(_verdict_table(report))
    console.print(
        f"\n[bold]Shared memory[/bold]: {report.confirmed} of {len(report.verdicts)} verdicts written to Graphiti and "
        "read back.\n\n[bold]Decisions[/bold]"
    )
    console.print(_gate_table(report))
    if report.decisions:
        console.print(_decision_table(report))
    else:
        typer.echo("The journal is empty: no order came so far that it had to be decided again.")
    console.print("\n[bold]The same hours again[/bold], as a backtest on the news that the bot has just recorded")
    console.print(_backtest_table(report))
    console.print()
    for name, path in report.artefacts.items():
        typer.echo(f"{name}: {path}")


def _verdict_table(report: NewsReport) -> Table:
    table = Table(title="Verdicts")
    table.add_column("asset")
    for name in ("verdicts", "positive", "neutral", "negative", "mean impact"):
        table.add_column(name, justify="right")
    for name in ("model", "the newest"):
        table.add_column(name)
    for asset in sorted({verdict.asset for verdict in report.verdicts}):
        own = [verdict for verdict in report.verdicts if verdict.asset == asset]
        sentiments = Counter(verdict.sentiment for verdict in own)
        newest = own[-1]
        table.add_row(
            asset,
            str(len(own)),
            *(str(sentiments[name]) for name in ("positive", "neutral", "negative")),
            f"{sum(verdict.impact_score for verdict in own) / len(own):.2f}",
            ", ".join(sorted({verdict.model for verdict in own})),
            f"{_time(newest.available_at_s)} {newest.sentiment}, impact {newest.impact_score:.2f}",
        )
    return table


def _gate_table(report: NewsReport) -> Table:
    table = Table(
        title="RSI signals at the close of a candle, and what the news made of them",
        caption="covered: candles with a valid verdict. tainted: those of them whose model may have known what came "
        "next.",
    )
    table.add_column("pair")
    for name in ("candles", "covered", "tainted", "RSI signals", "allowed", "denied"):
        table.add_column(name, justify="right")
    table.add_column("denied because")
    for one in report.gate:
        denied = {reason: count for reason, count in sorted(one.reasons.items()) if reason not in ALLOWING}
        signals = sum(one.reasons.values())
        table.add_row(
            one.pair,
            str(one.candles),
            f"{one.covered:.1%}",
            f"{one.tainted:.1%}",
            str(signals),
            str(signals - sum(denied.values())),
            str(sum(denied.values())),
            ", ".join(f"{count} {reason}" for reason, count in denied.items()),
        )
    return table


def _decision_table(report: NewsReport) -> Table:
    table = Table(title="Journal: decided again with the newest verdict before each order")
    for name in ("time", "pair", "decision", "reason", "verdict", "impact", "sentiment"):
        table.add_column(name)
    known = {verdict.id: verdict for verdict in report.verdicts}
    for one in report.decisions:
        cited = known.get(one.verdict_id or "")
        table.add_row(
            _time(one.decided_at_s),
            one.pair,
            "allowed" if one.allowed else "denied",
            one.reason,
            *((cited.id[:8], f"{cited.impact_score:.2f}", cited.sentiment) if cited else ("", "", "")),
        )
    return table


def _backtest_table(report: NewsReport) -> Table:
    table = Table(
        title="With news and by the RSI alone",
        caption="Far too few trades to say anything of profit.",
    )
    table.add_column("")
    names = ("trades", "winners", "mean_profit_percent", "total_profit_percent", "drawdown_percent")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for title, key in (("with news", "with_news"), ("RSI only", "rsi_only")):
        numbers = report.backtest[key]
        table.add_row(title, *("" if numbers[name] is None else str(numbers[name]) for name in names))
    return table


def _time(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%m-%d %H:%M}"
