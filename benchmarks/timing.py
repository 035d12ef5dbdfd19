"""Runs a backtest in a fresh process and takes its times apart."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Contender, Setup, times_path

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Times:
    """Seconds of one backtest, on the clock or on the CPU.

    Parameters
    ----------
    whole
        The process ``freqtrade backtesting`` from start to exit.
    fit, predict
        The model's own methods of these names, summed over all windows.
    """

    whole: float
    fit: float
    predict: float

    @property
    def non_model(self) -> float:
        """All that is neither training nor predicting."""
        return self.whole - self.fit - self.predict


@dataclass(frozen=True)
class BacktestRun:
    """One backtest of one contender."""

    contender: Contender
    options: tuple[str, ...]
    fits: int
    wall: Times
    cpu: Times


def one_thread_environment() -> dict[str, str]:
    """Return an environment in which numeric libraries use one thread."""
    return os.environ | dict.fromkeys(_THREAD_VARIABLES, "1")


def run_backtest(setup: Setup, contender: Contender, config: Path) -> BacktestRun:
    """Run ``freqtrade backtesting`` in a process of its own.

    Raises
    ------
    RuntimeError
        When it fails; the message says where its log is.
    """
    options = (
        *("-c", str(config), "--userdir", str(setup.userdir), "--datadir", str(setup.datadir)),
        *("--strategy", "FreqAIExampleStrategy", "--freqaimodel", contender.timed_name),
        *("--freqaimodel-path", str(setup.models_folder), "--timerange", setup.timerange),
    )
    command = [sys.executable, "-m", "freqtrade", "backtesting", *options, "--cache", "none", "--export", "none"]
    whole_wall, whole_cpu = _run(command, config.with_suffix(".log"))
    spent = json.loads(times_path(config).read_text())
    return BacktestRun(
        contender,
        options,
        spent["fit"]["calls"],
        Times(whole_wall, spent["fit"]["wall_s"], spent["predict"]["wall_s"]),
        Times(whole_cpu, spent["fit"]["cpu_s"], spent["predict"]["cpu_s"]),
    )


def _run(command: Sequence[str], log_path: Path) -> tuple[float, float]:
    """Run a command and return its seconds on the clock and on the CPU."""
    started = time.perf_counter()
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=one_thread_environment())
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}; its log: {log_path}")
    return wall, usage.ru_utime + usage.ru_stime
