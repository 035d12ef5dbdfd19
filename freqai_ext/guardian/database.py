"""The SQLite file of the sidecar."""

from pathlib import Path

from sqlalchemy import Engine

from freqai_ext._services.database import open_sqlite
from freqai_ext.errors import GuardianDataError


def open_database(path: Path, *, read_only: bool = False) -> Engine:
    """Return an engine for the file, see :func:`~freqai_ext._services.database.open_sqlite`.

    Raises
    ------
    GuardianDataError
        If there is no such file to read, it is no SQLite database, or its folder cannot be written.
    """
    return open_sqlite(path, "freqai_ext.guardian.database", GuardianDataError, read_only=read_only)
