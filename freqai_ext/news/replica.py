"""Keeps the memory that bots share in step with this bot's own store, in both directions."""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar, get_args

from freqai_ext._services.backoff import Backoff
from freqai_ext._services.throttle import Throttle
from freqai_ext.errors import NewsAnswerError, NewsError, NewsRefusedError, NewsUnavailableError
from freqai_ext.news._outbox import Outbox, Sending
from freqai_ext.news._plain_text import one_line
from freqai_ext.news.graphiti import GraphitiClient, Page
from freqai_ext.news.records import Verdict
from freqai_ext.news.settings import GraphitiSettings
from freqai_ext.news.shared_record import SharedRecord

logger = logging.getLogger(__name__)

_FIRST_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 300.0
_LONGEST_BOT_NAME: Final = 100
_NOTHING_ARRIVED: Final = frozenset({429, 502, 503})
_OF_ONE_GROUP: Final = 500
_CLOCKS_DIFFER_S: Final = 600.0
_DAY_S: Final = 86_400.0

Trouble = Literal["outage", "group", "verdict", "own side"]
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class ReplicaState:
    """What became of verdicts since the replica began.

    Attributes
    ----------
    accepted
        How often the server took one, repetitions included.
    stored
        Verdicts that were read back.
    lost
        How often one was accepted and could not be read back in time.
    received
        Verdicts of other bots that were handed over.
    waiting
        Verdicts that are not read back yet.
    ingest_dead
        Whether the server stores nothing any more.
    outage
        What is wrong with the server; ``None`` where it answers.
    confirmed_at_s
        When a verdict was last read back, in UTC seconds; ``None`` where none was.
    """

    accepted: int = 0
    stored: int = 0
    lost: int = 0
    received: int = 0
    waiting: int = 0
    ingest_dead: bool = False
    outage: str | None = None
    confirmed_at_s: float | None = None


