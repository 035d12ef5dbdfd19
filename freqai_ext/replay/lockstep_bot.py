"""The child process of a simulation: the real bot on a simulated clock.

``python -m freqai_ext.replay.lockstep_bot ORDER.json`` runs ``freqtrade trade``; see
:mod:`freqai_ext.replay.simulation` for the parent.
"""

import http.client
import json
import logging
import random
import sys
import threading
import time as real_time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import time_machine

from freqai_ext._services.lifetime import end_when
from freqai_ext._services.loopback.guard import CONTROL_HEADERS
from freqai_ext._services.worker import Worker
from freqai_ext.errors import ReplayError
from freqai_ext.replay.lockstep import LockStep

REPORT_EVERY_S = 0.5
SETTLE_WITHIN_S = 60.0


@dataclass(frozen=True)
class BotOrder:
    """What the parent asks for, see ``SimulationOrder``; times are UTC seconds.

    ``clocks`` are the addresses (``host:port``) that follow the time.
    """

    argv: list[str]
    clocks: list[str]
    start_s: float
    end_s: float
    seed: int
    measure_from_s: float
    report: str
    clock_jumps: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class BotReport:
    """What the child counts; written to a file again and again."""

    now_s: float = 0.0
    iterations: int = 0
    trainings: int = 0
    training_failures: int = 0
    first_training_error: str = ""
    predictions: int = 0
    trades_opened: int = 0
    trades_closed: int = 0
    log_errors: int = 0
    analyses: int = 0
    analysis_s: float = 0.0
    reached_end: bool = False
    pairs_trained: dict[str, int] = field(default_factory=dict)


