import asyncio
import json
import logging
import socket
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import get_args

import numpy as np
import pytest

from freqai_ext._services.worker import Worker
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.database import open_database
from freqai_ext.guardian.journal import Journal
from freqai_ext.guardian.metrics import GuardianMetrics
from freqai_ext.guardian.opinion import Opinion, OpinionSet
from freqai_ext.guardian.publisher import Publisher
from freqai_ext.guardian.sandbox import Fault, Sandbox, SandboxSettings
from freqai_ext.guardian.sandbox.faults import FaultKind
from freqai_ext.guardian.settings import GuardianSettings
from tests.services.timing import HANG_S, LoopCost

START_S = 1_795_000_000.0
INTERVAL_S = 300.0
UNIVERSE = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
SETTLE_S = 10.0


class ManualClock:
    def __init__(self):
        self.now_s = START_S

    def __call__(self):
        return self.now_s


class StoringGuardian:
    """Puts Guardian's memory behind the answers of the loopback server, and faults in front of them."""

    def __init__(self, server):
        self.server = server
        self.pairs, self.source, self.testnet = {}, None, False
        self.pushes = []
        self.lose = 0
        self.status = None
        self.hang = False
        for method, path, answer in (
            ("GET", "/health", self.health),
            ("GET", "/predictions", self.predictions),
            ("POST", "/predictions", self.store),
        ):
            server.serve(path, self.behind_faults(answer), method=method)

    @property
    def kinds(self):
        return [body["meta"]["kind"] for body in self.pushes]

    def behind_faults(self, answer):
        def reply(handler):
            if self.hang:
                self.server.released.wait(30.0)
            elif self.status:
                send(handler, {"detail": "fault"}, self.status)
            else:
                send(handler, answer())

        return reply

    def health(self):
        settings = {"testnet": self.testnet, "ai_enabled": True, "freqai_enabled": True}
        thresholds = {"ai_buy_threshold": 0.6, "ai_sell_threshold": 0.4}
        return {"status": "ok", "symbols": len(self.pairs), "settings": settings | thresholds, "predictions": {}}

    def predictions(self):
        return {"generated_at": None, "updated_at": None, "source": self.source, "pairs": self.pairs}

    def store(self):
        body = json.loads(self.server.requests[-1].body)
        self.pushes.append(body)
        self.source = body["source"]
        self.pairs = {
            name.replace("/", ""): {"generated_at": body["generated_at"]} | entry
            for name, entry in list(body["predictions"].items())[self.lose :]
        }
        return {"status": "ok", "symbols": len(self.pairs)}


def send(handler, content, status=200):
    body = json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Bot:
    """A publisher in a worker on a manual clock."""

    def __init__(self, url, path, clock, **settings):
        self.settings = GuardianSettings(url=url, **({"timeout_s": 5.0, "shutdown_timeout_s": 2.0} | settings))
        self.clock = clock
        self.engine = open_database(path)
        self.journal = Journal(self.engine, 30.0, clock)
        self.metrics = GuardianMetrics(clock)
        self.client = GuardianClient(self.settings)
        self.suspended_by = None
        self.publisher = Publisher(
            self.settings,
            self.client,
            self.journal,
            self.metrics,
            lambda: UNIVERSE,
            lambda: self.worker.wake(),
            clock,
            lambda: self.suspended_by,
        )
        self.worker = Worker("test-publisher", [self.publisher], clock)
        self.running = False

    def start(self):
        self.running = True
        self.worker.start()
        return self.settle()

    def settle(self):
        assert self.worker.settle(SETTLE_S)
        return self

    def offer(self, *, probability=0.6, **changes):
        opinions = make_opinions(self.clock.now_s, probability, **changes)
        self.publisher.offer(opinions)
        return opinions

    def pass_time(self, seconds, step_s=5.0):
        """Let time go by in steps, as the lock-step simulation does."""
        self.settle()
        end_s = self.clock.now_s + seconds
        while self.clock.now_s < end_s:
            self.clock.now_s = min(self.clock.now_s + step_s, end_s)
            self.settle()

    def stop(self):
        if self.running:
            self.running = False
            return self.worker.stop(self.settings.shutdown_timeout_s)
        return True

    def crash(self):
        """End as a killed process does: without a word."""
        self.publisher.close = _silent
        self.stop()
        self.engine.dispose()

    def outcomes(self):
        return [record.outcome for record in reversed(self.journal.pushes())]

    def count(self, kind, outcome):
        name = "freqai_ext_guardian_pushes_total"
        return self.metrics.registry.get_sample_value(name, {"kind": kind, "outcome": outcome})

    def release(self):
        self.stop()
        self.engine.dispose()


async def _silent():
    pass


