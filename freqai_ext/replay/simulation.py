"""Simulated live trading: the real bot, its training thread included, as fast as the computer allows."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from freqai_ext.errors import MissingExtraError, ReplayError

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_POLL_S = 0.2
_LOG_TAIL_LINES = 20


@dataclass(frozen=True)
class SimulationOrder:
    """One simulated run.

    Parameters
    ----------
    argv
        Freqtrade's command line, ``trade`` first.
    url
        The replay exchange, with a settable clock.
    start, end
        Simulated time, UTC.
    folder
        Where the log and the report go.
    seed
        Seed of Python's and NumPy's global random numbers.
    measure_from_hours
        Simulated hours after which the time of the strategy's analysis is measured.
    clock_jumps
        By how many seconds the bot's clock, and no other, is off from each of these times on, in ascending order.
    followers
        Addresses of other services that live on the simulated time; each takes ``POST /_sim/clock?now_ms=…``.
    """

    argv: Sequence[str]
    url: str
    start: datetime
    end: datetime
    folder: Path
    seed: int = 7
    measure_from_hours: float = 0.0
    followers: Sequence[str] = ()
    clock_jumps: Sequence[tuple[datetime, float]] = ()


@dataclass(frozen=True)
class SimulationSummary:
    """What happened in a simulated run.

    Parameters
    ----------
    start, end
        Simulated span, UTC, ISO format; ``end`` is where it got to.
    simulated_hours, wall_seconds, speed
        Its length, the real time it took with start-up, and their ratio.
    iterations
        Rounds of the bot's loop.
    trainings, failed_trainings
        Attempts to train, and those that raised; ``first_training_error`` is the first reason.
    predictions
        Forecasts for new candles, after the first of each pair.
    trades_opened, trades_closed
        Trades in the bot's database at the end.
    log_errors
        Messages of level ERROR and above in the bot's log.
    analysis_ms_per_pair_candle
        Mean real time of the strategy's analysis of one pair at a new candle, without requests to the exchange;
        ``None`` where nothing was measured.
    exit_code
        0 when the end was reached and the bot shut down cleanly.
    log
        The bot's log.
    """

    start: str
    end: str
    simulated_hours: float
    wall_seconds: float
    speed: float
    iterations: int
    trainings: int
    failed_trainings: int
    first_training_error: str
    predictions: int
    trades_opened: int
    trades_closed: int
    log_errors: int
    analysis_ms_per_pair_candle: float | None
    exit_code: int
    log: str

    def to_json(self) -> str:
        """Return the summary as a JSON object."""
        return json.dumps(asdict(self), indent=2)


class Simulation:
    """A simulated run in a process of its own.

    Parameters
    ----------
    order
        What to run.
    environment
        Environment of the bot; threads and hash seed are set here.
    inherited
        Descriptors that the bot keeps open, such as the lock of the folder, which must hold until it has ended.

    Raises
    ------
    MissingExtraError
        When ``time-machine`` is not installed.
    """

    def __init__(
        self, order: SimulationOrder, environment: Mapping[str, str] | None = None, inherited: Sequence[int] = ()
    ) -> None:
        if find_spec("time_machine") is None:
            raise MissingExtraError("simulated live trading", "replay")
        self._order = order
        self._environment = dict(environment or os.environ) | {"PYTHONHASHSEED": "0"} | dict.fromkeys(_ONE_THREAD, "1")
        self._inherited = tuple(inherited)
        self._report_path = order.folder / "report.json"
        self.log_path = order.folder / "bot.log"

    def run(
        self,
        on_progress: Callable[[float], None] = lambda _: None,
        on_start: Callable[["subprocess.Popen[bytes]"], None] = lambda _: None,
    ) -> SimulationSummary:
        """Run the bot to its end.

        Parameters
        ----------
        on_progress
            Called a few times a second with the share of the span that is done, 0 to 1.
        on_start
            Called with the bot's process, e.g. to pass signals on to it.

        Raises
        ------
        ReplayError
            When the bot ends before it starts trading; the message holds the end of its log.
        """
        began = time.perf_counter()
        order_path = self._write_order()
        command = [sys.executable, "-m", "freqai_ext.replay.lockstep_bot", str(order_path)]
        with self.log_path.open("wb") as log:
            bot = subprocess.Popen(  # noqa: S603
                command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                pass_fds=self._inherited,
            )
            try:
                on_start(bot)
                while bot.poll() is None:
                    time.sleep(_POLL_S)
                    on_progress(self._done())
            except BaseException:
                bot.terminate()
                bot.wait()
                raise
            finally:
                if bot.stdin:
                    bot.stdin.close()
        return self._summary(bot.returncode, time.perf_counter() - began)

    def _write_order(self) -> Path:
        order = self._order
        self._report_path.unlink(missing_ok=True)
        path = order.folder / "order.json"
        start_s = order.start.timestamp()
        path.write_text(
            json.dumps(
                {
                    "argv": list(order.argv),
                    "clocks": [url.removeprefix("http://") for url in (*order.followers, order.url)],
                    "start_s": start_s,
                    "end_s": order.end.timestamp(),
                    "seed": order.seed,
                    "measure_from_s": start_s + order.measure_from_hours * 3600,
                    "report": str(self._report_path),
                    "clock_jumps": [(at.timestamp(), by_s) for at, by_s in order.clock_jumps],
                }
            )
        )
        return path

    def _done(self) -> float:
        if not self._report_path.is_file():
            return 0.0
        now_s = float(json.loads(self._report_path.read_text())["now_s"])
        start_s, end_s = self._order.start.timestamp(), self._order.end.timestamp()
        return min((now_s - start_s) / (end_s - start_s), 1.0)

    def _summary(self, code: int, wall_s: float) -> SimulationSummary:
        report = json.loads(self._report_path.read_text()) if self._report_path.is_file() else {}
        if not report.get("iterations"):
            tail = "\n".join(self.log_path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])
            raise ReplayError(f"the bot ended (exit code {code}) before it began to trade; its log ends with:\n{tail}")
        simulated_s = report["now_s"] - self._order.start.timestamp()
        measured = report["analyses"]
        return SimulationSummary(
            start=self._order.start.isoformat(),
            end=datetime.fromtimestamp(report["now_s"], UTC).isoformat(),
            simulated_hours=round(simulated_s / 3600, 3),
            wall_seconds=round(wall_s, 1),
            speed=round(simulated_s / wall_s, 1),
            iterations=report["iterations"],
            trainings=report["trainings"],
            failed_trainings=report["training_failures"],
            first_training_error=report["first_training_error"],
            predictions=report["predictions"],
            trades_opened=report["trades_opened"],
            trades_closed=report["trades_closed"],
            log_errors=report["log_errors"],
            analysis_ms_per_pair_candle=round(report["analysis_s"] / measured * 1000, 2) if measured else None,
            exit_code=128 - code if code < 0 else code,
            log=str(self.log_path),
        )
