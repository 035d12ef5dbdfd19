"""The publisher under load: ``python -m benchmarks.guardian_load --pairs 200 --pushes 10000``.

Sets of all pairs go through publisher, journal and HTTP to a reference Guardian in a process of its own, one after the
other. Printed are the times of the pushes, from the offer to the outcome in the journal, and the memory on the way.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from freqai_ext._services.worker import Worker
from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.database import open_database
from freqai_ext.guardian.journal import Journal
from freqai_ext.guardian.metrics import GuardianMetrics
from freqai_ext.guardian.opinion import Opinion, OpinionSet
from freqai_ext.guardian.publisher import Publisher
from freqai_ext.guardian.sandbox import Sandbox, SandboxSettings
from freqai_ext.guardian.settings import GuardianSettings

LIMIT_MS = 250.0


class StepClock:
    """Goes on by a candle with each push, so that sets are new and fresh."""

    def __init__(self) -> None:
        self.now_s = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now_s


def opinions(pairs: tuple[str, ...], number: int, now_s: float) -> OpinionSet:
    """Return a set that differs from the one before in every pair."""
    found = {
        pair: Opinion(
            pair=pair,
            made_at_s=now_s,
            probability=0.05 + ((number * 7 + index * 13) % 900) / 1_000,
            ev_bps=((number + index) % 200) - 100.5,
            confidence=0.5,
            horizon_min=120.0,
            trained_at_s=now_s - 3_600,
            trusted=True,
        )
        for index, pair in enumerate(pairs)
    }
    return OpinionSet(pairs, found, now_s, 300.0, "CalibratedSignalModel", "load")


def measure(pairs: int, pushes: int, folder: Path) -> tuple[list[float], list[float]]:
    """Return milliseconds of each push, and megabytes of resident memory after each tenth of them."""
    universe, clock, process = tuple(f"COIN{number}/USDT" for number in range(pairs)), StepClock(), psutil.Process()
    spans_ms: list[float] = []
    memory_mb: list[float] = []
    with Sandbox(SandboxSettings()) as sandbox:
        settings = GuardianSettings(url=sandbox.url)
        engine = open_database(folder / "guardian.sqlite")
        journal, client = Journal(engine, 365.0, clock), GuardianClient(settings)
        publisher = Publisher(
            settings, client, journal, GuardianMetrics(clock), lambda: universe, lambda: worker.wake(), clock
        )
        worker = Worker("load", [publisher], clock)
        worker.start()
        for number in range(pushes):
            clock.now_s += 300.0
            worker.settle(10.0)
            offered = opinions(universe, number, clock.now_s)
            began = time.perf_counter()
            publisher.offer(offered)
            if not worker.settle(10.0) or publisher.status.last_accepted != pairs:
                raise SystemExit(f"push {number}: {publisher.status}")
            spans_ms.append((time.perf_counter() - began) * 1e3)
            if number % max(1, pushes // 10) == 0:
                memory_mb.append(process.memory_info().rss / 2**20)
        worker.stop(10.0)
        accounted = not journal.unaccounted()
        engine.dispose()
    memory_mb.append(process.memory_info().rss / 2**20)
    if not accounted:
        raise SystemExit("pushes without an outcome")
    return spans_ms, memory_mb


def main() -> int:
    """Measure and report; exit code 1 where a push took longer than the limit in the median."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--pushes", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="guardian-load-") as folder:
        spans_ms, memory_mb = measure(options.pairs, options.pushes, Path(folder))
    spans_ms.sort()
    median_ms, late_ms = statistics.median(spans_ms), spans_ms[int(0.99 * (len(spans_ms) - 1))]
    print(
        f"{options.pushes} pushes of {options.pairs} pairs: median {median_ms:.1f} ms, 99 % {late_ms:.1f} ms, ", end=""
    )
    print(f"longest {spans_ms[-1]:.1f} ms; resident MB on the way: {[round(each, 1) for each in memory_mb]}")
    return 1 if median_ms > LIMIT_MS else 0


if __name__ == "__main__":
    sys.exit(main())
