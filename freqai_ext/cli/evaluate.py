"""``freqai-ext evaluate``: compares FreqAI models by what they forecast, without trading."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from freqai_ext.evaluation import Entrant, Evaluation

# Freqtrade's parser reads what this one does not know, so that all options of its backtesting work.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}

TABLE_WIDTH = 240


def evaluate(
    context: typer.Context,
    models: Annotated[
        list[str] | None, typer.Option(help="Models, as Model or Label=Model, separated by commas. May be repeated.")
    ] = None,
    contenders: Annotated[
        Path | None,
        typer.Option(help='JSON file of further ones with settings of their own: {"label": {"freqaimodel": ...}}.'),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Label to compare with.", show_default="first stock model, else the first")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes, each with one thread.", show_default="one per CPU")
    ] = None,
    features: Annotated[
        str | None, typer.Option(help="Feature families of freqai_ext for all models, separated by commas.")
    ] = None,
    label: Annotated[
        int | None, typer.Option(min=1, help="Label horizon in candles for all models: label_period_candles.")
    ] = None,
    trusted_only: Annotated[bool, typer.Option("--trusted-only", help="Score only rows with do_predict 1.")] = False,
    samples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 300,
    level: Annotated[float, typer.Option(help="Share of the resamples inside an interval.")] = 0.95,
    block_hours: Annotated[float, typer.Option(help="Hours that the bootstrap draws together.")] = 24.0,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for report.html and evaluation.json.", show_default="in the user directory"),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report to this file instead.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write everything as JSON to this file instead.")
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", help="Write the tables as Markdown to this file.")
    ] = None,
) -> None:
    """Walk FreqAI models forward on the same candles and compare what they forecast, without trading.

    Takes all options of `freqtrade backtesting` too, such as -c, --strategy, --timerange, --userdir and --datadir. Ends
    with exit code 1 when a model has no scores, with 130 after Ctrl-C and with 143 after SIGTERM; what was trained is
    kept, and a second run does the rest.
    """
    from freqtrade.exceptions import FreqtradeException
    from rich.console import Console

    from freqai_ext.cli._child import Interruptible
    from freqai_ext.cli._evaluation_progress import EvaluationProgress
    from freqai_ext.cli._say_once import say_once
    from freqai_ext.evaluation import EvaluationOptions, parse_contenders, prepare_entrants
    from freqai_ext.evaluation import evaluate as run

    console = Console()
    if not console.is_terminal:
        # A file has no width of its own to keep to.
        console.width = TABLE_WIDTH
    options = EvaluationOptions(
        baseline=baseline, trusted_only=trusted_only, samples=samples, level=level, block_hours=block_hours
    )
    families = tuple(name.strip() for name in features.split(",") if name.strip()) if features is not None else None
    signals = Interruptible()
    try:
        entrants = prepare_entrants(
            context.args, parse_contenders(models or [], contenders), families=families, label_candles=label
        )
        with say_once(), signals, EvaluationProgress(Console(stderr=True)) as progress:
            evaluation = run(entrants, options, jobs, progress)
    except KeyboardInterrupt:
        # Outside of the trainings, after which nothing is lost.
        raise typer.Exit(signals.exit_code) from None
    except FreqtradeException as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    if evaluation.interrupted:
        typer.echo("Interrupted. Run it again for the other windows.")
        raise typer.Exit(signals.exit_code)
    _print(console, evaluation)
    folder = output or entrants[0].config["user_data_dir"] / "evaluations" / _name(entrants[0])
    for path in _write(evaluation, folder, html, json_file, markdown_file):
        typer.echo(f"wrote {path}")
    if not all(contender.has_scores for contender in evaluation.contenders):
        raise typer.Exit(1)


def _print(console: "Console", evaluation: "Evaluation") -> None:
    from rich.markup import escape
    from rich.table import Table

    from freqai_ext.evaluation import summary_tables

    for contender in evaluation.contenders:
        for missing in contender.missing:
            typer.echo(f"MISSING {contender.label}: {missing.window}: {missing.error}", err=True)
    for content in summary_tables(evaluation):
        table = Table(title=escape(content.title), title_justify="left")
        for place, name in enumerate(content.header):
            table.add_column(escape(name), justify="right" if place else "left", overflow="fold")
        for row in content.rows:
            table.add_row(*map(escape, row))
        console.print(table)
    for contender in evaluation.contenders:
        for line in contender.left_out(evaluation.scored_rows):
            console.print(f"{contender.label}: {line}", highlight=False, markup=False)
    console.print(
        f"{len(evaluation.pairs)} pairs; baseline {escape(evaluation.baseline)}. Rank IC: correlation of the ranks of "
        "forecast and outcome, mean over pairs. RMSE skill: against forecasting zero. Brier skill: against the base "
        "rate.",
        highlight=False,
    )


def _write(
    evaluation: "Evaluation", folder: Path, html: Path | None, json_file: Path | None, markdown_file: Path | None
) -> Iterator[Path]:
    from freqai_ext._files import write_atomically
    from freqai_ext.evaluation import markdown, report_page

    document = json.dumps(evaluation.as_dict(), indent=1, allow_nan=False)
    files = {
        html or folder / "report.html": report_page(evaluation),
        json_file or folder / "evaluation.json": f"{document}\n",
    }
    if markdown_file:
        files[markdown_file] = markdown(evaluation)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
        yield path


def _name(entrant: "Entrant") -> str:
    return entrant.identifier.rpartition("-evaluate-")[0]
