"""``GraphitiHybridStrategy`` that measures itself; copied into the user directory of a benchmark's bot."""

import json
import resource
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from freqtrade.strategy import BooleanParameter
from pandas import DataFrame

from freqai_ext.strategies.GraphitiHybridStrategy import GraphitiHybridStrategy

TIMED = (
    "bot_loop_start",
    "confirm_trade_entry",
    "custom_exit",
    "custom_stake_amount",
    "populate_indicators",
    "populate_entry_trend",
    "populate_exit_trend",
)


class TimedHybridStrategy(GraphitiHybridStrategy):
    """Enters without regard to volume, and notes what each call took and which candles were analysed."""

    needs_volume = BooleanParameter(default=False, space="buy")

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._took_ms: defaultdict[str, list[float]] = defaultdict(list)
        self._worked_ms: defaultdict[str, list[float]] = defaultdict(list)
        self._waited_ms: defaultdict[str, list[float]] = defaultdict(list)
        self._analysed: defaultdict[str, list[float]] = defaultdict(list)
        for name in TIMED:
            setattr(self, name, self._timed(name, getattr(self, name)))

    def ft_bot_cleanup(self) -> None:
        """Write down what was measured, beside the user directory."""
        super().ft_bot_cleanup()
        measured = {
            "took_ms": self._took_ms,
            "worked_ms": self._worked_ms,
            "waited_ms": self._waited_ms,
            "analysed_s": self._analysed,
        }
        (Path(self.config["user_data_dir"]).parent / "measured.json").write_text(json.dumps(measured))

    def _timed(self, name: str, call: Any) -> Any:
        def timed(*args: Any, **kwargs: Any) -> Any:
            if name == "populate_indicators":
                self._note_candle(args[0], args[1]["pair"])
            waits, began, worked = _waits(), time.perf_counter(), time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                worked_ms, took_ms = 1_000 * (time.thread_time() - worked), 1_000 * (time.perf_counter() - began)
                self._took_ms[name].append(took_ms)
                self._worked_ms[name].append(worked_ms)
                # A call that waited for nothing lasted longer than it worked only because others had the processor.
                self._waited_ms[name].append(took_ms - worked_ms if _waits() > waits else 0.0)

        return timed

    def _note_candle(self, candles: DataFrame, pair: str) -> None:
        self._analysed[pair].append(candles["date"].iloc[-1].timestamp())


def _waits() -> int:
    """Return how often this thread has given the processor away to wait: for a lock, the interpreter, disk or net."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
