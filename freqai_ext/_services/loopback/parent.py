"""What a server's process says to the one that started it, and how it learns that it is no longer wanted.

It reads its order from standard input, writes one line of JSON when it listens (or why it cannot), and ends when
standard input closes, which the system does when the parent dies, however it dies.
"""

import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from freqai_ext.errors import FreqaiExtError


def read_order() -> dict[str, Any]:
    """Return what was ordered."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    return order


def say(listening: dict[str, Any]) -> None:
    """Tell the parent that the server listens, and where."""
    sys.stdout.write(json.dumps(listening) + "\n")
    sys.stdout.flush()


def say_fault(error: FreqaiExtError) -> None:
    """Tell the parent why the server cannot start."""
    say({"error": type(error).__name__, "message": str(error)})


def when_it_ends(call: Callable[[], object]) -> None:
    """Have ``call`` called, in a thread of its own, when the parent ends or wants the server to end."""

    def watch() -> None:
        sys.stdin.read()
        call()

    threading.Thread(target=watch, daemon=True).start()
