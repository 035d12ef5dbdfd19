"""SQLite files of services: opened so that several processes can read while one writes."""

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from freqai_ext.errors import FreqaiExtError

BUSY_TIMEOUT_MS = 5_000

LAYOUT: Final = 1
"""Of the files that this version writes, as ``PRAGMA user_version``; files without a number are read as this one."""

_LARGEST_WHOLLY_CHECKED_BYTES: Final = 512 * 1024**2

_WHATS: Final = {
    "NOTADB": ("it is no SQLite database", "move it away, and a new one is begun, or correct {setting}"),
    "CORRUPT": (
        "the database is damaged",
        "move it away together with its -wal and -shm, and a new one is begun; what can be read of it comes back with: "
        "sqlite3 FILE .recover",
    ),
    "BUSY": ("another process holds the database", "end that process, or set {setting} to a file of this one's own"),
    "FULL": ("the disk takes nothing more", "free space on it, or set {setting} to a file on another"),
    "IOERR": ("the disk fails", "see that it is there and not full, or set {setting} to a file on another"),
    "READONLY": ("it may not be written", "let this user write the file and its folder, or set {setting}"),
    "CANTOPEN": ("it cannot be opened", "let this user read and write the file and its folder, or set {setting}"),
}
_SAME: Final = {"LOCKED": "BUSY", "PERM": "CANTOPEN", "AUTH": "CANTOPEN"}


def open_sqlite(path: Path, setting: str, error: type[FreqaiExtError], *, read_only: bool = False) -> Engine:
    """Return an engine for the file, which is made where it is missing unless ``read_only``.

    Writing goes through a write-ahead log: readers never wait for a writer, and a crash loses at most what was being
    written. A file that cannot be used is left as it is: what is recorded in these files cannot be asked for again.

    Parameters
    ----------
    setting
        Path of the setting that names the file, for messages.
    error
        What is raised if there is no such file to read, it is no SQLite database, damaged, held by another process or
        of a newer version, or its folder cannot be written.
    """
    path = path.expanduser().absolute()
    if path.exists() and not path.is_file():
        raise error(f"{path}: it is a folder, a pipe or a device, and no file; set {setting} to a file")
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
        if path.is_file() and path.stat().st_size:
            # Opening it to write changes it, and one that is damaged or newer must stay as it is.
            open_sqlite(path, setting, error, read_only=True).dispose()
    location = path.as_uri() if read_only else str(path)
    engine = create_engine(URL.create("sqlite", database=location, query=query))

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            if not read_only:
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as fault:
            # SQLAlchemy would pass it on as it is, which nobody catches who catches its errors.
            raise DatabaseError("PRAGMA", None, fault) from fault
        finally:
            cursor.close()

    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
            layout = int(connection.exec_driver_sql("PRAGMA user_version").scalar() or 0)
            if not layout and not read_only:
                connection.exec_driver_sql(f"PRAGMA user_version = {LAYOUT}")
    except DatabaseError as fault:
        engine.dispose()
        raise error(explained(fault, path, setting)) from None
    if layout > LAYOUT:
        engine.dispose()
        raise error(
            f"{path}: a newer version of freqai-ext has written it (layout {layout}, this one knows {LAYOUT}); install "
            f"that version, or set {setting} to another file"
        )
    return engine


def check_sqlite(path: Path, setting: str, error: type[FreqaiExtError]) -> None:
    """Check a file before a bot starts to write it; one that is not there yet is in order.

    All pages are looked at, unless it is larger than 512 MB: damage in the middle shows only when it is read, else.

    Raises
    ------
    FreqaiExtError
        Of the kind ``error``, as :func:`open_sqlite` does.
    """
    path = path.expanduser().absolute()
    if path.is_file() and 0 < path.stat().st_size <= _LARGEST_WHOLLY_CHECKED_BYTES:
        engine = open_sqlite(path, setting, error, read_only=True)
        try:
            with engine.connect() as connection:
                found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        except DatabaseError as fault:
            raise error(explained(fault, path, setting)) from None
        finally:
            engine.dispose()
        if found != "ok":
            raise error(_text(path, "CORRUPT", found, setting))
    open_sqlite(path, setting, error).dispose()


def explained(fault: Exception, path: Path | str, setting: str) -> str:
    """Return what is wrong with a database and how to mend it."""
    # Never the statement with its values.
    original = getattr(fault, "orig", None) or type(fault).__name__
    name = str(getattr(original, "sqlite_errorname", "")).removeprefix("SQLITE_").partition("_")[0]
    return _text(path, _SAME.get(name, name), str(original), setting)


def _text(path: Path | str, kind: str, reason: str, setting: str) -> str:
    what, remedy = _WHATS.get(kind, ("it cannot be used as a database", "move it away, or set {setting}"))
    return f"{path}: {what} ({reason.strip().splitlines()[-1]}); {remedy.format(setting=setting)}"
