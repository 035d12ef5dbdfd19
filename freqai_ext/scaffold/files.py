"""Keeping a copy of a file that is about to be replaced."""

import shutil
from pathlib import Path


def back_up(path: Path) -> Path:
    """Copy ``path`` to the first free name of ``path.bak``, ``path.bak2``, ... and return that name."""
    count = 1
    while (backup := path.with_name(f"{path.name}.bak{count if count > 1 else ''}")).exists():
        count += 1
    shutil.copy2(path, backup)
    return backup
