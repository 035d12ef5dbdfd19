"""The Guardian sidecar under faults: ``python -m benchmarks.guardian_faults [--data DIR] --days 2``.

The real bot runs on a simulated clock beside a reference Guardian that refuses connections, hangs, fails, refuses the
token, is slow, and restarts, at random times; the bot is restarted once and killed once, and its clock jumps. At the
end it must have offered a set for every candle, have no error in its log, and Guardian must hold what it was told last.
Exit code 1 where it does not hold.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freqai_ext.guardian.database import open_database
from freqai_ext.guardian.journal_reader import JournalReader, PushRecord
from freqai_ext.guardian.sandbox import Fault, Sandbox, SandboxSettings
from freqai_ext.replay import GeneratedMarket, MarketParameters, ReplayExchange, ReplaySettings
from freqai_ext.replay.simulation import Simulation, SimulationOrder, SimulationSummary
from freqai_ext.scaffold import SIDECAR_CONFIG_NAME, init_userdir

CANDLE_S = 300
KINDS = ("refuse", "hang", "error_500", "error_503", "slow", "truncated", "reset", "not_json", "wrong_types")
CLOCK_OFF_S = -150.0


@dataclass
class Findings:
    """What the run has shown."""

    parts: list[SimulationSummary] = field(default_factory=list)
    missed_candles: list[str] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)


class Driver(threading.Thread):
    """Does what is planned for simulated times, as soon as the sandbox's clock has reached them."""

    def __init__(self, sandbox: Sandbox, plan: list[tuple[float, Callable[[], None]]]) -> None:
        super().__init__(daemon=True)
        self._sandbox, self._plan = sandbox, sorted(plan, key=lambda each: each[0])
        self._ended = threading.Event()
        self.done = 0

    def run(self) -> None:
        while self.done < len(self._plan) and not self._ended.wait(0.02):
            now_s = self._sandbox.clock().timestamp()
            while self.done < len(self._plan) and self._plan[self.done][0] <= now_s:
                self._plan[self.done][1]()
                self.done += 1

    def end(self) -> None:
        self._ended.set()
        self.join()


def fault_plan(start_s: float, days: float, seed: int) -> list[Fault]:
    """Return faults at random times; all end half an hour before the end."""
    draw = random.Random(seed)
    end_s = start_s + 86_400 * days - 1_800
    faults = []
    for number in range(max(len(KINDS), round(18 * days))):
        begin_s = draw.uniform(start_s + 600, end_s - 1_200)
        length_s = draw.choice((120.0, 400.0, 900.0, 3_600.0))
        kind = KINDS[number % len(KINDS)]
        faults.append(
            Fault(
                kind=kind,
                start_s=begin_s,
                end_s=min(begin_s + length_s, end_s),
                probability=draw.choice((0.5, 1.0)),
                seed=number,
                seconds=0.3,
                route=draw.choice((None, "/predictions", "/features")) if kind != "refuse" else None,
            )
        )
    return faults


class Tokens:
    """Guardian's token and the file from which the bot reads its own."""

    def __init__(self, sandbox: Sandbox, path: Path) -> None:
        self._sandbox, self._path, self._number = sandbox, path, 0

    def rotate(self) -> None:
        self._number += 1
        self._sandbox.change(token=f"token-{self._number}")

    def deliver(self) -> None:
        self._path.touch(mode=0o600)
        self._path.write_text(f"token-{self._number}\n")


def happenings(
    sandbox: Sandbox, tokens: Tokens, start_s: float, days: float, seed: int
) -> list[tuple[float, Callable[[], None]]]:
    """Return restarts of Guardian, and rotations of its token, which reach the bot only some minutes later."""
    draw = random.Random(seed + 1)
    span_s = 86_400 * days - 3_600
    plan: list[tuple[float, Callable[[], None]]] = []
    for _ in range(max(1, round(2 * days))):
        plan.append((start_s + draw.uniform(600, span_s), lambda: sandbox.restart(down_s=240)))
        rotated_s = start_s + draw.uniform(600, span_s)
        plan += [(rotated_s, tokens.rotate), (rotated_s + draw.uniform(60, 1_500), tokens.deliver)]
    return plan


