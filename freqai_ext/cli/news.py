"""``freqai-ext news …``: the news services on this machine, settings of the original, checks of the services."""

import asyncio
import json
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqai_ext.cli._config_options import ConfigOption, UserdirOption, bot_command
from freqai_ext.cli._fault_option import fault_settings
from freqai_ext.cli._news_backtest import backtest
from freqai_ext.cli._news_import import import_
from freqai_ext.cli._news_score import score
from freqai_ext.cli._news_store import audit, export, stats

if TYPE_CHECKING:
    from freqai_ext.news.doctor import NewsDiagnosis
    from freqai_ext.news.settings import NewsSettings
    from freqai_ext.news.standins import Fault

app = typer.Typer(
    name="news",
    help="News for trading decisions: stand-ins of the services, checks, settings of the original, the store.",
    no_args_is_help=True,
    add_completion=False,
)

_STYLES = {"ok": "green", "skipped": "dim", "warning": "yellow", "failure": "bold red"}


class GenerationOption(StrEnum):
    """Generations of Perplexica: 1.9 and before, 1.10, 1.11, 1.12 and Vane."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class DialectOption(StrEnum):
    """Servers in front of Graphiti."""

    GRAPHITI = "graphiti"
    ADAPTER = "adapter"


class FormatOption(StrEnum):
    """What a language model can be held to."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    NONE = "none"


class StyleOption(StrEnum):
    """How a language model wraps its answers."""

    BARE = "bare"
    FENCED = "fenced"
    THINKING = "thinking"
    PROSE = "prose"


@app.command()
def standins(
    perplexica_port: Annotated[
        int, typer.Option(help="Port of Perplexica; 0 takes a free one, here and below.")
    ] = 3000,
    searxng_port: Annotated[int, typer.Option(help="Port of SearXNG.")] = 8080,
    llm_port: Annotated[int, typer.Option(help="Port of the language model.")] = 4000,
    graphiti_port: Annotated[int, typer.Option(help="Port of Graphiti.")] = 8000,
    control_port: Annotated[int, typer.Option(help="Port of the control routes.")] = 0,
    generation: Annotated[GenerationOption, typer.Option(help="Generation of Perplexica.")] = GenerationOption.D,
    dialect: Annotated[DialectOption, typer.Option(help="Which server Graphiti is.")] = DialectOption.GRAPHITI,
    structured: Annotated[
        FormatOption, typer.Option(help="The strictest response_format that the model takes.")
    ] = FormatOption.JSON_SCHEMA,
    style: Annotated[StyleOption, typer.Option(help="How the model wraps its answers.")] = StyleOption.BARE,
    archive: Annotated[
        Path | None, typer.Option(help="News as JSON lines (.jsonl, .jsonl.gz); without it they are made up.")
    ] = None,
    headlines_per_hour: Annotated[float, typer.Option(help="How many are made up for an asset.")] = 0.5,
    hostile_share: Annotated[float, typer.Option(help="Share of them that give orders to a model.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of what is made up.")] = 7,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="Fault such as hang:service=perplexica,after_s=60,for_s=30 or nan_score:probability=0.2; repeatable."
        ),
    ] = None,
) -> None:
    """Run Perplexica, SearXNG, a language model and Graphiti on this machine until Ctrl-C, all of them made up."""
    from freqai_ext._services.loopback.guard import CONTROL_HINT
    from freqai_ext._settings import parse_settings
    from freqai_ext.news.standins import NewsStandIns, StandInSettings

    now_s = time.time()
    faults = [parse_news_fault(text, now_s) for text in fault or []]
    chosen = {
        "perplexica_port": perplexica_port,
        "searxng_port": searxng_port,
        "llm_port": llm_port,
        "graphiti_port": graphiti_port,
        "control_port": control_port,
        "perplexica_generation": generation.value,
        "graphiti_dialect": dialect.value,
        "llm_structured": structured.value,
        "llm_style": style.value,
        "archive": archive,
        "headlines_per_hour": headlines_per_hour,
        "hostile_share": hostile_share,
        "seed": seed,
    }
    with NewsStandIns(parse_settings(StandInSettings, chosen, "news standins"), faults) as services:
        origin = "made up" if archive is None else f"those of {archive}"
        typer.echo(f"The news are {origin}; a list of words judges them, no model.", err=True)
        typer.echo(f"Control: {services.control_url}/_sim/state, /_sim/faults, /_sim/restart. {CONTROL_HINT}", err=True)
        typer.echo("Put this into the Freqtrade configuration; stop them with Ctrl-C.", err=True)
        typer.echo(json.dumps({"freqai_ext": {"news": services.section()}}, indent=2))
        services.wait()


