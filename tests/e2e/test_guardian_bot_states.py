"""What Guardian holds while the real bot runs, is stopped, paused, reloaded and started again through its REST API."""

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import httpx
import pytest

from freqai_ext.guardian.sandbox import Sandbox
from freqai_ext.replay import ReplayExchange, ReplaySettings
from tests.e2e.conftest import environment

pytestmark = pytest.mark.e2e

PAIRS = ("BTC/USDT", "ETH/USDT")
SHUTDOWN_TIMEOUT_S = 10.0
LONGEST_WAIT_S = 120.0
LOGIN = ("sidecar", "only-on-loopback")

MODEL = '''
from freqtrade.freqai.freqai_interface import IFreqaiModel


class PlannedOdds(IFreqaiModel):
    """Has odds without a training."""

    def start(self, dataframe, metadata, strategy):
        odds = {"p_up": 0.55, "ev_bps": 14.0, "confidence": 0.3, "&-return_12": 0.001}
        return dataframe.assign(**odds, do_predict=1)

    def train(self, unfiltered_df, pair, dk, **kwargs):
        raise NotImplementedError

    fit = predict = train
'''


def free_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return listener.getsockname()[1]


class Bot:
    """A running ``freqtrade trade`` and its REST API."""

    def __init__(self, program, port, log):
        self._program, self._log = program, log
        self._api = f"http://127.0.0.1:{port}/api/v1"

    def order(self, name):
        reply = httpx.post(f"{self._api}/{name}", auth=LOGIN, timeout=20.0, trust_env=False)
        assert reply.status_code == 200, reply.text
        return time.monotonic()

    def wait_for(self, condition, seconds=LONGEST_WAIT_S):
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            assert self._program.poll() is None, self._log.read_text()[-6_000:]
            time.sleep(0.05)
        assert condition(), self._log.read_text()[-6_000:]
        return time.monotonic()

    def interrupt(self):
        self._program.send_signal(signal.SIGINT)
        self._program.wait(timeout=60)


@contextmanager
def running_bot(spot, folder, guardian_url):
    # A bot that looks at its state only now and then must be taken back in time all the same.
    (spot.userdir / "freqaimodels" / "PlannedOdds.py").write_text(MODEL)
    with ReplayExchange(ReplaySettings(data=spot.datadir)) as exchange:
        ext = {"guardian": {"url": guardian_url, "database": str(folder / "guardian.sqlite")}}
        options = spot.options("bot-states", "PlannedOdds", "GuardianSidecarStrategy", ext)
        port = free_port()
        config = json.loads(spot.config("bot-states", ext).read_text()) | exchange.exchange_config(PAIRS)
        config |= {"internals": {"process_throttle_secs": 30}, "initial_state": "running"}
        config["api_server"] = {
            "enabled": True,
            "listen_ip_address": "127.0.0.1",
            "listen_port": port,
            "username": LOGIN[0],
            "password": LOGIN[1],
            "jwt_secret_key": "a-key-of-32-characters-or-more-xx",
        }
        spot.folder.joinpath("bot-states.json").write_text(json.dumps(config))
        more = ["--datadir", str(folder / "candles"), "--db-url", f"sqlite:///{folder / 'trades.sqlite'}"]
        command = [sys.executable, "-m", "freqtrade", "trade", *options, *more]
        log = folder / "bot.log"
        with (
            log.open("wb") as file,
            subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment()) as program,
        ):
            try:
                yield Bot(program, port, log), log
            finally:
                program.kill()


def test_a_bot_that_is_not_at_work_has_nothing_at_guardian_within_the_shutdown_timeout(spot, tmp_path):
    with Sandbox() as guardian, running_bot(spot, tmp_path, guardian.url) as (bot, log):

        def held():
            return guardian.state()["stored"]["pairs"]

        def told():
            return len(held()) == len(PAIRS)

        bot.wait_for(told)
        candles = {entry["generated_at"] for entry in held().values()}
        for order in ("stop", "pause", "stopentry"):
            ordered = bot.order(order)
            assert bot.wait_for(lambda: not held()) - ordered < SHUTDOWN_TIMEOUT_S, order
            pushes = guardian.state()["pushes"]
            time.sleep(1.0)
            assert guardian.state()["pushes"] == pushes
            bot.order("start")
            bot.wait_for(told)
            candles |= {entry["generated_at"] for entry in held().values()}
        ordered = bot.order("reload_config")
        assert bot.wait_for(lambda: not held()) - ordered < SHUTDOWN_TIMEOUT_S
        bot.wait_for(told)
        # Whenever it was sent again, a forecast is as old as its candle.
        assert all(made_at_s % 300.0 == 0.0 for made_at_s in candles)
        assert max(candles) <= time.time()
        bot.interrupt()
        assert held() == {}
        assert "Traceback" not in log.read_text()