class Replica:
    """A :class:`~freqai_ext._services.worker.Job` that shares this bot's verdicts and brings those of others.

    Own verdicts are written and then read back; only that confirms them. Before one is written the group is read, so
    that nothing is sent twice that is there: not after a restart, and not after an answer that got lost. What cannot be
    read back in time is sent again, at growing intervals; readers know copies by their id. Newest go first.

    A verdict of another bot was available to that bot when it had it, and is available to this one from the moment of
    reading: it is handed over with that moment as ``available_at_s``, and with its maker's as ``made_at_s``, from which
    its age counts. What the maker's clock puts in the future is left out until then.

    The first time that an asset is read, so is its history of ``history_s``, up to 800 episodes: verdicts that are not
    valid any more, but have a past to remember. Later, those older than ``max_age_s`` are left out.

    An outage is a state: it is logged at the first, second, fourth … failure as a warning.

    Parameters
    ----------
    settings
        ``freqai_ext.news.graphiti``.
    client
        Closed together with the replica.
    pending
        Tells the verdicts that are to be shared and not confirmed. Those that do not come from this bot's own search
        are left out.
    confirm
        Told id and time (UTC seconds) of a verdict that was read back.
    watched
        Tells the base assets whose verdicts of other bots are wanted.
    receive
        Given verdicts that are not pending here, oldest first, each once; returns False for one that it has already,
        such as this bot's own of before a restart.
    bot
        Name of this bot, which others should not have. It does not decide which verdicts are its own: bots that nobody
        has named are all called the same.
    clock
        UTC seconds.
    max_age_s
        ``freqai_ext.news.max_age_minutes`` in seconds.
    history_s
        ``freqai_ext.news.graphiti.history_days`` in seconds.

    Notes
    -----
    ``pending``, ``confirm``, ``watched`` and ``receive`` run in a thread of their own, since they may wait for a
    database: one at a time, but for ``receive`` during :meth:`look`. Where one fails it is logged and tried again at
    the next run.

    New verdicts are written at the next run: wake the worker.
    """

    def __init__(
        self,
        settings: GraphitiSettings,
        client: GraphitiClient,
        pending: Callable[[], Sequence[Verdict]],
        confirm: Callable[[str, float], object],
        watched: Callable[[], Collection[str]],
        receive: Callable[[Verdict], object],
        bot: str,
        clock: Callable[[], float] = time.time,
        *,
        max_age_s: float = 5_400.0,
        history_s: float = 0.0,
    ) -> None:
        self._settings, self._client = settings, client
        self._pending, self._confirm, self._watched, self._receive = pending, confirm, watched, receive
        self._bot, self._clock, self._max_age_s = one_line(bot, _LONGEST_BOT_NAME), clock, max_age_s
        self._history_s = max(history_s, max_age_s)
        self._with_history: set[str] = set()
        self._outbox = Outbox(settings.confirm_within_s)
        self._seen: dict[str, float] = {}
        self._began_s: float | None = None
        self._poll_at_s = self._retry_at_s = float("-inf")
        self._backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        self._throttles: dict[Trouble, Throttle] = {trouble: Throttle() for trouble in get_args(Trouble)}
        self._namesake_named = False
        self._state = ReplicaState()

    @property
    def state(self) -> ReplicaState:
        """What became of verdicts so far; may be read from any thread."""
        return self._state

    async def run(self, now_s: float) -> float:
        """Write what waits, read what is due, and return when to be called next."""
        if self._began_s is None:
            self._began_s = now_s
        # A clock that was set back must not put off what was due by the old one.
        self._retry_at_s = min(self._retry_at_s, now_s + _LONGEST_WAIT_S)
        self._poll_at_s = min(self._poll_at_s, now_s + self._settings.refresh_s)
        await self._take_pending()
        if now_s < self._retry_at_s:
            return self._retry_at_s
        try:
            pages = await self._share(now_s)
            if now_s >= self._poll_at_s:
                await self._poll(pages)
                self._poll_at_s = now_s + self._settings.refresh_s
        except (NewsUnavailableError, NewsRefusedError) as error:
            return self._outage(error)
        if self._state.outage is not None:
            failures = self._throttles["outage"].count
            logger.info("%s: Graphiti answers again, after %d failures", self._client.shown_url, failures)
            self._note(outage=None)
        self._throttles["outage"].reset()
        self._backoff.reset()
        return self._poll_at_s

    async def look(self, asset: str) -> None:
        """Read what is there of an asset now, out of turn; nothing where the server is away.

        May be called while :meth:`run` is at work, in the same loop.
        """
        if self._state.outage is not None or self._clock() < self._retry_at_s:
            return
        try:
            page = await self._client.page(asset)
        except NewsError as error:
            # What is wrong with this one group, the next turn says.
            if isinstance(error, NewsRefusedError) or getattr(error, "status", _OF_ONE_GROUP) != _OF_ONE_GROUP:
                self._outage(error)
            return
        for record in page.records:
            await self._hand_over(record, self._clock() - self._max_age_s)

    async def close(self) -> None:
        """Close the client. What is not confirmed stays pending where it came from."""
        await self._client.aclose()

    async def _take_pending(self) -> None:
        pending = await self._aside("verdicts to share are not known", self._pending)
        if pending is not None:
            own = [verdict for verdict in pending if verdict.origin == "live"]
            self._outbox.update(own)
            self._seen |= {verdict.id: verdict.available_at_s for verdict in own}
            self._note(waiting=self._outbox.waiting)

    async def _share(self, now_s: float) -> dict[str, Page | None]:
        pages: dict[str, Page | None] = {}
        for sending in self._outbox.due(now_s):
            asset = sending.verdict.asset
            if asset not in pages:
                pages[asset] = await self._read(asset)
            page = pages[asset]
            if not self._outbox.holds(sending):
                continue
            if page is None:
                self._outbox.put_off(sending, now_s + self._settings.refresh_s)
                continue
            found = await self._is_there(sending, page)
            if found:
                await self._confirmed(sending)
            elif found is None:
                self._outbox.put_off(sending, now_s + self._settings.refresh_s)
            else:
                await self._write(sending)
        return pages

    async def _poll(self, pages: Collection[str]) -> None:
        watched = await self._aside("watched assets are not known", self._watched)
        for asset in sorted((self._outbox.assets | frozenset(watched or ())) - frozenset(pages)):
            await self._read(asset)
        oldest_s = self._clock() - self._history_s
        self._seen = {verdict_id: at_s for verdict_id, at_s in self._seen.items() if at_s >= oldest_s}

    async def _read(self, asset: str) -> Page | None:
        """Return what is there of an asset; ``None`` where that of this one asset cannot be read."""
        is_first = asset not in self._with_history and self._history_s > self._max_age_s
        oldest_s = self._clock() - (self._history_s if is_first else self._max_age_s)
        try:
            page = await (self._client.page_since(asset, oldest_s) if is_first else self._client.page(asset))
            for sending in self._outbox.about(asset):
                if any(record.id == sending.verdict.id for record in page.records):
                    await self._confirmed(sending)
                elif self._outbox.overdue(sending, self._clock()):
                    await self._look_again(sending, page)
                elif self._outbox.searchable(sending, self._clock()) and await self._is_there(sending, page):
                    await self._confirmed(sending)
        except (NewsAnswerError, NewsUnavailableError) as error:
            if getattr(error, "status", _OF_ONE_GROUP) != _OF_ONE_GROUP:
                raise
            self._say("group", f"{error}")
            return None
        received = self._state.received
        handed_over = [await self._hand_over(record, oldest_s) for record in page.records]
        if is_first and all(handed_over):
            self._with_history.add(asset)
            if count := self._state.received - received:
                logger.info(
                    "%s: %d verdicts of other bots of the last %.1f days are read",
                    asset,
                    count,
                    self._history_s / _DAY_S,
                )
        return page

    async def _look_again(self, sending: Sending, page: Page) -> None:
        found = await self._is_there(sending, page)
        if found:
            await self._confirmed(sending)
        if found or found is None:
            return
        was_dead = self._outbox.ingest_dead
        if self._outbox.lost(sending, self._clock()):
            self._note(lost=self._state.lost + 1, ingest_dead=self._outbox.ingest_dead)
        if self._outbox.ingest_dead and not was_dead:
            logger.warning(
                "%s: Graphiti's ingest is dead; restart the server: the last %d verdicts that it accepted cannot be "
                "read back. They are kept and sent again",
                self._client.shown_url,
                self._outbox.lost_in_row,
            )

    async def _is_there(self, sending: Sending, page: Page) -> bool | None:
        """Return whether a verdict can be read back; ``None`` where nobody can tell."""
        verdict = sending.verdict
        if any(record.id == verdict.id for record in page.records):
            return True
        if page.is_whole or self._in_sight(verdict, page):
            return False
        sending.searched_s = self._clock()
        try:
            return await self._client.stored(verdict.asset, verdict.id)
        except (NewsAnswerError, NewsUnavailableError) as error:
            # The group was read just now: what is wrong is wrong with so much of it.
            self._say("group", f"{error}")
            return None

    def _in_sight(self, verdict: Verdict, page: Page) -> bool:
        """Return whether a verdict would be on the page if it were there.

        The adapter orders by its own time, which nobody here knows; the server may date what comes from a fast clock
        earlier than it says.
        """
        oldest_s = page.records[0].observed_at_s if page.records else float("inf")
        return self._settings.dialect != "adapter" and verdict.available_at_s >= oldest_s + _CLOCKS_DIFFER_S

    async def _write(self, sending: Sending) -> None:
        is_sure = False
        try:
            await self._client.write(sending.verdict)
            is_sure = True
        except ValueError as error:
            self._outbox.put_off(sending, float("inf"))
            self._say("verdict", f"{error}; it stays with this bot")
            return
        except NewsAnswerError as error:
            self._say("verdict", f"{error}; whether the verdict was taken will show")
        except NewsRefusedError:
            self._outbox.put_off(sending, self._clock() + self._settings.confirm_within_s)
            raise
        except NewsUnavailableError as error:
            if not error.unsent and error.status not in _NOTHING_ARRIVED:
                self._outbox.sent(sending, self._clock(), is_sure=False)
            raise
        self._outbox.sent(sending, self._clock(), is_sure=is_sure)
        if is_sure:
            self._note(accepted=self._state.accepted + 1)

    async def _confirmed(self, sending: Sending) -> None:
        at_s = self._clock()
        verdict_id = sending.verdict.id
        if await self._aside("a confirmation is not noted", lambda: self._confirm(verdict_id, at_s) or True) is None:
            return
        if self._outbox.stored(sending):
            logger.info("%s: Graphiti stores verdicts again", self._client.shown_url)
        self._note(
            stored=self._state.stored + 1,
            confirmed_at_s=at_s,
            waiting=self._outbox.waiting,
            ingest_dead=self._outbox.ingest_dead,
        )

    async def _hand_over(self, record: SharedRecord, oldest_s: float) -> bool:
        """Hand a record over where it is wanted; returns whether that need not be tried again."""
        read_at_s = self._clock()
        is_wanted = oldest_s <= record.observed_at_s <= read_at_s
        if record.id in self._seen or not is_wanted:
            return True
        # Noted first: two readings of one asset may be under way.
        self._seen[record.id] = record.observed_at_s
        verdict = dataclasses.replace(record.verdict(), available_at_s=read_at_s)
        kept = await self._aside("a verdict of another bot is not kept", lambda: (self._receive(verdict),))
        if kept is None:
            self._seen.pop(record.id, None)
            return False
        if kept != (False,):
            self._note(received=self._state.received + 1)
            self._name_namesake(record)
        return True

    def _name_namesake(self, record: SharedRecord) -> None:
        # One from before this run may be its own, from a store that was lost.
        is_since_start = self._began_s is not None and record.observed_at_s >= self._began_s
        if record.bot == self._bot and is_since_start and not self._namesake_named:
            self._namesake_named = True
            logger.warning(
                "%s: another bot calls itself %r as this one does; set freqai_ext.news.bot to tell them apart",
                self._client.shown_url,
                self._bot,
            )

    def _outage(self, error: NewsError) -> float:
        wait_s = self._backoff.next()
        if isinstance(error, NewsRefusedError):
            wait_s = _LONGEST_WAIT_S
        elif (asked_s := getattr(error, "retry_after_s", None)) is not None:
            wait_s = min(max(wait_s, asked_s), _LONGEST_WAIT_S)
        self._retry_at_s = self._clock() + wait_s
        self._say("outage", f"{error}; {self._outbox.waiting} verdicts wait to be shared")
        if self._throttles["outage"].count > 1 or getattr(error, "unsent", False):
            self._outbox.doubt_all()
        self._note(outage=str(error))
        return self._retry_at_s

    def _say(self, trouble: Trouble, text: str) -> None:
        throttle = self._throttles[trouble]
        if throttle.passes():
            logger.warning("%s (number %d of its kind)", text, throttle.count)

    def _note(self, **changes: object) -> None:
        self._state = dataclasses.replace(self._state, **changes)  # type: ignore[arg-type]

    async def _aside(self, failing: str, call: Callable[[], ResultT]) -> ResultT | None:
        """Return what a call returns that may wait for a database; ``None`` where it fails."""
        try:
            # Where the worker is stopped meanwhile, it is done all the same.
            return await asyncio.shield(asyncio.to_thread(call))
        except Exception as error:
            self._say("own side", f"{failing} ({type(error).__name__}: {error}); it is tried again")
            return None
