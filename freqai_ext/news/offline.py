"""No network where the past is replayed: a socket that is opened there is a fault, whoever opens it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_STATE: Final = threading.local()
_HOOKED: Final = threading.Event()
_NETWORK: Final = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})


class NetworkInReplayError(RuntimeError):
    """Something tried to use the network while the past was replayed: it would know what was not known then."""


@contextmanager
def no_network() -> Iterator[None]:
    """Forbid this thread the network inside the block, by an audit hook of the interpreter that nothing can get around.

    Raises
    ------
    NetworkInReplayError
        In the block, from whatever connects or resolves a name.
    """
    if not _HOOKED.is_set():
        _HOOKED.set()
        sys.addaudithook(_refuse)
    before = getattr(_STATE, "forbidden", False)
    _STATE.forbidden = True
    try:
        yield
    finally:
        _STATE.forbidden = before


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event in _NETWORK and getattr(_STATE, "forbidden", False):
        raise NetworkInReplayError(
            f"{event} while the past was replayed: a backtest reads the news store alone, so that it cannot know what "
            "was not known then"
        )
