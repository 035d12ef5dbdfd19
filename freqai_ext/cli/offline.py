"""``freqai-ext offline``: runs a Freqtrade command with no internet."""

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqai_ext.cli.replay import DataOption, EndOption, FillGapsOption, PairsOption, SeedOption, split_pairs

if TYPE_CHECKING:
    from freqai_ext.cli._freqtrade_command import FreqtradeCommand
    from freqai_ext.cli._market import Market
    from freqai_ext.replay import ReplaySettings

_AHEAD_OF_TRADE = timedelta(days=90)
_LEFT_ALONE = "with --with-services the bot uses them"


def offline(
    command: Annotated[list[str], typer.Argument(help="A Freqtrade command line, behind two dashes.")],
    data: DataOption = None,
    pairs: PairsOption = None,
    seed: SeedOption = 7,
    end: Annotated[EndOption, typer.Option(help="At the end of the candles, in `trade`.")] = EndOption.STOP,
    fill_gaps: FillGapsOption = False,
    with_services: Annotated[
        bool,
        typer.Option(
            "--with-services", help="In `trade`, use freqai_ext.guardian and freqai_ext.news as they are configured."
        ),
    ] = False,
) -> None:
    """Run a Freqtrade command on a replay exchange: freqai-ext offline -- freqtrade backtesting -c config.json ...

    With --data it reads that data directory, else a generated market that covers the command's --timerange (or
    2025-03-01 to 2025-05-01) and the training before it. Dates stay what they are, except in `trade`, which runs in
    real time: there the candles are re-dated to now, trades and models are kept apart from the user's own, and Guardian
    and the services of news are left alone. Options, variables and settings that would reach a real database, port,
    service or data directory are left out or refused, by name.
    """
    from freqai_ext._files import require_writable
    from freqai_ext._services.scratch import scratch_folder
    from freqai_ext.cli._freqtrade_command import check_command, parse_command

    parsed = parse_command(command)
    replaced = dict(check_command(parsed))
    require_writable(parsed.userdir, "data", "models")
    for line in replaced.values():
        typer.echo(line, err=True)
    chosen = _Choices(data, split_pairs(pairs), seed, fill_gaps)
    with scratch_folder() as scratch, ExitStack() as running:
        if parsed.name == "trade":
            run = _trade(parsed, chosen, end, with_services, scratch, running)
        else:
            run = _look_back(parsed, chosen, scratch, running)
        for line in run.market.notes:
            typer.echo(line, err=True)
        code = _execute(parsed, run, chosen.pairs, scratch, replaced)
    raise typer.Exit(code)


@dataclass(frozen=True)
class _Choices:
    """Which candles the user asked for."""

    data: Path | None
    pairs: Sequence[str]
    seed: int
    fill_gaps: bool


@dataclass(frozen=True)
class _Run:
    """What is started: the exchange, and Freqtrade on it.

    ``overrides`` are settings, ``options`` arguments of the command, and ``left_out`` beginnings of the names of
    environment variables, behind ``FREQTRADE__``.
    """

    market: "Market"
    settings: "ReplaySettings"
    overrides: dict[str, Any]
    options: dict[str, object]
    left_out: Sequence[str] = field(default=())


def _look_back(command: "FreqtradeCommand", chosen: _Choices, scratch: Path, running: ExitStack) -> _Run:
    """Prepare a command that looks at the past; the exchange's clock stands at the end of the candles."""
    from freqai_ext.cli._coverage import window_of
    from freqai_ext.cli._market import generated_market, stored_market
    from freqai_ext.cli._run_slot import run_slot
    from freqai_ext.errors import SettingsError
    from freqai_ext.replay import ReplaySettings

    timerange, downloads = command.args.get("timerange"), command.name == "download-data"
    if downloads and not timerange:
        raise SettingsError("--timerange: missing; candles keep their own dates here, so name some: 20250301-20250501")
    window = window_of(command)
    overrides: dict[str, Any] = {}
    options: dict[str, object] = {}
    data = command.userdir / "data"
    if chosen.data is None:
        market = generated_market(command, chosen.pairs, chosen.seed, window, scratch)
        if command.freqai:
            # FreqAI keeps predictions by identifier: those of a generated market must not pass for real ones.
            name = f"{command.freqai.get('identifier', 'unnamed')}-{market.candles.name.removeprefix('freqai-ext-')}"
            slot = running.enter_context(run_slot(data, f"freqai-ext-models-{name.replace('/', '-')}"))
            overrides["freqai"] = {
                "identifier": f"{name}{slot.suffix}",
                "original_identifier": command.freqai.get("identifier"),
            }
        if command.name == "hyperopt" and not command.args.get("disableparamexport"):
            options["disableparamexport"] = True
            typer.echo(
                "--disable-param-export: added; parameters found on a generated market would be loaded by a real bot",
                err=True,
            )
    else:
        checked = window if timerange else None
        market = stored_market(command, chosen.data, chosen.pairs, scratch, window=checked, fill_gaps=chosen.fill_gaps)
    settings = ReplaySettings(
        data=market.candles,
        pairs=market.pairs,
        trading_mode=command.trading_mode,
        clock="sim",
        fill_gaps=chosen.fill_gaps,
        keep_listed=True,
    )
    options["datadir"] = market.datadir
    place = ""
    if downloads:
        # Replayed candles must not be joined to real ones in <userdir>/data/bybit.
        slot = running.enter_context(run_slot(data, "freqai-ext-downloads"))
        options["datadir"] = data / f"freqai-ext-downloads{slot.suffix}"
        place = f" Downloads: {options['datadir']}"
    typer.echo(f"Offline on {market.description}.{place}", err=True)
    return _Run(market, settings, overrides, options)


