"""Writes decisions down beside the bot, whose loop must not wait for the disk."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from freqai_ext._services.throttle import Throttle
from freqai_ext._services.worker import NEVER
from freqai_ext.errors import NewsDataError
from freqai_ext.news.records import Decision

logger = logging.getLogger(__name__)

MOST_WAITING: Final = 10_000
"""Where the disk fails for long the oldest decisions beyond these are lost, and the log says how many."""

_AFTER_A_FAULT_S: Final = 60.0


class DecisionJournal:
    """A :class:`~freqai_ext._services.worker.Job` that stores decisions in the order in which they were made.

    Parameters
    ----------
    store
        Stores one decision, or raises a NewsDataError.
    wake
        Has :meth:`run` called soon.

    Attributes
    ----------
    lost
        Decisions that were pushed out of the queue and never stored.
    """

    def __init__(self, store: Callable[[Decision], None], wake: Callable[[], None] = lambda: None) -> None:
        self._store, self._wake = store, wake
        self._waiting: deque[Decision] = deque(maxlen=MOST_WAITING)
        self._failures = Throttle()
        self._changing = threading.Lock()
        self.lost = 0

    def offer(self, decision: Decision) -> None:
        """Have a decision stored; returns at once, from any thread."""
        with self._changing:
            self.lost += len(self._waiting) == MOST_WAITING
            self._waiting.append(decision)
        self._wake()

    async def run(self, now_s: float) -> float:
        """Store what waits; after a fault the rest is tried again a minute later."""
        try:
            await asyncio.to_thread(self._drain)
        except NewsDataError as error:
            if self._failures.passes():
                logger.warning(
                    "decisions are not stored, times=%d, %d wait and %d are lost: %s",
                    self._failures.count,
                    len(self._waiting),
                    self.lost,
                    error,
                )
            return now_s + _AFTER_A_FAULT_S
        if self._failures.count:
            logger.info("decisions are stored again after %d failures, %d are lost", self._failures.count, self.lost)
            self._failures.reset()
        return NEVER

    async def close(self) -> None:
        """Store what waits, as far as the disk lets it."""
        try:
            await asyncio.to_thread(self._drain)
        except NewsDataError as error:
            logger.warning("%d decisions are not stored: %s", len(self._waiting), error)

    def _drain(self) -> None:
        while self._waiting:
            decision = self._waiting.popleft()
            try:
                self._store(decision)
            except NewsDataError:
                with self._changing:
                    if len(self._waiting) < MOST_WAITING:
                        self._waiting.appendleft(decision)
                    else:
                        self.lost += 1
                raise
