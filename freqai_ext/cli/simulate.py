"""``freqai-ext simulate``: simulated live trading in lock-step time."""

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqai_ext.cli.replay import DataOption, FillGapsOption, PairsOption, SeedOption, split_pairs
from freqai_ext.errors import MarketDataError, SettingsError

if TYPE_CHECKING:
    from freqai_ext.cli._coverage import Window
    from freqai_ext.cli._freqtrade_command import FreqtradeCommand
    from freqai_ext.cli._market import Market
    from freqai_ext.guardian.sandbox import Sandbox
    from freqai_ext.news.standins import NewsStandIns
    from freqai_ext.replay.simulation import Simulation, SimulationSummary

_DATE_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M"]
_MARKER = "order.json"
_GUARDIAN_DATABASE = "guardian.sqlite"


def simulate(
    command: Annotated[list[str], typer.Argument(help="A freqtrade trade command line, behind two dashes.")],
    days: Annotated[float, typer.Option(help="Simulated days.", min=0.01)] = 1.0,
    start: Annotated[
        datetime | None,
        typer.Option(help="Where it starts (UTC); by default as early as there is history.", formats=_DATE_FORMATS),
    ] = None,
    data: DataOption = None,
    pairs: PairsOption = None,
    seed: SeedOption = 7,
    fill_gaps: FillGapsOption = False,
    step_seconds: Annotated[int, typer.Option(help="Longest step of the bot's loop.", min=1, max=3600)] = 60,
    measure_from_hour: Annotated[
        float, typer.Option(help="Simulated hour from which the strategy's analysis is timed.", min=0)
    ] = 0.0,
    guardian: Annotated[
        bool,
        typer.Option("--guardian", help="Run a reference Guardian on the simulated clock for freqai_ext.guardian."),
    ] = False,
    guardian_history: Annotated[
        Path | None, typer.Option(help="Database of recorded Guardian features to begin with; a copy is used.")
    ] = None,
    news: Annotated[
        bool,
        typer.Option("--news", help="Run stand-ins of the news services on the simulated clock for freqai_ext.news."),
    ] = False,
    summary: Annotated[Path | None, typer.Option(help="Write the summary as JSON to this file.")] = None,
) -> None:
    """Run the real bot in dry-run on a simulated clock: freqai-ext simulate --days 2 -- trade -c config.json ...

    The clock moves only when the bot sleeps and no training is due: a day takes minutes, and the same seed and
    inputs give the same trades. Each run starts afresh, in <userdir>/simulations/<strategy>-<start>/, with its own
    database, candles and FreqAI models; a second one at the same time takes <strategy>-<start>-2/. Guardian and the
    services of news that the configuration names are left alone.
    """
    from freqai_ext._files import require_writable
    from freqai_ext._services.scratch import scratch_folder
    from freqai_ext.cli._freqtrade_command import check_command, parse_command
    from freqai_ext.cli._outside_services import VARIABLES, services_left_alone, without_secrets, without_services
    from freqai_ext.cli._replay_overlay import child_environment, left_out_lines, merged, overlay_config
    from freqai_ext.cli._run_slot import run_slot
    from freqai_ext.replay import ReplayExchange, ReplaySettings
    from freqai_ext.replay.simulation import Simulation, SimulationOrder

    parsed = parse_command(command)
    _check(parsed)
    replaced = dict(check_command(parsed))
    require_writable(parsed.userdir, "data", "models", "simulations")
    wanted = split_pairs(pairs)
    with scratch_folder() as scratch, ExitStack() as running:
        market, window = _market(parsed, data, wanted, seed, start, timedelta(days=days), fill_gaps, scratch)
        settings = ReplaySettings(
            data=market.candles,
            pairs=market.pairs,
            trading_mode=parsed.trading_mode,
            clock="sim",
            now=window.start,
            fill_gaps=fill_gaps,
        )
        exchange = running.enter_context(ReplayExchange(settings))
        stamp = f"{window.start:%Y%m%dT%H%M}"
        slot = running.enter_context(run_slot(parsed.userdir / "simulations", stamp))
        folder = _fresh_folder(parsed, f"{stamp}{slot.suffix}")
        sandbox = running.enter_context(_guardian(market, window, folder)) if guardian else None
        if guardian_history is not None:
            _copy_database(guardian_history, folder / _GUARDIAN_DATABASE)
        stand_ins = running.enter_context(_news(window)) if news else None
        overrides = _overrides(parsed, f"{stamp}{slot.suffix}", folder, step_seconds)
        overrides["freqai_ext"] = without_services(folder)
        if sandbox is not None:
            database = str(folder / _GUARDIAN_DATABASE)
            own = {"url": sandbox.url, "network": None, "database": database}
            overrides["freqai_ext"]["guardian"] = without_secrets("guardian", own)
        if stand_ins is not None:
            own = {**stand_ins.section(), "database": str(folder / "news.sqlite")}
            overrides["freqai_ext"]["news"] = without_secrets("news", own)
        config = merged(overlay_config(parsed, exchange, wanted), overrides)
        overlay = folder / "overlay.json"
        overlay.write_text(json.dumps(config))
        environment, removed = child_environment(config, VARIABLES)
        for line in (
            *replaced.values(),
            *left_out_lines(parsed.config, removed),
            *services_left_alone(parsed.config, _remedies(guardian, news)),
            *market.notes,
        ):
            typer.echo(line, err=True)
        order = SimulationOrder(
            argv=parsed.with_overlay(overlay, dict.fromkeys(replaced) | {"datadir": folder / "data"}),
            url=exchange.url,
            start=window.start,
            end=window.end,
            folder=folder,
            seed=seed,
            measure_from_hours=measure_from_hour,
            followers=[each.control_url for each in (sandbox, stand_ins) if each is not None],
        )
        typer.echo(f"Simulating {_span(window)} on {market.description}. Log: {folder / 'bot.log'}", err=True)
        result = _watched(Simulation(order, environment, inherited=(slot.lock,)))
        if sandbox is not None:
            state = folder / "guardian.json"
            state.write_text(json.dumps(sandbox.state(), indent=2) + "\n")
            typer.echo(f"Guardian's last state: {state}", err=True)
    if summary is not None:
        summary.write_text(result.to_json() + "\n")
    _print(result)
    raise typer.Exit(result.exit_code)


