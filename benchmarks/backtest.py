"""Times FreqAI backtests of our models beside stock ``LightGBMRegressor``: ``python -m benchmarks.backtest``."""

import logging
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.contenders import CONTENDERS, Setup
from benchmarks.live import main_loop_ms
from benchmarks.quality import score_run
from benchmarks.tables import live_table, quality_table, time_table
from benchmarks.timing import run_backtest
from freqai_ext.replay import GeneratedMarket, MarketParameters, ReplayExchange, ReplaySettings

TIMEFRAMES = ("5m", "15m", "1h")
HISTORY_DAYS = 25


def main(
    data: Annotated[Path | None, typer.Option(help="Freqtrade data directory; else a generated market.")] = None,
    pairs: Annotated[str, typer.Option(help="Pairs; the first is also the correlated one.")] = (
        "BTC/USDT,ETH/USDT,SOL/USDT"
    ),
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day to backtest.")] = datetime(
        2025, 3, 1, tzinfo=UTC
    ),
    days: Annotated[int, typer.Option(min=1, help="Days to backtest.")] = 30,
    trees: Annotated[int, typer.Option(min=1, help="Trees of each model.")] = 100,
    train_days: Annotated[int, typer.Option(min=1, help="Days in each training.")] = 15,
    window_days: Annotated[int, typer.Option(min=1, help="Days predicted by each training.")] = 3,
    repeats: Annotated[int, typer.Option(min=1, help="Backtests of each model, taking turns.")] = 2,
    backtest: Annotated[bool, typer.Option(help="Time backtests.")] = True,
    live: Annotated[bool, typer.Option("--live", help="Time the live main loop too.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Keep configurations, logs and predictions here.")] = None,
) -> None:
    """Run the same strategy, features, windows and tree count on each model, one thread each."""
    logging.disable(logging.WARNING)
    start = start.replace(tzinfo=UTC)
    folder = Path(tempfile.mkdtemp(prefix="freqai-ext-benchmark-")) if keep is None else keep
    folder.mkdir(parents=True, exist_ok=True)
    chosen = tuple(pair.strip() for pair in pairs.split(","))
    if data is None:
        data = folder / "market"
        history = timedelta(days=train_days + HISTORY_DAYS)
        length = (history + timedelta(days=days + 1)).days
        GeneratedMarket(MarketParameters(pairs=chosen, days=length, start=start - history)).write(data, TIMEFRAMES)
    timerange = f"{start:%Y%m%d}-{start + timedelta(days=days):%Y%m%d}"
    setup = Setup(folder.absolute(), data.absolute(), chosen, timerange, trees, train_days, window_days)
    setup.prepare()
    print(f"{len(chosen)} pairs, {timerange}, {trees} trees, {train_days} d to train, {window_days} d windows\n")
    if backtest:
        _time_backtests(setup, repeats)
    if live:
        _time_live(setup, start)
    if keep is None:
        shutil.rmtree(folder)


def _time_backtests(setup: Setup, repeats: int) -> None:
    runs = []
    with ReplayExchange(ReplaySettings(data=setup.datadir, pairs=tuple(setup.pairs), clock="sim")) as exchange:
        for repeat in range(repeats):
            for contender in CONTENDERS:
                config = setup.write_config(contender, f"{contender.key}-{repeat}", exchange)
                run = run_backtest(setup, contender, config)
                runs.append(run)
                print(f"{contender.label}: {run.wall.whole:.1f} s, {run.fits} fits", flush=True)
    print("\nSeconds on the clock, minimum / median (times faster than stock):\n")
    print(time_table(runs, lambda run: run.wall))
    print("\nSeconds of CPU time, which other programs disturb less:\n")
    print(time_table(runs, lambda run: run.cpu))
    last = {run.contender.label: run for run in runs}
    print("\nForecast of the return over the label horizon, out of sample:\n")
    print(quality_table({label: score_run(run) for label, run in last.items()}))


def _time_live(setup: Setup, start: datetime) -> None:
    spent = {}
    for contender in CONTENDERS:
        # One training each: under pandas 3.1 stock models fail to train again.
        config = setup.write_config(contender, f"{contender.key}-live", live_retrain_hours=1000)
        spent[contender.label] = main_loop_ms(setup, contender, config, start)
        print(f"{contender.label}: {spent[contender.label]:.1f} ms", flush=True)
    print("\nMain loop of the live bot after 5 simulated hours:\n")
    print(live_table(spent))


if __name__ == "__main__":
    typer.run(main)
