"""Lock-step time: the bot's clock stands still while it works, and moves on only where it would sleep.

This runs in a child process that does nothing else (``python -m freqai_ext.replay.lockstep_bot``). There, and
nowhere else in this package, parts of Freqtrade are replaced: what the worker and FreqAI's scan thread do instead
of sleeping. Their logic is left alone; some of it is counted.

The two threads take turns. The scan thread works only while the main thread is in ``Worker._sleep``, and time moves
only when the scan thread is parked again. So no training races with an analysis, a training that is due is done
before the next candle, and the same inputs give the same trades.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from freqai_ext.replay.timeframe import timeframe_ms

PARKED_POLL_S = 0.1
SHORTEST_STEP_S = 1.0


class _ScanOver(BaseException):
    """Ends a parked scan thread. FreqAI's own ``except Exception`` must not catch it."""


class ScanTurns:
    """Lets FreqAI's scan thread run one round of its loop at a time.

    Parameters
    ----------
    model
        FreqAI's model class instance, which owns the loop, the queue of pairs to train and the stop event.
    closing
        Set when the bot ends; a parked thread then ends too.
    """

    def __init__(self, model: Any, closing: threading.Event) -> None:
        self.model = model
        self.trainings = 0
        self._candle_s = timeframe_ms(model.config["timeframe"]) / 1000
        self._candle = -1
        self._closing = closing
        # Bare locks: their timeouts do not go by a clock that stands still.
        self._go = threading.Lock()
        self._go.acquire()
        self._done = threading.Lock()
        self._done.acquire()
        self._thread: threading.Thread | None = None
        self._parked = False
        self._left = False

    def enter_candle(self, now_s: float) -> None:
        """Start to count trainings again when ``now_s`` lies in another candle than before."""
        candle = int(now_s // self._candle_s)
        if candle != self._candle:
            self._candle, self.trainings = candle, 0

    def park(self) -> None:
        """Wait for a turn; called by the scan thread instead of sleeping. Ends the thread when the bot stops."""
        self._thread = threading.current_thread()
        self._done.release()
        while not self._go.acquire(timeout=PARKED_POLL_S):
            if self._closing.is_set() or self.model._stop_event.is_set():
                raise _ScanOver

    def grant(self) -> None:
        """Let the scan thread do one round and wait for its end; called by the main thread."""
        if not self._parked:
            self._await_parking()
        if self.ended:
            return
        self._go.release()
        self._await_parking()

    def leave(self) -> None:
        """Note that the loop is over; called by the scan thread, which may begin it again in other turns."""
        self._left = True

    @property
    def ended(self) -> bool:
        """Whether the scan thread has died or left its loop."""
        return self._left or (self._thread is not None and not self._thread.is_alive())

    def _await_parking(self) -> None:
        while not self._done.acquire(timeout=PARKED_POLL_S):
            if self.ended:
                return
        self._parked = True


class LockStep:
    """Moves simulated time from sleep to sleep.

    Parameters
    ----------
    start_s, end_s
        Simulated time, UTC seconds. At ``end_s`` the bot is stopped as by Ctrl-C.
    move_to
        Sets the clocks of bot and exchange, UTC seconds.
    on_step
        Called after each step, e.g. to report progress.
    settle
        Waits until nothing that works beside the bot has anything to do at the present time; called before time moves
        and after, so that what is due at a time is done at that time.

    Notes
    -----
    Each pair is trained at most once a candle, whatever ``live_retrain_hours`` says and however often it fails:
    its data only changes with the candle, and time would otherwise never move.
    """

    def __init__(
        self,
        start_s: float,
        end_s: float,
        move_to: Callable[[float], None],
        on_step: Callable[[], None],
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self.start_s = start_s
        self.end_s = end_s
        self.now_s = start_s
        self.steps = 0
        self.reached_end = False
        self._move_to = move_to
        self._on_step = on_step
        self._settle = settle
        self._turns: list[ScanTurns] = []
        self._closing = threading.Event()
        self._mine = threading.local()

    def scan(self, model: Any, loop: Callable[[], None]) -> None:
        """Run the scan loop of ``model`` in turns; called in its thread."""
        turns = self._mine.turns = ScanTurns(model, self._closing)
        self._turns.append(turns)
        try:
            with suppress(_ScanOver):
                loop()
        finally:
            turns.leave()

    def scan_sleep(self, seconds: float) -> None:
        """Stand in for ``time.sleep`` in FreqAI's scan loop; other threads sleep for real."""
        turns = getattr(self._mine, "turns", None)
        if turns is None:
            time.sleep(seconds)
        else:
            turns.park()

    def count_training(self) -> None:
        """Note that a training begins; called in the scan thread."""
        turns = getattr(self._mine, "turns", None)
        if turns is not None:
            turns.trainings += 1

    def worker_sleep(self, seconds: float) -> None:
        """Stand in for ``Worker._sleep``: do the trainings that are due, then move time.

        Raises
        ------
        KeyboardInterrupt
            At the end, which stops the bot as Ctrl-C does.
        """
        self.steps += 1
        for turns in list(self._turns):
            turns.enter_candle(self.now_s)
            self._train_what_is_due(turns)
        self._settle()
        self._on_step()
        if self.now_s >= self.end_s:
            self.reached_end = True
            raise KeyboardInterrupt
        self.now_s = min(self.now_s + max(seconds, SHORTEST_STEP_S), max(self.end_s, self.now_s + SHORTEST_STEP_S))
        self._move_to(self.now_s)
        self._settle()

    def close(self) -> None:
        """End parked threads, so that the process can end."""
        self._closing.set()

    def _train_what_is_due(self, turns: ScanTurns) -> None:
        while not turns.ended and turns.trainings < max(1, len(turns.model.train_queue)):
            before = turns.trainings
            turns.grant()
            if turns.trainings == before:
                return
