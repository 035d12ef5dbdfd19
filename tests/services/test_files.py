"""Files that are replaced whole, by several writers, on disks that fail."""

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from freqai_ext._files import write_atomically


def test_many_threads_may_write_one_path_and_a_reader_sees_one_of_them_whole(tmp_path):
    path = tmp_path / "state.json"
    texts = [str(number) * 5_000 for number in range(8)]
    write_atomically(path, texts[0])
    ended, torn = threading.Event(), []

    def read():
        while not ended.is_set():
            if (found := path.read_text()) not in texts:
                torn.append(found)

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(write_atomically, path, text) for text in texts * 50]:
            done.result()
    ended.set()
    reader.join()
    assert torn == []
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_what_a_killed_process_left_is_not_in_the_way(tmp_path):
    path = tmp_path / "state.json"
    for name in (f".state.json.{os.getpid()}.tmp", ".state.json.1.tmp"):
        (tmp_path / name).write_text("half")
        (tmp_path / name).chmod(0o400)
    write_atomically(path, "whole")
    assert path.read_text() == "whole"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_a_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "state.json"
    path.write_text("old")
    path.chmod(mode)
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_gets_the_usual_mode(tmp_path):
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "new", "text")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_name_that_is_as_long_as_names_may_be_is_written(tmp_path):
    path = tmp_path / ("é" * 127)
    write_atomically(path, "text")
    assert path.read_text() == "text"


def test_on_a_disk_that_takes_nothing_more_the_old_file_stays_and_nothing_lies_beside_it(tmp_path):
    path = tmp_path / "state.json"
    path.write_text("old")
    code = (
        "import pathlib, resource, signal, sys\n"
        "from freqai_ext._files import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n"
        "    write_atomically(pathlib.Path(sys.argv[1]), 'x' * 50_000)\n"
        "except OSError as error:\n"
        "    sys.exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 7
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]
