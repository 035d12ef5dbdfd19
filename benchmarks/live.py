"""Times the main loop of the live bot, in simulated time."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from benchmarks.contenders import Contender, Setup
from benchmarks.timing import one_thread_environment

WARM_UP_HOURS = 5
MEASURED_HOURS = 2


def main_loop_ms(setup: Setup, contender: Contender, config: Path, start: datetime) -> float:
    """Return the bot's mean time for one pair and candle, requests to the exchange left out.

    It is measured from simulated hour 5 on: the work grows until the bot's candle buffer has begun to slide.

    Raises
    ------
    RuntimeError
        When the simulation fails; the message says where its log is.
    """
    summary, log = config.with_suffix(".live.json"), config.with_suffix(".live.log")
    command = [
        *(str(Path(sys.executable).with_name("freqai-ext")), "simulate", "--data", str(setup.datadir)),
        *("--days", str((WARM_UP_HOURS + MEASURED_HOURS) / 24), "--start", f"{start:%Y-%m-%d}"),
        *("--pairs", ",".join(setup.pairs)),
        *("--measure-from-hour", str(WARM_UP_HOURS), "--summary", str(summary), "--"),
        *("freqtrade", "trade", "-c", str(config), "--userdir", str(setup.userdir)),
        *("--strategy", "FreqAIExampleStrategy", "--freqaimodel", contender.class_name),
    ]
    with log.open("wb") as output:
        done = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, env=one_thread_environment(), check=False
        )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {done.returncode}; its log: {log}")
    return float(json.loads(summary.read_text())["analysis_ms_per_pair_candle"])
