"""The recorded history of Guardian's features, in SQLite."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from sqlalchemy import Column, Connection, Engine, Float, Integer, MetaData, Table, Text, delete, func, insert, select
from sqlalchemy import inspect as inspect_database
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from freqai_ext._services.database import explained
from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian._transforms import FloatArray
from freqai_ext.guardian.database import SETTING, open_database
from freqai_ext.guardian.flatten import FeatureRow
from freqai_ext.guardian.schema import SCHEMA, SCHEMA_VERSION

logger = logging.getLogger(__name__)

_METADATA: Final = MetaData()
_ROWS: Final = Table(
    "guardian_features",
    _METADATA,
    Column("symbol", Text, primary_key=True),
    Column("fetched_at_s", Float, primary_key=True),
    *(Column(column.name, Float) for column in SCHEMA),
    # Keeps the rows of a symbol together, which come in between those of all others.
    sqlite_with_rowid=False,
)
_VERSION: Final = Table("guardian_feature_schema", _METADATA, Column("version", Integer, primary_key=True))

Listener = Callable[[Sequence[FeatureRow], float], None]


@dataclass(frozen=True)
class FeatureRecord:
    """What was recorded of one symbol.

    Attributes
    ----------
    times_s
        When each row became known, UTC seconds; float64 of shape (rows,), ascending.
    values
        float64 of shape (rows, columns), columns as in :data:`~freqai_ext.guardian.schema.SCHEMA`; NaN is not given.
    """

    times_s: FloatArray
    values: FloatArray


class FeatureStore:
    """Rows of features with the time at which they became known.

    Every answer is stored, also one that repeats the former: its age is then right by itself. A row takes 430 bytes at
    most, so that 20 pairs take less than 1 GB a year.

    Methods may be called in any thread.

    Parameters
    ----------
    database
        A file, which :meth:`close` closes again, or an open database. Tables are made and, where the schema has grown,
        columns added; columns of a newer schema stay as they are.

    Raises
    ------
    GuardianDataError
        If the database cannot be used; all methods raise it.
    """

    def __init__(self, database: Path | Engine) -> None:
        self._owned = not isinstance(database, Engine)
        self._engine: Engine | None = database if isinstance(database, Engine) else open_database(database)
        self._read_only = False
        self._listeners: list[Listener] = []
        try:
            with self._faults(self._engine):
                _prepare(self._engine)
        except GuardianDataError:
            self.close()
            raise
        self._columns = [_ROWS.c[column.name] for column in SCHEMA]

    @classmethod
    def recorded(cls, path: Path) -> "FeatureStore":
        """Return the history in a file that something else writes, to be read only.

        A file that is not there is an empty history, and the log says so.
        """
        store = cls.__new__(cls)
        store._owned, store._read_only, store._listeners = True, True, []
        store._engine = open_database(path, read_only=True) if path.expanduser().is_file() else None
        store._columns = store._readable_columns()
        if not store._columns:
            logger.warning(
                "%s: no recorded Guardian features, so their columns are neutral; they are recorded while a bot runs "
                "with freqai_ext.guardian.features",
                path,
            )
        return store

    @property
    def read_only(self) -> bool:
        """Whether something else writes the history."""
        return self._read_only

    def subscribe(self, listener: Listener) -> None:
        """Have ``listener(rows, fetched_at_s)`` called after rows were appended, in the thread that appends."""
        self._listeners.append(listener)

    def append(self, rows: Sequence[FeatureRow], fetched_at_s: float) -> None:
        """Record rows that became known at ``fetched_at_s`` (UTC seconds), all of them or none.

        A row of the same symbol and time is replaced.
        """
        if not rows:
            return
        names = [column.name for column in SCHEMA]
        records = [
            # SQLite stores NaN as NULL.
            {"symbol": row.symbol, "fetched_at_s": fetched_at_s, **dict(zip(names, row.values, strict=True))}
            for row in rows
        ]
        with self._faults(self._engine), self._writable().begin() as connection:
            connection.execute(insert(_ROWS).prefix_with("OR REPLACE"), records)
        for listener in self._listeners:
            listener(rows, fetched_at_s)

    def read(self, symbol: str, since_s: float = -math.inf, until_s: float = math.inf) -> FeatureRecord:
        """Return the rows of ``symbol`` that became known in ``[since_s, until_s]``."""
        time_s = _ROWS.c.fetched_at_s
        query = (
            select(time_s, *self._columns)
            .where(_ROWS.c.symbol == symbol, time_s >= since_s, time_s <= until_s)
            .order_by(time_s)
        )
        with self._reading() as connection:
            found = connection.execute(query).fetchall() if connection is not None else []
        return self._record(found)

    def newest_s(self) -> float | None:
        """Return when the newest row became known; ``None`` where there is none."""
        with self._reading() as connection:
            return connection.execute(select(func.max(_ROWS.c.fetched_at_s))).scalar() if connection else None

    def state(self, until_s: float) -> tuple[int, float]:
        """Return how many rows had become known by ``until_s``, and when the newest of them did, 0 without any."""
        query = select(func.count(), func.max(_ROWS.c.fetched_at_s)).where(_ROWS.c.fetched_at_s <= until_s)
        with self._reading() as connection:
            count, newest_s = connection.execute(query).one() if connection is not None else (0, None)
        return count, newest_s or 0.0

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that have rows, sorted."""
        query = select(_ROWS.c.symbol).distinct().order_by(_ROWS.c.symbol)
        with self._reading() as connection:
            return tuple(connection.execute(query).scalars()) if connection is not None else ()

    def purge(self, older_than_s: float) -> int:
        """Delete the rows that became known before ``older_than_s`` and return how many there were."""
        with self._faults(self._engine), self._writable().begin() as connection:
            return connection.execute(delete(_ROWS).where(_ROWS.c.fetched_at_s < older_than_s)).rowcount

    def close(self) -> None:
        """Close the database where it was opened here."""
        if self._owned and self._engine is not None:
            self._engine.dispose()

    def _writable(self) -> Engine:
        if self._read_only or self._engine is None:
            raise GuardianDataError(f"{_path(self._engine)}: opened for reading only; the sidecar writes it")
        return self._engine

    @contextmanager
    def _reading(self) -> Iterator[Connection | None]:
        if self._engine is None or not self._columns:
            yield None
            return
        try:
            with self._faults(self._engine), self._engine.connect() as connection:
                yield connection
        finally:
            if self._read_only:
                self._engine.dispose()

    @staticmethod
    @contextmanager
    def _faults(engine: Engine | None) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise GuardianDataError(explained(error, _path(engine), SETTING)) from None

    def _readable_columns(self) -> "list[Column[float | None]]":
        if self._engine is None:
            return []
        try:
            with self._faults(self._engine):
                inspector = inspect_database(self._engine)
                if not inspector.has_table(_ROWS.name):
                    return []
                present = {column["name"] for column in inspector.get_columns(_ROWS.name)}
        finally:
            self._engine.dispose()
        return [_ROWS.c[column.name] for column in SCHEMA if column.name in present]

    def _record(self, found: Sequence[Sequence[object]]) -> FeatureRecord:
        try:
            # Makes NaN of NULL.
            numbers = np.array([tuple(row) for row in found], dtype=np.float64).reshape(-1, 1 + len(self._columns))
        except (TypeError, ValueError):
            raise GuardianDataError(
                f"{_path(self._engine)}: the recorded features are not all numbers; move the file away and start again"
            ) from None
        numbers[~np.isfinite(numbers)] = np.nan
        values = np.full((len(numbers), len(SCHEMA)), np.nan)
        places = {column.name: place for place, column in enumerate(SCHEMA)}
        values[:, [places[column.name] for column in self._columns]] = numbers[:, 1:]
        return FeatureRecord(numbers[:, 0].copy(), values)


def _path(engine: Engine | None) -> str:
    return (engine.url.database or "").removeprefix("file://") if engine is not None else "no database"


def _prepare(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in (_ROWS, _VERSION):
            connection.execute(CreateTable(table, if_not_exists=True))
    present = {column["name"] for column in inspect_database(engine).get_columns(_ROWS.name)}
    for column in SCHEMA:
        if column.name not in present:
            _add_column(engine, column.name)
    with engine.begin() as connection:
        connection.execute(insert(_VERSION).prefix_with("OR IGNORE"), {"version": SCHEMA_VERSION})


def _add_column(engine: Engine, name: str) -> None:
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f'ALTER TABLE "{_ROWS.name}" ADD COLUMN "{name}" FLOAT')
    except OperationalError:
        # Another process was faster.
        if name not in {column["name"] for column in inspect_database(engine).get_columns(_ROWS.name)}:
            raise
