"""The steps of the demonstration."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqai_ext.demo.command import run_command
from freqai_ext.demo.market import DemoMarket
from freqai_ext.demo.scores import PairScore, score_backtest
from freqai_ext.errors import SettingsError
from freqai_ext.scaffold import init_userdir

STRATEGY = "FreqAIExampleStrategy"
MODELS = {"CatboostRegressor": "CatBoost", "CustomRegressor": "LightGBM behind a robust pipeline"}
LIVE_MODEL = "CatboostRegressor"
LIVE_PAIRS = 2

_LIVE_RETRAIN_HOURS = 4

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class DemoReport:
    """What the demonstration has made.

    Parameters
    ----------
    tables
        Freqtrade's own backtest tables, by model.
    forecasts
        Scores of the out-of-sample forecasts.
    live
        Summary of the simulated live run, as ``freqai-ext simulate --summary`` writes it.
    artefacts
        What lies where.
    """

    tables: dict[str, str]
    forecasts: tuple[PairScore, ...]
    live: dict[str, Any]
    artefacts: dict[str, Path]


def prepare_folder(folder: Path) -> Path:
    """Return an empty output folder, removing what an earlier demonstration left there.

    Raises
    ------
    SettingsError
        Where the folder holds something else.
    """
    marker = folder / ".freqai-ext-demo"
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not marker.is_file())):
        raise SettingsError(f"--output: {folder} holds files that no demonstration wrote; name another folder")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    marker.touch()
    return folder


def run_demo(market: DemoMarket, folder: Path, progress: Progress) -> DemoReport:
    """Backtest each model on ``market`` and run the bot on a simulated clock, by the real Freqtrade.

    Parameters
    ----------
    folder
        From :func:`prepare_folder`.
    progress
        Told the name of a step and the share of it that is done, in [0, 1].

    Raises
    ------
    DemoError
        Where a step fails.
    """
    report = init_userdir(folder / "userdir", trading_mode=market.trading_mode)
    tables, forecasts = {}, []
    for model in MODELS:
        arguments = _arguments(report.userdir, report.config, _overlay(folder, market, model), model)
        backtest = ["backtesting", *arguments, "--timerange", market.timerange, "--cache", "none"]
        offline = ["offline", "--data", str(market.datadir), "--", "freqtrade", *backtest]
        name = f"backtest with {model}"
        output = run_command(offline, folder / "logs", f"backtest-{model}", _step(progress, name))
        tables[model] = _tables(output)
        scored = score_backtest(model, backtest[1:-2], market.pairs, market.datadir, market.trading_mode)
        forecasts += scored
    summary = folder / "live-summary.json"
    _simulate(market, folder, report.userdir, report.config, summary, _step(progress, "simulated live trading"))
    artefacts = {
        "user directory, with strategies, models and backtest results": report.userdir,
        "logs": folder / "logs",
        "summary of the live run": summary,
    }
    return DemoReport(tables, tuple(forecasts), json.loads(summary.read_text()), artefacts)


def _simulate(
    market: DemoMarket, folder: Path, userdir: Path, config: Path, summary: Path, progress: Callable[[float], None]
) -> None:
    overlay = _overlay(folder, market, "live", market.pairs[:LIVE_PAIRS], live_retrain_hours=_LIVE_RETRAIN_HOURS)
    arguments = [
        *("simulate", "--data", str(market.datadir), "--start", f"{market.live_start:%Y-%m-%d}", "--days", "0.5"),
        *("--summary", str(summary), "--", "freqtrade", "trade"),
        *_arguments(userdir, config, overlay, LIVE_MODEL),
    ]
    run_command(arguments, folder / "logs", "live", progress)


def _arguments(userdir: Path, config: Path, overlay: Path, model: str) -> list[str]:
    classes = ["--strategy", STRATEGY, "--freqaimodel", model]
    return ["--userdir", str(userdir), "-c", str(config), "-c", str(overlay), *classes]


def _overlay(folder: Path, market: DemoMarket, name: str, pairs: tuple[str, ...] = (), **freqai: Any) -> Path:
    """Write the settings in which a run differs from the starting configuration.

    FreqAI keeps predictions by identifier without noting the model, so each run has its own.
    """
    overlay = {
        "exchange": {"pair_whitelist": list(pairs or market.pairs)},
        "freqai": {
            "identifier": f"demo-{name}",
            "feature_parameters": {"include_corr_pairlist": [market.pairs[0]]},
            **freqai,
        },
        "freqai_ext": {"features": {"reference_pair": market.pairs[0]}},
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(overlay, indent=4) + "\n")
    return path


def _step(progress: Progress, name: str) -> Callable[[float], None]:
    return lambda share: progress(name, share)


def _tables(output: str) -> str:
    """Return Freqtrade's table by pair and its one-line summary, of all that it prints."""
    lines = output.splitlines()
    wanted: list[str] = []
    keep = False
    for line in lines:
        title = line.strip()
        if title.isupper() and ("REPORT" in title or "STATS" in title or "METRICS" in title or "SUMMARY" in title):
            keep = title in ("BACKTESTING REPORT", "STRATEGY SUMMARY")
        if keep:
            wanted.append(line.rstrip())
    return "\n".join(wanted)