def candles(data: Path | None, folder: Path) -> tuple[Path, tuple[str, ...], datetime]:
    """Return a data directory, its pairs, and when to start; a generated market without ``data``."""
    if data is not None:
        return data, ("BTC/USDT", "ETH/USDT", "SOL/USDT"), datetime(2025, 4, 1, tzinfo=UTC)
    parameters = MarketParameters(pairs=("BTC/USDT", "ETH/USDT"), days=30)
    GeneratedMarket(parameters).write(folder / "market", ["5m", "15m", "1h"])
    return folder / "market", parameters.pairs, parameters.start + timedelta(days=20)


def write_config(
    folder: Path, exchange: ReplayExchange, sandbox: Sandbox, pairs: tuple[str, ...], token_file: Path
) -> list[str]:
    """Return the bot's command line."""
    userdir = init_userdir(folder / "userdir").userdir
    config: dict[str, Any] = json.loads((userdir / SIDECAR_CONFIG_NAME).read_text())
    config |= exchange.exchange_config(pairs)
    config |= {"db_url": f"sqlite:///{folder / 'trades.sqlite'}", "internals": {"process_throttle_secs": 60}}
    config["freqai"] |= {"train_period_days": 8, "live_retrain_hours": 4}
    config["freqai_ext"]["guardian"] |= {
        "url": sandbox.url,
        "token_file": str(token_file),
        "timeout_s": 0.5,
        "connect_timeout_s": 0.5,
        "train_cron": "10 */6 * * *",
        "database": str(folder / "guardian.sqlite"),
    }
    path = folder / "config.json"
    path.write_text(json.dumps(config, indent=4))
    return ["trade", "--userdir", str(userdir), "--datadir", str(folder / "data"), "-c", str(path)]


def run(data: Path | None, days: float, seed: int, folder: Path) -> Findings:
    """Run the bot in three parts: to a clean stop, to a kill, and to the end."""
    datadir, pairs, start = candles(data, folder)
    (folder / "data").mkdir()
    token_file = folder / "token"
    start_s, found = start.timestamp(), Findings()
    guardian = SandboxSettings(token="token-0", clock="sim", now=start, data=datadir, folder=folder / "guardian")
    settings = ReplaySettings(data=datadir, pairs=pairs, trading_mode="spot", clock="sim", now=start)
    with ReplayExchange(settings) as exchange, Sandbox(guardian, fault_plan(start_s, days, seed)) as sandbox:
        tokens = Tokens(sandbox, token_file)
        driver = Driver(sandbox, happenings(sandbox, tokens, start_s, days, seed))
        driver.start()
        argv = write_config(folder, exchange, sandbox, pairs, token_file)
        begin = start
        for number, (share, kill) in enumerate([(0.4, False), (0.7, True), (1.0, False)]):
            part = folder / f"part-{number}"
            part.mkdir()
            # A bot does not start with a token that is refused.
            tokens.deliver()
            end = start + timedelta(days=days * share)
            middle = begin + (end - begin) / 2
            order = SimulationOrder(
                argv=argv,
                url=exchange.url,
                start=begin,
                end=end,
                folder=part,
                followers=[sandbox.control_url],
                clock_jumps=[(middle, CLOCK_OFF_S), (middle + timedelta(minutes=40), 0.0)],
            )
            summary = simulate(order, kill)
            found.parts.append(summary)
            begin = next_minute(datetime.fromisoformat(summary.end))
        driver.end()
        judge(found, folder, sandbox, days)
    return found


def simulate(order: SimulationOrder, kill: bool) -> SimulationSummary:
    """Run a part; with ``kill`` the bot is killed shortly before its end, and leaves Guardian without a last word."""
    bots: list[Any] = []

    def watch(done: float) -> None:
        if kill and done > 0.9:
            bots[0].send_signal(signal.SIGKILL)

    return Simulation(order, os.environ).run(watch, bots.append)