def make_opinions(now_s, probability=0.6, universe=UNIVERSE, trusted=True):
    opinions = {
        pair: Opinion(pair, now_s - 1.0, probability, 25.0, 0.8, 60.0, now_s - 3_600.0, trusted) for pair in universe
    }
    return OpinionSet(universe, opinions, now_s, 300.0, "SomeModel", "some-identifier")


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def store(guardian):
    return StoringGuardian(guardian)


@pytest.fixture
def make_bot(guardian, store, tmp_path, clock):
    bots = []

    def make(**settings):
        bot = Bot(settings.pop("url", guardian.url), tmp_path / "guardian.sqlite", clock, **settings)
        bots.append(bot)
        return bot

    yield make
    guardian.released.set()
    for bot in bots:
        bot.release()


def test_a_set_is_sent_at_once_and_what_stands_is_sent_again_at_every_interval(make_bot, store, clock):
    bot = make_bot().start()
    assert bot.publisher.status.state == "waiting"
    bot.offer()
    bot.settle()
    assert store.kinds == ["opinions"]
    assert store.pairs["BTCUSDT"]["probability"] == 0.6
    status = bot.publisher.status
    assert (status.state, status.last_push_at_s, status.last_accepted) == ("current", START_S, 3)
    assert (status.last_outcome, status.pending) == ("accepted", False)
    bot.pass_time(INTERVAL_S - 5.0)
    assert len(store.pushes) == 1
    bot.pass_time(5.0)
    assert store.kinds == ["opinions", "opinions"]
    first, second = store.pushes
    assert first["predictions"] == second["predictions"]
    assert first["meta"]["push_id"] != second["meta"]["push_id"]


def test_a_silent_bot_is_taken_back_when_its_candle_grows_old(make_bot, store):
    bot = make_bot(push_interval_s=3_600.0).start()
    bot.offer()
    bot.pass_time(595.0)
    assert store.kinds == ["opinions"]
    bot.pass_time(10.0)
    assert store.kinds == ["opinions", "retraction"]
    assert store.pairs == {}
    bot.pass_time(3_600.0, step_s=60.0)
    assert store.kinds == ["opinions", "retraction", "retraction"]
    assert bot.journal.unaccounted() == ()


STOPPED = "the bot is stopped"


@pytest.mark.parametrize(("policy", "kind"), [("retract", "retraction"), ("neutral", "neutral")])
@pytest.mark.parametrize("reason", [STOPPED, "the bot is paused", "the bot is reloading"])
def test_a_bot_that_is_not_at_work_is_retracted_at_once_and_only_once(make_bot, store, reason, policy, kind):
    bot = make_bot(policy={"shutdown": policy}).start()
    bot.offer()
    bot.settle()
    bot.suspended_by = reason
    bot.pass_time(1.0, step_s=1.0)
    assert store.kinds == ["opinions", kind]
    assert all(entry["ev_bps"] == -1e-6 for entry in store.pairs.values())
    assert bot.publisher.status.state == "suspended"
    # What another sidecar pushes meanwhile must stand.
    store.pairs, store.source = {"BTCUSDT": {"probability": 0.9, "ev_bps": 50.0}}, "another sidecar"
    bot.pass_time(4 * INTERVAL_S, step_s=60.0)
    assert len(store.pushes) == 2
    assert bot.journal.unaccounted() == ()


def test_a_bot_that_is_at_work_again_sends_what_it_has_until_that_expires(make_bot, store):
    bot = make_bot().start()
    bot.offer(probability=0.6)
    for _ in range(2):
        bot.pass_time(5.0)
        bot.suspended_by = STOPPED
        bot.pass_time(30.0)
        bot.suspended_by = None
        bot.pass_time(5.0)
    assert store.kinds == ["opinions", "retraction"] * 2 + ["opinions"]
    made_at_s = START_S - 1.0
    assert [body["generated_at"] for body in store.pushes if body["meta"]["kind"] == "opinions"] == [made_at_s] * 3
    assert {entry["generated_at"] for entry in store.pairs.values()} == {made_at_s}
    bot.suspended_by = STOPPED
    bot.pass_time(700.0, step_s=50.0)
    bot.suspended_by = None
    bot.pass_time(5.0)
    assert store.pairs == {}
    bot.offer(probability=0.7)
    bot.settle()
    assert store.pairs["BTCUSDT"]["probability"] == 0.7


def test_what_a_paused_bot_forecasts_is_not_sent_until_it_is_at_work_again(make_bot, store):
    bot = make_bot().start()
    bot.suspended_by = "the bot is paused"
    for probability in (0.6, 0.7, 0.8):
        bot.offer(probability=probability)
        bot.pass_time(60.0, step_s=20.0)
    assert store.pushes == []
    assert bot.outcomes() == ["superseded"] * 3
    bot.suspended_by = None
    bot.pass_time(1.0, step_s=1.0)
    assert store.kinds == ["opinions"]
    assert store.pairs["BTCUSDT"]["probability"] == 0.8


