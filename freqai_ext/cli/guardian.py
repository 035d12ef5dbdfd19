"""``freqai-ext guardian …``: a reference Guardian, the contract as a checklist, the journal, candles, thresholds."""

import json
import os
import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqai_ext.cli._fault_option import fault_settings
from freqai_ext.cli._guardian_bot import record, status
from freqai_ext.cli._guardian_candles import candles
from freqai_ext.cli._guardian_thresholds import thresholds
from freqai_ext.errors import SettingsError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from freqai_ext.guardian.check import CheckReport
    from freqai_ext.guardian.journal_reader import PushRecord
    from freqai_ext.guardian.sandbox import Fault

app = typer.Typer(
    name="guardian",
    help="The Guardian sidecar: a reference Guardian, checks, the journal of pushes.",
    no_args_is_help=True,
    add_completion=False,
)

_TOKEN_VARIABLE = "FREQTRADE__FREQAI_EXT__GUARDIAN__TOKEN"  # noqa: S105
_STYLES = {"holds": "green", "does not hold": "bold red", "not tried": "dim"}
_JOURNAL_WIDTH = 140


class NetworkOption(StrEnum):
    """Networks of a Guardian."""

    MAINNET = "mainnet"
    TESTNET = "testnet"


TokenFileOption = Annotated[Path | None, typer.Option(help="File whose first line is Guardian's token.")]


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Port on the loopback address; 0 takes a free one.")] = 8099,
    control_port: Annotated[int, typer.Option(help="Port of the control routes; 0 takes a free one.")] = 0,
    token_file: TokenFileOption = None,
    network: Annotated[NetworkOption, typer.Option(help="The network it says that it is on.")] = NetworkOption.MAINNET,
    data: Annotated[
        Path | None, typer.Option(help="Freqtrade data directory (feather); without it the market is synthetic.")
    ] = None,
    symbols: Annotated[str, typer.Option(help="Symbols of the market, such as BTCUSDT,ETHUSDT; by default all.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the market.")] = 7,
    folder: Annotated[
        Path | None, typer.Option(help="Where it keeps its set of predictions; by default nowhere that stays.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="Fault such as hang:route=/features,after_s=60,for_s=30 or error_500:probability=0.2; repeat for more."
        ),
    ] = None,
) -> None:
    """Run a reference Guardian on this machine until Ctrl-C. It trades nothing and connects to nothing."""
    from freqai_ext._services.loopback.guard import CONTROL_HINT
    from freqai_ext._settings import parse_settings
    from freqai_ext.guardian.sandbox import Sandbox, SandboxSettings

    now_s = time.time()
    faults = [parse_fault_text(text, now_s) for text in fault or []]
    chosen = {
        "port": port,
        "control_port": control_port,
        "token": _token(token_file),
        "network": network.value,
        "data": data,
        "symbols": tuple(name.strip() for name in symbols.split(",") if name.strip()),
        "seed": seed,
        "folder": folder,
    }
    with Sandbox(parse_settings(SandboxSettings, chosen, "sandbox"), faults) as guardian:
        market = "a synthetic market" if data is None else f"candles of {data}"
        typer.echo(f"Reference Guardian at {guardian.url}: {market}.", err=True)
        typer.echo(f"Control: {guardian.control_url}/_sim/state, /_sim/log, /_sim/faults. {CONTROL_HINT}", err=True)
        typer.echo("Put this into the Freqtrade configuration; stop it with Ctrl-C.", err=True)
        own: dict[str, Any] = {"url": guardian.url, "network": network.value}
        if token_file is not None:
            own["token_file"] = str(token_file.absolute())
        typer.echo(json.dumps({"freqai_ext": {"guardian": own}}, indent=2))
        guardian.wait()


