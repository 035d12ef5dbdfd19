"""Commands that are killed leave no process behind, however many they have started."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from freqai_ext._services.scratch import remove_abandoned
from freqai_ext.replay import GeneratedMarket, MarketParameters
from freqai_ext.scaffold import HYBRID_CONFIG_NAME, init_userdir

pytestmark = pytest.mark.e2e

EXT = str(Path(sys.executable).with_name("freqai-ext"))
PAIRS = ("BTC/USDT", "ETH/USDT")
LIMIT_S = 240.0
GONE_WITHIN_S = 90.0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    GeneratedMarket(MarketParameters(pairs=PAIRS, days=20)).write(folder / "market", ["5m", "15m", "1h"])
    init_userdir(folder / "user_data")
    config = json.loads((folder / "user_data" / HYBRID_CONFIG_NAME).read_text())
    config["exchange"]["pair_whitelist"] = list(PAIRS)
    (folder / "hybrid.json").write_text(json.dumps(config))
    return folder


def bot(place):
    return ["--userdir", str(place / "user_data"), "-c", str(place / "hybrid.json")]


def commands(place):
    """Return each command, what its output says when it is at work, and how many processes there are then at least."""
    data = ["--data", str(place / "market")]
    hyperopt = ["--spaces", "buy", "--hyperopt-loss", "SharpeHyperOptLoss", "-e", "5000", "-j", "2"]
    timerange = ["--timerange", "20250105-20250120"]
    return {
        "offline trade": (
            ["offline", "--with-services", *data, "--", "freqtrade", "trade", *bot(place)],
            "state='RUNNING'",
            2,
        ),
        "offline hyperopt": (
            ["offline", *data, "--", "freqtrade", "hyperopt", *bot(place), *timerange, *hyperopt],
            "Effective number of parallel workers used",
            4,
        ),
        "simulate": (
            ["simulate", "--news", "--guardian", "--days", "6", *data, "--", "trade", *bot(place)],
            "Simulating",
            4,
        ),
        "demo": (["demo", "--news", "--output", str(place / "demo")], None, 4),
        "replay": (["replay", "--port", "0", *data], "Put this into the Freqtrade configuration", 1),
    }


@pytest.mark.parametrize("name", ["offline trade", "offline hyperopt", "simulate", "demo", "replay"])
def test_a_killed_command_takes_all_that_it_started_with_it(place, tmp_path, name):
    words, at_work, least = commands(place)[name]
    # Freqtrade's hyperopt puts a socket there, whose path must be short.
    scratch = Path(tempfile.mkdtemp(prefix="fx"))
    environment = os.environ | {"TMPDIR": str(scratch), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([EXT, *words], stdout=file, stderr=file, env=environment, start_new_session=True)
    family: list[psutil.Process] = []
    deadline = time.monotonic() + LIMIT_S
    try:
        while time.monotonic() < deadline and process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
            if len(family) >= least and (at_work is None or at_work in log.read_text(errors="replace")):
                break
            time.sleep(0.2)
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        assert len(family) >= least, log.read_text(errors="replace")[-3000:]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    _, alive = psutil.wait_procs(family, timeout=GONE_WITHIN_S)
    assert [each.cmdline() for each in alive if each.is_running()] == []
    remove_abandoned(scratch)
    assert list(scratch.glob("freqai-ext-*")) == []
    shutil.rmtree(scratch)


def test_a_damaged_store_stops_the_bot_with_one_sentence_and_without_a_traceback(place):
    database = place / "user_data" / "news" / "news.sqlite"
    database.parent.mkdir(exist_ok=True)
    database.write_bytes(b"SQLite format 3\0" + b"\xa5" * 8192)
    words = ["offline", "--with-services", "--data", str(place / "market"), "--", "freqtrade", "trade", *bot(place)]
    done = subprocess.run(
        [EXT, *words], capture_output=True, text=True, timeout=LIMIT_S, env=os.environ | {"COLUMNS": "400"}
    )
    said = done.stdout + done.stderr
    database.unlink()
    assert done.returncode != 0
    assert "Traceback" not in said, said[-3000:]
    (line,) = (line for line in said.splitlines() if "news.sqlite" in line)
    assert f"{database}: " in line
    assert "move it away" in line
