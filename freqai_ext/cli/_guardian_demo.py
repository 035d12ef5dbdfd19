"""``freqai-ext demo --guardian``: what the sidecar and a Guardian have said to each other."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from freqai_ext.cli._demo_progress import Progress
from freqai_ext.demo import DemoMarket
from freqai_ext.demo.guardian import HOURS, GuardianReport, run_guardian_demo

if TYPE_CHECKING:
    from rich.console import Console


def show_guardian_demo(console: "Console", market: DemoMarket, folder: Path, progress: Progress) -> None:
    """Run the demonstration and print what came of it."""
    console.print(
        f"GuardianSidecarStrategy beside a reference Guardian, {HOURS} simulated hours on {market.description}: "
        f"{', '.join(market.pairs)}.\n"
    )
    with progress as shown:
        report = run_guardian_demo(market, folder, shown)
    _print(console, report)


def _print(console: "Console", report: GuardianReport) -> None:
    live = report.live
    console.print(
        f"\n[bold]The bot[/bold]: {live['simulated_hours']:.0f} hours in {live['wall_seconds']:.0f} s, "
        f"{live['trainings']} trainings ({live['failed_trainings']} failed), {live['predictions']} predictions, "
        f"{live['log_errors']} errors in the log."
    )
    rows = ", ".join(f"{symbol} {count}" for symbol, count in sorted(report.feature_rows.items()))
    console.print(f"\n[bold]Features in[/bold]: rows recorded: {rows}")
    for pair, told in report.trainings.items():
        typer.echo(f"  {pair}, last training: {told}")
    console.print("\n[bold]Predictions out[/bold]")
    console.print(_push_table(report))
    console.print(_told_table(report))
    for line in report.read_back:
        typer.echo(f"  {line}")
    console.print(
        f"\n[bold]At the end[/bold]: the last push was of kind '{report.last_kind}'; Guardian holds opinions of "
        f"{report.stored_at_the_end} pairs; {report.unaccounted} pushes without an outcome.\n"
    )
    for name, path in report.artefacts.items():
        typer.echo(f"{name}: {path}")


def _push_table(report: GuardianReport) -> Table:
    table = Table(title="Pushes in the journal")
    table.add_column("kind")
    table.add_column("outcome")
    table.add_column("pushes", justify="right")
    for (kind, outcome), count in sorted(report.pushes.items()):
        table.add_row(kind, outcome, str(count))
    return table


def _told_table(report: GuardianReport) -> Table:
    table = Table(
        title="The last forecasts that Guardian was told",
        caption="probability: that a long pays its costs. ev_bps: expected return less the costs, in basis points.",
    )
    table.add_column("pair")
    for name in ("probability", "ev_bps", "confidence"):
        table.add_column(name, justify="right")
    for told in report.told:
        confidence = "" if told.confidence is None else f"{told.confidence:.3f}"
        table.add_row(told.symbol, f"{told.probability:.4f}", f"{told.ev_bps:+.2f}", confidence)
    return table