class LockStepBot:
    """Runs the bot once."""

    def __init__(self, order: BotOrder) -> None:
        self._order = order
        self._report = BotReport(now_s=order.start_s)
        self._main_thread = threading.main_thread()
        self._clocks = [http.client.HTTPConnection(clock, timeout=30) for clock in order.clocks]
        self._workers: list[Worker] = []
        self._written_at = 0.0
        self._traveller: Any = None
        self._steps = LockStep(order.start_s, order.end_s, self._move_to, self._stepped, self._settle)

    def run(self) -> int:
        """Run ``freqtrade trade`` from start to end and return its exit code; 0 when the end was reached."""
        random.seed(self._order.seed)
        np.random.seed(self._order.seed)  # noqa: NPY002 - models and optimisers draw from the global generator
        self._count_log_errors()
        self._traveller = time_machine.travel(datetime.fromtimestamp(self._order.start_s, UTC), tick=False)
        clock = self._traveller.start()
        self._clock = clock
        self._move_to(self._order.start_s)
        self._take_over_sleeping()
        self._count_work()

        from freqtrade.main import main

        code: int | str | None = 1
        try:
            main(self._order.argv)
        except SystemExit as ending:
            code = ending.code
        finally:
            self._steps.close()
            self._traveller.stop()
            self._write_report()
        return 0 if self._report.reached_end else code if isinstance(code, int) else 1

    def _move_to(self, now_s: float) -> None:
        for clock in self._clocks:
            clock.request("POST", f"/_sim/clock?now_ms={round(now_s * 1000)}", headers=CONTROL_HEADERS)
            answer = clock.getresponse()
            content = answer.read()
            if answer.status != http.client.OK:
                raise ReplayError(f"{clock.host}:{clock.port}: its clock cannot be set: {content.decode()}")
            # The next move may come after minutes of training, when the server has long dropped an idle connection.
            clock.close()
        jumps = [by_s for at_s, by_s in self._order.clock_jumps if at_s <= now_s]
        self._clock.move_to(datetime.fromtimestamp(now_s + (jumps[-1] if jumps else 0.0), UTC))

    def _settle(self) -> None:
        for worker in self._workers:
            worker.settle(SETTLE_WITHIN_S)

    def _take_over_sleeping(self) -> None:
        from freqtrade import worker
        from freqtrade.freqai import freqai_interface

        steps, scan = self._steps, freqai_interface.IFreqaiModel._start_scanning

        def scanning(model: Any, *args: Any, **kwargs: Any) -> None:
            steps.scan(model, lambda: scan(model, *args, **kwargs))

        worker.Worker._sleep = staticmethod(steps.worker_sleep)
        freqai_interface.IFreqaiModel._start_scanning = scanning
        freqai_interface.time = _TimeWithSleep(steps.scan_sleep)

    def _count_work(self) -> None:
        from freqtrade import worker
        from freqtrade.freqai.data_drawer import FreqaiDataDrawer
        from freqtrade.freqai.freqai_interface import IFreqaiModel
        from freqtrade.strategy.interface import IStrategy

        _around(IFreqaiModel, "extract_data_and_train_model", self._training)
        _around(FreqaiDataDrawer, "append_model_predictions", self._prediction)
        _around(IStrategy, "advise_indicators", self._analysis)
        _around(worker.Worker, "exit", self._exiting)
        _around(Worker, "start", self._working_beside)

    def _training(self, train: Callable[[], Any], args: tuple[Any, ...]) -> Any:
        self._steps.count_training()
        pair = str(args[2])
        self._report.trainings += 1
        self._report.pairs_trained[pair] = self._report.pairs_trained.get(pair, 0) + 1
        try:
            return train()
        except Exception as error:
            self._report.training_failures += 1
            self._report.first_training_error = self._report.first_training_error or f"{pair}: {error!r}"
            raise

    def _prediction(self, predict: Callable[[], Any], _: tuple[Any, ...]) -> Any:
        self._report.predictions += 1
        return predict()

    def _analysis(self, analyse: Callable[[], Any], _: tuple[Any, ...]) -> Any:
        if threading.current_thread() is not self._main_thread or self._steps.now_s < self._order.measure_from_s:
            return analyse()
        began = real_time.perf_counter()
        try:
            return analyse()
        finally:
            self._report.analyses += 1
            self._report.analysis_s += real_time.perf_counter() - began

    def _working_beside(self, start: Callable[[], Any], args: tuple[Any, ...]) -> Any:
        self._workers.append(args[0])
        return start()

    def _exiting(self, leave: Callable[[], Any], _: tuple[Any, ...]) -> Any:
        self._report.trades_opened, self._report.trades_closed = count_trades()
        return leave()

    def _count_log_errors(self) -> None:
        # A handler would be lost when Freqtrade sets up its own logging.
        make = logging.getLogRecordFactory()

        def counting(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = make(*args, **kwargs)
            self._report.log_errors += record.levelno >= logging.ERROR
            return record

        logging.setLogRecordFactory(counting)

    def _stepped(self) -> None:
        if real_time.perf_counter() - self._written_at > REPORT_EVERY_S:
            self._write_report()

    def _write_report(self) -> None:
        self._written_at = real_time.perf_counter()
        self._report.now_s = self._steps.now_s
        self._report.iterations = self._steps.steps
        self._report.reached_end = self._steps.reached_end
        path = Path(self._order.report)
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps(asdict(self._report)))
        unfinished.replace(path)


def count_trades() -> tuple[int, int]:
    """Return how many trades the bot's database has, and how many of them are closed."""
    from freqtrade.persistence import Trade
    from sqlalchemy import func, select
    from sqlalchemy.orm import Session

    if not hasattr(Trade, "session"):
        return 0, 0
    count = select(func.count()).select_from(Trade)
    # The bot's own session refuses queries after an interruption in the middle of a write.
    with Session(Trade.session.get_bind()) as reading:
        return reading.scalar(count) or 0, reading.scalar(count.where(Trade.is_open.is_(False))) or 0


class _TimeWithSleep:
    """The module ``time`` with another ``sleep``."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self.sleep = sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(real_time, name)


def _around(owner: type, name: str, wrapper: Callable[[Callable[[], Any], tuple[Any, ...]], Any]) -> None:
    """Let ``wrapper`` call the method ``name``; it gets the call and its arguments."""
    original = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrapper(lambda: original(*args, **kwargs), args)

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    # Standard input closes when the parent dies, however it dies.
    end_when(sys.stdin.read)
    sys.exit(LockStepBot(BotOrder(**json.loads(Path(sys.argv[1]).read_text()))).run())
