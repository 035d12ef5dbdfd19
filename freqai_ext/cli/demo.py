"""``freqai-ext demo``: the main job, shown end to end."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from freqai_ext.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from freqai_ext.demo import DemoMarket, DemoReport, PairScore

HORIZON_CANDLES = 24
TABLE_WIDTH = 118


class TradingModeOption(StrEnum):
    """Markets that the demonstration can trade."""

    SPOT = "spot"
    FUTURES = "futures"


def demo(
    data: Annotated[
        Path | None, typer.Option(help="Freqtrade data directory with your candles, instead of a generated market.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for everything that is made.")] = Path("demo-output"),
    seed: Annotated[int, typer.Option(help="Seed of the generated market.")] = 7,
    trading_mode: Annotated[TradingModeOption, typer.Option(help="Spot or futures.")] = TradingModeOption.SPOT,
    guardian: Annotated[
        bool, typer.Option("--guardian", help="Show the Guardian sidecar beside a reference Guardian instead.")
    ] = False,
    news: Annotated[
        bool, typer.Option("--news", help="Show the news strategy beside stand-ins of its services instead.")
    ] = False,
) -> None:
    """Backtest two models and trade live on a simulated clock, with the real Freqtrade and no internet."""
    from rich.console import Console

    from freqai_ext.demo import generated_demo_market, run_demo, stored_demo_market
    from freqai_ext.demo.run import prepare_folder

    if guardian and trading_mode is not TradingModeOption.SPOT:
        raise SettingsError("--trading-mode: a Guardian trades spot; leave it out with --guardian")
    if news and guardian:
        raise SettingsError("--guardian and --news: each is a demonstration of its own; name one")
    if news and trading_mode is not TradingModeOption.SPOT:
        raise SettingsError("--trading-mode: the news strategy is shown on spot; leave it out with --news")

    console = Console()
    # The tables need this much; a terminal that is narrower wraps them, a file need not.
    console.width = max(console.width, TABLE_WIDTH)
    folder = prepare_folder(output)
    mode: Literal["spot", "futures"] = trading_mode.value
    market = (
        generated_demo_market(folder / "market", seed, HORIZON_CANDLES, mode)
        if data is None
        else stored_demo_market(data, mode)
    )
    if guardian:
        from freqai_ext.cli._guardian_demo import show_guardian_demo

        show_guardian_demo(console, market, folder, _Progress(console))
        return
    if news:
        from freqai_ext.cli._news_demo import show_news_demo

        show_news_demo(console, market, folder, _Progress(console))
        return
    console.print(f"Freqtrade on {market.description}: {', '.join(market.pairs)}, {market.timerange}.\n")
    with _Progress(console) as progress:
        report = run_demo(market, folder, progress)
    _print(console, market, report)


class _Progress:
    """A bar per step on a terminal, a line per finished step elsewhere."""

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

        self._console = console
        self._bars = Progress(TextColumn("{task.description:<36}"), BarColumn(), TimeElapsedColumn(), console=console)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Progress":
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def __call__(self, step: str, share: float) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=1.0)
        self._bars.update(self._tasks[step], completed=share)
        if share == 1.0 and not self._console.is_terminal:
            self._console.print(f"{step}: done")


def _print(console: "Console", market: "DemoMarket", report: "DemoReport") -> None:
    from freqai_ext.demo import MODELS

    for model, table in report.tables.items():
        console.print(f"\n[bold]{model}[/bold] ({MODELS[model]})")
        typer.echo(table)
    console.print()
    console.print(_forecast_table(market, report.forecasts))
    live = report.live
    console.print(
        f"\n[bold]Simulated live run[/bold]: {live['simulated_hours']:.0f} hours in {live['wall_seconds']:.0f} s, "
        f"{live['trainings']} trainings ({live['failed_trainings']} failed), {live['predictions']} predictions, "
        f"{live['trades_opened']} trades opened, {live['trades_closed']} closed, "
        f"{live['log_errors']} errors in the log.\n"
    )
    for name, path in report.artefacts.items():
        typer.echo(f"{name}: {path}")


def _forecast_table(market: "DemoMarket", forecasts: "tuple[PairScore, ...]") -> "Table":
    from rich.table import Table

    attainable = bool(market.attainable)
    table = Table(
        title=f"Out-of-sample forecasts of the return over {HORIZON_CANDLES} candles, beside the naive forecast, 0",
        caption="IC: correlation of forecast and outcome. Skill: 1 - RMSE / RMSE of the naive forecast; below 0 the "
        "naive one is nearer."
        + (" Perfect IC: what knowing the generated market's rule would give." if attainable else ""),
    )
    for name in ("model", "pair"):
        table.add_column(name)
    for name in ("candles", "IC", "rank IC", "RMSE", "naive RMSE", "skill", *(["perfect IC"] if attainable else [])):
        table.add_column(name, justify="right")
    for row in forecasts:
        scores = row.scores
        naive = scores.rmse / (1 - scores.rmse_skill)
        cells = [
            f"{scores.pairs}",
            f"{scores.information_coefficient:+.3f}",
            f"{scores.rank_information_coefficient:+.3f}",
            f"{scores.rmse:.5f}",
            f"{naive:.5f}",
            f"{scores.rmse_skill:+.3f}",
        ]
        perfect = [f"{market.attainable[row.pair]:+.3f}"] if attainable else []
        table.add_row(row.model, row.pair, *cells, *perfect)
    return table
