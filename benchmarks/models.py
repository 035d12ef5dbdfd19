"""Times training and predicting of our models beside stock ``LightGBMRegressor``: ``python -m benchmarks.models``."""

import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks.contenders import STOCK, Contender, Setup
from benchmarks.evaluation_jobs import scaling_table
from benchmarks.tables import markdown
from benchmarks.timing import run_process
from freqai_ext.replay import GeneratedMarket, MarketParameters
from freqai_ext.scaffold import init_userdir
from freqai_ext.scaffold.starting_config import starting_config

TIMEFRAMES = ("5m", "15m", "1h")
HISTORY_DAYS = 25
EVALUATION_DAYS = 60

_LEAN = {"include_timeframes": ["5m"], "indicator_periods_candles": [14], "include_shifted_candles": 0}
FEATURES = {"starting configuration": {}, "lean": _LEAN}
"""Changes to ``freqai.feature_parameters``, by name."""


_CALIBRATED = "CalibratedSignalModel"


def contenders(trees: int) -> tuple[Contender, ...]:
    """Return the models that are compared; boosting ones have at most ``trees`` trees for each thing they learn."""
    whole = {
        "n_estimators": trees,
        "learning_rate": 0.05,
        "random_state": 1,
        "n_jobs": 1,
        "verbosity": -1,
        "early_stopping_round": 0,
    }
    # What LightGBM itself does where nothing is said: whole histograms of all columns, larger trees.
    plain = {
        "max_bin": 255,
        "colsample_bytree": 1.0,
        "num_leaves": 31,
        "min_child_samples": 20,
        "reg_lambda": 0.0,
        "extra_trees": False,
        "subsample_for_bin": 200_000,
        "enable_bundle": True,
    }
    return (
        Contender(STOCK, "freqtrade.freqai.prediction_models.LightGBMRegressor", {}),
        _ours("CatboostRegressor", "CatboostRegressor"),
        _ours(f"{_CALIBRATED}, 1 fold", _CALIBRATED, signal={"folds": 1}),
        _ours(f"{_CALIBRATED}, 1 fold, no early stopping", _CALIBRATED, whole, signal={"folds": 1}),
        _ours(_CALIBRATED, _CALIBRATED),
        _ours(f"{_CALIBRATED}, no early stopping", _CALIBRATED, whole),
        _ours(f"{_CALIBRATED}, quantiles", _CALIBRATED, signal={"intervals": "quantiles"}),
        _ours(f"{_CALIBRATED}, LightGBM's own defaults", _CALIBRATED, whole | plain),
        _ours(f"{_CALIBRATED}, catboost", _CALIBRATED, signal={"backend": "catboost"}),
        _ours(f"{_CALIBRATED}, hist_gradient_boosting", _CALIBRATED, signal={"backend": "hist_gradient_boosting"}),
        _ours(f"{_CALIBRATED}, torch", _CALIBRATED, {}, signal={"backend": "torch"}),
        _ours("StackedEnsembleModel", "StackedEnsembleModel"),
        _ours("PyTorchSequenceRegressor", "PyTorchSequenceRegressor", {}),
    )


def _ours(
    label: str, model: str, parameters: Mapping[str, Any] | None = None, signal: Mapping[str, Any] | None = None
) -> Contender:
    settings: dict[str, Any] = {}
    if parameters is not None:
        settings["freqai"] = {"model_training_parameters": parameters}
    if signal is not None:
        settings["freqai_ext"] = {"signal": signal}
    return Contender(label, f"freqai_ext.models.{model}", settings)


@dataclass(frozen=True)
class ModelRun:
    """One process of one contender.

    Attributes
    ----------
    label
        Of the contender.
    trainings
        As :mod:`benchmarks.training` writes them, without the first, which also imports the model's library.
    peak_mb
        What the whole process held at most, imports and candles included.
    """

    label: str
    trainings: Sequence[dict[str, Any]]
    peak_mb: float


