"""``freqai-ext offline``: runs any Freqtrade command with no internet."""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqai_ext.cli.replay import DataOption, EndOption, FillGapsOption, PairsOption, SeedOption, split_pairs

if TYPE_CHECKING:
    from freqai_ext.cli._freqtrade_command import FreqtradeCommand
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
    and the services of news are left alone.
    """
    from freqai_ext.cli._freqtrade_command import parse_command

    parsed = parse_command(command)
    with tempfile.TemporaryDirectory(prefix="freqai-ext-") as scratch:
        if parsed.name == "trade":
            code = _trade(parsed, data, split_pairs(pairs), seed, end, fill_gaps, with_services, Path(scratch))
        else:
            code = _look_back(parsed, data, split_pairs(pairs), seed, fill_gaps, Path(scratch))
    raise typer.Exit(code)


def _look_back(
    command: "FreqtradeCommand", data: Path | None, pairs: Sequence[str], seed: int, fill_gaps: bool, scratch: Path
) -> int:
    """Run a command that looks at the past; the exchange's clock stands at the end of the candles."""
    from freqai_ext.cli._coverage import window_of
    from freqai_ext.cli._market import generated_market, stored_market
    from freqai_ext.errors import SettingsError
    from freqai_ext.replay import ReplaySettings

    timerange, downloads = command.args.get("timerange"), command.name == "download-data"
    if downloads and not timerange:
        raise SettingsError("--timerange: missing; candles keep their own dates here, so name some: 20250301-20250501")
    window = window_of(command)
    overrides: dict[str, Any] = {}
    if data is None:
        market = generated_market(command, pairs, seed, window)
        if command.freqai:
            # FreqAI keeps predictions by identifier: those of a generated market must not pass for real ones.
            name = f"{command.freqai.get('identifier', 'unnamed')}-{market.datadir.name.removeprefix('freqai-ext-')}"
            overrides["freqai"] = {"identifier": name}
    else:
        checked = window if timerange else None
        market = stored_market(command, data, pairs, scratch, window=checked, fill_gaps=fill_gaps)
    settings = ReplaySettings(
        data=market.datadir, pairs=market.pairs, trading_mode=command.trading_mode, clock="sim", fill_gaps=fill_gaps
    )
    # Replayed candles must not be joined to real ones in <userdir>/data/bybit.
    datadir = command.userdir / "data" / "freqai-ext-downloads" if downloads else market.datadir
    options = [] if command.args.get("datadir") else ["--datadir", str(datadir)]
    typer.echo(f"Offline on {market.description}. {' '.join(options)}", err=True)
    return _run(command, settings, scratch, pairs, overrides, options)


def _trade(
    command: "FreqtradeCommand",
    data: Path | None,
    pairs: Sequence[str],
    seed: int,
    end: EndOption,
    fill_gaps: bool,
    with_services: bool,
    scratch: Path,
) -> int:
    """Run the bot in real time, on candles re-dated to now."""
    from freqai_ext.cli._coverage import DEFAULT_WINDOW, Window, history_of
    from freqai_ext.cli._market import generated_market, stored_market
    from freqai_ext.cli._outside_services import VARIABLES, services_left_alone, without_services
    from freqai_ext.replay import ReplaySettings
    from freqai_ext.replay.timeframe import DAY_MS

    history = history_of(command)
    if data is None:
        window = Window(DEFAULT_WINDOW[0], DEFAULT_WINDOW[0] + _AHEAD_OF_TRADE, history)
        market = generated_market(command, pairs, seed, window)
    else:
        market = stored_market(command, data, pairs, scratch, window=None, fill_gaps=fill_gaps)
    settings = ReplaySettings(
        data=market.datadir,
        pairs=market.pairs,
        trading_mode=command.trading_mode,
        history_days=history.total_seconds() * 1000 / DAY_MS,
        end=end.value,
        fill_gaps=fill_gaps,
    )
    # Downloads of an earlier replay lie at other dates; FreqAI would join them to these.
    downloads = command.userdir / "data" / "freqai-ext-offline-trade"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir(parents=True)
    overrides: dict[str, Any] = {"db_url": "sqlite://"}
    if command.freqai:
        identifier = f"{command.freqai.get('identifier', 'unnamed')}-offline"
        shutil.rmtree(command.userdir / "models" / identifier, ignore_errors=True)
        overrides["freqai"] = {"identifier": identifier}
    replaced: Sequence[str] = ()
    if not with_services:
        for line in services_left_alone(command.config, dict.fromkeys(("guardian", "news"), _LEFT_ALONE)):
            typer.echo(line, err=True)
        overrides["freqai_ext"], replaced = without_services(downloads), VARIABLES
    typer.echo(f"Offline in real time on {market.description}, re-dated to now. Stop it with Ctrl-C.", err=True)
    return _run(command, settings, scratch, pairs, overrides, ["--datadir", str(downloads)], replaced)


def _run(
    command: "FreqtradeCommand",
    settings: "ReplaySettings",
    scratch: Path,
    pairs: Sequence[str],
    overrides: dict[str, Any],
    options: Sequence[str],
    replaced_variables: Sequence[str] = (),
) -> int:
    from freqai_ext.cli._child import run_child
    from freqai_ext.cli._freqtrade_command import child_environment, overlay_config
    from freqai_ext.replay import ReplayExchange

    with ReplayExchange(settings) as exchange:
        overlay = scratch / "overlay.json"
        overlay.write_text(json.dumps(overlay_config(command, exchange, pairs) | overrides))
        words = command.with_overlay(overlay, *options)
        return run_child([sys.executable, "-m", "freqtrade", *words], child_environment(replaced_variables))
