import threading
from collections import deque

import pytest

from freqai_ext.replay.lockstep import LockStep


class FakeModel:
    """FreqAI's scan loop, reduced to its shape: sleep, train the head of the queue if it is due, rotate."""

    def __init__(self, steps, due, pairs=("A", "B")):
        self.config = {"timeframe": "5m"}
        self.train_queue = deque(pairs)
        self.trained = []
        self._stop_event = threading.Event()
        self._steps = steps
        self._due = due
        self.thread = threading.Thread(target=steps.scan, args=(self, self._loop), daemon=True)

    def _loop(self):
        while not self._stop_event.is_set():
            self._steps.scan_sleep(1)
            pair = self.train_queue[0]
            if self._due(self, pair, self._steps.now_s):
                self._steps.count_training()
                self.trained.append((pair, self._steps.now_s))
                self.train_queue.rotate(-1)


@pytest.fixture
def run():
    """Run ``count`` sleeps of 60 s against a model and return it with the steps."""
    started = []

    def build(due, count, end_s=10**9):
        moves = []
        steps = LockStep(0.0, end_s, moves.append, lambda: None)
        model = FakeModel(steps, due)
        model.thread.start()
        while not steps._turns:
            pass
        started.append((steps, model))
        for _ in range(count):
            steps.worker_sleep(60)
        return steps, model, moves

    yield build
    for steps, model in started:
        steps.close()
        model.thread.join(2)
        assert not model.thread.is_alive()


def once(model, pair, now_s):
    return pair not in [trained for trained, _ in model.trained]


def test_what_is_due_is_trained_before_time_moves(run):
    _, model, moves = run(once, 1)
    assert model.trained == [("A", 0.0), ("B", 0.0)]
    assert moves == [60.0]


def test_nothing_is_trained_between_sleeps(run):
    _, model, _ = run(once, 0)
    assert model.trained == []


def test_a_pair_that_is_always_due_is_trained_once_a_candle(run):
    _, model, moves = run(lambda *_: True, 10)
    assert [now for pair, now in model.trained if pair == "A"] == [0.0, 300.0]
    assert moves == [60.0 * step for step in range(1, 11)]


def test_a_training_that_becomes_due_inside_a_candle_is_done_there(run):
    _, model, _ = run(lambda model, pair, now: now >= 120 and once(model, pair, now), 4)
    assert model.trained == [("A", 120.0), ("B", 120.0)]


def test_the_end_interrupts_the_bot_after_the_last_trainings(run):
    steps, model, moves = run(lambda model, pair, now: now >= 90 and once(model, pair, now), 2, end_s=90.0)
    assert moves == [60.0, 90.0]
    with pytest.raises(KeyboardInterrupt):
        steps.worker_sleep(60)
    assert steps.reached_end
    assert model.trained == [("A", 90.0), ("B", 90.0)]


def test_a_scan_thread_ends_when_freqai_stops(run):
    _, model, _ = run(once, 1)
    model._stop_event.set()
    model.thread.join(2)
    assert not model.thread.is_alive()


def test_a_scan_thread_that_died_does_not_stop_time(run):
    def dying(model, pair, now_s):
        model._stop_event.set()
        return False

    _, _, moves = run(dying, 3)
    assert moves == [60.0, 120.0, 180.0]


def test_time_moves_even_when_the_bot_does_not_want_to_sleep():
    moves = []
    LockStep(0.0, 100.0, moves.append, lambda: None).worker_sleep(0.0)
    assert moves == [1.0]


def test_what_works_beside_the_bot_is_done_before_time_moves_and_after():
    order = []
    steps = LockStep(0.0, 100.0, lambda now_s: order.append(now_s), lambda: None, lambda: order.append("settled"))
    steps.worker_sleep(60)
    steps.worker_sleep(60)
    assert order == ["settled", 60.0, "settled", "settled", 100.0, "settled"]
