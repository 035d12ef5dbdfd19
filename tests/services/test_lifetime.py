"""Processes that end with their parent, however that ends; and temporary folders that nobody is left to remove."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from freqai_ext._services.lifetime import command_that_ends_with_us
from freqai_ext._services.scratch import remove_abandoned, scratch_folder

LIMIT_S = 60.0

# Starts a child of a package as the commands do, in a group of its own or in ours; the child starts another.
PARENT = """
import subprocess, sys, time
from freqai_ext._services.lifetime import command_that_ends_with_us
group = {"process_group": 0} if sys.argv[1] == "group" else {}
child = subprocess.Popen(command_that_ends_with_us("loner", ["--one", "two words"]), **group)
print(child.pid, flush=True)
time.sleep(600)
"""

CHILD = """
import subprocess, sys, time
assert sys.argv[1:] == ["--one", "two words"], sys.argv
assert __name__ == "__main__"
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("pids", "w").write(f"{grandchild.pid}\\n")
while True:
    open("writing", "a").write("x")
    time.sleep(0.05)
"""


def wait_until(condition, limit_s=LIMIT_S):
    deadline = time.monotonic() + limit_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "loner.py").write_text(CHILD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_and_its_own_children_end_with_a_parent_that_is_killed(home, number):
    with subprocess.Popen([sys.executable, "-c", PARENT, "group"], stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert wait_until(lambda: (home / "pids").is_file() and (home / "pids").read_text().endswith("\n"))
        grandchild = psutil.Process(int((home / "pids").read_text()))
        assert wait_until((home / "writing").is_file)
        parent.send_signal(number)
    _, alive = psutil.wait_procs([child, grandchild], timeout=LIMIT_S)
    assert alive == []
    written = (home / "writing").stat().st_size
    time.sleep(0.3)
    assert (home / "writing").stat().st_size == written


def test_a_child_in_the_group_of_its_parent_takes_nobody_else_with_it(home):
    """A terminal's group holds the shell's other programs, too."""
    neighbour = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
    try:
        with subprocess.Popen(
            [sys.executable, "-c", PARENT, "same"], stdout=subprocess.PIPE, text=True, process_group=neighbour.pid
        ) as parent:
            child = psutil.Process(int(parent.stdout.readline()))
            assert wait_until((home / "pids").is_file)
            parent.kill()
        _, alive = psutil.wait_procs([child], timeout=LIMIT_S)
        assert alive == []
        assert neighbour.poll() is None
    finally:
        neighbour.kill()
        neighbour.wait()
        if (home / "pids").is_file():
            psutil.Process(int((home / "pids").read_text())).kill()


def test_a_child_that_will_not_end_is_ended_by_force(home):
    code = textwrap.dedent(
        """
        import signal, sys, threading, time
        from freqai_ext._services.lifetime import end_when
        signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
        print("ready", flush=True)
        end_when(sys.stdin.read, grace_s=0.5)
        while True:
            time.sleep(1)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "ready\n"
        child.stdin.close()
        assert child.wait(LIMIT_S) == -signal.SIGKILL
        assert child.stdout.read() == "no\n"


def test_a_child_whose_parent_is_gone_before_it_looks_ends_as_well(home):
    command = command_that_ends_with_us("loner", ["--one", "two words"])
    command[command.index(str(os.getpid()))] = "1" if os.getpid() != 1 else "2"
    with subprocess.Popen(command, process_group=0) as child:
        assert child.wait(LIMIT_S) == -signal.SIGTERM


def test_a_child_gives_its_own_exit_code(home):
    (home / "loner.py").write_text("import sys; sys.exit(7)")
    assert subprocess.run(command_that_ends_with_us("loner", []), check=False).returncode == 7


def test_a_folder_goes_at_the_end_also_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fail():
        with scratch_folder() as folder:
            (folder / "file").touch()
            assert folder.stat().st_mode & 0o077 == 0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next_and_that_of_a_living_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = (
        "import sys, tempfile, time\n"
        "from freqai_ext._services.scratch import scratch_folder\n"
        "tempfile.tempdir = sys.argv[1]\n"
        "with scratch_folder() as folder:\n"
        "    (folder / 'file').write_text('x')\n"
        "    print(folder, flush=True)\n"
        "    time.sleep(600)\n"
    )
    others = tmp_path / "freqai-ext-of-another-program"
    others.mkdir()
    command = [sys.executable, "-c", code, str(tmp_path)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as living,
    ):
        left, kept = killed.stdout.readline().strip(), living.stdout.readline().strip()
        assert left != kept
        killed.kill()
        killed.wait()
        with scratch_folder():
            assert not Path(left).exists()
            assert (Path(kept) / "file").is_file()
            assert others.is_dir()
        living.kill()
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == [others]
