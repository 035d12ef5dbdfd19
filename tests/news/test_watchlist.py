import threading

import pytest

from freqai_ext._services.worker import NEVER
from freqai_ext.news.watchlist import STANDS_FOR_S, Numbers, Watchlist
from tests.services.timing import LoopCost

START_S = 1_760_000_000.0
INTERVAL_S = 3600.0


class Clock:
    def __init__(self, now_s=START_S):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watchlist(clock):
    return Watchlist(INTERVAL_S, clock)


def test_each_asset_is_taken_once_with_its_newest_numbers(watchlist):
    assert watchlist.due_s() == NEVER
    assert watchlist.request("BTC", Numbers(rsi=31.0))
    assert watchlist.request("BTC", Numbers(rsi=29.0))
    assert len(watchlist) == 1
    assert watchlist.due_s() <= START_S
    assert watchlist.take() == ("BTC", Numbers(rsi=29.0))
    assert watchlist.take() is None
    assert watchlist.due_s() == NEVER


def test_what_is_being_looked_at_is_not_planned_again(watchlist):
    watchlist.request("BTC", Numbers())
    watchlist.take()
    assert not watchlist.request("BTC", Numbers())
    assert watchlist.take() is None


def test_urgent_ones_come_first_and_then_those_that_wait_longest(watchlist, clock):
    for asset, urgent in (("ADA", False), ("BTC", False), ("ETH", True), ("XRP", True)):
        watchlist.request(asset, Numbers(urgent=urgent))
        clock.now_s += 1.0
    assert [watchlist.take()[0] for _ in range(4)] == ["ETH", "XRP", "ADA", "BTC"]


def test_an_asset_rests_after_a_success(watchlist, clock):
    watchlist.request("BTC", Numbers())
    watchlist.take()
    watchlist.rest("BTC", START_S + INTERVAL_S)
    assert not watchlist.request("BTC", Numbers())
    clock.now_s = START_S + INTERVAL_S - 0.5
    assert not watchlist.request("BTC", Numbers())
    assert watchlist.take() is None
    clock.now_s = START_S + INTERVAL_S
    assert watchlist.request("BTC", Numbers())
    assert watchlist.take() is not None


def test_it_rests_for_the_interval_at_most(watchlist, clock):
    watchlist.request("BTC", Numbers())
    watchlist.take()
    watchlist.rest("BTC", START_S + 1e9)
    clock.now_s += INTERVAL_S
    assert watchlist.request("BTC", Numbers())


def test_after_failures_it_comes_again_by_itself_and_waits_longer_each_time(watchlist, clock):
    watchlist.request("BTC", Numbers(rsi=30.0))
    waits = []
    for _ in range(9):
        assert watchlist.take() == ("BTC", Numbers(rsi=30.0))
        wait_s = watchlist.fail("BTC", Numbers(rsi=30.0))
        waits.append(wait_s)
        assert watchlist.take() is None
        watchlist.request("BTC", Numbers(rsi=30.0))
        assert watchlist.due_s() == clock.now_s + wait_s
        clock.now_s += wait_s
        watchlist.request("BTC", Numbers(rsi=30.0))
    for wait_s, longest_s in zip(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600], strict=True):
        assert 0.8 * longest_s <= wait_s <= longest_s


def test_a_success_ends_the_longer_waits(watchlist, clock):
    for _ in range(3):
        watchlist.request("BTC", Numbers())
        watchlist.take()
        clock.now_s += watchlist.fail("BTC", Numbers())
    watchlist.take()
    watchlist.rest("BTC", clock.now_s)
    watchlist.request("BTC", Numbers())
    watchlist.take()
    assert watchlist.fail("BTC", Numbers()) <= 60.0


def test_a_wait_that_a_service_asks_for_is_kept_up_to_the_interval(watchlist):
    watchlist.request("BTC", Numbers())
    watchlist.take()
    assert watchlist.fail("BTC", Numbers(), at_least_s=500.0) == 500.0
    watchlist.request("ETH", Numbers())
    watchlist.take()
    assert watchlist.fail("ETH", Numbers(), at_least_s=1e9) == INTERVAL_S


def test_requests_while_it_waits_for_another_try_bring_newer_numbers(watchlist, clock):
    watchlist.request("BTC", Numbers(rsi=30.0))
    watchlist.take()
    clock.now_s += 1.0
    wait_s = watchlist.fail("BTC", Numbers(rsi=30.0))
    assert not watchlist.request("BTC", Numbers(rsi=25.0))
    clock.now_s += wait_s
    assert watchlist.take() == ("BTC", Numbers(rsi=25.0))


def test_a_request_that_nobody_repeats_is_dropped(watchlist, clock):
    watchlist.request("BTC", Numbers())
    clock.now_s += STANDS_FOR_S
    assert len(watchlist) == 1
    assert watchlist.due_s() < NEVER
    clock.now_s += 1.0
    assert watchlist.due_s() == NEVER
    assert watchlist.take() is None
    assert len(watchlist) == 0


def test_one_that_was_dropped_while_it_waited_is_planned_anew(watchlist, clock):
    for _ in range(6):
        watchlist.request("BTC", Numbers())
        watchlist.take()
        clock.now_s += watchlist.fail("BTC", Numbers())
        watchlist.request("BTC", Numbers())
    watchlist.take()
    wait_s = watchlist.fail("BTC", Numbers())
    clock.now_s += STANDS_FOR_S + 1.0
    assert watchlist.due_s() == NEVER
    assert watchlist.request("BTC", Numbers())
    assert watchlist.due_s() == pytest.approx(clock.now_s + wait_s - STANDS_FOR_S - 1.0)


def test_a_clock_that_is_set_back_puts_nothing_off_for_long(watchlist, clock):
    watchlist.request("BTC", Numbers())
    watchlist.take()
    watchlist.rest("BTC", START_S + INTERVAL_S)
    clock.now_s = START_S - 86_400.0
    assert not watchlist.request("BTC", Numbers())
    clock.now_s += INTERVAL_S
    assert watchlist.request("BTC", Numbers())
    clock.now_s -= 86_400.0
    assert watchlist.take() is not None


def test_it_is_bounded_and_idle_assets_make_room(watchlist, clock):
    for number in range(300):
        watchlist.request(f"C{number}", Numbers())
    assert len(watchlist) == 256
    for _ in range(256):
        watchlist.rest(watchlist.take()[0], START_S + 10.0)
    assert not watchlist.request("NEW", Numbers())
    clock.now_s += 10.0
    assert watchlist.request("NEW", Numbers())
    assert len(watchlist) == 1


def test_requests_from_threads_lose_nothing_and_take_microseconds(clock):
    watchlist = Watchlist(INTERVAL_S, clock)

    def ask(part):
        for number in range(40):
            watchlist.request(f"{part}-{number}", Numbers())

    threads = [threading.Thread(target=ask, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [watchlist.take()[0] for _ in range(160)]
    assert len(set(taken)) == 160
    cost = LoopCost()
    for _ in range(200):
        with cost.call():
            watchlist.request("0-0", Numbers())
    cost.check(1e-4)