def _trade(
    command: "FreqtradeCommand",
    chosen: _Choices,
    end: EndOption,
    with_services: bool,
    scratch: Path,
    running: ExitStack,
) -> _Run:
    """Prepare the bot in real time, on candles re-dated to now."""
    from freqai_ext.cli._coverage import DEFAULT_WINDOW, Window, history_of
    from freqai_ext.cli._freqtrade_command import copied_identifier
    from freqai_ext.cli._market import generated_market, stored_market
    from freqai_ext.cli._outside_services import VARIABLES, services_left_alone, without_services
    from freqai_ext.cli._run_slot import run_slot
    from freqai_ext.replay import ReplaySettings
    from freqai_ext.replay.timeframe import DAY_MS

    history = history_of(command)
    if chosen.data is None:
        window = Window(DEFAULT_WINDOW[0], DEFAULT_WINDOW[0] + _AHEAD_OF_TRADE, history)
        market = generated_market(command, chosen.pairs, chosen.seed, window, scratch)
    else:
        market = stored_market(command, chosen.data, chosen.pairs, scratch, window=None, fill_gaps=chosen.fill_gaps)
    settings = ReplaySettings(
        data=market.candles,
        pairs=market.pairs,
        trading_mode=command.trading_mode,
        history_days=history.total_seconds() * 1000 / DAY_MS,
        end=end.value,
        fill_gaps=chosen.fill_gaps,
    )
    data = command.userdir / "data"
    slot = running.enter_context(run_slot(data, "freqai-ext-offline-trade"))
    # Downloads of an earlier replay lie at other dates; FreqAI would join them to these.
    downloads = data / f"freqai-ext-offline-trade{slot.suffix}"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir(parents=True)
    overrides: dict[str, Any] = {}
    if command.freqai:
        overrides["freqai"] = copied_identifier(command, f"offline{slot.suffix}")
    left_out: Sequence[str] = ()
    if not with_services:
        for line in services_left_alone(command.config, dict.fromkeys(("guardian", "news"), _LEFT_ALONE)):
            typer.echo(line, err=True)
        overrides["freqai_ext"], left_out = without_services(downloads), VARIABLES
    typer.echo(f"Offline in real time on {market.description}, re-dated to now. Stop it with Ctrl-C.", err=True)
    return _Run(market, settings, overrides, {"datadir": downloads}, left_out)


def _execute(
    command: "FreqtradeCommand", run: _Run, pairs: Sequence[str], scratch: Path, replaced: dict[str, str]
) -> int:
    from freqai_ext._services.lifetime import command_that_ends_with_us
    from freqai_ext.cli._child import run_child
    from freqai_ext.cli._replay_overlay import child_environment, left_out_lines, merged, overlay_config
    from freqai_ext.replay import ReplayExchange

    with ReplayExchange(run.settings) as exchange:
        config = merged(overlay_config(command, exchange, pairs), run.overrides)
        overlay = scratch / "overlay.json"
        overlay.write_text(json.dumps(config))
        environment, removed = child_environment(config, run.left_out)
        for line in left_out_lines(command.config, removed):
            typer.echo(line, err=True)
        words = command.with_overlay(overlay, dict.fromkeys(replaced) | run.options)
        return run_child(command_that_ends_with_us("freqtrade", words), environment)
