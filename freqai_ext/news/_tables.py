"""The tables of the store. Rows are added, never changed, and deleted only when they are old."""

from typing import Any, Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    case,
    func,
    inspect,
)
from sqlalchemy.exc import OperationalError

_metadata: Final = MetaData()

articles: Final = Table(
    "news_articles",
    _metadata,
    Column("row", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("text_sha256", Text, nullable=False),
    Column("assets", Text, nullable=False),
    Column("published_at_s", Float),
    Column("first_seen_at_s", Float, nullable=False),
    Column("date_assumed", Text),
    Index("news_articles_by_time", "first_seen_at_s"),
)
"""``assets`` is a JSON list; ``text_sha256`` is of title and text; ``date_assumed`` is empty where nothing was."""

mentions: Final = Table(
    "news_mentions",
    _metadata,
    Column("asset", Text, primary_key=True),
    Column("article_id", Text, primary_key=True),
    Column("first_seen_at_s", Float, nullable=False),
    Index("news_mentions_by_time", "asset", "first_seen_at_s"),
    sqlite_with_rowid=False,
)
"""When an article was first seen in a search about an asset, which may be later than when it was first seen at all."""

verdicts: Final = Table(
    "news_verdicts",
    _metadata,
    Column("row", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("asset", Text, nullable=False),
    Column("available_at_s", Float, nullable=False),
    Column("impact_score", Float, CheckConstraint("impact_score BETWEEN 0 AND 1"), nullable=False),
    Column("sentiment", Text, CheckConstraint("sentiment IN ('positive', 'negative', 'neutral')"), nullable=False),
    Column("confidence", Float, CheckConstraint("confidence BETWEEN 0 AND 1"), nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("prompt_sha256", Text, nullable=False),
    Column("article_ids", Text, nullable=False),
    Column("origin", Text, CheckConstraint("origin IN ('live', 'shared', 'imported', 'synthetic')"), nullable=False),
    Column("bot", Text, nullable=False),
    Column("trained_until_s", Float),
    Column("made_at_s", Float),
    Column("judge_kind", Text),
    Index("news_verdicts_by_time", "asset", "available_at_s"),
    # A row's number stands for it in columns of candles, so it is never given twice.
    sqlite_autoincrement=True,
)
"""``article_ids`` is a JSON list; ``made_at_s`` is empty where that is when the verdict was available,
``judge_kind`` in rows of before there were several judges."""

JUDGE_KIND: Final = func.coalesce(
    verdicts.c.judge_kind, case((verdicts.c.model.like("lexicon-%"), "lexicon"), else_="llm")
)
"""The kind of a verdict's judge, rows without one included."""

decisions: Final = Table(
    "news_decisions",
    _metadata,
    Column("row", Integer, primary_key=True),
    Column("pair", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("decided_at_s", Float, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("verdict_id", Text),
    Column("detail", Text, nullable=False),
    Index("news_decisions_by_time", "decided_at_s"),
)

confirmations: Final = Table(
    "news_confirmations",
    _metadata,
    Column("verdict_id", Text, primary_key=True),
    Column("confirmed_at_s", Float, nullable=False),
    sqlite_with_rowid=False,
)
"""Verdicts of this bot that were read back from the shared memory."""

spendings: Final = Table(
    "news_spendings",
    _metadata,
    Column("row", Integer, primary_key=True),
    Column("at_s", Float, nullable=False),
    Column("judge", Text, nullable=False),
    Column("questions", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    Index("news_spendings_by_time", "at_s"),
)
"""What was spent on judging archives, so that a budget of a day outlives a run."""

purges: Final = Table(
    "news_purges",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("at_s", Float, nullable=False),
    Column("before_s", Float, nullable=False),
)
"""A row here is what allows older rows of the other tables to be deleted."""

_KEPT: Final = "OLD.{time} >= coalesce((SELECT max(before_s) FROM news_purges), 0)"

_MAY_NOT_BE_DELETED: Final = {
    articles: _KEPT.format(time="first_seen_at_s"),
    mentions: _KEPT.format(time="first_seen_at_s"),
    verdicts: _KEPT.format(time="available_at_s"),
    decisions: _KEPT.format(time="decided_at_s"),
    spendings: _KEPT.format(time="at_s"),
    confirmations: "EXISTS (SELECT 1 FROM news_verdicts WHERE id = OLD.verdict_id)",
    purges: "1",
}

_SAME_ROW: Final = {
    articles: "id = NEW.id",
    mentions: "asset = NEW.asset AND article_id = NEW.article_id",
    verdicts: "id = NEW.id",
    confirmations: "verdict_id = NEW.verdict_id",
}


# Of files from before them they are empty.
_ADDED_LATER: Final = (verdicts.c.made_at_s, verdicts.c.judge_kind, articles.c.date_assumed)


def create_tables(connection: Connection) -> None:
    """Make what is missing, with the triggers that keep the store append-only; older files get new columns."""
    _metadata.create_all(connection)
    for column in _missing_columns(connection):
        try:
            connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {column.name} {column.type}")
        except OperationalError:
            # Another process may have added it meanwhile.
            if column in _missing_columns(connection):
                raise
    for table, kept in _MAY_NOT_BE_DELETED.items():
        for event, condition in (("UPDATE", "1"), ("DELETE", kept)):
            connection.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS {table.name}_no_{event.lower()} BEFORE {event} ON {table.name} "
                f"WHEN {condition} BEGIN SELECT RAISE(ABORT, 'the news store is append-only'); END"
            )
    # INSERT OR REPLACE deletes without calling the triggers for it.
    for table, same in _SAME_ROW.items():
        known = f"EXISTS (SELECT 1 FROM {table.name} WHERE {same})"  # noqa: S608
        connection.exec_driver_sql(
            f"CREATE TRIGGER IF NOT EXISTS {table.name}_no_replace BEFORE INSERT ON {table.name} "
            f"WHEN {known} BEGIN SELECT RAISE(IGNORE); END"
        )


def views_for_reading(connection: Connection) -> list[str]:
    """Return statements by which a connection that may not write sees an older file as if it had all columns."""
    missing: dict[str, list[str]] = {}
    for column in _missing_columns(connection):
        missing.setdefault(column.table.name, []).append(f"NULL AS {column.name}")
    return [
        f"CREATE TEMP VIEW {table} AS SELECT *, {', '.join(columns)} FROM main.{table}"  # noqa: S608
        for table, columns in missing.items()
    ]


def _missing_columns(connection: Connection) -> list[Column[Any]]:
    inspector = inspect(connection)
    return [
        column
        for column in _ADDED_LATER
        if inspector.has_table(column.table.name)
        and column.name not in {each["name"] for each in inspector.get_columns(column.table.name)}
    ]
