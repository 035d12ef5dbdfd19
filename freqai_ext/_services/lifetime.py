"""Processes that end with the one that started them, however that ends.

``SIGKILL`` leaves no time to end one's children, so each child looks after itself: a thread of it waits for the end of
the parent. Asking for the parent's number works in every process of POSIX, whichever thread of the parent started it;
``PR_SET_PDEATHSIG`` exists on Linux alone, and takes the end of that thread for the end of the parent.
``python -m freqai_ext._services.lifetime PARENT MODULE ARGUMENT…`` runs the module of another package so.
"""

import functools
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

GRACE_S: Final = 10.0
"""How long a process may take to end once its parent is gone."""

_LOOK_S: Final = 0.25


def end_when(call: Callable[[], object], grace_s: float = GRACE_S) -> None:
    """End this process once ``call`` returns, in a thread of its own: by ``SIGTERM``, and ``grace_s`` later by force.

    A process that leads a process group takes the group with it, which holds the processes that it started.
    """

    def watch() -> None:
        call()
        _end(signal.SIGTERM)
        # Real seconds, also where the clock stands still.
        time.sleep(grace_s)
        _end(signal.SIGKILL)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()


@functools.cache
def end_with_parent(parent_pid: int) -> None:
    """End this process once its parent is not ``parent_pid`` any more; only the first call does something."""
    end_when(functools.partial(_wait_for_the_end_of, parent_pid))


def command_that_ends_with_us(module: str, arguments: Sequence[str]) -> list[str]:
    """Return the command for ``python -m MODULE ARGUMENT…`` as a child that ends with this process."""
    return [sys.executable, "-m", __name__, str(os.getpid()), module, *arguments]


def _wait_for_the_end_of(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_LOOK_S)


def _end(number: signal.Signals) -> None:
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), number)
    else:
        os.kill(os.getpid(), number)


def _main() -> None:
    parent_pid, module = int(sys.argv[1]), sys.argv[2]
    if os.name == "posix":
        end_with_parent(parent_pid)
    sys.argv[:] = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
