"""Keeps Guardian told: the newest opinions as soon as they are there, and again before they grow old.

Contract, sections 8 and 13: Guardian's set never expires. So what stands is sent again at every interval, judged again
each time, and where it can no longer be stood by, that is said.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from freqai_ext._services.backoff import Backoff
from freqai_ext._services.throttle import Throttle
from freqai_ext._services.worker import NEVER
from freqai_ext.errors import GuardianError
from freqai_ext.guardian._delivery import Delivery
from freqai_ext.guardian._gate import Gate, Trouble
from freqai_ext.guardian._slot import Offer, Slot, new_push_id, superseded
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.journal import Journal
from freqai_ext.guardian.journal_reader import Outcome
from freqai_ext.guardian.metrics import GuardianMetrics
from freqai_ext.guardian.opinion import OpinionSet
from freqai_ext.guardian.payload import Payload, SentEntry, opinions_payload, silent_payload
from freqai_ext.guardian.read_back import ReadBack, compare
from freqai_ext.guardian.settings import GuardianSettings, Silence

logger = logging.getLogger(__name__)

_FIRST_RETRY_S: Final = 1.0
_LONGEST_RETRY_S: Final = 60.0
_FIRST_RETRY_WHEN_DENIED_S: Final = 30.0
_SET_BACK_S: Final = 1.0
_SUSPENSION_POLL_S: Final = 0.5
_AFTER_THE_GOOD_TIME_S: Final = 1.0
_LAST_ATTEMPTS: Final = 2
_SHARE_FOR_THE_LAST_WORD: Final = 0.8
_SHARE_FOR_THE_BEGINNING: Final = 0.1
_SHARE_FOR_ALL: Final = 0.95
_LONGEST_WAIT_FOR_THE_JOURNAL_S: Final = 1.0

State = Literal["waiting", "suspended", "current", "retrying", "denied", "refused"]


@dataclass(frozen=True)
class PublisherStatus:
    """How the publisher fares.

    Attributes
    ----------
    state
        Nothing to say yet; the bot is not at work; Guardian holds the newest; it cannot be reached; it refuses the
        token; it refuses the set, or is on another network than it must be.
    last_push_at_s
        When Guardian last stored a push, UTC seconds.
    last_accepted
        Pairs that it stored then.
    last_outcome
        Of the last attempt.
    pending
        Whether something waits to be accepted.
    """

    state: State
    last_push_at_s: float | None
    last_accepted: int | None
    last_outcome: Outcome | None
    pending: bool


class Publisher:
    """The job that pushes; :meth:`offer` may be called from any thread, all else belongs to the worker's.

    Parameters
    ----------
    settings
        ``freqai_ext.guardian``.
    client
        Its connection to Guardian.
    journal, metrics
        Where pushes are noted.
    universe
        Tells Freqtrade's names of all pairs, for when there are no opinions yet.
    wake
        Has :meth:`run` called soon.
    clock
        UTC seconds.
    suspension
        Returns why no forecast may stand at present, such as "the bot is stopped"; ``None`` while the bot is at work.
        Called in the worker's thread, twice a second.
    """

    def __init__(
        self,
        settings: GuardianSettings,
        client: GuardianClient,
        journal: Journal,
        metrics: GuardianMetrics,
        universe: Callable[[], Sequence[str]],
        wake: Callable[[], None],
        clock: Callable[[], float] = time.time,
        suspension: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._settings, self._client, self._universe, self._wake, self._clock = settings, client, universe, wake, clock
        self._suspension = suspension
        self._suspended_by: str | None = None
        self._slot = Slot()
        self._gate = Gate(client, settings, clock)
        self._delivery = Delivery(client, journal, metrics, clock)
        self._offer: Offer | None = None
        self._standing: OpinionSet | None = None
        self._known_pairs: Sequence[str] = ()
        self._retry = Backoff(_FIRST_RETRY_S, min(_LONGEST_RETRY_S, settings.interval_s))
        self._retry_when_denied = Backoff(_FIRST_RETRY_WHEN_DENIED_S, settings.interval_s)
        self._beginning: asyncio.Task[bool] | None = None
        self._begun = self._looked = self._compared = False
        # Whether Guardian may hold something of ours that must be taken back.
        self._owes = False
        self._held_back = False
        self._due_s, self._last_run_s = -NEVER, -NEVER
        self._sent: dict[str, SentEntry] = {}
        self._quiet_trouble = Throttle()
        self._state: State = "waiting"
        self._last_push_at_s: float | None = None
        self._last_accepted: int | None = None
        self._last_outcome: Outcome | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def offer(self, opinions: OpinionSet) -> None:
        """Have opinions pushed, in place of any that still wait; returns at once."""
        self._slot.put(opinions)
        self._wake()

    @property
    def status(self) -> PublisherStatus:
        """How it fares; may be asked for from any thread."""
        pending = self._slot.filled or self._offer is not None or self._delivery.payload is not None
        return PublisherStatus(self._state, self._last_push_at_s, self._last_accepted, self._last_outcome, pending)

    async def run(self, now_s: float) -> float:
        """Push what is new or due at ``now_s``; return when the next push is."""
        if not self._begun:
            await self._begin()
        if now_s < self._last_run_s - _SET_BACK_S:
            self._due_s = now_s
        self._last_run_s = now_s
        if self._suspension_changed():
            self._retry.reset()
            self._due_s = now_s
        if await self._take() and not self._held_back:
            self._due_s = now_s
        if now_s >= self._due_s:
            await self._turn()
        return min(self._due_s, now_s + _SUSPENSION_POLL_S)

    async def close(self) -> None:
        """Tell Guardian the last word, in the time that the settings allow."""
        allowed_s = self._settings.shutdown_timeout_s
        end_s = time.monotonic() + _SHARE_FOR_ALL * allowed_s
        # A journal that is locked must not keep Guardian from hearing it.
        self._delivery.hurry()
        try:
            async with asyncio.timeout(_SHARE_FOR_THE_BEGINNING * allowed_s):
                if not self._begun:
                    await self._begin()
        except TimeoutError:
            self._owes = True
        await self._take()
        await self._delivery.give_up("abandoned")
        if self._offer is not None:
            await self._delivery.superseded(superseded(self._offer))
            self._offer = None
        # Where Guardian holds nothing of ours, a retraction would only take away what somebody else has said.
        speak = self._owes or self._settings.policy.shutdown == "neutral"
        heard = await self._last_word() if speak else True
        if heard or not self._owes:
            await self._delivery.end_session()
        else:
            logger.warning("%s: the last word was not heard; the next start says it again", self._settings.url)
        await self._delivery.close(min(_LONGEST_WAIT_FOR_THE_JOURNAL_S, max(end_s - time.monotonic(), 0.0)))

    async def read_back(self) -> ReadBack:
        """Compare what Guardian holds with what it last answered to; may be awaited in any event loop.

        Raises
        ------
        GuardianError
            If Guardian does not say.
        """
        loop = self._loop
        if loop is None or loop.is_closed() or loop is asyncio.get_running_loop():
            return await self._read_back()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._read_back(), loop))

    async def _read_back(self) -> ReadBack:
        return compare(self._sent, await self._client.predictions())

    async def _begin(self) -> None:
        if self._beginning is None:
            self._loop = asyncio.get_running_loop()
            self._beginning = self._loop.create_task(self._delivery.session_left_open())
        # Where the worker is stopped meanwhile, close() must know, too.
        self._owes = await asyncio.shield(self._beginning)
        self._begun = True

    def _suspension_changed(self) -> bool:
        before, self._suspended_by = self._suspended_by, self._suspension()
        if self._suspended_by == before:
            return False
        if self._suspended_by is None:
            logger.info("%s: the bot is at work again, and its forecasts are sent", self._settings.url)
        else:
            logger.info("%s: %s; its forecasts are taken back", self._settings.url, self._suspended_by)
        return True

    async def _take(self) -> bool:
        """Take what was offered and return whether anything is to be sent at once."""
        offer, passed_over, forgotten = self._slot.take()
        if forgotten:
            logger.warning("%d sets of opinions were superseded unsent and are not in the journal", forgotten)
        # Nothing is awaited before both are noted: the worker may be stopped at any await.
        if offer is not None:
            if self._offer is not None:
                passed_over = (superseded(self._offer), *passed_over)
            self._offer, self._standing = offer, offer.opinions
            self._known_pairs = offer.opinions.universe or self._known_pairs
        if self._suspended_by is not None and self._offer is not None:
            # A paused bot goes on forecasting; its newest set is kept for when it is at work again.
            passed_over, self._offer = (*passed_over, superseded(self._offer)), None
        await self._delivery.superseded(*passed_over)
        return offer is not None and self._suspended_by is None

    async def _turn(self) -> None:
        trouble = await self._look()
        # It may have taken long enough for newer opinions to come.
        await self._take()
        if not self._owes and (self._standing is None or self._suspended_by is not None):
            if trouble:
                if self._quiet_trouble.passes():
                    logger.warning("%s (times=%d)", trouble.reason, self._quiet_trouble.count)
                self._after(trouble.outcome, held_back=trouble.outcome != "failed")
            else:
                self._rest()
            return
        payload = await self._open(self._payload())
        if trouble:
            if self._may_take_back(trouble):
                outcome = await self._take_back(trouble)
            else:
                outcome = await self._delivery.forgo(trouble)
            self._after(outcome, held_back=trouble.outcome != "failed")
            return
        outcome = await self._send(payload)
        self._after(outcome, held_back=outcome == "denied", good_until_s=payload.good_until_s)
        if outcome == "accepted" and self._suspended_by is not None:
            # Sent once: another sidecar may push while this bot is stopped, and must not be overwritten.
            self._owes = False
            self._rest()
        if outcome == "accepted" and payload.entries and not self._compared:
            await self._compare()

    async def _compare(self) -> None:
        """Say once, after the start and after every outage, whether Guardian holds the pairs that it was told of."""
        try:
            found = await self._read_back()
        except GuardianError as error:
            logger.info("read back: not possible now (%s)", error)
            return
        self._compared = True
        logger.log(logging.INFO if found.equal else logging.WARNING, "read back: %s", found)

    async def _look(self) -> Trouble | None:
        """Look at Guardian where that is due, and whether it holds something of an earlier run."""
        trouble = await self._gate.trouble()
        if trouble or self._looked or self._owes or self._standing is not None:
            return trouble
        try:
            left = await self._gate.pairs_of_ours()
        except GuardianError as error:
            return Trouble.of(error)
        self._looked = True
        if left:
            logger.warning("%s holds opinions of %d pairs from an earlier run", self._settings.url, left)
            self._owes = True
        return None

    def _may_take_back(self, trouble: Trouble) -> bool:
        """Return whether a retraction, and only that, may be sent: ours would stay for ever where it should not be."""
        return trouble.other_network and self._owes

    async def _take_back(self, trouble: Trouble) -> Outcome:
        """Retract in place of what is on its way, and return the outcome for that, or of a retraction that failed."""
        if self._quiet_trouble.passes():
            logger.warning("%s; what it was sent before is taken back", trouble.reason)
        outcome = await self._send(await self._retraction(trouble))
        if outcome != "accepted":
            return outcome
        self._owes = False
        return trouble.outcome

    async def _retraction(self, trouble: Trouble) -> Payload:
        on_its_way = self._delivery.payload
        if on_its_way is not None and on_its_way.kind == "retraction":
            return on_its_way
        if on_its_way is not None:
            await self._delivery.forgo(trouble)
        return await self._delivery.open(self._silence("retract"))

    async def _open(self, payload: Payload) -> Payload:
        """Take ``payload`` on, except where what is on its way already says the same."""
        on_its_way = self._delivery.payload
        if self._offer is None and on_its_way is not None and on_its_way.says_the_same(payload):
            return on_its_way
        payload = await self._delivery.open(payload)
        self._offer = None
        return payload

    def _rest(self) -> None:
        self._state, self._due_s = "waiting" if self._suspended_by is None else "suspended", NEVER

    def _payload(self) -> Payload:
        policy = self._settings.policy
        if self._suspended_by is not None:
            return self._silence(policy.shutdown)
        if self._standing is None or not self._standing.universe:
            return self._silence(policy.no_model)
        return opinions_payload(self._standing, self._clock(), policy, self._gate.thresholds, self._push_id())

    def _silence(self, silence: Silence) -> Payload:
        return silent_payload(self._pairs(), silence, self._clock(), self._gate.thresholds, self._push_id())

    def _push_id(self) -> str:
        return self._offer.push_id if self._offer else new_push_id()

    def _pairs(self) -> Sequence[str]:
        """Return the pairs, or the last ones known: without any, "neutral" would take back what it should hold."""
        if self._standing is None:
            try:
                self._known_pairs = self._universe() or self._known_pairs
            except Exception as error:
                logger.warning("the pairs are not known (%s: %s); the former ones count", type(error).__name__, error)
        return self._known_pairs or [f"{name.removesuffix('USDT')}/USDT" for name in self._sent]

    async def _send(self, payload: Payload) -> Outcome:
        self._owes = True
        outcome = await self._delivery.send()
        if outcome in ("accepted", "mismatch"):
            self._sent = dict(payload.entries)
            self._last_push_at_s, self._last_accepted = self._clock(), self._delivery.stored
        return outcome

    def _after(self, outcome: Outcome, *, held_back: bool, good_until_s: float = NEVER) -> None:
        """Decide when to come again; new opinions do not come earlier where they are ``held_back``."""
        now_s = self._clock()
        self._last_outcome, self._held_back = outcome, held_back
        if outcome == "accepted" or (outcome == "mismatch" and self._delivery.payload is None):
            self._retry.reset()
            self._retry_when_denied.reset()
            again_s = max(good_until_s - now_s, 0.0) + _AFTER_THE_GOOD_TIME_S
            self._state, self._due_s = "current", now_s + min(self._settings.interval_s, again_s)
            return
        if outcome != "mismatch":
            self._gate.close()
            self._compared = False
        if outcome == "denied":
            self._state, self._due_s = "denied", now_s + self._retry_when_denied.next()
        elif outcome == "refused":
            self._state, self._due_s = "refused", now_s + self._settings.interval_s
        else:
            self._state, self._due_s = "retrying", now_s + self._retry.next()

    async def _last_word(self) -> bool:
        """Say what the policy has for the end, and return whether it was heard."""
        attempt_s = _SHARE_FOR_THE_LAST_WORD * self._settings.shutdown_timeout_s / _LAST_ATTEMPTS
        outcome: Outcome = "failed"
        for _ in range(_LAST_ATTEMPTS):
            try:
                async with asyncio.timeout(attempt_s):
                    outcome = await self._say_last()
            except TimeoutError:
                if self._delivery.payload is not None:
                    await self._delivery.cut_off(f"no answer within {attempt_s:g} s, and the bot stops")
            if outcome in ("accepted", "denied", "refused"):
                break
        await self._delivery.give_up("abandoned")
        return outcome in ("accepted", "mismatch")

    async def _say_last(self) -> Outcome:
        trouble = await self._gate.trouble(hurried=True)
        if trouble and self._may_take_back(trouble):
            return await self._send(await self._retraction(trouble))
        payload = self._delivery.payload
        if payload is None:
            payload = await self._delivery.open(self._silence(self._settings.policy.shutdown))
        if trouble:
            return await self._delivery.forgo(trouble)
        return await self._send(payload)
