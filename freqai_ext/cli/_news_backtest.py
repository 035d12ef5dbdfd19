"""``freqai-ext news backtest``: a backtest beside the one without news, and for how much of it there were any."""

import json
import os
import re
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqai_ext.cli.replay import DataOption
from freqai_ext.errors import NewsDataError

if TYPE_CHECKING:
    from rich.console import Console

_COVERAGE = re.compile(r"(\S+): a valid verdict on ([\d.]+) % of (\d+) candles, ([\d.]+) % of these tainted")
_LOG_TAIL_LINES = 15


@dataclass(frozen=True)
class PairCoverage:
    """For how much of a pair's candles there was a valid verdict.

    Attributes
    ----------
    pair
        The pair.
    covered, tainted
        Share of the candles with a valid verdict, and share of these whose model may have known what came next; 0 to 1.
    candles
        How many candles.
    """

    pair: str
    covered: float
    tainted: float
    candles: int


def backtest(
    command: Annotated[list[str], typer.Argument(help="A freqtrade backtesting command line, behind two dashes.")],
    data: DataOption = None,
    judge: Annotated[
        str | None,
        typer.Option(help="Whose verdicts, where the store has those of several; news stats lists their names."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Backtest with news and by the RSI alone on the same range: freqai-ext news backtest -- backtesting -c c.json ...

    With --data no exchange is asked, as with freqai-ext offline. Profit is beside the point without coverage.
    """
    from rich.console import Console

    from freqai_ext._services.scratch import scratch_folder

    words = command[1:] if command[:1] == ["freqtrade"] else list(command)
    if words[:1] != ["backtesting"]:
        raise typer.BadParameter("only backtesting can be compared; write freqai-ext news backtest -- backtesting ...")
    judge = _chosen_judge(words, judge)
    news = {} if judge is None else {"news": {"judge": judge}}
    with scratch_folder() as scratch:
        log, with_news = _run(words, data, scratch / "news", news)
        _, without = _run(words, data, scratch / "rsi", {**news, "hybrid": {"enable_ai_analysis": False}})
    coverages = _coverages(log)
    if as_json:
        found = {"with_news": with_news, "rsi_only": without, "coverage": [vars(each) for each in coverages]}
        typer.echo(json.dumps(found, indent=2))
        return
    _print(Console(), with_news, without, coverages)


def _chosen_judge(words: Sequence[str], judge: str | None) -> str | None:
    """Return whose verdicts the command goes by, before minutes are spent on a store that must be refused."""
    from freqai_ext.cli._freqtrade_command import parse_command
    from freqai_ext.config import load_ext_settings
    from freqai_ext.news.judges import choose_judge
    from freqai_ext.news.store import NewsStore

    command = parse_command(words)
    settings = load_ext_settings(command.config).news
    store = NewsStore.recorded(settings.database or command.userdir / "news" / "news.sqlite")
    try:
        return choose_judge(store, judge or settings.judge)
    finally:
        store.close()


def _run(words: Sequence[str], data: Path | None, folder: Path, section: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the log of a run, and the numbers of its strategy."""
    from freqai_ext._services.lifetime import command_that_ends_with_us

    folder.mkdir()
    overlay = folder / "overlay.json"
    overlay.write_text(json.dumps({"freqai_ext": section}))
    results = folder / "results"
    results.mkdir()
    own = [*words, "-c", str(overlay), "--cache", "none", "--export", "trades", "--backtest-directory", str(results)]
    offline = ["offline", "--data", str(data), "--", "freqtrade", *own]
    module, arguments = ("freqtrade", own) if data is None else ("freqai_ext", offline)
    done = subprocess.run(  # noqa: S603
        command_that_ends_with_us(module, arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    archives = list(results.glob("*.zip"))
    if done.returncode != 0 or len(archives) != 1:
        tail = "\n".join(done.stdout.splitlines()[-_LOG_TAIL_LINES:])
        raise NewsDataError(f"freqtrade {words[0]} ended with exit code {done.returncode}; its log ends with:\n{tail}")
    with zipfile.ZipFile(archives[0]) as archive:
        content = json.loads(archive.read(f"{archives[0].stem}.json"))
    (strategy,) = content["strategy"].values()
    return done.stdout, _numbers(strategy)


def _numbers(strategy: dict[str, Any]) -> dict[str, Any]:
    trades = strategy["trades"]
    ratios = [trade["profit_ratio"] for trade in trades]
    return {
        "trades": len(trades),
        "winners": sum(ratio > 0 for ratio in ratios),
        "mean_profit_percent": round(100.0 * sum(ratios) / len(ratios), 3) if ratios else None,
        "total_profit_percent": round(100.0 * float(strategy["profit_total"]), 3),
        "drawdown_percent": round(100.0 * float(strategy["max_drawdown_account"]), 3),
    }


def _coverages(log: str) -> list[PairCoverage]:
    # Freqtrade breaks long lines of its log.
    text = re.sub(r"\s*\n\s*", " ", log)
    return [
        PairCoverage(pair, float(covered) / 100.0, float(tainted) / 100.0, int(candles))
        for pair, covered, candles, tainted in _COVERAGE.findall(text)
    ]


def _print(
    console: "Console", with_news: dict[str, Any], without: dict[str, Any], coverages: Sequence[PairCoverage]
) -> None:
    from rich.table import Table

    table = Table(title="The same range with news and by the RSI alone")
    table.add_column("")
    for name in with_news:
        table.add_column(name.replace("_", " "), justify="right")
    for name, numbers in (("with news", with_news), ("RSI only", without)):
        table.add_row(name, *("" if value is None else str(value) for value in numbers.values()))
    console.print(table)
    covered = Table(title="Candles with a valid verdict")
    for name in ("pair", "candles", "covered", "tainted"):
        covered.add_column(name, justify="left" if name == "pair" else "right")
    for each in coverages:
        covered.add_row(each.pair, str(each.candles), f"{100 * each.covered:.1f} %", f"{100 * each.tainted:.1f} %")
    console.print(covered)