def test_a_stop_is_sent_at_once_though_the_next_attempt_was_far_away(make_bot, store):
    bot = make_bot(push_interval_s=600.0).start()
    bot.offer()
    bot.settle()
    store.status = 500
    bot.offer(probability=0.7)
    bot.pass_time(300.0)
    store.status = None
    bot.suspended_by = STOPPED
    bot.pass_time(1.0, step_s=1.0)
    assert store.kinds[-1] == "retraction"
    assert store.pairs == {}


def test_a_stop_that_guardian_does_not_answer_is_sent_until_it_does(make_bot, store):
    bot = make_bot().start()
    bot.offer()
    bot.settle()
    store.status = 500
    bot.suspended_by = STOPPED
    bot.pass_time(200.0)
    assert store.pairs
    store.status = None
    bot.pass_time(65.0)
    assert store.pairs == {}
    assert store.kinds == ["opinions", "retraction"]


def test_a_bot_that_starts_stopped_sends_nothing_but_takes_back_what_an_earlier_run_left(make_bot, store):
    bot = make_bot()
    bot.suspended_by = STOPPED
    bot.start().pass_time(2 * INTERVAL_S, step_s=60.0)
    assert store.pushes == []
    bot.crash()
    store.pairs, store.source = {"BTCUSDT": {"probability": 0.9, "ev_bps": 50.0}}, "freqai-ext"
    again = make_bot()
    again.suspended_by = STOPPED
    again.start().pass_time(2 * INTERVAL_S, step_s=60.0)
    assert store.kinds == ["retraction"]
    assert store.pairs == {}


def test_a_stopped_bot_that_ends_has_nothing_more_to_take_back(make_bot, store):
    bot = make_bot().start()
    bot.offer()
    bot.settle()
    bot.suspended_by = STOPPED
    bot.pass_time(1.0, step_s=1.0)
    assert bot.stop()
    assert store.kinds == ["opinions", "retraction"]
    assert not bot.journal.session_left_open()


