"""Reads the journal of pushes, also while a bot writes it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Engine, Integer, Row, Select, Table, func, literal_column, select
from sqlalchemy.exc import SQLAlchemyError

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian import _journal_tables as tables

Outcome = Literal["accepted", "mismatch", "failed", "denied", "refused", "superseded", "abandoned"]
"""Of an attempt: Guardian stored the set; stored another number of pairs; could not be reached; refused the token;
refused the set, or is one that nothing may be sent to; a newer set came; the bot ended before it was accepted."""

FINAL: Final = ("accepted", "mismatch", "refused", "superseded", "abandoned")
"""The outcomes after which a push may be over; after the others it is tried again."""

_OUTCOME_COLUMNS: Final = tuple(
    tables.outcomes.c[name] for name in ("at_s", "outcome", "status", "accepted", "latency_ms", "error")
)


@dataclass(frozen=True)
class PushRecord:
    """A push and what became of it.

    Attributes
    ----------
    push_id
        Its name; also in Guardian's ``meta`` of the set.
    session_id
        Which run of the bot it comes from.
    created_at_s
        When it was noted, UTC seconds.
    generated_at_s
        When its set was made, UTC seconds.
    kind
        ``"opinions"``, ``"neutral"`` or ``"retraction"``.
    pairs
        Pairs in it; of a set that was never sent, those of its universe.
    trusted
        Pairs with a forecast; ``None`` of a set that was never sent.
    model, identifier
        Where the forecasts come from.
    attempts
        How often it was sent.
    outcome, outcome_at_s
        The last one and its time in UTC seconds; ``None`` while it is on its way.
    status
        Guardian's HTTP status, where one came and is known.
    accepted
        Pairs that Guardian stored.
    latency_ms
        How long its answer took.
    error
        What went wrong.
    """

    push_id: str
    session_id: str
    created_at_s: float
    generated_at_s: float
    kind: str
    pairs: int
    trusted: int | None
    model: str
    identifier: str
    attempts: int
    outcome: str | None
    outcome_at_s: float | None
    status: int | None
    accepted: int | None
    latency_ms: float | None
    error: str | None


class JournalReader:
    """The journal in a database.

    Parameters
    ----------
    engine
        Of :func:`~freqai_ext.guardian.database.open_database`, which may be read-only.

    Notes
    -----
    Its methods raise a GuardianDataError if there is no journal in the database, or it cannot be read.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def pushes(self, limit: int = 100) -> tuple[PushRecord, ...]:
        """Return the newest pushes, the last one first."""
        return tuple(_record(row) for row in self._rows(_with_outcome().limit(limit)))

    def last_accepted(self) -> PushRecord | None:
        """Return the push that Guardian stored last as it was sent."""
        rows = self._rows(_with_outcome().where(tables.outcomes.c.outcome == "accepted").limit(1))
        return _record(rows[0]) if rows else None

    def content(self, push_id: str) -> bytes | None:
        """Return the ``predictions`` of a push as JSON; ``None`` for one that was never sent."""
        pushes, contents = tables.pushes.c, tables.contents.c
        query = select(contents.compressed).join(tables.pushes, pushes.content_hash == contents.hash)
        rows = self._rows(query.where(pushes.id == push_id))
        return zlib.decompress(rows[0].compressed) if rows else None

    def unaccounted(self) -> tuple[str, ...]:
        """Return the names of the pushes without a final outcome, the oldest first."""
        outcomes = tables.outcomes.c
        over = select(outcomes.push_id).where(outcomes.outcome.in_(FINAL))
        query = select(tables.pushes.c.id).where(tables.pushes.c.id.not_in(over)).order_by(rowid(tables.pushes))
        return tuple(row.id for row in self._rows(query))

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(query).all()
        except SQLAlchemyError as error:
            path = (self._engine.url.database or "").removeprefix("file://")
            raise GuardianDataError(
                f"{path}: no journal of pushes can be read from it ({reason(error)}); it is written while the sidecar "
                "publishes"
            ) from error


def reason(error: SQLAlchemyError) -> str:
    """Return what the database says, without the statement and its values."""
    return str(getattr(error, "orig", None) or type(error).__name__)


def _with_outcome() -> Select[Any]:
    last = (
        select(
            tables.outcomes.c.push_id,
            func.max(tables.outcomes.c.id).label("last_id"),
            func.max(tables.outcomes.c.attempt).label("attempts"),
        )
        .group_by(tables.outcomes.c.push_id)
        .subquery()
    )
    return (
        select(tables.pushes, last.c.attempts, *_OUTCOME_COLUMNS)
        .outerjoin(last, last.c.push_id == tables.pushes.c.id)
        .outerjoin(tables.outcomes, tables.outcomes.c.id == last.c.last_id)
        .order_by(rowid(tables.pushes).desc())
    )


def rowid(table: Table) -> ColumnElement[int]:
    """Return the order in which the rows of ``table`` were written; the clock may have been set back in between."""
    return literal_column(f"{table.name}.rowid", Integer)


def _record(row: Row[Any]) -> PushRecord:
    return PushRecord(
        push_id=row.id,
        session_id=row.session_id,
        created_at_s=row.created_at_s,
        generated_at_s=row.generated_at_s,
        kind=row.kind,
        pairs=row.pairs,
        trusted=row.trusted,
        model=row.model,
        identifier=row.identifier,
        attempts=row.attempts or 0,
        outcome=row.outcome,
        outcome_at_s=row.at_s,
        status=row.status,
        accepted=row.accepted,
        latency_ms=row.latency_ms,
        error=row.error,
    )
