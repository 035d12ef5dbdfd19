"""The tables of the journal. Rows are added, never changed, and deleted only when they are old."""

from typing import Final

from sqlalchemy import Column, Connection, Float, Index, Integer, LargeBinary, MetaData, Table, Text

_metadata: Final = MetaData()

sessions: Final = Table(
    "push_sessions",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("started_at_s", Float, nullable=False),
)

session_ends: Final = Table(
    "push_session_ends",
    _metadata,
    Column("session_id", Text, primary_key=True),
    Column("ended_at_s", Float, nullable=False),
)

contents: Final = Table(
    "push_contents",
    _metadata,
    Column("hash", Text, primary_key=True),
    Column("compressed", LargeBinary, nullable=False),
)

pushes: Final = Table(
    "pushes",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("generated_at_s", Float, nullable=False),
    Column("kind", Text, nullable=False),
    Column("pairs", Integer, nullable=False),
    Column("trusted", Integer),
    Column("model", Text, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("content_hash", Text),
    Index("pushes_by_content", "content_hash"),
    Index("pushes_by_time", "created_at_s"),
)

outcomes: Final = Table(
    "push_outcomes",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("push_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", Integer),
    Column("accepted", Integer),
    Column("latency_ms", Float),
    Column("error", Text),
    Index("push_outcomes_by_push", "push_id"),
)

purges: Final = Table(
    "push_purges",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("at_s", Float, nullable=False),
    Column("before_s", Float, nullable=False),
)
"""A row here is what allows older rows of the other tables to be deleted."""

_KEPT: Final = "OLD.{time} >= coalesce((SELECT max(before_s) FROM push_purges), 0)"

_MAY_NOT_BE_DELETED: Final = {
    sessions: _KEPT.format(time="started_at_s"),
    session_ends: _KEPT.format(time="ended_at_s"),
    contents: "EXISTS (SELECT 1 FROM pushes WHERE content_hash = OLD.hash)",
    pushes: _KEPT.format(time="created_at_s"),
    outcomes: _KEPT.format(time="at_s"),
    purges: "1",
}


def create_tables(connection: Connection) -> None:
    """Make what is missing, with the triggers that keep the journal append-only."""
    _metadata.create_all(connection)
    for table, kept in _MAY_NOT_BE_DELETED.items():
        for event, condition in (("UPDATE", "1"), ("DELETE", kept)):
            connection.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS {table.name}_no_{event.lower()} BEFORE {event} ON {table.name} "
                f"WHEN {condition} BEGIN SELECT RAISE(ABORT, 'the journal of pushes is append-only'); END"
            )
