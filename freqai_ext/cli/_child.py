"""Signals of programs in the foreground: passed on to a child whose exit code is ours, or taken as Ctrl-C is."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any

_PASSED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_child(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run ``command`` until it ends and return its exit code, 128 + n when signal n ended it."""
    with SignalRelay() as relay:
        # A group of its own, so that Ctrl-C arrives once: from us, not from the terminal as well.
        child = subprocess.Popen(command, env=dict(environment), process_group=0)  # noqa: S603
        relay.to(child)
        code = child.wait()
    return 128 - code if code < 0 else code


class SignalRelay:
    """Passes SIGINT, SIGTERM and SIGHUP on to a child: what it does then decides when we end.

    Enter it before the child starts. A signal that a shell told us to ignore would be ignored by the child as well;
    one that we handle is at its default there.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "SignalRelay":
        self._previous = {number: signal.signal(number, self._pass_on) for number in _PASSED}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def to(self, child: "subprocess.Popen[bytes]") -> None:
        """Name the child; before that, a signal interrupts us."""
        self._child = child

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        if self._child is None:
            raise KeyboardInterrupt
        self._child.send_signal(number)


class Interruptible:
    """Takes SIGTERM and SIGHUP as Ctrl-C is taken, by KeyboardInterrupt, so that what works beside us is ended."""

    def __init__(self) -> None:
        self.exit_code = 128 + signal.SIGINT
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruptible":
        for number in (signal.SIGTERM, signal.SIGHUP):
            # nohup has it ignored, and wants that.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        self.exit_code = 128 + number
        raise KeyboardInterrupt
