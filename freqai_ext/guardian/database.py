"""The SQLite file of the sidecar."""

from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from freqai_ext._services.database import check_sqlite, open_sqlite
from freqai_ext.errors import GuardianDataError

SETTING: Final = "freqai_ext.guardian.database"


def open_database(path: Path, *, read_only: bool = False) -> Engine:
    """Return an engine for the file, see :func:`~freqai_ext._services.database.open_sqlite`.

    Raises
    ------
    GuardianDataError
        If there is no such file to read, it is no database that can be used, or its folder cannot be written.
    """
    return open_sqlite(path, SETTING, GuardianDataError, read_only=read_only)


def check_database(path: Path) -> None:
    """Check the file before a bot starts, see :func:`~freqai_ext._services.database.check_sqlite`.

    It stops the start, and is not replaced by a new one: features that were recorded cannot be asked for again, and
    without the journal nobody would take back what an earlier run left at Guardian.

    Raises
    ------
    GuardianDataError
        If it cannot be used.
    """
    check_sqlite(path, SETTING, GuardianDataError)