def main(
    data: Annotated[Path | None, typer.Option(help="Freqtrade data directory; else a generated market.")] = None,
    pairs: Annotated[str, typer.Option(help="Models learn the first; all are evaluated.")] = (
        "BTC/USDT,ETH/USDT,SOL/USDT"
    ),
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day to predict.")] = datetime(
        2025, 3, 1, tzinfo=UTC
    ),
    trees: Annotated[int, typer.Option(min=1, help="Trees of each model.")] = 100,
    train_days: Annotated[int, typer.Option(min=1, help="Days in each training.")] = 15,
    window_days: Annotated[int, typer.Option(min=1, help="Days predicted by each training.")] = 7,
    windows: Annotated[int, typer.Option(min=2, help="Trainings in a process; the first is a warm-up.")] = 3,
    repeats: Annotated[int, typer.Option(min=1, help="Processes of each model, taking turns.")] = 2,
    features: Annotated[str, typer.Option(help="Feature sets to measure, separated by commas.")] = ",".join(FEATURES),
    only: Annotated[str, typer.Option(help="Words that a contender's name must contain; stock always runs.")] = "",
    evaluation: Annotated[bool, typer.Option("--evaluation", help="Time an evaluation on 1 and 2 cores too.")] = False,
    evaluated: Annotated[str, typer.Option(help="Models of that evaluation.")] = "CalibratedSignalModel",
    models: Annotated[bool, typer.Option(help="Time the models.")] = True,
    keep: Annotated[Path | None, typer.Option(help="Keep configurations and measurements here.")] = None,
) -> None:
    """Train each model on the same windows, features and number of trees, one thread each."""
    logging.disable(logging.WARNING)
    start = start.replace(tzinfo=UTC)
    folder = Path(tempfile.mkdtemp(prefix="freqai-ext-benchmark-")) if keep is None else keep
    folder.mkdir(parents=True, exist_ok=True)
    chosen = tuple(pair.strip() for pair in pairs.split(","))
    days = windows * window_days
    if data is None:
        data = folder / "market"
        history = timedelta(days=train_days + HISTORY_DAYS)
        length = history.days + max(days, EVALUATION_DAYS if evaluation else 0) + 1
        GeneratedMarket(MarketParameters(pairs=chosen, days=length, start=start - history)).write(data, TIMEFRAMES)
    base = Setup(folder.absolute(), data.absolute(), chosen, "", trees, train_days, window_days)
    init_userdir(base.userdir)
    if models:
        setup = _over(base, chosen[:1], start, days)
        for name in features.split(","):
            _time_models(setup, name.strip(), repeats, only)
    if evaluation:
        setup = _over(base, chosen, start, EVALUATION_DAYS)
        contender = Contender("evaluation", f"freqai_ext.models.{evaluated.split(',')[0]}", {})
        print(f"\n`freqai-ext evaluate --models {evaluated}`, {len(chosen)} pairs, {EVALUATION_DAYS} days:\n")
        print(scaling_table(setup, lambda identifier: setup.write_config(contender, identifier), evaluated))
    if keep is None:
        shutil.rmtree(folder)


def _over(setup: Setup, pairs: tuple[str, ...], start: datetime, days: int) -> Setup:
    timerange = f"{start:%Y%m%d}-{start + timedelta(days=days):%Y%m%d}"
    return Setup(setup.folder, setup.datadir, pairs, timerange, setup.trees, setup.train_days, setup.window_days)


def _time_models(setup: Setup, features: str, repeats: int, only: str) -> None:
    parameters = starting_config("spot")["freqai"]["feature_parameters"] | FEATURES[features]
    runs = []
    for repeat in range(repeats):
        for contender in contenders(setup.trees):
            if contender.label != STOCK and only not in contender.label:
                continue
            identifier = f"{contender.key}-{features}-{repeat}".replace(" ", "_").replace(",", "").replace("'", "")
            config = setup.write_config(contender, identifier, feature_parameters=dict(parameters))
            runs.append(_run(setup, contender, config))
            spent = median(each["train"]["cpu_s"] for each in runs[-1].trainings)
            print(f"{contender.label}: {spent:.2f} s", flush=True)
    shape = runs[0].trainings[-1]
    count = sum(len(run.trainings) for run in runs if run.label == STOCK)
    print(
        f"\nFeatures: {features}. {shape['rows']} candles, {shape['columns']} columns, {setup.trees} trees, "
        f"{setup.window_days} d windows; median of {count} trainings (times as long as stock):\n"
    )
    print(_table(runs))
    print()


def _run(setup: Setup, contender: Contender, config: Path) -> ModelRun:
    result = config.with_suffix(".measured.json")
    command = [
        *(sys.executable, "-m", "benchmarks.training", str(result), "-c", str(config)),
        *("--userdir", str(setup.userdir), "--datadir", str(setup.datadir), "--timerange", setup.timerange),
        *("--strategy", "FreqAIExampleStrategy", "--freqaimodel", contender.class_name),
    ]
    process = run_process(command, config.with_suffix(".log"))
    return ModelRun(contender.label, json.loads(result.read_text())[1:], process.peak_mb)


def _table(runs: Sequence[ModelRun]) -> str:
    columns: dict[str, Callable[[dict[str, Any]], float]] = {
        "train, s of CPU": lambda each: each["train"]["cpu_s"],
        "train, s": lambda each: each["train"]["wall_s"],
        "window, ms of CPU": lambda each: 1e3 * each["window"]["cpu_s"],
        "candle, ms of CPU": lambda each: 1e3 * each["candle"]["cpu_s"],
        "candle, ms": lambda each: 1e3 * each["candle"]["wall_s"],
    }
    rows = []
    for label in dict.fromkeys(run.label for run in runs):
        cells = [label]
        for value in columns.values():
            spent, stock = _median(runs, label, value), _median(runs, STOCK, value)
            ratio = "" if label == STOCK else f" ({spent / stock:.2f})"
            cells.append(f"{spent:.2f}{ratio}")
        added = [each["train_memory_mb"] for run in runs if run.label == label for each in run.trainings]
        cells.append("" if None in added else f"{max(added):.0f}")
        cells.append(f"{max(run.peak_mb for run in runs if run.label == label):.0f}")
        rows.append(cells)
    return markdown(["", *columns, "training adds, MB", "process, MB"], rows)


def _median(runs: Sequence[ModelRun], label: str, value: Callable[[dict[str, Any]], float]) -> float:
    return median(value(each) for run in runs if run.label == label for each in run.trainings)


if __name__ == "__main__":
    typer.run(main)
