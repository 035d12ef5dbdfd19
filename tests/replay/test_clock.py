import time

import pytest

from freqai_ext.errors import ReplayError
from freqai_ext.replay import SettableClock, WallClock


def test_the_wall_clock_tells_real_time():
    before = time.time_ns() // 1_000_000
    assert before <= WallClock().now_ms() <= time.time_ns() // 1_000_000


def test_a_settable_clock_stands_where_it_was_set():
    clock = SettableClock(1_000)
    assert clock.now_ms() == clock.now_ms() == 1_000
    clock.set(5_000)
    assert clock.now_ms() == 5_000


def test_a_settable_clock_can_run_at_a_rate(monkeypatch):
    clock = SettableClock(0)
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    clock.set(1_000, rate=60)
    monkeypatch.setattr(time, "monotonic", lambda: 102.0)
    assert clock.now_ms() == 1_000 + 120_000


def test_time_does_not_run_backwards():
    with pytest.raises(ReplayError, match=r"clock rate -1 is negative; use 0 to stand still"):
        SettableClock(0).set(0, rate=-1)
