"""Fetches Guardian's features again and again, and records them."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from freqai_ext._services.throttle import Throttle
from freqai_ext.errors import (
    GuardianAnswerError,
    GuardianDataError,
    GuardianDeniedError,
    GuardianError,
    GuardianRefusedError,
    GuardianUnavailableError,
)
from freqai_ext.guardian._missing_pairs import MissingPairs
from freqai_ext.guardian._network_check import NetworkCheck, OtherNetworkError
from freqai_ext.guardian.answers import FeaturesAnswer
from freqai_ext.guardian.client import FEATURES_PER_CALL, GuardianClient
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.flatten import flatten
from freqai_ext.guardian.metrics import GuardianMetrics
from freqai_ext.guardian.settings import GuardianSettings
from freqai_ext.guardian.symbols import canonical_symbol, guardian_symbol

logger = logging.getLogger(__name__)

NOBODY_THERE_RETRY_S: Final = 30.0

_OUTCOMES: Final[dict[type[GuardianError], str]] = {
    GuardianUnavailableError: "unavailable",
    GuardianDeniedError: "denied",
    GuardianRefusedError: "refused",
    GuardianAnswerError: "invalid",
    GuardianDataError: "not_stored",
    OtherNetworkError: "other_network",
}
_MOST_NAMED: Final = 10


class FeaturePoller:
    """A :class:`~freqai_ext._services.worker.Job` that asks for the features of all pairs and records what comes back.

    Guardian is asked for 25 pairs at a time, in alphabetical order so that the calls stay the same, one call after the
    other, each at most every ``poll_interval_s``, failed or not: contract, section 4. Only where nobody listens at the
    address is it tried again after 30 seconds. A call that fails takes nothing from the others; one that has no answer
    at all ends the round, since Guardian may still be at work on it, and the next round begins with those that waited.

    Pairs that do not come back are asked for once more at the end of the round, by themselves; those that do not come
    then either, once an hour.

    Where ``freqai_ext.guardian.network`` is set, nothing is recorded of an answer from another network.

    Rows are stamped with the time at which the answer had arrived: that is when they became known.

    Parameters
    ----------
    settings
        ``freqai_ext.guardian``.
    client
        Closed by its owner.
    store
        Where the rows go.
    metrics
        Told of each call: outcome, how many of the pairs came back, when.
    symbols
        Tells Freqtrade's names of the pairs; called before each round. Those that Guardian cannot trade are left out.
    clock
        UTC seconds.
    """

    def __init__(
        self,
        settings: GuardianSettings,
        client: GuardianClient,
        store: FeatureStore,
        metrics: GuardianMetrics,
        symbols: Callable[[], Sequence[str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._client = client
        self._store = store
        self._metrics = metrics
        self._pairs = symbols
        self._clock = clock
        self._calls: list[_Call] = []
        self._alone = _Call()
        self._missing = MissingPairs()
        self._failures: defaultdict[str, Throttle] = defaultdict(Throttle)

    async def run(self, now_s: float) -> float:
        """Make the calls that are due and return when the next one is."""
        interval_s = self._settings.features.poll_interval_s
        self._share_out()
        for call in self._calls:
            # A clock that was set back must not put off what was due by the old one.
            call.due_s = min(call.due_s, now_s + interval_s)
        check = NetworkCheck(self._client, self._settings)
        made: list[_Call] = []
        # Where one call ends every round, the others must not wait for ever.
        for call in sorted(self._calls, key=lambda call: call.asked_s):
            asked_s = self._clock()
            if asked_s < call.due_s:
                continue
            call.asked_s = asked_s
            if not await self._make(call, check):
                break
            call.due_s = asked_s + interval_s
            made.append(call)
        else:
            await self._ask_alone([call for call in made if not call.failing], check)
        return min((call.due_s for call in self._calls), default=now_s + interval_s)

    async def close(self) -> None:
        """Nothing is left to do: what was fetched is stored."""

    def _share_out(self) -> None:
        try:
            pairs = self._pairs()
        except Exception as error:
            # The bot may be changing its pair list.
            logger.warning(
                "the pairs are not known (%s: %s); features of the former ones are fetched", type(error).__name__, error
            )
            return
        sent = (guardian_symbol(pair) for pair in pairs)
        symbols = sorted({canonical_symbol(symbol) for symbol in sent if symbol is not None})
        chunks = [tuple(symbols[at : at + FEATURES_PER_CALL]) for at in range(0, len(symbols), FEATURES_PER_CALL)]
        # Due times stay with the place of a call, so that a pair more does not make all calls due.
        del self._calls[len(chunks) :]
        self._calls += [_Call() for _ in chunks[len(self._calls) :]]
        for call, chunk in zip(self._calls, chunks, strict=True):
            call.symbols = chunk

    async def _make(self, call: "_Call", check: NetworkCheck) -> bool:
        """Return whether Guardian may be asked for more."""
        started_s = time.monotonic()
        try:
            answer = await self._client.features(call.symbols)
            known_at_s = self._clock()
            await check.check(answer)
            call.came = await self._record(call.symbols, answer, known_at_s)
        except GuardianError as error:
            self._failed(call, error)
            if not isinstance(error, GuardianUnavailableError) or error.status is not None:
                return True
            self._leave_alone(time.monotonic() - started_s)
            return False
        self._metrics.polled("ok", len(call.came), known_at_s)
        call.failing = False
        if self._failures and not any(each.failing for each in (*self._calls, self._alone)):
            failed = sum(throttle.count for throttle in self._failures.values())
            logger.info("%s: features come again after %d calls that failed", self._settings.url, failed)
            self._failures.clear()
        return True

    async def _ask_alone(self, made: Sequence["_Call"], check: NetworkCheck) -> None:
        """Ask once more for the pairs that did not come back, and say which are still missing."""
        now_s = self._clock()
        self._missing.came([symbol for call in made for symbol in call.came])
        symbols = self._missing.worth_asking([symbol for call in made for symbol in call.left_out], now_s)
        came: set[str] = set()
        open_question: set[str] = set(symbols)
        self._alone.failing = False
        for at in range(0, len(symbols), FEATURES_PER_CALL):
            self._alone.symbols = symbols[at : at + FEATURES_PER_CALL]
            goes_on = await self._make(self._alone, check)
            if not self._alone.failing:
                self._missing.asked_alone(self._alone.symbols, self._alone.came, now_s)
                came |= self._alone.came
                open_question.difference_update(self._alone.symbols)
            if not goes_on:
                break
        for call in made:
            if open_question.isdisjoint(call.symbols):
                self._say_missing(call, call.left_out - came)

    async def _record(self, symbols: Sequence[str], answer: FeaturesAnswer, known_at_s: float) -> frozenset[str]:
        asked = frozenset(symbols)
        rows = [flatten(pair) for pair in answer.pairs if pair.symbol in asked]
        # The publisher shares the event loop, and must not wait for a disk.
        await asyncio.to_thread(self._store.append, rows, known_at_s)
        return frozenset(row.symbol for row in rows)

    def _leave_alone(self, took_s: float) -> None:
        """Put all calls off after one that nobody answered in ``took_s`` seconds."""
        # A Guardian that takes long and then fails is at work, and asking again would give it more.
        at_work = took_s > self._settings.connect_timeout_s + 1.0
        pause_s = self._settings.features.poll_interval_s if at_work else NOBODY_THERE_RETRY_S
        until_s = self._clock() + pause_s
        for call in self._calls:
            call.due_s = max(call.due_s, until_s)

    def _failed(self, call: "_Call", error: GuardianError) -> None:
        call.failing = True
        outcome = _OUTCOMES.get(type(error), "failed")
        self._metrics.polled(outcome, 0, self._clock())
        throttle = self._failures[outcome]
        if throttle.passes():
            logger.warning("no new features, times=%d: %s", throttle.count, error)

    def _say_missing(self, call: "_Call", missing: frozenset[str]) -> None:
        if missing == call.missing:
            return
        call.missing = missing
        if missing:
            named = ", ".join(sorted(missing)[:_MOST_NAMED]) + (", ..." if len(missing) > _MOST_NAMED else "")
            logger.warning(
                "%s: no features of %s (%d of %d pairs asked for); see whether they are traded on its network, and "
                "whether its freqai_feature_limit is below the number of pairs",
                self._settings.url,
                named,
                len(missing),
                len(call.symbols),
            )
        else:
            logger.info("%s: features of all %d pairs asked for", self._settings.url, len(call.symbols))


@dataclass
class _Call:
    """One of the calls of a round, by its place in it; or what is asked for alone."""

    symbols: tuple[str, ...] = ()
    asked_s: float = float("-inf")
    due_s: float = float("-inf")
    came: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    failing: bool = False

    @property
    def left_out(self) -> frozenset[str]:
        """Pairs that did not come back the last time."""
        return frozenset(self.symbols) - self.came