def next_minute(moment: datetime) -> datetime:
    # The report of a killed bot is up to half a real second old, which is some simulated minutes.
    return (moment + timedelta(minutes=10)).replace(second=0, microsecond=0)


def judge(found: Findings, folder: Path, sandbox: Sandbox, days: float) -> None:
    """Compare what there is with what there must be."""
    engine = open_database(folder / "guardian.sqlite", read_only=True)
    journal = JournalReader(engine)
    pushes = journal.pushes(1_000_000)
    for number, part in enumerate(found.parts):
        lines = Path(part.log).read_text().splitlines()
        found.complaints += [line for line in lines if " - ERROR - " in line or "Traceback" in line]
        found.warnings.update(line.split(" - WARNING - ")[0].split(" - ")[-1] for line in lines if "WARNING" in line)
        if part.failed_trainings or (number != 1 and part.exit_code != 0):
            found.complaints.append(f"part {number}: exit code {part.exit_code}, {part.first_training_error}")
        found.missed_candles += missed(pushes, part)
    if unaccounted := journal.unaccounted():
        # The last of a killed bot may have been on its way.
        killed = {push.push_id for push in pushes if push.session_id != pushes[0].session_id}
        found.complaints += [f"{push} has no outcome" for push in unaccounted if push not in killed]
        found.complaints += ["more than one push of the killed bot has no outcome"] * (len(unaccounted) > 1)
    last = pushes[0]
    if last.kind != "retraction" or last.outcome != "accepted" or sandbox.state()["stored"]["pairs"]:
        found.complaints.append(f"the last push is {last}; Guardian holds {sandbox.state()['stored']}")
    found.complaints += unequal(pushes, sandbox)
    counted = Counter((push.kind, push.outcome) for push in pushes)
    engine.dispose()
    requests = sandbox.state()["requests"]
    print(f"{days:g} days, {len(pushes)} pushes: {dict(counted)}")
    print(f"requests at Guardian: {requests}; warnings by logger: {dict(found.warnings)}")


def missed(pushes: tuple[PushRecord, ...], part: SimulationSummary) -> list[str]:
    """Return the candles of a part for which no set was offered; the first needs a training before it."""
    offered = {int(push.generated_at_s // CANDLE_S) for push in pushes if push.kind != "retraction"}
    begin, end = (int(datetime.fromisoformat(at).timestamp() // CANDLE_S) for at in (part.start, part.end))
    return [
        datetime.fromtimestamp(candle * CANDLE_S, UTC).isoformat()
        for candle in range(begin + 2, end)
        if candle not in offered
    ]


def unequal(pushes: tuple[PushRecord, ...], sandbox: Sandbox) -> list[str]:
    """Return pushes that the journal calls accepted and Guardian did not store, or stored otherwise."""
    stored = {record.push_id: record for record in sandbox.log() if record.symbols is not None}
    wrong = []
    for push in pushes:
        heard = stored.get(push.push_id)
        if push.outcome == "accepted" and (heard is None or heard.symbols != push.pairs):
            wrong.append(f"{push.push_id} is accepted in the journal, and Guardian has {heard}")
    return wrong


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="Freqtrade data directory with BTC, ETH and SOL against USDT")
    parser.add_argument("--days", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="folder for everything that is made; must not exist")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="guardian-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    try:
        found = run(options.data, options.days, options.seed, folder.absolute())
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    for number, part in enumerate(found.parts):
        print(
            f"part {number}: {part.simulated_hours} h, {part.trainings} trainings ({part.failed_trainings} failed), "
            f"{part.predictions} predictions, {part.log_errors} errors in the log"
        )
    print(f"candles without a set: {found.missed_candles or 'none'}")
    print(f"complaints: {found.complaints or 'none'}; {time.perf_counter() - began:.0f} s")
    return 1 if found.complaints or found.missed_candles else 0


if __name__ == "__main__":
    sys.exit(main())
