"""Log lines about a fault that comes back with every candle, such as a full disk."""

import errno
import logging
import threading
from collections import defaultdict

from freqai_ext._services.throttle import Throttle

_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT))


class Complaints:
    """Logs the first occurrence of each fault, then the second, fourth, eighth and so on, and its end.

    Parameters
    ----------
    logger
        Where to.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._lock = threading.Lock()
        self._throttles: defaultdict[str, Throttle] = defaultdict(Throttle)

    def warn(self, subject: str, message: str, *, trace: BaseException | None = None) -> None:
        """Log ``message`` as a warning about ``subject``, unless it was logged enough."""
        with self._lock:
            throttle = self._throttles[subject]
            passes = throttle.passes()
        if passes:
            times = "" if throttle.count == 1 else f" (seen {throttle.count} times)"
            self._logger.warning("%s: %s%s", subject, message, times, exc_info=trace)

    def over(self, subject: str) -> None:
        """Note that ``subject`` works again."""
        with self._lock:
            count = self._throttles.pop(subject, Throttle()).count
        if count:
            self._logger.info("%s: works again after %d failures.", subject, count)


def remedy(error: OSError) -> str:
    """Return what to do about a file that cannot be written."""
    if error.errno in _NO_SPACE:
        return "free some space on the disk"
    return "see that the disk works and the bot's user may write there"
