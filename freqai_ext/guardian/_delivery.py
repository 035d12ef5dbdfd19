"""One push and its attempts, each with an outcome in the journal, the metrics and the log."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from freqai_ext._services.throttle import Throttle
from freqai_ext.errors import GuardianError
from freqai_ext.guardian._gate import Trouble
from freqai_ext.guardian._slot import Superseded
from freqai_ext.guardian.answers import PushReceipt
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.journal import Journal
from freqai_ext.guardian.journal_reader import Outcome
from freqai_ext.guardian.metrics import GuardianMetrics
from freqai_ext.guardian.payload import Payload

logger = logging.getLogger("freqai_ext.guardian.publisher")

_MOST_MISMATCHES: Final = 2


class Delivery:
    """Sends one payload at a time, again and again until an outcome is final.

    Parameters
    ----------
    client, journal, metrics
        Where it goes, and where it is noted.
    clock
        UTC seconds.
    """

    def __init__(
        self, client: GuardianClient, journal: Journal, metrics: GuardianMetrics, clock: Callable[[], float]
    ) -> None:
        self._client, self._journal, self._metrics, self._clock = client, journal, metrics, clock
        self._payload: Payload | None = None
        self._attempt = 0
        self._mismatches = 0
        self._stored: int | None = None
        self._counted_faults = 0
        # One thread: what is noted without waiting for it still comes in order.
        self._writer = ThreadPoolExecutor(1, "guardian-journal")
        self._hurried = False
        self._not_waited_for: list[Future[None]] = []
        self._throttles: defaultdict[Outcome, Throttle] = defaultdict(Throttle)

    @property
    def payload(self) -> Payload | None:
        """What is on its way; ``None`` when nothing is."""
        return self._payload

    @property
    def stored(self) -> int | None:
        """How many pairs Guardian stored of the last push that it answered."""
        return self._stored

    def hurry(self) -> None:
        """From now on, send first: what is noted is written when the disk has time, in the same order."""
        self._hurried = True

    async def open(self, payload: Payload) -> Payload:
        """Take on a payload in place of the one on its way, and return it."""
        await self.give_up("superseded")
        self._payload, self._attempt, self._mismatches = payload, 0, 0
        await self._in_thread(lambda: self._journal.opened(payload))
        return payload

    async def send(self) -> Outcome:
        """Send what is on its way once and return the outcome; a second mismatch is final."""
        payload = self._on_its_way()
        self._attempt += 1
        try:
            receipt = await self._client.push(payload.body)
        except GuardianError as error:
            trouble = Trouble.of(error)
            level = logging.WARNING
            if trouble.outcome == "refused":
                self._payload, level = None, logging.ERROR
            status = getattr(error, "status", None)
            return await self._noted(trouble.outcome, status, error=trouble.reason, payload=payload, level=level)
        self._stored = receipt.symbols
        outcome: Outcome = "accepted"
        text = None
        if receipt.symbols != len(payload.entries):
            outcome, text = "mismatch", f"Guardian stored {receipt.symbols} of {len(payload.entries)} pairs"
            self._mismatches += 1
        if outcome == "accepted" or self._mismatches == _MOST_MISMATCHES:
            self._payload = None
        return await self._noted(outcome, 200, receipt, text, payload)

    async def forgo(self, trouble: Trouble) -> Outcome:
        """Note that what is on its way was not sent this time, and why."""
        payload = self._on_its_way()
        self._attempt += 1
        if trouble.outcome == "refused":
            self._payload = None
        return await self._noted(trouble.outcome, error=trouble.reason, payload=payload)

    async def cut_off(self, reason: str) -> Outcome:
        """Note that an attempt was ended from outside."""
        return await self._noted("failed", error=reason)

    async def give_up(self, outcome: Outcome) -> None:
        """End what is on its way, if anything is."""
        payload, self._payload = self._payload, None
        if payload is not None:
            self._metrics.pushed(payload.kind, outcome, len(payload.entries), None, self._clock(), None)
            attempt = self._attempt
            await self._in_thread(lambda: self._journal.ended(payload.push_id, attempt, outcome))

    async def superseded(self, *offers: Superseded) -> None:
        """Note sets that were never sent."""
        for offer in offers:
            self._metrics.pushed("opinions", "superseded", offer.pairs, None, self._clock(), None)
        if offers:
            await self._in_thread(lambda: self._journal.superseded(*offers))

    async def session_left_open(self) -> bool:
        """Begin a session and return whether the one before was left open."""
        left_open = False

        def begin() -> None:
            nonlocal left_open
            left_open = self._journal.session_left_open()
            self._journal.begin_session()

        begun = self._writer.submit(begin)
        await self._written()
        begun.result()
        return left_open

    async def end_session(self) -> None:
        """Note that Guardian has heard the last word."""
        await self._in_thread(self._journal.end_session)

    async def close(self, wait_s: float) -> None:
        """Wait for the notes, ``wait_s`` at most; those that take longer are written all the same."""
        try:
            async with asyncio.timeout(wait_s):
                await self._written()
        except TimeoutError:
            logger.warning("the journal is not written within %.1f s; what is missing follows", wait_s)
        self._writer.shutdown(wait=False)
        for noted in self._not_waited_for:
            if noted.done():
                noted.result()

    async def _noted(
        self,
        outcome: Outcome,
        status: int | None = None,
        receipt: PushReceipt | None = None,
        error: str | None = None,
        payload: Payload | None = None,
        level: int = logging.WARNING,
    ) -> Outcome:
        payload, attempt = payload or self._on_its_way(), self._attempt
        accepted = receipt.symbols if receipt else None
        latency_s = receipt.latency_s if receipt else None
        latency_ms = 1e3 * receipt.latency_s if receipt else None
        self._log(payload, outcome, accepted, latency_ms, error, level)
        self._metrics.pushed(payload.kind, outcome, len(payload.entries), accepted, self._clock(), latency_s)
        await self._in_thread(
            lambda: self._journal.ended(
                payload.push_id,
                attempt,
                outcome,
                status=status,
                accepted=accepted,
                latency_ms=latency_ms,
                error=error,
            )
        )
        return outcome

    def _log(
        self,
        payload: Payload,
        outcome: Outcome,
        accepted: int | None,
        latency_ms: float | None,
        error: str | None,
        level: int,
    ) -> None:
        line = (
            f"push={payload.push_id} kind={payload.kind} pairs={len(payload.entries)} trusted={payload.trusted} "
            f"accepted={'-' if accepted is None else accepted} status={outcome} "
            f"latency_ms={'-' if latency_ms is None else f'{latency_ms:.1f}'} attempt={self._attempt}"
        )
        if outcome == "accepted":
            logger.info("%s failures_before=%d", line, sum(throttle.count for throttle in self._throttles.values()))
            self._throttles.clear()
        elif (throttle := self._throttles[outcome]).passes():
            logger.log(level, "%s times=%d: %s", line, throttle.count, error)

    async def _in_thread(self, note: Callable[[], None]) -> None:
        # A database that is locked by somebody else would make the whole worker wait.
        # Where the worker is stopped meanwhile, the note is written all the same.
        noted = self._writer.submit(note)
        if self._hurried:
            self._not_waited_for.append(noted)
            return
        await self._written()
        noted.result()

    async def _written(self) -> None:
        """Wait until all that was noted so far is written, or has failed to be."""
        await asyncio.wrap_future(self._writer.submit(_nothing))
        faults = self._journal.faults
        if faults > self._counted_faults:
            self._metrics.journal_failed(faults - self._counted_faults)
            self._counted_faults = faults

    def _on_its_way(self) -> Payload:
        if self._payload is None:
            raise RuntimeError("there is nothing to send")
        return self._payload


def _nothing() -> None:
    pass
