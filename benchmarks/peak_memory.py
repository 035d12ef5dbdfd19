"""Peak memory of this process since a chosen moment."""

import re
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


class PeakMemory:
    """Megabytes that are held at most from now on, beyond those held now. Linux tells; elsewhere it is ``None``."""

    def __init__(self) -> None:
        self._before: float | None = None
        try:
            _CLEAR.write_text(_RESET_PEAK)
            self._before = _megabytes("VmRSS")
        except OSError:
            return

    @property
    def added(self) -> float | None:
        """The peak so far."""
        return None if self._before is None else max(0.0, _megabytes("VmHWM") - self._before)


def _megabytes(name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), flags=re.MULTILINE)
    if found is None:
        raise OSError(f"{_STATUS} does not name {name}")
    return int(found[1]) / 1024