def _remedies(guardian: bool, news: bool) -> dict[str, str]:
    """Return what gives the sections of which nothing stands in for the services."""
    absent = [section for section, is_there in (("guardian", guardian), ("news", news)) if not is_there]
    return {section: f"with --{section} others stand in for them" for section in absent}


def _check(command: "FreqtradeCommand") -> None:
    if command.name != "trade":
        raise SettingsError(
            f"freqtrade {command.name}: only trade can be simulated; for the rest use freqai-ext offline"
        )
    from freqai_ext.cli._replay_overlay import CREDENTIALS

    for name in CREDENTIALS:
        if command.exchange.get(name):
            raise SettingsError(
                f"exchange.{name}: set (hidden); a simulation needs no keys, so leave the private file out"
            )


def _market(
    command: "FreqtradeCommand",
    data: Path | None,
    pairs: Sequence[str],
    seed: int,
    start: datetime | None,
    length: timedelta,
    fill_gaps: bool,
    scratch: Path,
) -> tuple["Market", "Window"]:
    """Return the candles and the simulated time, which must lie in them with the history before it."""
    from freqai_ext.cli._coverage import DEFAULT_WINDOW, Window, history_of
    from freqai_ext.cli._market import generated_market, stored_market

    history = history_of(command)
    begin = start.replace(tzinfo=UTC) if start else None
    if data is None:
        begin = begin or DEFAULT_WINDOW[0]
        window = Window(begin, begin + length, history)
        return generated_market(command, pairs, seed, window, scratch), window
    market = stored_market(command, data, pairs, scratch, window=None, fill_gaps=fill_gaps)
    spans = _candles_spans(market, command, fill_gaps)
    end = max(end for _, end in spans.values())
    # As early as all pairs have history; where one is listed too late for that, as early as any has.
    firsts = max(first for first, _ in spans.values()), min(first for first, _ in spans.values())
    starts = [begin] if begin else [_next_midnight(first + history) for first in firsts]
    windows = [Window(start, start + length, history) for start in starts]
    fitting = [one for one in windows if firsts[1] <= one.first and one.end <= end]
    if not fitting:
        raise MarketDataError(
            f"{data}: has candles from {firsts[1]:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}; {_span(windows[-1])} with "
            f"{history.total_seconds() / 86400:.1f} days of history before it does not fit; choose --start and --days"
        )
    window = fitting[0]
    partial = [
        f"{pair}: has candles from {first:%Y-%m-%d %H:%M} to {stop:%Y-%m-%d %H:%M} only; it is listed for that time"
        for pair, (first, stop) in spans.items()
        if first > window.first or stop < window.end
    ]
    return replace(market, notes=(*market.notes, *partial)), window


