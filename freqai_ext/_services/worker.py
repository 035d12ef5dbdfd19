"""A thread with an event loop of its own, for what must never make the bot's loop wait.

A :class:`Worker` runs :class:`Job` objects side by side, each when it is due. Due times are wall-clock times, so that a
simulated clock moves them; waiting goes by real time and looks at the clock four times a second, so that a clock that
jumps, forth or back, delays nothing for long.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from freqai_ext._services.throttle import Throttle

logger = logging.getLogger(__name__)

NEVER = float("inf")
"""The due time of a job that waits to be woken."""

_LONGEST_WAIT_S = 0.25
_SET_BACK_S = 1.0
_AFTER_A_FAULT_S = 60.0
_SETTLE_POLL_S = 0.001


class Job(Protocol):
    """Something a worker does again and again. All methods run in the worker's thread."""

    async def run(self, now_s: float) -> float:
        """Do what is due at ``now_s`` (UTC seconds) and return when to be called next, :data:`NEVER` for when woken.

        It may be called before that: after :meth:`Worker.wake`, and when the clock was set back. Faults that are to be
        expected are its own business; an exception is logged and the job is called again a minute later.
        """

    async def close(self) -> None:
        """Do what must be done before the end; cancelled when the time to stop is over."""


class Worker:
    """Runs jobs in a daemon thread until it is stopped.

    Parameters
    ----------
    name
        Name of the thread.
    jobs
        Run concurrently: a job that waits for an answer delays no other.
    clock
        UTC seconds.
    """

    def __init__(self, name: str, jobs: Sequence[Job], clock: Callable[[], float] = time.time) -> None:
        self._name = name
        self._clock = clock
        self._turns = [_Turns(job, clock) for job in jobs]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._stop_within_s: float | None = None

    def start(self) -> None:
        """Start the thread; does nothing when it runs."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
            self._ready.wait()

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self) -> None:
        """Have every job called within a quarter of a second, due or not; does nothing while there is no thread.

        The thread finds out by itself, so that this costs the caller nothing: telling it writes to a pipe, after which
        another thread may hold the interpreter for some milliseconds.
        """
        for turns in self._turns:
            turns.woken = True

    def settle(self, timeout_s: float) -> bool:
        """Wait until no job is at work and none is due, as a simulated clock must before it moves on.

        Returns
        -------
        bool
            False where ``timeout_s`` real seconds were not enough.
        """
        deadline = time.monotonic() + timeout_s
        while self.running and not all(turns.settled for turns in self._turns):
            self._in_loop(self._look_at_the_clock)
            if time.monotonic() > deadline:
                return False
            time.sleep(_SETTLE_POLL_S)
        return True

    def stop(self, timeout_s: float) -> bool:
        """Interrupt the jobs, let them close, and wait for the end of the thread.

        Returns
        -------
        bool
            False where a job was cut off because ``timeout_s`` real seconds were over.
        """
        if self._thread is None or not self._thread.is_alive():
            return True
        self._stop_within_s = timeout_s
        self._in_loop(self._end_all)
        # The jobs are cancelled in time; the second is for the loop itself.
        self._thread.join(timeout_s + 1.0)
        return not self._thread.is_alive() and all(turns.closed for turns in self._turns)

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(turns.run()) for turns in self._turns]
        self._ready.set()
        await asyncio.wait(tasks)
        await asyncio.gather(*(turns.close(self._stop_within_s or 0.0) for turns in self._turns))
        self._loop = None

    def _in_loop(self, call: Callable[[], None]) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # closed in between
                loop.call_soon_threadsafe(call)

    def _look_at_the_clock(self) -> None:
        for turns in self._turns:
            turns.look()

    def _end_all(self) -> None:
        for turns in self._turns:
            turns.end()


class _Turns:
    """One job and when it is called."""

    def __init__(self, job: Job, clock: Callable[[], float]) -> None:
        self.job = job
        self.closed = False
        self.woken = False
        self._clock = clock
        self._due_s = -NEVER
        self._asked_s = -NEVER
        self._at_work = False
        self._signal = asyncio.Event()
        self._ending = False
        self._call: asyncio.Task[float] | None = None
        self._failures = Throttle()

    @property
    def settled(self) -> bool:
        return not self._at_work and not self._is_due()

    def look(self) -> None:
        if self._is_due():
            self._signal.set()

    def end(self) -> None:
        self._ending = True
        self._signal.set()
        if self._call is not None:
            self._call.cancel()

    async def run(self) -> None:
        while not self._ending:
            if self._is_due():
                await self._work()
            else:
                with suppress(TimeoutError):
                    wait_s = min(max(self._due_s - self._clock(), 0.0), _LONGEST_WAIT_S)
                    await asyncio.wait_for(self._signal.wait(), wait_s)
            self._signal.clear()

    async def close(self, timeout_s: float) -> None:
        try:
            await asyncio.wait_for(self.job.close(), timeout_s)
            self.closed = True
        except TimeoutError:
            logger.warning("%s: cut off at the end, after %g s", type(self.job).__name__, timeout_s)
        except Exception:
            logger.exception("%s: failed at the end", type(self.job).__name__)

    def _is_due(self) -> bool:
        now_s = self._clock()
        # A clock that was set back must not put off what was due by the old one.
        return self.woken or now_s >= self._due_s or now_s < self._asked_s - _SET_BACK_S

    async def _work(self) -> None:
        self._at_work, self.woken = True, False
        now_s = self._clock()
        try:
            self._call = asyncio.ensure_future(self.job.run(now_s))
            self._due_s = await self._call
            self._failures.reset()
        except asyncio.CancelledError:
            if not self._ending:
                raise
        except Exception:
            if self._failures.passes():
                logger.exception(
                    "%s failed, times=%d; it is tried again in a minute", type(self.job).__name__, self._failures.count
                )
            self._due_s = now_s + _AFTER_A_FAULT_S
        finally:
            self._asked_s, self._call = now_s, None
            self._at_work = False
