"""What was said to Guardian, when, and what became of it: an append-only record in SQLite.

A push that is noted here ends with an outcome that is final; one without is on its way. A session is the time from the
start of the bot to its end; one that was left open is a crash, after which Guardian still holds the last opinions.
"""

import hashlib
import logging
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from sqlalchemy import Delete, Engine, Executable, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError

from freqai_ext._services.database import explained
from freqai_ext._services.throttle import Throttle
from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian import _journal_tables as tables
from freqai_ext.guardian._slot import Superseded
from freqai_ext.guardian.database import SETTING
from freqai_ext.guardian.journal_reader import JournalReader, Outcome, reason, rowid
from freqai_ext.guardian.payload import Payload, storable

logger = logging.getLogger(__name__)

_S_PER_DAY: Final = 86_400.0
_MOST_UNWRITTEN: Final = 2_000
_LONGEST_ERROR: Final = 500


class Journal(JournalReader):
    """The journal of a running bot. What it records never fails: what cannot be written is kept and tried again.

    Its methods may be called from any thread; they wait for the disk.

    Parameters
    ----------
    engine
        Of :func:`~freqai_ext.guardian.database.open_database`; it stays the caller's to dispose of.
    keep_days
        Older rows are deleted when a session begins.
    clock
        UTC seconds.

    Raises
    ------
    GuardianDataError
        If the tables cannot be made.
    """

    def __init__(self, engine: Engine, keep_days: float, clock: Callable[[], float] = time.time) -> None:
        super().__init__(engine)
        self._keep_s = keep_days * _S_PER_DAY
        self._clock = clock
        self._lock = threading.Lock()
        self._unwritten: deque[Executable] = deque()
        self._throttle = Throttle()
        self._session_id = uuid4().hex
        self._faults = 0
        try:
            with engine.begin() as connection:
                tables.create_tables(connection)
        except SQLAlchemyError as error:
            raise GuardianDataError(explained(error, engine.url.database or "", SETTING)) from None

    @property
    def faults(self) -> int:
        """How often the disk failed."""
        return self._faults

    def session_left_open(self) -> bool:
        """Return whether the last session has no end, or that cannot be told: then take back what it may have said."""
        try:
            with self._engine.connect() as connection:
                newest = connection.scalar(select(tables.sessions.c.id).order_by(rowid(tables.sessions).desc()))
                if newest is None:
                    return False
                ended = select(tables.session_ends).where(tables.session_ends.c.session_id == newest)
                return connection.execute(ended).first() is None
        except SQLAlchemyError as error:
            self._failed(error)
            return True

    def begin_session(self) -> None:
        """Note the start; what earlier sessions left without an outcome is abandoned, and old rows are deleted."""
        now_s = self._clock()
        try:
            left = self.unaccounted()
        except GuardianDataError:
            left = ()
        before_s = now_s - self._keep_s
        self._record(
            *(_outcome(push_id, 0, now_s, "abandoned", error="the bot ended without a word") for push_id in left),
            insert(tables.purges).values(at_s=now_s, before_s=before_s),
            *_deletions(before_s),
            insert(tables.sessions).values(id=self._session_id, started_at_s=now_s),
        )

    def end_session(self) -> None:
        """Note the end: Guardian has heard the last word."""
        self._record(insert(tables.session_ends).values(session_id=self._session_id, ended_at_s=self._clock()))

    def opened(self, payload: Payload) -> None:
        """Note a push that is about to be sent."""
        digest = hashlib.sha256(payload.content).hexdigest()
        # Most pushes in between say what the last one said.
        self._record(
            sqlite_insert(tables.contents)
            .values(hash=digest, compressed=zlib.compress(payload.content))
            .on_conflict_do_nothing(),
            sqlite_insert(tables.pushes)
            .values(
                id=payload.push_id,
                session_id=self._session_id,
                created_at_s=self._clock(),
                generated_at_s=payload.generated_at_s,
                kind=payload.kind,
                pairs=len(payload.entries),
                trusted=payload.trusted,
                model=payload.model,
                identifier=payload.identifier,
                content_hash=digest,
            )
            .on_conflict_do_nothing(),
        )

    def ended(
        self,
        push_id: str,
        attempt: int,
        outcome: Outcome,
        *,
        status: int | None = None,
        accepted: int | None = None,
        latency_ms: float | None = None,
        error: str | None = None,
    ) -> None:
        """Note the outcome of an attempt, counted from 1, or with attempt 0 that there will be none."""
        self._record(_outcome(push_id, attempt, self._clock(), outcome, status, accepted, latency_ms, error))

    def superseded(self, *offers: Superseded) -> None:
        """Note sets that were never sent, because a newer one took their place."""
        now_s = self._clock()
        statements: list[Executable] = []
        for offer in offers:
            push = sqlite_insert(tables.pushes).values(
                id=offer.push_id,
                session_id=self._session_id,
                created_at_s=now_s,
                generated_at_s=offer.created_at_s,
                kind="opinions",
                pairs=offer.pairs,
                model="",
                identifier="",
            )
            statements += [push.on_conflict_do_nothing(), _outcome(offer.push_id, 0, now_s, "superseded")]
        self._record(*statements)

    def _record(self, *statements: Executable) -> None:
        with self._lock:
            self._unwritten.extend(statements)
            try:
                with self._engine.begin() as connection:
                    for statement in self._unwritten:
                        connection.execute(statement)
            except SQLAlchemyError as error:
                self._failed(error)
                self._forget_the_oldest()
            else:
                self._unwritten.clear()
                self._throttle.reset()

    def _forget_the_oldest(self) -> None:
        forgotten = max(len(self._unwritten) - _MOST_UNWRITTEN, 0)
        for _ in range(forgotten):
            self._unwritten.popleft()

    def _failed(self, error: SQLAlchemyError) -> None:
        self._faults += 1
        if self._throttle.passes():
            logger.warning(
                "%s: the journal cannot be written (%s; %d times); pushing goes on, and what is missing is written "
                "when that passes",
                self._engine.url.database,
                reason(error),
                self._throttle.count,
            )


def _deletions(before_s: float) -> tuple[Delete, ...]:
    pushes, contents = tables.pushes.c, tables.contents.c
    return (
        delete(tables.outcomes).where(tables.outcomes.c.at_s < before_s),
        delete(tables.pushes).where(pushes.created_at_s < before_s),
        delete(tables.contents).where(~select(pushes.id).where(pushes.content_hash == contents.hash).exists()),
        delete(tables.session_ends).where(tables.session_ends.c.ended_at_s < before_s),
        delete(tables.sessions).where(tables.sessions.c.started_at_s < before_s),
    )


def _outcome(
    push_id: str,
    attempt: int,
    at_s: float,
    outcome: Outcome,
    status: int | None = None,
    accepted: int | None = None,
    latency_ms: float | None = None,
    error: str | None = None,
) -> Executable:
    return insert(tables.outcomes).values(
        push_id=push_id,
        attempt=attempt,
        at_s=at_s,
        outcome=outcome,
        status=status,
        accepted=accepted,
        latency_ms=latency_ms,
        error=None if error is None else storable(error[:_LONGEST_ERROR]),
    )
