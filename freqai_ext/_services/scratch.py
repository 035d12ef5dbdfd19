"""Temporary folders, which the next run removes where their process was killed."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_PREFIX: Final = "freqai-ext-"
_LOCK: Final = ".lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give an empty folder that is removed at the end, and remove those of processes that are gone.

    A folder's owner holds a lock beside it, which the system releases when that process ends, however it ends.
    """
    parent = Path(tempfile.gettempdir())
    remove_abandoned(parent)
    folder = parent / f"{_PREFIX}{os.getpid()}-{uuid.uuid4().hex[:12]}"
    lock = _lock_of(folder)
    # Before the folder is there, so that nobody takes it for an abandoned one.
    lock.acquire(timeout=0)
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder, lock)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders below ``parent`` whose owners are gone."""
    for folder in parent.glob(f"{_PREFIX}*"):
        # Another user's, or one of another program's, is none of ours.
        if not folder.with_name(folder.name + _LOCK).is_file() or folder.is_symlink() or not folder.is_dir():
            continue
        with suppress(Timeout, OSError):
            lock = _lock_of(folder)
            lock.acquire(timeout=0)
            _remove(folder, lock)


def _lock_of(folder: Path) -> FileLock:
    return FileLock(folder.with_name(folder.name + _LOCK), mode=0o600)


def _remove(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
