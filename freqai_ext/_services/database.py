"""SQLite files of services: opened so that several processes can read while one writes."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from freqai_ext.errors import FreqaiExtError

BUSY_TIMEOUT_MS = 5_000


def open_sqlite(path: Path, setting: str, error: type[FreqaiExtError], *, read_only: bool = False) -> Engine:
    """Return an engine for the file, which is made where it is missing unless ``read_only``.

    Writing goes through a write-ahead log: readers never wait for a writer, and a crash loses at most what was being
    written.

    Parameters
    ----------
    setting
        Path of the setting that names the file, for messages.
    error
        What is raised if there is no such file to read, it is no SQLite database, or its folder cannot be written.
    """
    path = path.expanduser().absolute()
    query: dict[str, str] = {}
    if read_only:
        if not path.is_file():
            raise error(f"{path}: no such file; it is written while the bot runs")
        query = {"mode": "ro", "uri": "true"}
    else:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise error(f"{path.parent}: cannot be made ({fault.strerror}); set {setting}") from fault
    location = path.as_uri() if read_only else str(path)
    engine = create_engine(URL.create("sqlite", database=location, query=query))

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        if not read_only:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
    except DatabaseError as fault:
        engine.dispose()
        raise error(f"{path}: cannot be used as a database ({fault.orig}); move it away, or set {setting}") from fault
    return engine
