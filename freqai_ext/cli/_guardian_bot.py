"""``freqai-ext guardian record`` and ``status``: what goes by the configuration of a sidecar."""

import asyncio
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from freqai_ext.cli._config_options import ConfigOption, UserdirOption, bot_command
from freqai_ext.errors import GuardianError, SettingsError

if TYPE_CHECKING:
    from freqai_ext.guardian import GuardianClient, GuardianSettings, Inspection
    from freqai_ext.guardian.read_back import ReadBack


def record(
    config: ConfigOption = None,
    userdir: UserdirOption = None,
    minutes: Annotated[float | None, typer.Option(help="End after so many minutes; by default at Ctrl-C.")] = None,
) -> None:
    """Poll and record Guardian's features until Ctrl-C, for when no bot runs: a sidecar records by itself."""
    from freqai_ext.guardian.recorder import record_features

    setup = _setup(config, userdir)
    if not setup.pairs:
        raise SettingsError("exchange.pair_whitelist: names no pairs; write those whose features are to be recorded")
    typer.echo(f"Recording {len(setup.pairs)} pairs of {setup.settings.url} into {setup.database}", err=True)
    ended = threading.Event()
    timer = threading.Timer(60.0 * (minutes or 0.0), ended.set)
    if minutes is not None:
        timer.start()

    def say(fetched_at_s: float) -> None:
        typer.echo(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(fetched_at_s))} UTC: recorded", err=True)

    try:
        record_features(setup.settings, setup.database, setup.pairs, ended, say)
    except KeyboardInterrupt:
        typer.echo("ended", err=True)
    finally:
        timer.cancel()


def status(config: ConfigOption = None, userdir: UserdirOption = None) -> None:
    """Say how Guardian is, what it was told last, and whether it still holds that.

    Ends with exit code 1 where it does not, that cannot be read, or something speaks against sending to it.
    """
    setup = _setup(config, userdir)
    found, compared = asyncio.run(_ask(setup))
    sound = _print_inspection(setup.settings.url, found)
    if isinstance(compared, GuardianError):
        typer.echo(f"read back: not possible now ({compared})")
        sound = False
    elif compared is not None:
        sound = _print_read_back(compared) and sound
    if not sound:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Setup:
    settings: "GuardianSettings"
    database: Path
    pairs: tuple[str, ...]


def _setup(config: list[Path] | None, userdir: Path | None) -> _Setup:
    from freqai_ext.config import load_ext_settings
    from freqai_ext.models._guardian_inputs import database_of

    command = bot_command(config, userdir)
    settings = load_ext_settings(command.config).guardian
    named = tuple(str(pair) for pair in command.exchange.get("pair_whitelist") or ())
    return _Setup(settings, database_of(settings, {"user_data_dir": command.userdir}), named)


async def _ask(setup: _Setup) -> "tuple[Inspection, ReadBack | GuardianError | None]":
    from freqai_ext.guardian import GuardianClient, inspect

    client = GuardianClient(setup.settings)
    try:
        found = await inspect(client, setup.settings)
        return found, await _compared(client, setup.database) if found.health else None
    finally:
        await client.aclose()


async def _compared(client: "GuardianClient", database: Path) -> "ReadBack | GuardianError | None":
    """Compare what Guardian holds with what it accepted last by the journal; ``None`` where it has accepted nothing."""
    from freqai_ext.guardian.database import open_database
    from freqai_ext.guardian.journal_reader import JournalReader
    from freqai_ext.guardian.payload import sent_entries
    from freqai_ext.guardian.read_back import compare

    try:
        engine = open_database(database, read_only=True)
        try:
            journal = JournalReader(engine)
            last = journal.last_accepted()
            content = journal.content(last.push_id) if last else None
        finally:
            engine.dispose()
        if last is None:
            typer.echo("last push: none was accepted yet")
            return None
        age_min = (time.time() - (last.outcome_at_s or last.created_at_s)) / 60.0
        typer.echo(f"last push: {last.kind}, {last.pairs} pairs, {age_min:.1f} minutes ago ({last.push_id})")
        return compare(sent_entries(content or b"{}", last.generated_at_s), await client.predictions())
    except GuardianError as error:
        return error


def _print_inspection(url: str, found: "Inspection") -> bool:
    if found.unreachable is not None:
        typer.echo(f"{url}: {found.unreachable}")
        return False
    if found.health is not None:
        network = {True: "testnet", False: "mainnet", None: "an unknown network"}[found.health.testnet]
        typer.echo(f"{url}: on {network}, holds opinions of {found.health.stored_symbols} pairs")
    for text in (*found.faults, *found.warnings):
        typer.echo(f"  {text}")
    return not found.faults


def _print_read_back(found: "ReadBack") -> bool:
    if found.equal:
        typer.echo("read back: it holds what it was sent")
        return True
    for name in ("missing", "unexpected", "different"):
        symbols = getattr(found, name)
        if symbols:
            typer.echo(f"read back: {name}: {', '.join(symbols)}")
    return False
