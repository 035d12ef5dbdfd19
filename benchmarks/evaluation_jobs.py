"""Times an evaluation in one process and in two."""

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.contenders import Setup
from benchmarks.tables import markdown
from benchmarks.timing import run_process

JOBS = (1, 2)


def scaling_table(setup: Setup, write_config: Callable[[str], Path], models: str) -> str:
    """Evaluate with each number of processes and return the seconds as a table.

    Parameters
    ----------
    write_config
        Takes an identifier, so that no run finds the predictions of another.
    models
        As ``freqai-ext evaluate --models`` takes them.
    """
    rows = []
    wall_of_one = None
    for jobs in JOBS:
        config = write_config(f"evaluation-{jobs}")
        command = [
            *(str(Path(sys.executable).with_name("freqai-ext")), "evaluate", "-c", str(config)),
            *("--models", models, "--jobs", str(jobs), "--timerange", setup.timerange),
            *("--userdir", str(setup.userdir), "--datadir", str(setup.datadir)),
            *("--strategy", "FreqAIExampleStrategy", "--output", str(config.with_suffix(""))),
        ]
        process = run_process(command, config.with_suffix(".log"))
        wall_of_one = wall_of_one or process.wall_s
        rows.append([str(jobs), f"{process.wall_s:.1f}", f"{process.wall_s / wall_of_one:.2f}", f"{process.cpu_s:.1f}"])
    return markdown(["jobs", "seconds", "share of one job", "s of CPU, all processes"], rows)
