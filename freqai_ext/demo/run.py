"""The steps of the demonstration."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
_LIVE_DAYS = 0.5

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
    prepared = init_userdir(folder / "userdir", trading_mode=market.trading_mode)
    runner = _Runner(market, folder, prepared.userdir, prepared.config, progress)
    # Each run keeps one core busy; the first fault ends the demonstration once the others are through.
    with ThreadPoolExecutor(max_workers=2) as pool:
        backtests = {model: pool.submit(runner.backtest, model) for model in MODELS}
        live = pool.submit(runner.simulate)
    tables = {model: backtest.result() for model, backtest in backtests.items()}
    artefacts = {
        "user directory, with strategies, models and backtest results": prepared.userdir,
        "logs": folder / "logs",
        "summary of the live run": runner.summary,
    }
    forecasts = tuple(score for model in MODELS for score in runner.score(model))
    return DemoReport(tables, forecasts, live.result(), artefacts)


@dataclass(frozen=True)
class _Runner:
    """Runs the steps; each is independent of the others."""

    market: DemoMarket
    folder: Path
    userdir: Path
    config: Path
    progress: Progress

    @property
    def summary(self) -> Path:
        return self.folder / "live-summary.json"

    def backtest(self, model: str) -> str:
        """Return Freqtrade's tables."""
        command = ["backtesting", *self._backtest_arguments(model), "--cache", "none"]
        offline = ["offline", "--data", str(self.market.datadir), "--", "freqtrade", *command]
        return _tables(self._run(offline, f"backtest-{model}", f"backtest with {model}"))

    def score(self, model: str) -> list[PairScore]:
        """Return the scores of the forecasts that the backtest has left."""
        market = self.market
        return score_backtest(model, self._backtest_arguments(model), market.pairs, market.datadir, market.trading_mode)

    def simulate(self) -> dict[str, Any]:
        """Return the summary of the live run."""
        start = f"{self.market.live_start:%Y-%m-%d}"
        overlay = self._overlay("live", self.market.pairs[:LIVE_PAIRS], live_retrain_hours=_LIVE_RETRAIN_HOURS)
        command = [
            *("simulate", "--data", str(self.market.datadir), "--start", start, "--days", str(_LIVE_DAYS)),
            *("--summary", str(self.summary), "--", "freqtrade", "trade", *self._arguments(overlay, LIVE_MODEL)),
        ]
        self._run(command, "live", "simulated live trading")
        summary: dict[str, Any] = json.loads(self.summary.read_text())
        return summary

    def _backtest_arguments(self, model: str) -> list[str]:
        return [*self._arguments(self._overlay(model), model), "--timerange", self.market.timerange]

    def _arguments(self, overlay: Path, model: str) -> list[str]:
        classes = ["--strategy", STRATEGY, "--freqaimodel", model]
        return ["--userdir", str(self.userdir), "-c", str(self.config), "-c", str(overlay), *classes]

    def _overlay(self, name: str, pairs: tuple[str, ...] = (), **freqai: Any) -> Path:
        """Write the settings in which a run differs from the starting configuration."""
        reference = self.market.pairs[0]
        overlay = {
            "exchange": {"pair_whitelist": list(pairs or self.market.pairs)},
            "freqai": {
                "identifier": f"demo-{name}",
                "feature_parameters": {"include_corr_pairlist": [reference]},
                **freqai,
            },
            "freqai_ext": {"features": {"reference_pair": reference}},
        }
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(overlay, indent=4) + "\n")
        return path

    def _run(self, arguments: list[str], log_name: str, step: str) -> str:
        return run_command(arguments, self.folder / "logs", log_name, lambda share: self.progress(step, share))


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
