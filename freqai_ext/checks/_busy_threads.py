"""How many threads a piece of work keeps busy, on a machine that does other things too."""

import threading
from collections.abc import Callable
from time import monotonic

import psutil  # type: ignore[import-untyped]

_POLL_S = 0.02
_INTERVAL_CPU_S = 0.1
_TICK_S = 0.01


def busiest_thread_share(work: Callable[[], object], cpu_time_s: float, limit_s: float = 60.0) -> float:
    """Return the share of the processor time of ``work`` that one thread used: 1 for one thread, 0.5 for two alike.

    Processor time is counted, not time on the wall, so that other processes make no difference. The busiest thread is
    determined anew for every 0.1 s of processor time: threads that take turns count as one.

    Parameters
    ----------
    work
        Repeated until it has used ``cpu_time_s`` of processor time, or ``limit_s`` have passed.
    """
    meter = _Meter()
    begin = monotonic()
    with meter:
        while True:
            work()
            if meter.total_s >= cpu_time_s or monotonic() - begin > limit_s:
                break
    return meter.busiest_s / meter.total_s if meter.total_s > _TICK_S else 1.0


class _Meter:
    """Adds up, interval by interval, the processor time of all threads and that of the busiest."""

    def __init__(self) -> None:
        self.total_s = self.busiest_s = 0.0
        self._process = psutil.Process()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="freqai_ext.checks", daemon=True)

    def __enter__(self) -> None:
        self._begin = self._thread_times()
        self._latest = dict(self._begin)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        own = threading.get_native_id()
        while not self._done.wait(_POLL_S):
            self._count(own, at_least_s=_INTERVAL_CPU_S)
        self._count(own, at_least_s=0.0)

    def _count(self, own: int, at_least_s: float) -> None:
        """End the interval if so much processor time has passed in it.

        An interval of wall time would hold the turn of a single thread on a busy machine.
        """
        # A thread that has ended is absent from now on: its last reading stays.
        self._latest |= self._thread_times()
        used = [seconds - self._begin.get(thread, 0.0) for thread, seconds in self._latest.items() if thread != own]
        if sum(used) < at_least_s:
            return
        self._begin = dict(self._latest)
        self.total_s += sum(used)
        self.busiest_s += max(used, default=0.0)

    def _thread_times(self) -> dict[int, float]:
        return {thread.id: thread.user_time + thread.system_time for thread in self._process.threads()}
