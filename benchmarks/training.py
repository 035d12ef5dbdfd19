"""Measures the trainings and predictions of one model: ``python -m benchmarks.training RESULT OPTIONS``.

The options are those of ``freqtrade backtesting``. FreqAI's own backtest makes the windows and calls the model, whose
``train`` and ``predict`` are timed from the outside, FreqAI's filters and pipelines included.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from benchmarks.peak_memory import PeakMemory
from freqai_ext._silence import silence
from freqai_ext.walkforward import backtesting_config
from freqai_ext.walkforward.session import BacktestSession

SINGLE_CANDLES = 10
# As many as Freqtrade keeps of a pair in live trading.
LIVE_CANDLES = 999


@dataclass(frozen=True)
class Spent:
    """Seconds of one call."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Training:
    """One window.

    Attributes
    ----------
    columns, rows
        Shape of the training window as FreqAI hands it over.
    train
        The model's ``train``.
    window
        Its ``predict`` of all candles of the window that follows but the last :data:`SINGLE_CANDLES`.
    candle
        Its ``predict`` of one new candle, as in live trading; median over the last ones.
    train_memory_mb
        What training held at most, beyond what the process held before; ``None`` where the system does not tell.
    """

    columns: int
    rows: int
    train: Spent
    window: Spent
    candle: Spent
    train_memory_mb: float | None


class Stopwatch:
    """Times a model instance while FreqAI backtests it."""

    def __init__(self) -> None:
        self.trainings: list[Training] = []
        self.error: Exception | None = None

    def attach_to(self, model: Any) -> None:
        """Time ``train`` and ``predict`` of this instance."""
        train, predict = model.train, model.predict
        keep_context = getattr(model, "remember_context", None)
        trained: list[tuple[int, int, Spent, float | None]] = []
        context: list[Any] = ["", None]

        def remember(pair: str, known: pd.DataFrame) -> None:
            # Ours look back over the candles before those that they are asked about.
            context[:] = pair, known
            if keep_context is not None:
                keep_context(pair, known)

        def timed_train(frame: pd.DataFrame, pair: str, dk: Any, **kwargs: Any) -> Any:
            memory = PeakMemory()
            try:
                result, spent = timed(lambda: train(frame, pair, dk, **kwargs))
            except Exception as error:
                # FreqAI would go on without a model.
                self.error = error
                raise
            trained.append((len(frame), len(dk.training_features_list), spent, memory.added))
            return result

        def timed_predict(frame: pd.DataFrame, dk: Any, **kwargs: Any) -> Any:
            first = len(frame) - SINGLE_CANDLES
            _, window = timed(lambda: predict(frame.iloc[:first], dk, **kwargs))
            known = list(context)
            candles = []
            for stop in range(first + 1, len(frame) + 1):
                live = frame.iloc[max(0, stop - LIVE_CANDLES) : stop]
                remember(dk.pair, live)
                candles.append(timed(partial(predict, live.iloc[-1:], dk))[1])
            remember(*known)
            rows, columns, spent, memory = trained.pop()
            candle = Spent(median(each.wall_s for each in candles), median(each.cpu_s for each in candles))
            self.trainings.append(Training(columns, rows, spent, window, candle, memory))
            return predict(frame, dk, **kwargs)

        model.train, model.predict = timed_train, timed_predict
        model.remember_context = remember


def timed(call: Callable[[], Any]) -> tuple[Any, Spent]:
    """Return what a call returns, and the seconds it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, Spent(time.perf_counter() - wall, time.process_time() - cpu)


def main() -> None:
    """Backtest the first pair of the configuration and write what was measured to the first argument."""
    result, *options = sys.argv[1:]
    watch = Stopwatch()
    with silence():
        session = BacktestSession(backtesting_config(options))
        session.strategy.ft_bot_start()
        watch.attach_to(session.strategy.freqai)
        pair = session.pairs[0]
        session.strategy.advise_indicators(session.candles(pair), {"pair": pair})
    if watch.error is not None:
        raise watch.error
    if not watch.trainings:
        raise RuntimeError("nothing was trained, since predictions of this identifier are there; keep them elsewhere")
    Path(result).write_text(json.dumps([asdict(each) for each in watch.trainings]))


if __name__ == "__main__":
    main()
