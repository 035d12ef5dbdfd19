"""What calls cost a bot's loop, measured so that other programs on the machine make no difference."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

HANG_S = 20.0
"""Limit for a call that must end at a deadline of about a second, where a broken one would never end."""


@dataclass
class LoopCost:
    """Times calls by the processor time of the calling thread, and on the clock.

    Processor time does not grow while other programs have the processor. A call that waits, for a lock or the network,
    uses none: waiting shows on the clock, in most calls, while a busy machine shows in some.
    """

    processor_s: list[float] = field(default_factory=list)
    clock_s: list[float] = field(default_factory=list)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Time one call."""
        began_s, began_processor_s = time.perf_counter(), time.thread_time()
        yield
        self.processor_s.append(time.thread_time() - began_processor_s)
        self.clock_s.append(time.perf_counter() - began_s)

    def check(self, most_s: float, *, longest_wait_s: float = 0.05) -> None:
        """Require a median of processor time below ``most_s``, and that most calls do not wait."""
        assert statistics.median(self.processor_s) < most_s, self.processor_s
        assert statistics.quantiles(self.clock_s, n=4)[0] < longest_wait_s, self.clock_s
