"""Names of folders and identifiers that no other run uses at the same time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

_LOCK_MODE: Final = 0o644


@dataclass(frozen=True)
class RunSlot:
    """The place of one run among those of the same name that go on at the same time.

    Parameters
    ----------
    number
        1 for the first; the next one gets the lowest that is free.
    lock
        Descriptor of the lock file. The slot is taken until this process, and each child that inherits the
        descriptor, has ended, however it ends.
    """

    number: int
    lock: int

    @property
    def suffix(self) -> str:
        """What is put behind the names of the run's folders and identifier: nothing for the first, then ``-2``."""
        return "" if self.number == 1 else f"-{self.number}"


@contextmanager
def run_slot(folder: Path, name: str) -> Iterator[RunSlot]:
    """Take the first free slot of ``name``; its lock file is ``.<name>.lock``, ``.<name>-2.lock`` … in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        slot = RunSlot(number, -1)
        lock = _opened(folder / f".{name}{slot.suffix}.lock")
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield RunSlot(number, lock)
            return
        finally:
            os.close(lock)


@contextmanager
def one_at_a_time(folder: Path, name: str) -> Iterator[None]:
    """Wait until no other process does what ``name`` stands for; its lock file is ``.<name>.lock`` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = _opened(folder / f".{name}.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _opened(path: Path) -> int:
    # Never deleted: a process that has opened it and one that makes it again would both hold a lock.
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _LOCK_MODE)
