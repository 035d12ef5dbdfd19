"""Everything that was seen and judged, and when: the as-of store of news, in SQLite (orchestrator contract, section 9).

Rows are added, never changed. What decides is when a verdict was available, not when its news were published.
"""

import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, Executable, bindparam, delete, event, func, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from freqai_ext._services.database import check_sqlite, explained, open_sqlite
from freqai_ext.errors import NewsDataError
from freqai_ext.news import _tables as tables
from freqai_ext.news._store_queries import counted_by_judge, mentions_of, newest_of, of_asset, of_judge, spent_by
from freqai_ext.news._store_rows import article_of, article_row, decision_of, verdict_of, verdict_row
from freqai_ext.news.records import RECORDED, Article, Decision, JudgeIdentity, Spending, Verdict

logger = logging.getLogger(__name__)

_ARTICLES_AT_ONCE: Final = 5_000
_SETTING: Final = "freqai_ext.news.database"
_VERDICTS: Final = tables.verdicts.c
_MENTIONS: Final = tables.mentions.c
_STORED_S: Final = select(tables.articles.c.first_seen_at_s).where(tables.articles.c.id == bindparam("article_id"))
_ADD_MENTION: Final = (
    insert(tables.mentions)
    .prefix_with("OR IGNORE")
    .values(
        asset=bindparam("asset"),
        article_id=bindparam("article_id"),
        first_seen_at_s=func.max(bindparam("own_s"), _STORED_S.scalar_subquery()),
    )
)


@dataclass(frozen=True)
class Added:
    """What was just stored.

    Attributes
    ----------
    verdict, row
        The verdict and its number; ``None`` and 0 where articles were added.
    articles
        Articles, those that were known before included.
    """

    verdict: Verdict | None = None
    row: int = 0
    articles: tuple[Article, ...] = ()


def check_store(path: Path) -> None:
    """Check the file before a bot starts, see :func:`~freqai_ext._services.database.check_sqlite`.

    It stops the start, and is not replaced by a new one: what was known at which time cannot be found out again.

    Raises
    ------
    NewsDataError
        If it cannot be used.
    """
    check_sqlite(path, _SETTING, NewsDataError)


Listener = Callable[[Added], None]


