"""Runs all windows of all pairs in parallel processes."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from joblib import Parallel, cpu_count, delayed, parallel_config
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from freqai_ext._services.lifetime import end_with_parent
from freqai_ext.config import load_ext_settings
from freqai_ext.errors import MarketDataError, SettingsError, WalkforwardError
from freqai_ext.models._prediction_origin import activate_backtest, prediction_origin
from freqai_ext.walkforward.cache import PredictionCache
from freqai_ext.walkforward.configuration import check_config
from freqai_ext.walkforward.report import WalkforwardReport, WindowFailure
from freqai_ext.walkforward.session import BacktestSession
from freqai_ext.walkforward.windows import Chunk, Window, pair_windows, split_into_chunks, split_panel
from freqai_ext.walkforward.worker import start_strategy, train_chunk

logger = logging.getLogger(__name__)

POLL_INTERVAL_S = 0.5


def run_walkforward(config: dict[str, Any], jobs: int | None = None, *, progress: bool = False) -> WalkforwardReport:
    """Train and predict every window of a FreqAI backtest in parallel, into FreqAI's own prediction cache.

    A ``freqtrade backtesting`` with the same configuration then reads the predictions instead of training, and makes
    the same trades as it would have made without. Windows that are in the cache already are skipped, so that an
    interrupted run goes on where it stopped; predictions of another model or other settings are set aside. With
    ``freqai.continual_learning``, or a search for parameters that starts from the last winner, the windows of a pair
    depend on each other: they are trained in one process, and all of them unless all are there.

    Parameters
    ----------
    config
        A configuration of :func:`~freqai_ext.walkforward.backtesting_config`; it is not changed.
    jobs
        Processes, each with one thread; by default as many as there are CPUs.
    progress
        Show a progress bar on the terminal.

    Raises
    ------
    SettingsError
        When ``config`` is no backtest that can be trained beforehand, or two pairs share FreqAI's file names.
    MarketDataError
        When there are no candles.
    WalkforwardError
        When strategy or model cannot be loaded, another run writes to the same identifier, or a process is killed.

    Notes
    -----
    Each window is trained from scratch in its own process, so models must draw their random numbers from a seed, and
    a model that carries state from one window to the next must declare it by ``continual_learning``.
    """
    if jobs is not None and jobs < 1:
        raise SettingsError(f"jobs: {jobs} is not valid; use at least one process")
    check_config(config)
    started = time.monotonic()
    cache = PredictionCache(config)
    with cache.locked():
        session = BacktestSession(config)
        # Loading the model fills defaults in.
        origin = prediction_origin(session.config)
        start_strategy(session)
        activate_backtest(session.config, origin, session.strategy, type(session.strategy.freqai))
        work = _plan(session, cache)
        jobs = jobs or cpu_count()
        failures, interrupted = _train(config, cache, work, jobs, progress)
        trained = [window for window in work.to_train if cache.path(window).is_file()]
        cache.record_models(trained)
    return WalkforwardReport(
        strategy=config["strategy"],
        freqaimodel=config["freqaimodel"],
        identifier=cache.identifier,
        jobs=jobs,
        pairs=tuple(work.missing),
        windows=work.windows,
        trained=len(trained),
        skipped=work.windows - len(work.to_train),
        failures=failures,
        seconds=time.monotonic() - started,
        interrupted=interrupted,
    )


@dataclass(frozen=True)
class _Work:
    """The windows of all pairs together, and of each pair with candles those that the cache does not hold."""

    windows: int
    missing: dict[str, tuple[Window, ...]]
    whole_pairs: bool
    panel: bool

    @property
    def to_train(self) -> list[Window]:
        return [window for each in self.missing.values() for window in each]

    def chunks(self, jobs: int) -> list[Chunk]:
        windows = [each for each in self.missing.values() if each]
        if self.panel:
            return split_panel(windows, jobs, in_one=self.whole_pairs)
        return split_into_chunks(windows, jobs, whole_pairs=self.whole_pairs)


def _plan(session: BacktestSession, cache: PredictionCache) -> _Work:
    settings = load_ext_settings(session.config)
    # A search that starts from the window before depends on it as continual learning does.
    continual = bool(session.config["freqai"].get("continual_learning")) or (
        settings.tuning.enabled and settings.tuning.warm_start
    )
    windows, missing, spans = 0, {}, []
    for pair in session.pairs:
        first, last = session.stored_span(pair)
        spans.append(f"{pair} from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}")
        dates = session.candles(pair)["date"]
        if dates.empty:
            logger.warning("%s: candles are stored, but none in %s; left out", spans[-1], session.config["timerange"])
            continue
        every = pair_windows(session.config, pair)
        lacking = tuple(window for window in every if not cache.holds(window, dates))
        windows += len(every)
        missing[pair] = every if continual and lacking else lacking
    if not missing:
        raise MarketDataError(
            f"timerange: {session.config['timerange']} has no candles; {session.config['datadir']} has "
            f"{', '.join(spans)}; download others, or choose another time range"
        )
    return _Work(windows, missing, continual, settings.signal.panel)


def _train(
    config: dict[str, Any], cache: PredictionCache, work: _Work, jobs: int, progress: bool
) -> tuple[tuple[WindowFailure, ...], bool]:
    """Train what is missing; return the failures, and whether SIGINT ended it early."""
    for window in work.to_train:
        cache.forget(window)
    failures: list[WindowFailure] = []
    interrupted = False
    tasks = [delayed(train_chunk)(config, chunk, os.getpid()) for chunk in work.chunks(jobs)]
    with (
        _progress_bar(cache, work.to_train, failures, progress),
        parallel_config(
            "loky", n_jobs=jobs, inner_max_num_threads=1, initializer=end_with_parent, initargs=(os.getpid(),)
        ),
    ):
        try:
            for result in Parallel(return_as="generator_unordered", batch_size=1)(tasks):
                failures += result.failures
        except KeyboardInterrupt:
            interrupted = True
        except BrokenProcessPool as error:
            raise WalkforwardError(
                "a worker process was killed, most likely for want of memory; finished windows are kept, "
                f"so run it again with fewer than {jobs} jobs"
            ) from error
    return tuple(sorted(failures, key=lambda failure: failure.window)), interrupted


@contextmanager
def _progress_bar(
    cache: PredictionCache, windows: Sequence[Window], failures: Sequence[WindowFailure], shown: bool
) -> Iterator[None]:
    """Show how many windows are done, by the prediction files that have appeared."""
    if not shown or not windows:
        yield
        return
    columns = (TextColumn("windows"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    ended = Event()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("windows", total=len(windows))

        def follow() -> None:
            while not ended.wait(POLL_INTERVAL_S):
                show()

        def show() -> None:
            done = sum(cache.path(window).is_file() for window in windows)
            bar.update(task, completed=done + len(failures))

        follower = Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            ended.set()
            follower.join()
            show()
