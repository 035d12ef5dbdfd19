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
# macOS counts bytes, Linux kilobytes.
_RSS_PER_MB = 1024.0**2 if sys.platform == "darwin" else 1024.0


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


@dataclass(frozen=True)
class Process:
    """What a process took, the processes that it waited for included.

    Parameters
    ----------
    wall_s, cpu_s
        Seconds on the clock and on the CPU.
    peak_mb
        What it held in memory at most; of several processes the largest.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


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
    process = run_process(command, config.with_suffix(".log"))
    spent = json.loads(times_path(config).read_text())
    return BacktestRun(
        contender,
        options,
        spent["fit"]["calls"],
        Times(process.wall_s, spent["fit"]["wall_s"], spent["predict"]["wall_s"]),
        Times(process.cpu_s, spent["fit"]["cpu_s"], spent["predict"]["cpu_s"]),
    )


def run_process(command: Sequence[str], log_path: Path) -> Process:
    """Run a command with one thread and return what it took.

    Raises
    ------
    RuntimeError
        When it fails; the message says where its log is.
    """
    started = time.perf_counter()
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=one_thread_environment())
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}; its log: {log_path}")
    return Process(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _RSS_PER_MB)
