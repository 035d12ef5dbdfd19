"""``freqai-ext doctor``: checks installation, configuration, classes, candles and features."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqai_ext.cli._config_options import ConfigOption, UserdirOption

if TYPE_CHECKING:
    from rich.console import Console

    from freqai_ext.doctor import Diagnosis

_STYLES = {"ok": "green", "skipped": "dim", "warning": "yellow", "failure": "bold red"}


def doctor(
    config: ConfigOption = None,
    userdir: UserdirOption = None,
    strategy: Annotated[str | None, typer.Option("--strategy", "-s", help="Strategy class.")] = None,
    freqaimodel: Annotated[str | None, typer.Option(help="FreqAI model class.")] = None,
    datadir: Annotated[Path | None, typer.Option("--datadir", "-d", help="Folder of the candle files.")] = None,
    timerange: Annotated[str | None, typer.Option(help="Backtest range whose candles must be there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the diagnosis as JSON.")] = False,
) -> None:
    """Say why a Freqtrade set-up with FreqAI does not run, or runs with wrong results.

    Ends with exit code 1 when something is broken, with 0 otherwise.
    """
    from rich.console import Console

    from freqai_ext.doctor import DoctorRequest, diagnose

    diagnosis = diagnose(
        DoctorRequest(
            configs=tuple(config or ()),
            userdir=userdir,
            strategy=strategy,
            freqaimodel=freqaimodel,
            datadir=datadir,
            timerange=timerange,
        )
    )
    console = Console()
    if as_json:
        typer.echo(json.dumps(diagnosis.as_dict(), indent=2))
    elif console.is_terminal:
        _print_table(diagnosis, console)
    else:
        _print_lines(diagnosis)
    if not diagnosis.healthy:
        raise typer.Exit(1)


def _print_table(diagnosis: "Diagnosis", console: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("check", "", "finding", box=None, padding=(0, 2, 0, 0))
    for result in diagnosis.results:
        name = result.check
        for finding in result.findings:
            text = Text(finding.message)
            for more, style in ((finding.remedy, "cyan"), (finding.detail, "dim")):
                if more:
                    text.append(f"\n{more}", style=style)
            table.add_row(name, Text(finding.level, style=_STYLES[finding.level]), text)
            name = ""
    console.print(table)


def _print_lines(diagnosis: "Diagnosis") -> None:
    for result in diagnosis.results:
        for finding in result.findings:
            typer.echo(f"{finding.level:<8} {result.check}: {finding.message}")
            if finding.remedy:
                typer.echo(f"         remedy: {finding.remedy}")
            for line in finding.detail.splitlines():
                typer.echo(f"         | {line}")
