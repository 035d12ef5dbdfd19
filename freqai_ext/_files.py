"""Files: written so that a crash leaves the old one or the new one, never half of either; read if they are regular."""

import errno
import os
import stat
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from freqai_ext.errors import SettingsError

_LONGEST_NAME: Final = 40
_KINDS = {stat.S_IFDIR: "directory", stat.S_IFIFO: "pipe", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}


def write_atomically(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` (UTF-8), see :func:`replace_atomically`."""
    content = text.encode("utf-8")
    replace_atomically(path, lambda file: file.write(content))


def replace_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replace ``path`` by what ``write`` writes to the file that it is given: beside it, synced to disk, then renamed.

    Threads and processes may write the same path at a time: the last one wins, whole. The file keeps its mode; a new
    one gets the usual one.

    Raises
    ------
    OSError
        As far as the disk fails; the old file is then as it was.
    """
    # A name that nobody else has: not another thread, nor an earlier process of the same number that was killed.
    temporary = path.with_name(f".{path.name[:_LONGEST_NAME]}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            with suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(path.stat().st_mode))
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading bytes, at once: what is no regular file, such as a pipe without a writer, is refused.

    Raises
    ------
    OSError
        If it cannot be opened, or is none; ``strerror`` says what it is.
    """
    # Opening a pipe would wait for whoever writes to it.
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = stat.S_IFMT(os.fstat(number).st_mode)
    if kind == stat.S_IFREG:
        return os.fdopen(number, "rb")
    os.close(number)
    what = _KINDS.get(kind, "special file")
    raise OSError(errno.EINVAL, f"it is a {what}, and only regular files are read", str(path))


def require_writable(userdir: Path, *subdirectories: str) -> None:
    """Check that a command can write to the user directory and to its subdirectories, as far as they are there.

    Raises
    ------
    SettingsError
        Naming the directory that cannot be written to.
    """
    for folder in (userdir, *(userdir / name for name in subdirectories)):
        if folder.exists() and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise SettingsError(
                f"{folder}: is not a directory that can be written to; change its owner or mode, or name another user "
                "directory with --userdir"
            )
