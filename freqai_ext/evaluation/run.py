"""Walks every contender forward and scores what it forecast."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from joblib import Parallel, cpu_count, delayed, parallel_config

from freqai_ext._services.lifetime import end_with_parent
from freqai_ext.config import load_ext_settings
from freqai_ext.errors import FreqaiExtError, MarketDataError, SettingsError, WalkforwardError
from freqai_ext.evaluation.configuration import Entrant, load_entrants
from freqai_ext.evaluation.forecasts import Forecasts, collect_forecasts, common_keys
from freqai_ext.evaluation.importance import summarise_importance
from freqai_ext.evaluation.known_models import stock_models
from freqai_ext.evaluation.options import EvaluationOptions
from freqai_ext.evaluation.result import ContenderResult, Evaluation, MissingWindow
from freqai_ext.evaluation.scoring import TargetScores, block_candles, score_contender, trusted_share
from freqai_ext.evaluation.trainings import summarise_trainings
from freqai_ext.walkforward import WalkforwardReport, run_walkforward

FEWEST_ROWS_SHARE = 0.5
"""A contender with fewer forecasts than this share of the most that one has is not scored."""


class Observer(Protocol):
    """Is told how an evaluation proceeds."""

    def training(self, entrant: Entrant, number: int, total: int) -> None:
        """A contender is about to be walked forward; ``number`` counts from 1."""

    def trained(self, entrant: Entrant, report: WalkforwardReport) -> None:
        """A contender has been walked forward."""

    def scoring(self) -> None:
        """All are trained; the forecasts are about to be scored."""


class _Silent:
    def training(self, entrant: Entrant, number: int, total: int) -> None: ...

    def trained(self, entrant: Entrant, report: WalkforwardReport) -> None: ...

    def scoring(self) -> None: ...


@dataclass
class _Run:
    """What is known of a contender so far."""

    entrant: Entrant
    error: str = ""
    failures: dict[str, str] = field(default_factory=dict)
    forecasts: Forecasts | None = None
    rows: int = 0
    trusted_share: float = float("nan")


def evaluate(
    entrants: Sequence[Entrant],
    options: EvaluationOptions | None = None,
    jobs: int | None = None,
    observer: Observer | None = None,
) -> Evaluation:
    """Walk the contenders forward, each into a prediction cache of its own, and score their forecasts.

    Windows that are cached are not trained again. A window that fails is reported, and left out of the scores of all
    contenders, so that each is scored on the same pairs and times. A contender that has forecast less than half of what
    another has gets no scores, and costs the others none of their rows. After Ctrl-C nothing is scored, and what was
    trained is kept.

    Parameters
    ----------
    entrants
        From :func:`~freqai_ext.evaluation.prepare_entrants`.
    jobs
        Processes, each with one thread; by default as many as there are CPUs.

    Raises
    ------
    SettingsError
        Where a setting is not valid or a strategy or model cannot be loaded; nothing has been trained then.
    MarketDataError
        Where there are no candles.
    """
    options, observer = options or EvaluationOptions(), observer or _Silent()
    jobs = jobs or cpu_count()
    baseline = choose_baseline(entrants, options.baseline)
    entrants = load_entrants(entrants)
    runs = [_Run(entrant) for entrant in entrants]
    for number, run in enumerate(runs, 1):
        observer.training(run.entrant, number, len(runs))
        if _walk(run, jobs, observer):
            return _evaluation(entrants, baseline, options, (), scored_rows=0, interrupted=True)
    observer.scoring()
    for run in runs:
        _collect(run, options)
    scored_rows = _keep_common_rows(runs)
    results = _score(runs, baseline, options, jobs)
    return _evaluation(entrants, baseline, options, results, scored_rows)


def choose_baseline(entrants: Sequence[Entrant], wanted: str | None) -> str:
    """Return the label of the contender to compare with: the ``wanted`` one, the first stock model, or the first.

    Raises
    ------
    SettingsError
        Where no contender is called so.
    """
    labels = [entrant.contender.label for entrant in entrants]
    if wanted is not None:
        if wanted not in labels:
            raise SettingsError(f"--baseline: '{wanted}' is not among the models; write one of {', '.join(labels)}")
        return wanted
    stock = stock_models()
    return next((each.contender.label for each in entrants if each.contender.freqaimodel in stock), labels[0])


def _walk(run: _Run, jobs: int, observer: Observer) -> bool:
    """Train a contender; return whether it was interrupted."""
    try:
        report = run_walkforward(run.entrant.config, jobs)
    except (MarketDataError, SettingsError):
        raise
    except WalkforwardError as error:
        run.error = str(error)
        return False
    run.failures = {str(failure.window): failure.error for failure in report.failures}
    observer.trained(run.entrant, report)
    return report.interrupted


def _collect(run: _Run, options: EvaluationOptions) -> None:
    if run.error:
        return
    try:
        run.forecasts = collect_forecasts(run.entrant.config, options.decay_horizons_candles)
    except FreqaiExtError as error:
        run.error = str(error)
        return
    run.rows, run.trusted_share = len(run.forecasts.rows), trusted_share(run.forecasts)


def _keep_common_rows(runs: Sequence[_Run]) -> int:
    """Restrict the forecasts to the pairs and times that every contender has; return how many these are.

    Contenders with too few forecasts are left out.
    """
    most = max(run.rows for run in runs)
    for run in runs:
        if 0 < run.rows < FEWEST_ROWS_SHARE * most:
            run.error = (
                f"has forecast {run.rows} candles where another model has {most}; scored on so few, the models could "
                "not be compared: see the missing windows, or evaluate it alone"
            )
    scored = [(run, run.forecasts) for run in runs if run.forecasts is not None and _has_rows(run)]
    if not scored:
        return 0
    keys = common_keys(forecasts for _, forecasts in scored)
    for run, forecasts in scored:
        run.forecasts = forecasts.on(keys)
    return len(keys)


def _score(runs: Sequence[_Run], baseline: str, options: EvaluationOptions, jobs: int) -> tuple[ContenderResult, ...]:
    by_label = {run.entrant.contender.label: run for run in runs}
    rival = by_label[baseline].forecasts if _has_rows(by_label[baseline]) else None
    tasks: list[Callable[..., Any]] = [
        delayed(score_contender)(
            run.forecasts, None if run is by_label[baseline] else rival, run.entrant.config, options
        )
        for run in runs
        if _has_rows(run)
    ]
    with parallel_config(
        "loky",
        n_jobs=min(jobs, max(1, len(tasks))),
        inner_max_num_threads=1,
        initializer=end_with_parent,
        initargs=(os.getpid(),),
    ):
        scored = iter(Parallel()(tasks))
    return tuple(_result(run, next(scored) if _has_rows(run) else ()) for run in runs)


def _has_rows(run: _Run) -> bool:
    return not run.error and run.forecasts is not None and not run.forecasts.rows.empty


def _result(run: _Run, targets: tuple[TargetScores, ...]) -> ContenderResult:
    contender, forecasts = run.entrant.contender, run.forecasts
    missing = tuple(
        MissingWindow(str(window), window.pair, run.failures.get(str(window), "no usable predictions"))
        for window in (forecasts.missing if forecasts else ())
    )
    error = run.error or ("" if targets else "no window has predictions")
    return ContenderResult(
        label=contender.label,
        freqaimodel=contender.freqaimodel,
        strategy=run.entrant.config["strategy"],
        identifier=run.entrant.identifier,
        windows=len(forecasts.windows) if forecasts else 0,
        missing=missing,
        error=error,
        rows=run.rows,
        untraded_rows=forecasts.untraded if forecasts else 0,
        trusted_share=run.trusted_share,
        targets=targets,
        importance=summarise_importance(forecasts.records) if forecasts else None,
        trainings=summarise_trainings(forecasts.records) if forecasts else None,
    )


def _evaluation(
    entrants: Sequence[Entrant],
    baseline: str,
    options: EvaluationOptions,
    results: tuple[ContenderResult, ...],
    scored_rows: int,
    *,
    interrupted: bool = False,
) -> Evaluation:
    config = next(each.config for each in entrants if each.contender.label == baseline)
    cells = [cell for result in results for target in result.targets if target.number for cell in target.number.cells]
    odds = [pair.pair for result in results for target in result.targets for each in target.odds for pair in each.pairs]
    return Evaluation(
        timerange=str(config["timerange"]),
        timeframe=str(config["timeframe"]),
        trading_mode=str(config.get("trading_mode", "spot")),
        pairs=tuple(sorted({*(cell.pair for cell in cells if cell.pair), *odds})),
        train_days=float(config["freqai"]["train_period_days"]),
        backtest_days=float(config["freqai"]["backtest_period_days"]),
        cost_bps=load_ext_settings(config).signal.round_trip_cost_bps,
        baseline=baseline,
        block_candles=block_candles(config, options),
        scored_rows=scored_rows,
        options=options,
        contenders=results,
        interrupted=interrupted,
    )