def test_a_bot_at_work_that_is_slow_is_not_taken_back_between_two_candles(make_bot, store):
    bot = make_bot().start()
    for delay_s in (5.0, 290.0, 10.0, 240.0, 295.0):
        # Trainings and other work may take nearly a candle before the next forecasts come.
        bot.pass_time(delay_s)
        made_at_s = START_S + 300.0 * ((bot.clock.now_s - START_S) // 300.0)
        opinions = make_opinions(made_at_s + 1.0)
        bot.publisher.offer(opinions)
        bot.pass_time(START_S + 300.0 * (1 + (bot.clock.now_s - START_S) // 300.0) - bot.clock.now_s)
    assert set(store.kinds) == {"opinions"}


def test_a_clean_start_says_nothing_before_the_first_set(make_bot, guardian, store):
    store.pairs, store.source = {"BTCUSDT": {"probability": 0.9, "ev_bps": 50.0}}, "another sidecar"
    bot = make_bot().start()
    bot.pass_time(2 * INTERVAL_S)
    assert bot.stop()
    assert not [request for request in guardian.requests if request.method == "POST"]
    assert store.pairs


def test_what_an_earlier_run_left_at_guardian_is_taken_back(make_bot, store, caplog):
    store.pairs, store.source = {"BTCUSDT": {"probability": 0.9, "ev_bps": 50.0}}, "freqai-ext"
    make_bot().start()
    assert store.kinds == ["retraction"]
    assert store.pairs == {}
    assert "holds opinions of 1 pairs from an earlier run" in caplog.text


@pytest.mark.parametrize(("policy", "kind"), [("retract", "retraction"), ("neutral", "neutral")])
def test_after_a_crash_the_next_start_takes_back_what_was_said(make_bot, store, policy, kind):
    crashed = make_bot().start()
    crashed.offer()
    crashed.settle()
    crashed.crash()
    assert store.pairs
    # Guardian forgets the source of a set when it restarts.
    store.source = None
    bot = make_bot(policy={"no_model": policy}).start()
    assert store.kinds == ["opinions", kind]
    for entry in store.pairs.values():
        assert (entry["probability"], entry["ev_bps"]) == (pytest.approx(0.5), -1e-6)
    bot.pass_time(INTERVAL_S)
    assert store.kinds[-1] == kind
    bot.offer()
    bot.settle()
    assert store.kinds[-1] == "opinions"


@pytest.mark.parametrize(("policy", "kind"), [("retract", "retraction"), ("neutral", "neutral")])
def test_at_the_end_guardian_is_told_what_the_policy_says(make_bot, store, policy, kind):
    bot = make_bot(policy={"shutdown": policy}).start()
    bot.offer()
    bot.settle()
    assert bot.stop()
    assert store.kinds == ["opinions", kind]
    assert not bot.journal.session_left_open()
    assert bot.journal.unaccounted() == ()


def test_what_was_taken_back_at_the_end_is_not_taken_back_again_at_the_start(make_bot, store):
    bot = make_bot().start()
    bot.offer()
    bot.settle()
    bot.stop()
    assert make_bot().start().publisher.status.state == "waiting"
    assert store.kinds == ["opinions", "retraction"]


def test_a_set_that_the_end_overtakes_counts_as_superseded(make_bot, store):
    bot = make_bot().start()
    bot.offer()
    bot.settle()
    bot.publisher._wake = lambda: None
    bot.offer(probability=0.7)
    assert bot.publisher.status.pending
    assert bot.stop()
    assert store.kinds == ["opinions", "retraction"]
    assert bot.outcomes() == ["accepted", "superseded", "accepted"]


def test_a_last_word_that_nobody_hears_leaves_the_session_open(make_bot, guardian, store, caplog):
    bot = make_bot(shutdown_timeout_s=0.6).start()
    bot.offer()
    bot.settle()
    store.hang = True
    began_s = time.monotonic()
    assert bot.stop()
    assert time.monotonic() - began_s < HANG_S
    assert "the last word was not heard; the next start says it again" in caplog.text
    assert bot.outcomes() == ["accepted", "abandoned"]
    assert bot.journal.pushes()[0].attempts == 2
    assert bot.journal.session_left_open()
    store.hang = False
    make_bot().start()
    assert store.kinds == ["opinions", "retraction"]
    assert store.pairs == {}


def test_the_last_word_does_not_wait_for_a_health_that_hangs(make_bot, guardian, store):
    bot = make_bot(network="mainnet", shutdown_timeout_s=1.0).start()
    bot.offer()
    bot.settle()
    store.status = 500
    bot.offer(probability=0.7)
    bot.settle()
    store.status = None
    guardian.serve("/health", lambda handler: guardian.released.wait(30.0))
    assert bot.stop()
    assert store.kinds == ["opinions", "retraction"]
    assert bot.outcomes() == ["accepted", "abandoned", "accepted"]


def test_a_new_set_that_says_the_same_as_the_one_on_its_way_takes_its_place(make_bot, store):
    store.status = 500
    bot = make_bot().start()
    for _ in range(2):
        bot.offer(trusted=False)
        bot.settle()
    store.status = None
    bot.pass_time(60.0)
    assert store.kinds == ["retraction"]
    assert bot.outcomes() == ["superseded", "accepted"]
    assert not bot.publisher.status.pending


def test_an_outage_ends_with_the_newest_set_alone(make_bot, store, clock, caplog):
    bot = make_bot().start()
    bot.offer()
    bot.settle()
    store.status = 500
    with caplog.at_level(logging.INFO, "freqai_ext"):
        for probability in (0.61, 0.62, 0.63):
            bot.offer(probability=probability)
            bot.pass_time(INTERVAL_S)
        assert bot.publisher.status.state == "retrying"
        assert bot.publisher.status.pending
        store.status = None
        bot.offer(probability=0.64)
        bot.pass_time(60.0)
    assert [body["predictions"]["BTC/USDT"]["probability"] for body in store.pushes] == [0.6, 0.64]
    assert bot.outcomes() == ["accepted", "superseded", "superseded", "superseded", "accepted"]
    assert bot.journal.pushes()[1].attempts > 3
    assert bot.journal.unaccounted() == ()
    failures = [record for record in caplog.records if "status=failed" in record.message]
    assert all(record.levelno == logging.WARNING and not record.exc_info for record in failures)
    assert [record.message.partition("times=")[2].partition(":")[0] for record in failures] == [
        "1",
        "2",
        "4",
        "8",
        "16",
    ]


def test_a_set_offered_before_an_outage_arrives_within_an_interval_of_its_end(make_bot, store):
    bot = make_bot().start()
    store.status = 503
    bot.offer(probability=0.7)
    bot.pass_time(200.0)
    assert store.pushes == []
    store.status = None
    bot.pass_time(61.0)
    assert store.pairs["BTCUSDT"]["probability"] == 0.7
    assert bot.outcomes() == ["accepted"]


def test_a_guardian_that_was_restarted_without_its_memory_holds_the_set_within_an_interval(make_bot, guardian, store):
    bot = make_bot().start()
    bot.offer(probability=0.7)
    bot.settle()
    guardian.restart()
    store.pairs = {}
    bot.pass_time(INTERVAL_S)
    assert store.pairs["BTCUSDT"]["probability"] == 0.7


def test_at_a_dead_port_it_keeps_trying_and_says_so_now_and_then(make_bot, clock, caplog):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    bot = make_bot(url=f"http://127.0.0.1:{port}").start()
    bot.offer()
    bot.pass_time(60.0, step_s=1.0)
    assert bot.publisher.status.state == "retrying"
    record = bot.journal.pushes()[0]
    assert 5 <= record.attempts <= 9
    assert "no connection" in record.error
    assert len([line for line in caplog.records if line.levelno >= logging.WARNING]) <= 4
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


def test_offering_takes_no_time_while_guardian_hangs(make_bot, store):
    store.hang = True
    bot = make_bot(timeout_s=30.0, shutdown_timeout_s=0.5)
    bot.running = True
    bot.worker.start()
    sets = [make_opinions(START_S, 0.5 + 0.001 * number) for number in range(300)]
    cost = LoopCost()
    for opinions in sets:
        with cost.call():
            bot.publisher.offer(opinions)
    cost.check(1e-4)
    bot.stop()
    # What the journal has not written by the end of so short a time follows.
    deadline = time.monotonic() + 20.0
    while (bot.journal.unaccounted() or len(bot.journal.pushes(1_000)) < 300) and time.monotonic() < deadline:
        time.sleep(0.05)
    outcomes = [record.outcome for record in bot.journal.pushes(1_000)]
    assert outcomes.count("superseded") >= 298
    assert set(outcomes) <= {"superseded", "abandoned"}
    assert len(outcomes) >= 300
    assert bot.journal.unaccounted() == ()


def test_stopped_right_after_the_start_it_accounts_for_what_was_offered(make_bot, store, guardian):
    for _ in range(5):
        bot = make_bot()
        bot.running = True
        bot.offer()
        bot.worker.start()
        assert bot.stop()
        assert bot.journal.unaccounted() == ()
        assert not bot.journal.session_left_open()
        assert len(bot.journal.pushes()) >= 1
        assert store.pairs == {}


def test_the_newest_of_many_sets_is_sent_and_the_others_are_in_the_journal(make_bot, store):
    bot = make_bot().start()
    bot.publisher._wake = lambda: None
    for number in range(1_500):
        bot.offer(probability=0.5 + 0.0001 * number)
    bot.worker.wake()
    bot.settle()
    assert len(store.pushes) == 1
    assert store.pairs["BTCUSDT"]["probability"] == 0.5 + 0.0001 * 1_499
    assert len(bot.journal.pushes(2_000)) == 1_001
    assert bot.count("opinions", "superseded") == 1_000


def test_a_refused_token_is_tried_slowly_until_it_is_rotated(make_bot, guardian, store, tmp_path, caplog):
    token_file = tmp_path / "token"
    token_file.write_text("first-secret\n")
    guardian.token = "first-secret"
    bot = make_bot(token_file=token_file).start()
    bot.offer()
    bot.settle()
    assert store.kinds == ["opinions"]
    guardian.token = "second-secret"
    bot.offer(probability=0.7)
    bot.settle()
    assert bot.publisher.status.state == "denied"
    asked = len(guardian.requests)
    bot.offer(probability=0.8)
    bot.pass_time(20.0)
    assert len(guardian.requests) == asked
    token_file.write_text("second-secret\n")
    bot.pass_time(20.0)
    assert bot.publisher.status.state == "current"
    assert [body["predictions"]["BTC/USDT"]["probability"] for body in store.pushes] == [0.6, 0.8]
    assert bot.outcomes() == ["accepted", "superseded", "accepted"]
    assert not any("secret" in message for message in caplog.messages)
    assert "secret" not in "".join(str(record) for record in bot.journal.pushes())


def test_a_set_that_guardian_refuses_is_not_sent_again_and_the_next_one_is(make_bot, store, guardian, caplog):
    bot = make_bot().start()
    bot.offer()
    bot.settle()
    accept = guardian._answers["POST", "/predictions"]
    guardian.answer("/predictions", {"detail": "payload must be an object"}, 400, method="POST")
    bot.offer(probability=0.7)
    bot.pass_time(INTERVAL_S - 10.0)
    assert bot.publisher.status.state == "refused"
    assert bot.outcomes() == ["accepted", "refused"]
    assert bot.journal.pushes()[0].attempts == 1
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
    guardian.serve("/predictions", accept, method="POST")
    bot.offer(probability=0.8)
    bot.settle()
    assert store.pairs["BTCUSDT"]["probability"] == 0.8
    assert bot.publisher.status.state == "current"


def test_nothing_is_sent_to_the_wrong_network_not_even_at_the_end(make_bot, store, clock, caplog):
    store.testnet = True
    bot = make_bot(network="mainnet").start()
    bot.offer()
    bot.pass_time(INTERVAL_S)
    assert store.pushes == []
    assert bot.publisher.status.state == "refused"
    assert "freqai_ext.guardian.network: 'mainnet' is demanded" in caplog.text
    bot.stop()
    assert store.pushes == []
    assert set(bot.outcomes()) == {"refused"}


def test_a_network_that_is_put_right_is_noticed_within_an_interval(make_bot, store):
    store.testnet = True
    bot = make_bot(network="mainnet").start()
    bot.offer()
    bot.pass_time(10.0)
    store.testnet = False
    bot.pass_time(INTERVAL_S)
    assert store.kinds == ["opinions"]


def test_from_a_guardian_that_comes_back_on_another_network_all_is_taken_back(make_bot, store):
    bot = make_bot(network="mainnet").start()
    bot.offer()
    bot.settle()
    store.status = 500
    bot.pass_time(INTERVAL_S)
    store.status, store.testnet = None, True
    bot.pass_time(INTERVAL_S)
    bot.stop()
    assert store.kinds == ["opinions", "retraction"]
    assert store.pairs == {}


@pytest.mark.parametrize("policy", ["retract", "neutral"])
def test_a_guardian_that_changed_its_network_unnoticed_gets_a_retraction_at_the_next_push_and_nothing_else(
    make_bot, store, caplog, policy
):
    bot = make_bot(network="mainnet", policy={"no_model": policy, "shutdown": policy}).start()
    bot.offer()
    bot.settle()
    store.testnet = True
    bot.offer(probability=0.7)
    bot.settle()
    assert store.kinds == ["opinions", "retraction"]
    assert store.pairs == {}
    assert bot.publisher.status.state == "refused"
    assert "'mainnet' is demanded" in caplog.text
    assert "what it was sent before is taken back" in caplog.text
    for _ in range(4):
        bot.offer(probability=0.8)
        bot.pass_time(INTERVAL_S)
    assert bot.stop()
    assert store.kinds == ["opinions", "retraction"]
    assert bot.outcomes()[:3] == ["accepted", "refused", "accepted"]
    assert bot.journal.unaccounted() == ()
    assert not bot.journal.session_left_open()


def test_after_the_retraction_a_network_that_is_put_right_hears_forecasts_again(make_bot, store):
    bot = make_bot(network="mainnet").start()
    bot.offer()
    bot.settle()
    store.testnet = True
    bot.pass_time(INTERVAL_S)
    store.testnet = False
    bot.offer()
    bot.pass_time(INTERVAL_S)
    bot.stop()
    assert store.kinds == ["opinions", "retraction", "opinions", "retraction"]


def test_a_retraction_that_another_network_does_not_hear_is_tried_again_and_at_the_end(make_bot, guardian, store):
    bot = make_bot(network="mainnet", policy={"shutdown": "neutral"}).start()
    bot.offer()
    bot.settle()
    accept = guardian._answers["POST", "/predictions"]
    store.testnet = True
    guardian.answer("/predictions", b"Internal Server Error", 500, method="POST")
    bot.pass_time(INTERVAL_S + 30.0)
    assert store.kinds == ["opinions"]
    assert bot.publisher.status.state == "retrying"
    guardian.serve("/predictions", accept, method="POST")
    assert bot.stop()
    assert store.kinds == ["opinions", "retraction"]
    assert not bot.journal.session_left_open()


def test_whether_the_token_is_needed_is_asked_every_quarter_of_an_hour(make_bot, guardian, store):
    guardian.token = "some-token"
    bot = make_bot(token="some-token").start()
    for _ in range(9):
        bot.offer()
        bot.pass_time(100.0)
    looks = [request for request in guardian.requests if request.path == "/health"]
    assert sum("x-api-token" in request.headers for request in looks) >= len(store.pushes) >= 9
    assert sum("x-api-token" not in request.headers for request in looks) == 1
    bot.offer()
    bot.settle()
    looks = [request for request in guardian.requests if request.path == "/health"]
    assert sum("x-api-token" not in request.headers for request in looks) == 2


def test_the_first_set_after_the_start_and_after_an_outage_is_read_back(make_bot, store, caplog):
    bot = make_bot().start()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            bot.offer()
            bot.settle()
        assert caplog.text.count("read back: Guardian holds 3 pairs, as they were sent") == 1
        store.status = 500
        bot.offer()
        bot.settle()
        store.status, store.lose = None, 0
        bot.pass_time(INTERVAL_S)
    assert caplog.text.count("read back: Guardian holds 3 pairs, as they were sent") == 2


def test_a_guardian_whose_health_fails_because_it_is_poisoned_is_cured_by_a_push(make_bot, guardian, store):
    bot = make_bot(network="mainnet").start()
    bot.offer()
    bot.settle()
    guardian.answer("/health", b"Internal Server Error", 500)
    bot.publisher._gate.close()
    bot.offer(probability=0.7)
    bot.settle()
    assert store.pairs["BTCUSDT"]["probability"] == 0.7


def test_neutral_entries_lie_between_the_thresholds_that_guardian_reports(make_bot, store):
    bot = make_bot(policy={"no_model": "neutral"}).start()
    bot.offer(trusted=False)
    bot.settle()
    assert store.kinds == ["neutral"]
    assert store.pairs["BTCUSDT"]["probability"] == pytest.approx(0.5)


def test_a_mismatch_is_tried_once_more_and_then_kept(make_bot, store, caplog):
    store.lose = 1
    bot = make_bot().start()
    bot.offer()
    bot.pass_time(60.0, step_s=1.0)
    assert len(store.pushes) == 2
    assert bot.outcomes() == ["mismatch"]
    record = bot.journal.pushes()[0]
    assert (record.attempts, record.accepted, record.error) == (2, 2, "Guardian stored 2 of 3 pairs")
    assert "Guardian stored 2 of 3 pairs" in caplog.text
    assert bot.publisher.status.last_accepted == 2
    store.lose = 0
    bot.pass_time(INTERVAL_S)
    assert bot.outcomes() == ["mismatch", "accepted"]


def test_a_read_back_names_what_differs(make_bot, store):
    bot = make_bot().start()
    bot.offer()
    bot.settle()
    assert asyncio.run(bot.publisher.read_back()).equal
    del store.pairs["BTCUSDT"]
    store.pairs["ETHUSDT"]["probability"] = 0.61
    store.pairs["XRPUSDT"] = {"probability": 0.5}
    found = asyncio.run(bot.publisher.read_back())
    assert not found.equal
    assert (found.missing, found.unexpected, found.different) == (("BTCUSDT",), ("XRPUSDT",), ("ETHUSDT",))


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps_stops_nothing(make_bot, store, clock, jump_s):
    bot = make_bot().start()
    bot.offer()
    bot.settle()
    clock.now_s += jump_s
    bot.settle()
    assert store.kinds == ["opinions", "retraction"]
    bot.offer(probability=0.7)
    bot.settle()
    assert store.pairs["BTCUSDT"]["probability"] == 0.7
    bot.pass_time(INTERVAL_S)
    assert store.kinds == ["opinions", "retraction", "opinions", "opinions"]


def test_a_journal_that_cannot_be_written_does_not_stop_pushing(make_bot, store, tmp_path, caplog):
    bot = make_bot().start()
    with bot.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 20")
    with closing(sqlite3.connect(tmp_path / "guardian.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        bot.offer()
        bot.settle()
        assert store.kinds == ["opinions"]
        other.execute("ROLLBACK")
    assert bot.metrics.registry.get_sample_value("freqai_ext_guardian_journal_faults_total") >= 2
    assert "the journal cannot be written" in caplog.text
    bot.pass_time(INTERVAL_S)
    assert bot.outcomes() == ["accepted", "accepted"]


@pytest.mark.parametrize("offered", [False, True])
def test_a_locked_journal_does_not_keep_the_last_word_from_being_sent(make_bot, store, tmp_path, offered):
    bot = make_bot(shutdown_timeout_s=1.0).start()
    bot.offer()
    bot.settle()
    with closing(sqlite3.connect(tmp_path / "guardian.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        if offered:
            bot.publisher._wake = lambda: None
            bot.offer(probability=0.7)
        began_s = time.monotonic()
        assert bot.stop()
        assert time.monotonic() - began_s < HANG_S
        assert store.kinds == ["opinions", "retraction"]
        other.execute("ROLLBACK")
    deadline_s = time.monotonic() + SETTLE_S
    while bot.journal.session_left_open() and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert bot.outcomes() == ["accepted", *(["superseded"] if offered else []), "accepted"]
    assert bot.journal.unaccounted() == ()


def test_stopped_before_a_locked_journal_has_told_of_the_last_session_it_takes_back(make_bot, store, tmp_path):
    crashed = make_bot().start()
    crashed.offer()
    crashed.settle()
    crashed.crash()
    store.source = None
    bot = make_bot(shutdown_timeout_s=1.0)
    with closing(sqlite3.connect(tmp_path / "guardian.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        bot.running = True
        bot.worker.start()
        time.sleep(0.1)
        assert bot.stop()
        assert store.kinds == ["opinions", "retraction"]
        other.execute("ROLLBACK")


def test_one_line_is_logged_for_each_push(make_bot, store, caplog):
    bot = make_bot().start()
    with caplog.at_level(logging.INFO, "freqai_ext.guardian.publisher"):
        bot.offer()
        bot.settle()
    lines = [record.message for record in caplog.records if record.message.startswith("push=")]
    push_id = bot.journal.pushes()[0].push_id
    assert len(lines) == 1
    assert lines[0].startswith(f"push={push_id} kind=opinions pairs=3 trusted=3 accepted=3 status=accepted latency_ms=")
    assert "attempt=1" in lines[0]
    assert bot.count("opinions", "accepted") == 1


def test_a_universe_that_is_not_known_is_answered_by_a_retraction(make_bot, store, caplog):
    def broken():
        raise RuntimeError("no whitelist yet")

    crashed = make_bot().start()
    crashed.offer()
    crashed.settle()
    crashed.crash()
    bot = make_bot(policy={"no_model": "neutral"})
    bot.publisher._universe = broken
    bot.start()
    assert store.kinds == ["opinions", "retraction"]
    assert "the pairs are not known (RuntimeError: no whitelist yet)" in caplog.text


@pytest.mark.parametrize("lost", [list, lambda: 1 / 0])
def test_neutral_is_said_of_the_pairs_last_known_where_the_list_is_empty_or_cannot_be_read(make_bot, store, lost):
    crashed = make_bot().start()
    crashed.offer()
    crashed.settle()
    crashed.crash()
    bot = make_bot(policy={"no_model": "neutral", "shutdown": "neutral"}).start()
    assert store.kinds[-1] == "neutral"
    bot.publisher._universe = lost
    bot.pass_time(INTERVAL_S)
    assert store.kinds == ["opinions", "neutral", "neutral"]
    # Where it has never been read, it is what Guardian was sent.
    bot.publisher._known_pairs = ()
    assert bot.stop()
    assert store.kinds == ["opinions", "neutral", "neutral", "neutral"]
    assert set(store.pairs) == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}


def test_a_set_without_pairs_takes_nothing_back_where_the_policy_is_neutral(make_bot, store):
    bot = make_bot(policy={"no_model": "neutral"}).start()
    bot.offer()
    bot.settle()
    bot.offer(universe=())
    bot.settle()
    assert store.kinds == ["opinions", "neutral"]
    assert set(store.pairs) == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
    assert bot.outcomes() == ["accepted", "accepted"]


def test_two_hundred_pairs_are_pushed_in_half_a_second_of_processor_time(make_bot, store):
    bot = make_bot().start()
    universe = tuple(f"COIN{number}/USDT" for number in range(200))
    began_s = time.process_time()
    for number in range(5):
        bot.publisher.offer(make_opinions(START_S, 0.5 + 0.01 * number, universe))
        bot.settle()
    assert len(store.pairs) == 200
    # Of the whole process, the reference store included.
    assert (time.process_time() - began_s) / 5 < 0.5


def test_offers_from_many_threads_end_with_one_of_the_last(make_bot, store):
    bot = make_bot().start()

    def offer():
        for _ in range(20):
            bot.offer()

    threads = [threading.Thread(target=offer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bot.settle()
    assert len(bot.journal.pushes()) == 80
    assert bot.journal.unaccounted() == ()
    assert not bot.publisher.status.pending


@pytest.mark.parametrize("seed", [1])
def test_through_random_faults_guardian_ends_with_the_last_set_and_every_push_is_accounted_for(
    tmp_path, clock, caplog, seed
):
    random = np.random.default_rng(seed)
    kinds = get_args(FaultKind)
    with Sandbox(SandboxSettings(clock="sim", now=datetime.fromtimestamp(START_S, UTC), network="mainnet")) as sandbox:
        for start_s in START_S + np.cumsum(random.uniform(200.0, 900.0, 12)):
            kind = kinds[random.integers(len(kinds))]
            end_s = float(start_s + random.uniform(30.0, 600.0))
            share = float(random.choice([0.5, 1.0]))
            sandbox.add_fault(
                Fault(kind=kind, start_s=float(start_s), end_s=end_s, probability=share, seconds=0.05, megabytes=1)
            )
        settings = {"timeout_s": 0.25, "connect_timeout_s": 0.25, "max_answer_mb": 0.5, "network": "mainnet"}
        bot = Bot(sandbox.url, tmp_path / "guardian.sqlite", clock, **settings)
        try:
            bot.start()
            for candle in range(40):
                newest = bot.offer(probability=float(random.uniform(0.01, 0.99)))
                for _ in range(15):
                    bot.settle()
                    clock.now_s += 20.0
                    sandbox.set_clock(clock.now_s)
                if candle == 20:
                    sandbox.restart(30.0)
            bot.settle()
            stored = sandbox.state()["stored"]["pairs"]
            probability = newest.opinions["BTC/USDT"].probability
            assert {name: entry["probability"] for name, entry in stored.items()} == dict.fromkeys(
                ("BTCUSDT", "ETHUSDT", "SOLUSDT"), probability
            )
            assert asyncio.run(bot.publisher.read_back()).equal
            assert bot.publisher.status.state == "current"
            assert bot.stop()
            assert sandbox.state()["stored"]["pairs"] == {}
            assert bot.journal.unaccounted() == ()
            outcomes = [record.outcome for record in bot.journal.pushes(10_000)]
            assert len(outcomes) > 40
            assert bot.journal.pushes(10_000)[0].kind == "retraction"
        finally:
            bot.release()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    assert len(set(outcomes)) > 1
