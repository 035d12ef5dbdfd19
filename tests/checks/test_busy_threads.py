"""Work of one thread is told from work of several by processor time, whatever else the machine does."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from time import sleep

from freqai_ext.checks._busy_threads import busiest_thread_share

BLOCK = bytes(10_000_000)


def digest(_=None):
    return hashlib.sha256(BLOCK).digest()


def test_one_busy_thread_does_all_the_work():
    assert busiest_thread_share(digest, cpu_time_s=0.3) > 0.9


def test_four_busy_threads_share_the_work():
    with ThreadPoolExecutor(4) as pool:
        assert busiest_thread_share(lambda: list(pool.map(digest, range(16))), cpu_time_s=0.5) < 0.6


def test_threads_that_end_soon_count_nevertheless():
    def work():
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(digest, range(48)))

    assert busiest_thread_share(work, cpu_time_s=0.5) < 0.6


def test_threads_that_only_wait_do_not_count():
    done = threading.Event()
    waiting = [threading.Thread(target=done.wait) for _ in range(4)]
    for thread in waiting:
        thread.start()
    try:
        assert busiest_thread_share(digest, cpu_time_s=0.3) > 0.9
    finally:
        done.set()
        for thread in waiting:
            thread.join()


def test_the_processor_time_of_other_work_before_does_not_count():
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(digest, range(20)))
        assert busiest_thread_share(digest, cpu_time_s=0.3) > 0.9


def test_work_that_never_uses_the_processor_ends_at_the_limit():
    assert busiest_thread_share(lambda: sleep(0.05), cpu_time_s=5.0, limit_s=0.2) > 0.5