@app.command()
def check(
    url: Annotated[str, typer.Option(help="Guardian's address.")] = "http://127.0.0.1:8099",
    token_file: TokenFileOption = None,
    network: Annotated[NetworkOption | None, typer.Option(help="The network it must be on.")] = None,
    pairs: Annotated[str, typer.Option(help="Pairs to ask for.")] = "BTCUSDT,ETHUSDT,SOLUSDT",
    push: Annotated[bool, typer.Option("--push", help="Try pushes, too; the stored set is put back.")] = False,
    poison: Annotated[
        bool, typer.Option("--poison", help="With --push: try a number that makes Guardian fail for a moment.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before pushing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Try at a Guardian what the sidecar relies on, and say what holds. Only reads, unless --push is given.

    Ends with exit code 1 when something does not hold.
    """
    from freqai_ext._settings import parse_settings
    from freqai_ext.guardian.check import CheckRequest, Probe, check_guardian
    from freqai_ext.guardian.settings import GuardianSettings
    from freqai_ext.guardian.symbols import canonical_symbol

    if poison and not push:
        raise SettingsError("--poison: given without --push; nothing is poisoned where nothing is pushed, so add it")
    address = parse_settings(GuardianSettings, {"url": url}, "guardian check").url
    wanted = tuple(canonical_symbol(name) for name in pairs.split(",") if name.strip())
    if not wanted:
        raise SettingsError("--pairs: none named; write --pairs BTCUSDT,ETHUSDT")
    token = _token(token_file)
    if push and not yes:
        typer.confirm(_warning(address, poison), abort=True, err=True)
    request = CheckRequest(wanted, network.value if network else None, push, poison)
    with Probe(address, token) as probe:
        report = check_guardian(probe, request)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=2))
    else:
        _print_report(report)
    if not report.passed:
        raise typer.Exit(1)


@app.command()
def journal(
    database: Annotated[Path, typer.Option(help="The sidecar's database: freqai_ext.guardian.database.")] = Path(
        "user_data/guardian/guardian.sqlite"
    ),
    limit: Annotated[int, typer.Option(help="How many pushes, the newest first.", min=1)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Print what was pushed to Guardian and what became of it, also while the bot runs."""
    from dataclasses import asdict

    from freqai_ext.guardian.database import open_database
    from freqai_ext.guardian.journal_reader import JournalReader

    engine = open_database(database, read_only=True)
    try:
        reader = JournalReader(engine)
        pushes, open_ones = reader.pushes(limit), reader.unaccounted()
    finally:
        engine.dispose()
    if as_json:
        typer.echo(json.dumps([asdict(push) for push in pushes], indent=2))
        return
    _print_pushes(pushes)
    if open_ones:
        typer.echo(f"{len(open_ones)} without an outcome: on their way, or cut off by the end of the bot")


for command in (record, status, candles, thresholds):
    app.command()(command)


def parse_fault_text(text: str, now_s: float) -> "Fault":
    """Return the fault that a command line names: its kind, and settings behind a colon.

    ``after_s`` and ``for_s`` are seconds from ``now_s`` (UTC seconds) to its begin, and from there to its end.

    Raises
    ------
    SettingsError
        If it names none.
    """
    from freqai_ext.guardian.sandbox import parse_fault

    return parse_fault(fault_settings(text, now_s))


def _token(token_file: Path | None) -> "SecretStr | None":
    from freqai_ext._settings import parse_settings
    from freqai_ext.guardian.settings import GuardianSettings
    from freqai_ext.guardian.token import TokenSource

    chosen = {"token_file": token_file} if token_file else {"token": os.environ.get(_TOKEN_VARIABLE)}
    return TokenSource(parse_settings(GuardianSettings, chosen, "freqai_ext.guardian")).current()


def _warning(url: str, poison: bool) -> str:
    failing = ", and makes it fail for a moment" if poison else ""
    return (
        f"This pushes to {url}{failing}. Pairs of coins that do not exist stand beside what it holds; three times it "
        "holds nothing for a moment, and then goes by its own model. In the end the set from before is put back. "
        "A bot that trades on it acts on what it finds meanwhile. Go on?"
    )


def _print_report(report: "CheckReport") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("section", "contract", "verdict", "observed"):
        table.add_column(name, overflow="fold")
    for finding in report.findings:
        verdict = Text(finding.verdict, _STYLES[finding.verdict])
        table.add_row(finding.section, Text(finding.what), verdict, Text(finding.observed))
    Console().print(table)
    held, broken, left = (sum(one.verdict == verdict for one in report.findings) for verdict in _STYLES)
    typer.echo(f"{report.url}: {held} hold, {broken} do not, {left} not tried")
    if report.aftermath:
        typer.echo(report.aftermath)


def _print_pushes(pushes: "tuple[PushRecord, ...]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("time (UTC)", "push", "kind", "pairs", "trusted", "attempts", "outcome", "accepted", "ms", "error"):
        table.add_column(name, overflow="fold")
    for push in pushes:
        shown = (push.pairs, push.trusted, push.attempts, push.outcome or "on its way", push.accepted)
        latency = "" if push.latency_ms is None else f"{push.latency_ms:.0f}"
        cells = ["" if value is None else str(value) for value in shown]
        when = f"{datetime.fromtimestamp(push.created_at_s, UTC):%Y-%m-%d %H:%M:%S}"
        table.add_row(when, push.push_id, push.kind, *cells, latency, Text(push.error or ""))
    console = Console()
    # A line a push; a terminal that is narrower wraps it, a file need not.
    console.width = max(console.width, _JOURNAL_WIDTH)
    console.print(table)
