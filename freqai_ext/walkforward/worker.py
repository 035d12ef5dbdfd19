"""Trains one chunk of windows, in a process of its own."""

import os
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from freqai_ext._silence import silence
from freqai_ext.errors import FreqaiExtError, WalkforwardError
from freqai_ext.models._base import ExtModel
from freqai_ext.walkforward.cache import PredictionCache
from freqai_ext.walkforward.diagnostics import TrainingRecorder, write_record
from freqai_ext.walkforward.report import WindowFailure
from freqai_ext.walkforward.session import BacktestSession
from freqai_ext.walkforward.windows import Chunk, Window

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel
    from freqtrade.strategy import IStrategy
    from pandas import DataFrame

# LightGBM and scikit-learn set their threads by the number of CPUs that joblib reads from here.
_CPU_COUNT = "LOKY_MAX_CPU_COUNT"


@dataclass(frozen=True)
class ChunkResult:
    """What became of the windows of a chunk."""

    trained: tuple[Window, ...]
    failures: tuple[WindowFailure, ...]


def train_chunk(config: dict[str, Any], chunk: Chunk, parent_pid: int) -> ChunkResult:
    """Train and predict the windows of a chunk, and publish each in the prediction cache once it is done.

    Raises
    ------
    WalkforwardError
        When strategy or model cannot be loaded, which will fail for all chunks alike.
    """
    cache = PredictionCache(config)
    with _quiet(parent_pid), cache.staging() as identifier:
        config = deepcopy(config)
        config["freqai"].setdefault("original_identifier", config["freqai"]["identifier"])
        config["freqai"]["identifier"] = identifier
        if not config["freqai"].get("data_kitchen_thread_count"):
            config["freqai"]["data_kitchen_thread_count"] = 1
        session = _load(config)
        training = _ChunkTraining(chunk, cache, PredictionCache(config))
        training.attach_to(session.strategy.freqai)
        for pair in chunk.by_pair:
            try:
                session.strategy.advise_indicators(session.candles(pair), {"pair": pair})
            except Exception as error:
                training.abandon(pair, error)
            else:
                training.abandon(pair, None)
        return training.result()


class _ChunkTraining:
    """Narrows FreqAI's backtest to the windows of a chunk, and takes each window's predictions as they are made.

    Everything is set on the *instances* of this process; FreqAI's classes are untouched.
    """

    def __init__(self, chunk: Chunk, cache: PredictionCache, staged: PredictionCache) -> None:
        self._pending = {window.name: window for window in chunk.windows}
        self._cache = cache
        self._staged = staged
        self._trained: list[Window] = []
        self._failures: list[WindowFailure] = []
        self._training_error: Exception | None = None
        self._recorder = TrainingRecorder()

    def attach_to(self, model: "IFreqaiModel") -> None:
        """Narrow the model's backtest, and note the error that FreqAI swallows when a training raises."""
        if isinstance(model, ExtModel):
            model.use_folder_of_parent()
        start_backtesting, train = model.start_backtesting, model.train

        def start_narrowed(
            dataframe: "DataFrame", metadata: dict[str, Any], dk: "FreqaiDataKitchen", strategy: "IStrategy"
        ) -> Any:
            self._narrow(dk)
            self._recorder.watch(dk)
            self._take_predictions(model, dk)
            return start_backtesting(dataframe, metadata, dk, strategy)

        def train_noting_errors(*args: Any, **kwargs: Any) -> Any:
            self._training_error = None
            try:
                return train(*args, **kwargs)
            except Exception as error:
                self._training_error = error
                raise

        model.start_backtesting = start_narrowed
        model.train = train_noting_errors
        self._recorder.attach_to(model)

    def abandon(self, pair: str, error: Exception | None) -> None:
        """Count a pair's windows that were not reached as failed: the first for ``error``, the others as behind it."""
        reason, trace = "the strategy's populate_indicators did not call self.freqai.start()", ""
        if error is not None:
            reason, trace = _summary(error), _trace(error)
        for window in [each for each in self._pending.values() if each.pair == pair]:
            del self._pending[window.name]
            self._failures.append(WindowFailure(window, reason, trace))
            reason, trace = "not reached after the failure before it", ""

    def result(self) -> ChunkResult:
        """Return what became of the windows."""
        return ChunkResult(tuple(self._trained), tuple(self._failures))

    def _narrow(self, dk: "FreqaiDataKitchen") -> None:
        starts = {window.start for window in self._pending.values() if window.pair == dk.pair}
        kept = [
            (train, backtest)
            for train, backtest in zip(dk.training_timeranges, dk.backtesting_timeranges, strict=True)
            if int(train.stopts) in starts
        ]
        dk.training_timeranges = [train for train, _ in kept]
        dk.backtesting_timeranges = [backtest for _, backtest in kept]

    def _take_predictions(self, model: "IFreqaiModel", dk: "FreqaiDataKitchen") -> None:
        save = dk.save_backtesting_prediction

        def save_and_publish(predictions: "DataFrame") -> None:
            window = self._pending.pop(dk.model_filename)
            # After a failed training FreqAI has no model, and saves a window of zeros as if it were predicted.
            if model.model is None:
                error = self._training_error
                reason = _summary(error) if error else "the training returned no model"
                self._failures.append(WindowFailure(window, reason, _trace(error) if error else ""))
                return
            save(predictions)
            write_record(self._staged.folder, window, self._recorder.record(model.model))
            self._cache.publish(window, self._staged)
            self._trained.append(window)

        dk.save_backtesting_prediction = save_and_publish


def start_strategy(session: BacktestSession) -> None:
    """Start the strategy of a session as Freqtrade does, which loads its model and its parameters.

    Raises
    ------
    WalkforwardError
        When strategy or model cannot be loaded.
    """
    config = session.config
    try:
        session.strategy.ft_bot_start()
    except FreqaiExtError:
        raise
    except Exception as error:
        raise WalkforwardError(
            f"strategy {config['strategy']} with model {config['freqaimodel']} cannot be loaded: {_summary(error)}"
        ) from error


def _load(config: dict[str, Any]) -> BacktestSession:
    try:
        session = BacktestSession(config)
    except FreqaiExtError:
        raise
    except Exception as error:
        raise WalkforwardError(f"strategy {config['strategy']} cannot be loaded: {_summary(error)}") from error
    start_strategy(session)
    return session


@contextmanager
def _quiet(parent_pid: int) -> Iterator[None]:
    """Keep this process to one thread and off the terminal, and leave Ctrl-C to its parent."""
    if os.getpid() != parent_pid:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Which comes when the parent is gone: the folder of this chunk goes, too.
        signal.signal(signal.SIGTERM, _leave)
    cpus = os.environ.get(_CPU_COUNT)
    os.environ[_CPU_COUNT] = "1"
    try:
        # LightGBM prints a line for each tree that it cannot split further.
        with silence(), Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            yield
    finally:
        del os.environ[_CPU_COUNT]
        if cpus is not None:
            os.environ[_CPU_COUNT] = cpus


def _leave(number: int, _: FrameType | None) -> None:
    # A second one must not cut off the removal of the folder.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error))
