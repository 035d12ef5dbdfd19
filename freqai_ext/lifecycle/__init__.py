"""What keeps a model in service over its life. So far: recovery of a folder of models after a crash or a full disk."""

from freqai_ext.lifecycle.complaints import Complaints, remedy
from freqai_ext.lifecycle.recovery import (
    HISTORY,
    Damage,
    backup_of,
    check_metadata,
    read_metadata,
    recover,
    save_with_backup,
    set_aside,
    sync_folder,
)

__all__ = [
    "HISTORY",
    "Complaints",
    "Damage",
    "backup_of",
    "check_metadata",
    "read_metadata",
    "recover",
    "remedy",
    "save_with_backup",
    "set_aside",
    "sync_folder",
]