def _guardian(market: "Market", window: "Window", folder: Path) -> "Sandbox":
    from freqai_ext.guardian.sandbox import Sandbox, SandboxSettings

    return Sandbox(SandboxSettings(data=market.candles, folder=folder / "guardian", clock="sim", now=window.start))


def _news(window: "Window") -> "NewsStandIns":
    from freqai_ext.news.standins import NewsStandIns, StandInSettings

    # Enough that most looks find something new, as with a large asset; what is not new makes no verdict.
    return NewsStandIns(StandInSettings(clock="sim", now=window.start, headlines_per_hour=4.0))


def _copy_database(source: Path, target: Path) -> None:
    import sqlite3
    from contextlib import closing

    from freqai_ext.guardian.database import open_database

    open_database(source, read_only=True).dispose()
    # A plain copy of the file would miss what still stands in its write-ahead log.
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as recorded, closing(sqlite3.connect(target)) as copy:
        recorded.backup(copy)


def _candles_spans(
    market: "Market", command: "FreqtradeCommand", fill_gaps: bool
) -> dict[str, tuple[datetime, datetime]]:
    from freqai_ext.replay import CandleStore

    store = CandleStore(market.candles, command.trading_mode, fill_gaps=fill_gaps)
    bases = {pair: store.history(pair).base for pair in market.pairs}
    return {pair: (_moment(int(base.open_ms[0])), _moment(base.end_ms)) for pair, base in bases.items()}


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def _next_midnight(moment: datetime) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == moment else midnight + timedelta(days=1)


def _span(window: "Window") -> str:
    return f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"


def _fresh_folder(command: "FreqtradeCommand", stamp: str) -> Path:
    """Return an empty folder for the run, removing what an earlier one of the same start left there."""
    strategy = command.args.get("strategy") or command.config.get("strategy") or "strategy"
    folder = command.userdir / "simulations" / f"{strategy}-{stamp}"
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARKER).is_file():
        raise SettingsError(f"{folder}: holds files that no simulation wrote; move them away")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    (folder / _MARKER).write_text("{}")
    return folder


def _overrides(command: "FreqtradeCommand", stamp: str, folder: Path, step_seconds: int) -> dict[str, Any]:
    """Return settings of the run itself: its own database and models, started at once."""
    from freqai_ext.cli._freqtrade_command import copied_identifier

    overrides: dict[str, Any] = {
        "db_url": f"sqlite:///{folder / 'trades.sqlite'}",
        "initial_state": "running",
        "internals": {"process_throttle_secs": step_seconds},
    }
    if command.freqai:
        # Models of other runs would be loaded, and their predictions continued.
        overrides["freqai"] = copied_identifier(command, f"sim-{stamp}")
    return overrides


def _watched(simulation: "Simulation") -> "SimulationSummary":
    """Run with a progress bar on a terminal, a line for each tenth elsewhere; signals go to the bot."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from freqai_ext.cli._child import SignalRelay

    with ExitStack() as running:
        console = Console(stderr=True)
        bar = Progress(
            TextColumn("simulating"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console
        )
        task = bar.add_task("simulating", total=1.0)
        if console.is_terminal:
            running.enter_context(bar)
        tenths = [0]

        def show(done: float) -> None:
            bar.update(task, completed=done)
            if not console.is_terminal and int(done * 10) > tenths[0]:
                tenths[0] = int(done * 10)
                console.print(f"simulated {tenths[0]}0 %")

        relay = running.enter_context(SignalRelay())
        return simulation.run(show, relay.to)


def _print(result: "SimulationSummary") -> None:
    typer.echo(
        f"simulated {result.simulated_hours:.1f} h in {result.wall_seconds:.0f} s ({result.speed:.0f} x): "
        f"{result.iterations} iterations, {result.trainings} trainings ({result.failed_trainings} failed), "
        f"{result.predictions} predictions, {result.trades_opened} trades opened, {result.trades_closed} closed, "
        f"{result.log_errors} errors in the log"
    )
    if result.analysis_ms_per_pair_candle is not None:
        typer.echo(f"analysis: {result.analysis_ms_per_pair_candle} ms a pair and candle")
    if result.first_training_error:
        typer.echo(f"first failed training: {result.first_training_error}", err=True)