@app.command()
def migrate(
    config: Annotated[Path, typer.Option("--config", "-c", help="The original's config.yml.")] = Path("config.yml"),
    dialect: Annotated[DialectOption | None, typer.Option(help="Which server Graphiti is; else it is guessed.")] = None,
    with_secrets: Annotated[
        Path | None, typer.Option(help="New file for the keys, as environment variables, readable by its owner alone.")
    ] = None,
) -> None:
    """Print what the config.yml of the original AI-Trader comes to here. Keys are never printed."""
    from freqai_ext.news.migrate import migrate as migrated
    from freqai_ext.news.migrate import write_secrets

    migration = migrated(config, dialect=None if dialect is None else dialect.value)
    typer.echo(json.dumps({"freqai_ext": {"news": migration.section}}, indent=2))
    for note in migration.notes:
        typer.echo(f"note: {note}", err=True)
    if with_secrets is not None:
        write_secrets(migration, with_secrets)
        typer.echo(
            f"{len(migration.secrets)} keys are in {with_secrets}; load it with: set -a; . FILE; set +a", err=True
        )
        return
    for variable, origin in migration.origins.items():
        typer.echo(f"set {variable} from {origin}, or have all written by --with-secrets FILE", err=True)


@app.command()
def doctor(
    config: ConfigOption = None,
    userdir: UserdirOption = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Also search, and have every model judge a headline; costs tokens.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Also write to Graphiti and read it back; what is written stays there.")
    ] = False,
    written_within_s: Annotated[float, typer.Option(help="How long to wait for that, seconds.", min=1)] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the diagnosis as JSON.")] = False,
) -> None:
    """Ask every news service of a configuration how it is, and say how to mend what is wrong.

    Ends with exit code 1 when something is broken, with 0 otherwise.
    """
    from freqai_ext.news.doctor import DoctorRequest, diagnose_news

    settings = _settings(config, userdir)
    diagnosis = asyncio.run(diagnose_news(settings, DoctorRequest(ask, write, written_within_s)))
    if as_json:
        typer.echo(json.dumps(diagnosis.as_dict(), indent=2))
    else:
        _print(diagnosis)
    if not diagnosis.healthy:
        raise typer.Exit(1)


app.command("import")(import_)
for command in (score, stats, export, audit, backtest):
    app.command()(command)


def parse_news_fault(text: str, now_s: float) -> "Fault":
    """Return the fault that a command line names: its kind, and settings behind a colon.

    ``after_s`` and ``for_s`` are seconds from ``now_s`` (UTC seconds) to its begin, and from there to its end.

    Raises
    ------
    SettingsError
        If it names none.
    """
    from freqai_ext.news.standins import parse_fault

    return parse_fault(fault_settings(text, now_s))


def _settings(config: list[Path] | None, userdir: Path | None) -> "NewsSettings":
    from freqai_ext.config import exposed_secrets, load_ext_settings

    found = bot_command(config, userdir).config
    for exposure in exposed_secrets(found):
        typer.echo(f"warning: {exposure}", err=True)
    return load_ext_settings(found).news


def _print(diagnosis: "NewsDiagnosis") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        for finding in diagnosis.findings:
            typer.echo(f"{finding.level:<8} {finding.service}: {finding.message}")
        return
    table = Table("service", "", "finding", box=None, padding=(0, 2, 0, 0))
    for finding in diagnosis.findings:
        level = Text(finding.level, _STYLES[finding.level])
        table.add_row(finding.service, level, Text(finding.message, overflow="fold"))
    console.print(table)
