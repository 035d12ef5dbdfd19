"""``freqai-ext init``: writes what Freqtrade needs to use this package into a user directory."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from freqai_ext.scaffold import ScaffoldReport


class TradingModeOption(StrEnum):
    """Trading modes that have a starting configuration."""

    SPOT = "spot"
    FUTURES = "futures"


def init(
    userdir: Annotated[Path, typer.Option(help="User directory; created where it does not exist.")] = Path("user_data"),
    trading_mode: Annotated[
        TradingModeOption, typer.Option(help="Market of the starting configuration.")
    ] = TradingModeOption.SPOT,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that differ, keeping each as <name>.bak.")
    ] = False,
) -> None:
    """Write models, strategies and a starting configuration into a Freqtrade user directory."""
    from freqai_ext.scaffold import init_userdir

    report = init_userdir(userdir, trading_mode=trading_mode.value, force=force)
    _print_report(report)
    _print_next_steps(report)
    if report.refused:
        raise typer.Exit(1)


def _print_report(report: "ScaffoldReport") -> None:
    for path in report.written:
        typer.echo(f"written    {path}")
    for path in report.backups:
        typer.echo(f"kept as    {path}")
    if report.unchanged:
        typer.echo(f"unchanged  {len(report.unchanged)} files")
    for path in report.refused:
        typer.echo(f"REFUSED    {path} has other content; --force replaces it and keeps a copy", err=True)


def _print_next_steps(report: "ScaffoldReport") -> None:
    from freqai_ext.scaffold import next_steps

    steps = next_steps(report)
    typer.echo("\nNext, a backtest on a generated market, without internet and downloads:\n")
    typer.echo(f"  {steps.offline}")
    typer.echo("\nWith real candles:\n")
    for command in steps.with_candles:
        typer.echo(f"  {command}")
