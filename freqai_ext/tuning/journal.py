"""The file in which a search writes down its trials."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

logger = logging.getLogger(__name__)


def open_storage(journal: Path | None) -> "BaseStorage":
    """Return the storage of trials in the file ``journal``, or in memory where there is none or it cannot be written.

    Writers lock the file. A line that a crash has cut is dropped; a file that is no journal is set aside with the
    suffix ``.broken``.
    """
    from optuna.storages import InMemoryStorage

    if journal is None:
        return InMemoryStorage()
    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
        try:
            _mend(journal)
            return _journal_storage(journal)
        except OSError:
            raise
        except Exception as error:
            aside = _free_name(journal.with_name(f"{journal.name}.broken"))
            journal.replace(aside)
            logger.warning("Tuning: %s is no journal (%s); set aside as %s", journal, error, aside.name)
            return _journal_storage(journal)
    except OSError as error:
        logger.warning("Tuning: the journal %s cannot be used (%s); an interrupted search starts again", journal, error)
        return InMemoryStorage()


def _free_name(path: Path) -> Path:
    """Return ``path``, or with a number behind it where that is taken: what was set aside before stays."""
    names = (path, *(path.with_name(f"{path.name}.{number}") for number in range(1, 1_000)))
    return next((name for name in names if not name.exists()), path)


def _journal_storage(journal: Path) -> "BaseStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    return JournalStorage(JournalFileBackend(str(journal), lock_obj=JournalFileOpenLock(str(journal))))


def _mend(journal: Path) -> None:
    """Cut the file after its last complete line, since a later one would be joined to the rest; check all others.

    Optuna reads a line that is wrong only when another one follows, in the middle of a search.
    """
    if not journal.exists():
        return
    lines = journal.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        cut = lines.pop()
        with journal.open("r+b") as file:
            file.truncate(journal.stat().st_size - len(cut))
    for line in lines:
        json.loads(line)
