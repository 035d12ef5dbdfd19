"""Running a command of ours with its output in a log file and its progress on a bar."""

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from freqai_ext._services.lifetime import command_that_ends_with_us
from freqai_ext.errors import DemoError

# "Training BTC/USDT, 1/3 pairs from ... to ..., 2/4 trains" and "simulated 30 %".
_TRAINING = re.compile(r"Training \S+, (\d+)/(\d+) pairs .* (\d+)/(\d+) trains")
_SIMULATED = re.compile(r"simulated (\d+) %")


def run_command(arguments: Sequence[str], folder: Path, name: str, progress: Callable[[float], None]) -> str:
    """Run ``freqai-ext ARGUMENTS`` to its end and return its standard output.

    Parameters
    ----------
    folder
        Gets ``<name>.log`` (log lines) and ``<name>.txt`` (standard output).
    progress
        Told the share that is done, in [0, 1]; 1 only once the command has ended.

    Raises
    ------
    DemoError
        Where the command fails; the message holds the end of its log.
    """
    log, output = folder / f"{name}.log", folder / f"{name}.txt"
    environment = {**os.environ, "COLUMNS": "140", "PYTHONUNBUFFERED": "1"}
    command = command_that_ends_with_us("freqai_ext", arguments)
    with (
        log.open("w") as log_file,
        output.open("w") as output_file,
        subprocess.Popen(command, stdout=output_file, stderr=subprocess.PIPE, text=True, env=environment) as process,  # noqa: S603
    ):
        for line in process.stderr or ():
            log_file.write(line)
            if (share := _share_done(line)) is not None:
                progress(min(share, 0.99))
        code = process.wait()
    if code != 0:
        end = "".join(log.read_text().splitlines(keepends=True)[-15:])
        raise DemoError(f"freqai-ext {' '.join(arguments)}\nended with exit code {code}; the end of {log}:\n{end}")
    progress(1.0)
    return output.read_text()


def _share_done(line: str) -> float | None:
    if training := _TRAINING.search(line):
        pair, pairs, window, windows = (int(number) for number in training.groups())
        return (pair - 1 + (window - 1) / windows) / pairs
    if simulated := _SIMULATED.search(line):
        return int(simulated[1]) / 100
    return None
