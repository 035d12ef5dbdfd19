"""``freqai-ext walkforward``: trains a FreqAI backtest in parallel, before Freqtrade runs it."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from freqai_ext.walkforward import WalkforwardReport

# Freqtrade's parser reads what this one does not know, so that all options of its backtesting work.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}


def walkforward(
    context: typer.Context,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes, each with one thread.", show_default="one per CPU")
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Write the report as JSON to this file.")] = None,
) -> None:
    """Train and predict a FreqAI backtest in parallel, so that `freqtrade backtesting` only reads the predictions.

    Takes all options of `freqtrade backtesting`. Ends with exit code 1 when a window could not be trained, and with
    130 after Ctrl-C (143 after SIGTERM); windows that were finished are kept, and a second run does the others.
    """
    from freqtrade.exceptions import FreqtradeException

    from freqai_ext.cli._child import Interruptible
    from freqai_ext.walkforward import backtesting_config, run_walkforward

    signals = Interruptible()
    try:
        with signals:
            report = run_walkforward(backtesting_config(context.args), jobs, progress=True)
    except KeyboardInterrupt:
        # Before a worker was started.
        raise typer.Exit(signals.exit_code) from None
    except FreqtradeException as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    if summary is not None:
        summary.write_text(json.dumps(report.as_dict(), indent=2) + "\n")
    _print_report(report, context.args)
    if report.interrupted:
        raise typer.Exit(signals.exit_code)
    if report.failures:
        raise typer.Exit(1)


def _print_report(report: "WalkforwardReport", arguments: list[str]) -> None:
    for failure in report.failures:
        typer.echo(f"FAILED {failure.window}: {failure.error}\n{failure.traceback}", err=True)
    typer.echo(
        f"{len(report.pairs)} pairs, {report.windows} windows: {report.trained} trained, {report.skipped} there "
        f"already, {len(report.failures)} failed; {report.seconds:.1f} s with {report.jobs} processes "
        f"({report.windows_per_minute:.0f} windows a minute)"
    )
    if report.interrupted:
        typer.echo("Interrupted. Run it again for the other windows.")
    elif report.failures:
        typer.echo("Nothing is kept for the windows that failed; Freqtrade would train them again and fail alike.")
    else:
        typer.echo(f"Next: freqtrade backtesting {shlex.join(arguments)}")
