import asyncio
import logging
import threading
import time

import pytest

from freqai_ext._services.worker import NEVER, Worker
from tests.services.timing import HANG_S, LoopCost


class ManualClock:
    def __init__(self, now_s=1_000.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


class Recorder:
    """Notes when it is called, and asks to be called again after ``every_s``."""

    def __init__(self, every_s=NEVER, takes_s=0.0, error=None):
        self.every_s, self.takes_s, self.error = every_s, takes_s, error
        self.calls = []
        self.threads = set()
        self.closed = 0

    async def run(self, now_s):
        self.threads.add(threading.current_thread().name)
        await asyncio.sleep(self.takes_s)
        self.calls.append(now_s)
        if self.error:
            raise self.error
        return now_s + self.every_s

    async def close(self):
        self.closed += 1


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def start(clock):
    started = []

    def make(*jobs):
        worker = Worker("test-worker", jobs, clock)
        started.append(worker)
        worker.start()
        return worker

    yield make
    for worker in started:
        worker.stop(2.0)


def test_a_job_is_called_at_the_start_and_whenever_it_is_due(start, clock):
    job = Recorder(every_s=60.0)
    worker = start(job)
    for step in (30.0, 29.0, 1.0, 200.0):
        assert worker.settle(HANG_S)
        clock.now_s += step
    assert worker.settle(HANG_S)
    assert job.calls == [1_000.0, 1_060.0, 1_260.0]
    assert job.threads == {"test-worker"}


def test_a_job_that_waits_to_be_woken_is_called_when_it_is(start, clock):
    job = Recorder()
    worker = start(job)
    assert worker.settle(HANG_S)
    clock.now_s += 1e6
    assert worker.settle(HANG_S)
    assert len(job.calls) == 1
    worker.wake()
    assert worker.settle(HANG_S)
    assert len(job.calls) == 2


def test_a_clock_that_is_set_back_delays_nothing(start, clock):
    job = Recorder(every_s=60.0)
    worker = start(job)
    assert worker.settle(HANG_S)
    clock.now_s -= 86_400
    assert worker.settle(HANG_S)
    assert job.calls == [1_000.0, 1_000.0 - 86_400]


def test_without_anybody_who_settles_it_the_clock_is_looked_at_now_and_then(start, clock):
    job = Recorder(every_s=60.0)
    worker = start(job)
    assert worker.settle(HANG_S)
    clock.now_s += 61.0
    deadline = time.monotonic() + HANG_S
    while len(job.calls) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(job.calls) == 2


def test_a_slow_job_delays_no_other(start):
    slow, quick = Recorder(takes_s=5.0), Recorder()
    worker = start(slow, quick)
    assert not worker.settle(0.3)
    assert quick.calls
    assert not slow.calls


def test_waking_takes_no_time_while_a_job_hangs(start):
    worker = start(Recorder(takes_s=60.0))
    time.sleep(0.05)
    cost = LoopCost()
    for _ in range(200):
        with cost.call():
            worker.wake()
    cost.check(1e-3)


def test_a_failing_job_is_logged_and_tried_again_a_minute_later(start, clock, caplog):
    job = Recorder(every_s=1.0, error=ValueError("broken"))
    with caplog.at_level(logging.ERROR):
        worker = start(job)
        assert worker.settle(HANG_S)
    assert "Recorder failed, times=1; it is tried again in a minute" in caplog.text
    clock.now_s += 59.0
    assert worker.settle(HANG_S)
    assert len(job.calls) == 1
    clock.now_s += 1.0
    assert worker.settle(HANG_S)
    assert len(job.calls) == 2


def test_a_job_that_goes_on_failing_is_logged_ever_more_seldom_until_it_is_over(start, clock, caplog):
    job = Recorder(every_s=1.0, error=OSError("No space left on device"))
    with caplog.at_level(logging.ERROR):
        worker = start(job)
        for _ in range(16):
            assert worker.settle(HANG_S)
            clock.now_s += 60.0
        assert [message.split(", ")[1] for message in caplog.messages] == [
            f"times={1 << n}; it is tried again in a minute" for n in range(5)
        ]
        job.error = None
        assert worker.settle(HANG_S)
        job.error = OSError("No space left on device")
        clock.now_s += 60.0
        assert worker.settle(HANG_S)
    assert "times=1;" in caplog.messages[-1]


def test_stopping_interrupts_a_hanging_job_and_closes_every_job(start):
    hanging, idle = Recorder(takes_s=60.0), Recorder()
    worker = start(hanging, idle)
    time.sleep(0.05)
    began = time.monotonic()
    assert worker.stop(HANG_S)
    assert time.monotonic() - began < HANG_S
    assert (hanging.closed, idle.closed) == (1, 1)
    assert not worker.running


def test_stopping_cuts_off_a_job_that_does_not_close_in_time(start, caplog):
    class Endless(Recorder):
        async def close(self):
            await asyncio.sleep(60.0)

    worker = start(Endless())
    assert worker.settle(HANG_S)
    began = time.monotonic()
    assert not worker.stop(0.2)
    assert time.monotonic() - began < HANG_S
    assert "Endless: cut off at the end, after 0.2 s" in caplog.text


def test_nothing_happens_before_the_start_and_after_the_end(clock):
    job = Recorder()
    worker = Worker("test-worker", [job], clock)
    worker.wake()
    assert not worker.running
    assert worker.settle(0.1)
    assert worker.stop(0.1)
    worker.start()
    assert worker.settle(HANG_S)
    assert worker.stop(HANG_S)
    worker.wake()
    assert worker.settle(0.1)
    assert job.calls == [1_000.0]
    assert job.closed == 1


def test_a_job_that_is_woken_finds_out_by_itself(start):
    job = Recorder()
    worker = start(job)
    assert worker.settle(HANG_S)
    worker.wake()
    deadline = time.monotonic() + HANG_S
    while len(job.calls) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(job.calls) == 2
