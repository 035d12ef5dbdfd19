"""Runs a program in the foreground: signals reach it, its exit code is ours."""

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

_PASSED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_child(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run ``command`` until it ends and return its exit code, 128 + n when signal n ended it."""
    # A group of its own, so that Ctrl-C arrives once: from us, not from the terminal as well.
    child = subprocess.Popen(command, env=dict(environment), process_group=0)  # noqa: S603
    with passing_signals(child):
        return exit_code(child.wait())


def exit_code(code: int) -> int:
    """Return a process's return code as a shell would see it."""
    return 128 - code if code < 0 else code


@contextmanager
def passing_signals(child: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Pass SIGINT, SIGTERM and SIGHUP on to ``child``: what it does then decides when we end."""

    def forward(number: int, _: FrameType | None) -> None:
        child.send_signal(number)

    previous = {number: signal.signal(number, forward) for number in _PASSED}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
