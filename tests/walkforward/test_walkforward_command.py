"""The command as a user runs it, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

COMMAND = [str(Path(sys.executable).with_name("freqai-ext")), "walkforward"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.e2e
def test_the_command_names_failed_windows_and_writes_a_summary(backtest, tmp_path):
    summary = tmp_path / "summary.json"
    done = run("--jobs", "2", "--summary", str(summary), *backtest.options(model="FailingModel"))
    assert done.returncode == 1
    assert (
        "FAILED ETH/USDT 2025-01-05 00:00 to 2025-01-06 00:00: ArithmeticError: the sums do not add up" in done.stderr
    )
    assert "2 pairs, 6 windows: 5 trained, 0 there already, 1 failed" in done.stdout
    assert json.loads(summary.read_text())["trained"] == 5


@pytest.mark.e2e
def test_an_error_is_one_message_and_exit_code_2(backtest):
    done = run("--jobs", "1", *backtest.options(model="NoModel"))
    assert done.returncode == 2
    assert "error: strategy SmallStrategy with model NoModel cannot be loaded" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.e2e
def test_ctrl_c_keeps_what_is_finished_and_leaves_no_process_behind(backtest, tmp_path):
    options = backtest.options(model="SlowModel")
    folder = backtest.userdir / "models" / "small"
    with (tmp_path / "output").open("w+") as output:
        process = subprocess.Popen(
            [*COMMAND, "--jobs", "2", *options], stdout=output, stderr=output, start_new_session=True
        )
        _wait_for_prediction(folder, process)
        workers = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
        output.seek(0)
        shown = output.read()
    assert "Interrupted. Run it again for the other windows." in shown
    assert "Traceback" not in shown
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []
    kept = set(backtest.predictions())
    assert 0 < len(kept) < 6
    assert not (folder / ".walkforward").exists()

    again = run("--jobs", "2", *options)
    assert again.returncode == 0, again.stderr
    assert f"{6 - len(kept)} trained, {len(kept)} there already" in again.stdout


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("command", ["walkforward", "evaluate"])
def test_a_run_that_is_ended_by_a_signal_leaves_no_process_behind_that_trains_or_writes(
    backtest, tmp_path, command, number
):
    words = backtest.options(model="SlowModel", strategy="SmallStrategy")
    if command == "evaluate":
        place = words.index("--freqaimodel")
        words = ["--models", "SlowModel", *words[:place], *words[place + 2 :]]
    models = backtest.userdir / "models"
    with (tmp_path / "output").open("w+") as output:
        process = subprocess.Popen([COMMAND[0], command, "--jobs", "2", *words], stdout=output, stderr=output)
        _wait_for_prediction(models, process)
        family = psutil.Process(process.pid).children(recursive=True)
        # Nobody else is told, as where a supervisor or the out-of-memory killer ends it.
        process.send_signal(number)
        code = process.wait(timeout=60)
        output.seek(0)
        shown = output.read()
    assert len(family) >= 2
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []
    before = _sizes(models)
    time.sleep(2.0)
    assert _sizes(models) == before
    if number == signal.SIGTERM:
        assert code == 143
        assert "Interrupted. Run it again for the other windows." in shown
        assert "Traceback" not in shown
        assert list(models.rglob(".walkforward/*")) == []
    else:
        assert code == -signal.SIGKILL
    if (command, number) == ("walkforward", signal.SIGKILL):
        again = subprocess.run([COMMAND[0], command, "--jobs", "2", *words], capture_output=True, timeout=300)
        assert again.returncode == 0, again.stderr
        assert list(models.rglob(".walkforward/*")) == []


def _sizes(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def _wait_for_prediction(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not list(folder.rglob("backtesting_predictions/*.feather")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