class NewsStore:
    """Articles, verdicts and decisions.

    Methods may be called in any thread; they wait for the disk. One process writes, others may read.

    Parameters
    ----------
    database
        A file, which :meth:`close` closes again, or an open database. Tables are made where they are missing.
    clock
        UTC seconds; only notes when old rows were deleted.

    Raises
    ------
    NewsDataError
        If the database cannot be used; all methods raise it.
    """

    def __init__(self, database: Path | Engine, clock: Callable[[], float] = time.time) -> None:
        self._owned = not isinstance(database, Engine)
        self._engine: Engine | None = (
            database if isinstance(database, Engine) else open_sqlite(database, _SETTING, NewsDataError)
        )
        self._read_only = False
        self._clock = clock
        self._listeners: list[Listener] = []
        try:
            with self._faults(), self._engine.begin() as connection:
                tables.create_tables(connection)
        except NewsDataError:
            self.close()
            raise

    @classmethod
    def recorded(cls, path: Path) -> "NewsStore":
        """Return the store in a file that something else writes, to be read only.

        A file that is not there, or one without news in it, is an empty store, and the log says so.
        """
        store = cls.__new__(cls)
        store._owned, store._read_only, store._listeners, store._clock = True, True, [], time.time
        store._engine = (
            open_sqlite(path, _SETTING, NewsDataError, read_only=True) if path.expanduser().is_file() else None
        )
        if not store._has_tables():
            store._engine = None
            logger.warning(
                "%s: no recorded news, so there is no verdict at any time; news are recorded while a bot runs, or "
                "imported with: freqai-ext news import",
                path,
            )
        return store

    @property
    def read_only(self) -> bool:
        """Whether something else writes the store."""
        return self._read_only

    @property
    def path(self) -> str:
        """The file, for messages."""
        return (self._engine.url.database or "").removeprefix("file://") if self._engine is not None else "no database"

    def subscribe(self, listener: Listener) -> None:
        """Have ``listener`` called after each addition, in the thread that adds."""
        self._listeners.append(listener)

    def add_articles(self, articles: Iterable[Article]) -> int:
        """Store articles and return how many were not known; the first of an id stays as it is.

        An article that is found again for another asset counts for that asset from its own ``first_seen_at_s`` on, and
        never from before that of the stored one, whose text it has. They are stored some thousand at a time: of a fault
        in between, what came before stays.
        """
        coming, added = iter(articles), 0
        while batch := tuple(islice(coming, _ARTICLES_AT_ONCE)):
            added += self._add_articles(batch)
        return added

    def add_verdict(self, verdict: Verdict) -> bool:
        """Store a verdict; returns False, and changes nothing, where its id is known.

        Raises
        ------
        NewsDataError
            If its numbers are out of range; then nothing is stored.
        """
        return self.add_verdicts((verdict,)) == 1

    def add_verdicts(self, verdicts: Iterable[Verdict], spending: Spending | None = None) -> int:
        """Store verdicts, all of them or none, and return how many were not known; see :meth:`add_verdict`.

        What they cost is stored together with them, so that none of it is forgotten or counted twice.
        """
        rows = [(verdict, verdict_row(verdict)) for verdict in verdicts]
        added: list[Added] = []
        with self._faults(), self._writable().begin() as connection:
            for verdict, values in rows:
                done = connection.execute(insert(tables.verdicts).prefix_with("OR IGNORE"), values)
                if done.rowcount == 1:
                    added.append(Added(verdict, done.lastrowid))
            if spending is not None:
                connection.execute(insert(tables.spendings), asdict(spending))
        for one in added:
            self._tell(one)
        return len(added)

    def add_decision(self, decision: Decision) -> None:
        """Store a decision."""
        with self._faults(), self._writable().begin() as connection:
            connection.execute(insert(tables.decisions), asdict(decision))

    def verdicts(
        self,
        asset: str | None = None,
        since_s: float = -math.inf,
        until_s: float = math.inf,
        *,
        judge: str | None = None,
    ) -> tuple[Verdict, ...]:
        """Return the verdicts that became available in ``[since_s, until_s]``, the oldest first.

        Those of the same moment come in the order in which they were stored. ``judge`` is a name of :meth:`judges`;
        ``None`` is all of them.
        """
        return tuple(verdict for _, verdict in self.numbered_verdicts(asset, since_s, until_s, judge=judge))

    def numbered_verdicts(
        self,
        asset: str | None = None,
        since_s: float = -math.inf,
        until_s: float = math.inf,
        *,
        judge: str | None = None,
    ) -> tuple[tuple[int, Verdict], ...]:
        """Return :meth:`verdicts` with the number of each, which is above 0 and never given to another."""
        query = of_judge(select(tables.verdicts), judge)
        found = self._all(of_asset(query, asset, since_s, until_s))
        return tuple((row.row, verdict_of(row)) for row in found)

    def newest(self, asset: str, at_s: float, *, judge: str | None = None) -> Verdict | None:
        """Return the verdict on ``asset`` that was the newest at ``at_s``, however old; ``None`` without any.

        Of those available it is the one made last, of these the one available last.
        """
        found = self._all(of_judge(newest_of(asset, at_s), judge))
        return verdict_of(found[0]) if found else None

    def judges(self) -> dict[str, int]:
        """Return the names of those who judged, and how many verdicts each made: :attr:`Verdict.judge`."""
        found: dict[str, int] = {}
        for is_recorded, judge_kind, model, prompt_version, count in self._all(counted_by_judge()):
            name = RECORDED if is_recorded else JudgeIdentity(judge_kind, model, prompt_version).name
            found[name] = found.get(name, 0) + count
        return found

    def spent(self, judge: str, since_s: float) -> tuple[int, int]:
        """Return how many questions and tokens ``judge`` was asked for after ``since_s``, archives only."""
        for questions, tokens in self._all(spent_by(judge, since_s)):
            return questions, tokens
        return 0, 0

    def articles(
        self, asset: str | None = None, since_s: float = -math.inf, until_s: float = math.inf
    ) -> tuple[Article, ...]:
        """Return the articles first seen in ``[since_s, until_s]``, the oldest first.

        With an ``asset``: those about it, ``first_seen_at_s`` being when they were first seen to be.
        """
        columns = tables.articles.c
        if asset is None:
            seen_s = columns.first_seen_at_s
            found = self._all(
                select(tables.articles).where(seen_s.between(since_s, until_s)).order_by(seen_s, columns.row)
            )
            return tuple(article_of(row) for row in found)
        seen_s = _MENTIONS.first_seen_at_s
        query = (
            select(*(column for column in columns if column.name != "first_seen_at_s"), seen_s)
            .join(tables.mentions, _MENTIONS.article_id == columns.id)
            .where(_MENTIONS.asset == asset, seen_s.between(since_s, until_s))
            .order_by(seen_s, columns.row)
        )
        return tuple(article_of(row, asset) for row in self._all(query))

    def article_times(self, asset: str, since_s: float = -math.inf) -> npt.NDArray[np.float64]:
        """Return when each article about ``asset`` was first seen, from ``since_s`` on, ascending."""
        query = select(_MENTIONS.first_seen_at_s).where(_MENTIONS.asset == asset, _MENTIONS.first_seen_at_s >= since_s)
        with self.reading() as connection:
            if connection is None:
                return np.empty(0)
            found = connection.execute(query.order_by(_MENTIONS.first_seen_at_s))
            # There may be a hundred thousand: rows of SQLAlchemy's own would take twice the time.
            times = [] if found.cursor is None else found.cursor.fetchall()
            found.close()
            return np.fromiter(chain.from_iterable(times), dtype=np.float64, count=len(times))

    def seen_at(self, asset: str, article_ids: Iterable[str]) -> dict[str, float]:
        """Return when each of the articles was first seen to be about ``asset``, UTC seconds; others are left out."""
        return {row.article_id: row.first_seen_at_s for row in self._all(mentions_of(asset, article_ids))}

    def assets(self) -> tuple[str, ...]:
        """Return the assets that have articles or verdicts, sorted."""
        query = select(_MENTIONS.asset).union(select(_VERDICTS.asset))
        return tuple(sorted(row[0] for row in self._all(query)))

    def decisions(self, since_s: float = -math.inf, until_s: float = math.inf) -> tuple[Decision, ...]:
        """Return the decisions made in ``[since_s, until_s]``, in the order in which they were stored."""
        columns = tables.decisions.c
        query = select(tables.decisions).where(columns.decided_at_s.between(since_s, until_s)).order_by(columns.row)
        return tuple(decision_of(row) for row in self._all(query))

    def pending_replication(self, since_s: float = -math.inf, limit: int | None = 200) -> tuple[Verdict, ...]:
        """Return this bot's verdicts since ``since_s`` that the shared memory has not confirmed, the newest first."""
        confirmed = select(tables.confirmations).where(tables.confirmations.c.verdict_id == _VERDICTS.id).exists()
        own = select(tables.verdicts).where(_VERDICTS.origin == "live", _VERDICTS.available_at_s >= since_s, ~confirmed)
        query = own.order_by(_VERDICTS.row.desc()).limit(limit)
        return tuple(verdict_of(row) for row in self._all(query))

    def confirm(self, verdict_id: str, at_s: float) -> None:
        """Note that a verdict was read back from the shared memory at ``at_s``; the first time counts."""
        with self._faults(), self._writable().begin() as connection:
            connection.execute(
                insert(tables.confirmations).prefix_with("OR IGNORE"),
                {"verdict_id": verdict_id, "confirmed_at_s": at_s},
            )

    def purge(self, older_than_s: float) -> int:
        """Delete what was seen, available or decided before ``older_than_s``; returns how many rows that were."""
        known = select(_VERDICTS.id).where(_VERDICTS.id == tables.confirmations.c.verdict_id).exists()
        with self._faults(), self._writable().begin() as connection:
            connection.execute(insert(tables.purges), {"at_s": self._clock(), "before_s": older_than_s})
            return sum(
                connection.execute(statement).rowcount
                for statement in (
                    delete(tables.mentions).where(_MENTIONS.first_seen_at_s < older_than_s),
                    delete(tables.articles).where(tables.articles.c.first_seen_at_s < older_than_s),
                    delete(tables.verdicts).where(_VERDICTS.available_at_s < older_than_s),
                    delete(tables.confirmations).where(~known),
                    delete(tables.decisions).where(tables.decisions.c.decided_at_s < older_than_s),
                    delete(tables.spendings).where(tables.spendings.c.at_s < older_than_s),
                )
            )

    def state(self, until_s: float) -> tuple[int, float]:
        """Return how many verdicts were available by ``until_s``, and when the newest of them was, 0 without any."""
        query = select(func.count(), func.max(_VERDICTS.available_at_s)).where(_VERDICTS.available_at_s <= until_s)
        for count, newest_s in self._all(query):
            return count, newest_s or 0.0
        return 0, 0.0

    def close(self) -> None:
        """Close the database where it was opened here."""
        if self._owned and self._engine is not None:
            self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Give a connection for queries of one's own on :mod:`freqai_ext.news._tables`; ``None`` of an empty store."""
        if self._engine is None:
            yield None
            return
        try:
            with self._faults(), self._engine.connect() as connection:
                yield connection
        finally:
            if self._read_only:
                # Forks of a hyperopt must not share a connection.
                self._engine.dispose()

    def _all(self, query: Executable) -> Sequence[Any]:
        with self.reading() as connection:
            return connection.execute(query).all() if connection is not None else ()

    def _add_articles(self, batch: tuple[Article, ...]) -> int:
        rows = [article_row(article) for article in batch]
        mentions = [
            {"asset": asset, "article_id": article.id, "own_s": article.first_seen_at_s}
            for article in batch
            for asset in article.assets
        ]
        with self._faults(), self._writable().begin() as connection:
            added = connection.execute(insert(tables.articles).prefix_with("OR IGNORE"), rows).rowcount
            if mentions:
                connection.execute(_ADD_MENTION, mentions)
        self._tell(Added(articles=batch))
        return added

    def _tell(self, added: Added) -> None:
        for listener in self._listeners:
            listener(added)

    def _writable(self) -> Engine:
        if self._read_only or self._engine is None:
            raise NewsDataError(f"{self.path}: opened for reading only; the bot that records news writes it")
        return self._engine

    def _has_tables(self) -> bool:
        if self._engine is None:
            return False
        try:
            with self._faults(), self._engine.connect() as connection:
                has_tables = inspect(connection).has_table(tables.verdicts.name)
                views = tables.views_for_reading(connection)
        finally:
            self._engine.dispose()
        if views:
            event.listen(self._engine, "connect", lambda connection, _: [connection.execute(view) for view in views])
        return has_tables

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, UnicodeEncodeError, ValueError) as error:
            # Never the statement with its values.
            reason = getattr(error, "orig", None) or error
            if isinstance(reason, UnicodeError):
                raise NewsDataError(
                    f"{self.path}: a text cannot be stored ({reason}); leave that character out"
                ) from None
            raise NewsDataError(explained(error, self.path, _SETTING)) from None
