"""Trading by news under faults: ``python -m benchmarks.news_faults [--data DIR] --days 3``.

Two real bots with ``GraphitiHybridStrategy`` run at once, on one simulated clock, beside stand-ins of the news services
that fail in every way they can, at random times; they share one Graphiti. At the end no candle may be missed, no error
may be in a log, every entry must go by a verdict that was there, fresh and favourable, and the second bot must have
gone by verdicts of the first. No call of a callback may work longer than ``--callback-ms``, by the processor time of
its thread, and no more than one in a thousand may wait as long: on a busy machine whoever holds what is waited for may
have lost the processor. Exit code 1 where it does not hold.
"""

import argparse
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, get_args

from benchmarks.common_clock import CommonClock
from freqai_ext.news.records import Decision, Verdict
from freqai_ext.news.standins import SERVICES, Fault, NewsStandIns, StandInSettings
from freqai_ext.news.standins.faults import OWN, FaultKind
from freqai_ext.news.store import NewsStore
from freqai_ext.replay import GeneratedMarket, MarketParameters, ReplayExchange, ReplaySettings
from freqai_ext.replay.simulation import Simulation, SimulationOrder, SimulationSummary
from freqai_ext.scaffold import HYBRID_CONFIG_NAME, init_userdir

CANDLE_S = 900
FIRST, SECOND = "first", "second"
MAX_AGE_MIN = 90.0
MIN_IMPACT = 0.15
CALLBACKS = ("bot_loop_start", "confirm_trade_entry", "custom_exit", "custom_stake_amount")
OFTEN = 0.001
STRATEGY = Path(__file__).with_name("timed_hybrid_strategy.py")
# The first looks at news early and often; the second waits for its signal, and then there is a verdict already.
WATCHES: dict[str, dict[str, float]] = {
    FIRST: {"near_trigger": 25.0, "news_check_interval_s": 900.0},
    SECOND: {"near_trigger": 0.0, "news_check_interval_s": 3_600.0},
}


@dataclass
class Findings:
    """What the run has shown."""

    parts: dict[str, SimulationSummary] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    missed_candles: list[str] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Records:
    """What a bot left behind."""

    trades: list[tuple[str, float]]
    decisions: tuple[Decision, ...]
    verdicts: dict[str, Verdict]
    measured: dict[str, dict[str, list[float]]]

    @classmethod
    def of(cls, folder: Path) -> "Records":
        """Read them."""
        with closing(sqlite3.connect(folder / "trades.sqlite")) as connection:
            opened = connection.execute("select pair, open_date from trades order by id").fetchall()
        trades = [(pair, datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) for pair, at in opened]
        store = NewsStore.recorded(folder / "news.sqlite")
        verdicts = {verdict.id: verdict for verdict in store.verdicts()}
        decisions = store.decisions()
        store.close()
        return cls(trades, decisions, verdicts, json.loads((folder / "measured.json").read_text()))


class Happenings:
    """Does what is planned for simulated times, when they are reached."""

    def __init__(self, plan: list[tuple[float, Callable[[], None]]]) -> None:
        self._plan = sorted(plan, key=lambda each: each[0])

    def up_to(self, now_s: float) -> None:
        """Do what is due."""
        while self._plan and self._plan[0][0] <= now_s:
            self._plan.pop(0)[1]()


def fault_plan(start_s: float, days: float, seed: int) -> list[Fault]:
    """Return faults of every kind at random times, each in one service; some last an hour where the run is long."""
    draw = random.Random(seed)
    kinds = get_args(FaultKind)
    span_s = 86_400 * days
    lengths_s = [length_s for length_s in (120.0, 300.0, 600.0, 3_600.0) if length_s < span_s / 12]
    faults = []
    for number in range(max(len(kinds), round(36 * days))):
        kind = kinds[number % len(kinds)]
        begin_s = start_s + draw.uniform(300, span_s - 300)
        faults.append(
            Fault(
                kind=kind,
                service=OWN.get(kind) or draw.choice(SERVICES),
                start_s=begin_s,
                end_s=begin_s + draw.choice(lengths_s),
                probability=draw.choice((0.5, 1.0)),
                seed=number,
                seconds=0.4,
                megabytes=3.0,
            )
        )
    return faults


def restarts(
    stand_ins: NewsStandIns, faults: list[Fault], start_s: float, days: float, seed: int
) -> list[tuple[float, Callable[[], None]]]:
    """Return restarts: of Graphiti after each end of its ingest, and of any service at random times."""
    draw = random.Random(seed + 1)
    dead = [fault.end_s for fault in faults if fault.kind == "ingest_dies" and fault.end_s is not None]
    plan: list[tuple[float, Callable[[], None]]] = [
        (at_s + draw.uniform(300, 1_500), partial(stand_ins.restart, "graphiti", down_s=120)) for at_s in dead
    ]
    for number in range(max(4, round(4 * days))):
        service = SERVICES[number % len(SERVICES)]
        at_s = start_s + draw.uniform(600, 86_400 * days - 600)
        plan.append((at_s, partial(stand_ins.restart, service, down_s=120)))
    return plan


def candles(data: Path | None, folder: Path) -> tuple[Path, tuple[str, ...], datetime]:
    """Return a data directory, its pairs, and when to start; a generated market without ``data``."""
    if data is not None:
        names = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "DOGE/USDT", "LTC/USDT")
        return data, names, datetime(2025, 4, 1, tzinfo=UTC)
    pairs = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "DOGE/USDT", "LTC/USDT")
    parameters = MarketParameters(pairs=pairs, days=20)
    GeneratedMarket(parameters).write(folder / "market", ["5m", "15m", "1h"])
    # Before a fall of all pairs, so that a run of two hours has entries.
    return folder / "market", parameters.pairs, parameters.start + timedelta(days=13, hours=21)


def write_config(
    bot: str, folder: Path, exchange: ReplayExchange, stand_ins: NewsStandIns, pairs: tuple[str, ...]
) -> list[str]:
    """Return a bot's command line: the starting configuration, with entries made likely and waits short."""
    userdir = init_userdir(folder / "userdir").userdir
    shutil.copy(STRATEGY, userdir / "strategies" / "TimedHybridStrategy.py")
    config: dict[str, Any] = json.loads((userdir / HYBRID_CONFIG_NAME).read_text())
    config |= exchange.exchange_config(pairs)
    config |= {
        "bot_name": bot,
        "strategy": "TimedHybridStrategy",
        "max_open_trades": len(pairs),
        "db_url": f"sqlite:///{folder / 'trades.sqlite'}",
        "internals": {"process_throttle_secs": 60},
    }
    news = stand_ins.section()
    news["perplexica"] |= {"deadline_s": 1.0}
    news["searxng"] |= {"deadline_s": 1.0}
    news["llm"] |= {"deadline_s": 1.5}
    news["llm"]["endpoints"][0] |= {"timeout_s": 0.8}
    news["graphiti"] |= {"timeout_s": 0.8, "confirm_within_s": 120.0, "facts": 3}
    news |= {"policy": "deny", "max_age_minutes": MAX_AGE_MIN, "database": str(folder / "news.sqlite"), **WATCHES[bot]}
    config["freqai_ext"]["news"] = news
    config["freqai_ext"]["hybrid"] |= {"rsi_period": 7, "rsi_oversold": 35, "min_impact_score": MIN_IMPACT}
    path = folder / "config.json"
    path.write_text(json.dumps(config, indent=4))
    return ["trade", "--userdir", str(userdir), "--datadir", str(folder / "data"), "-c", str(path)]


def run(data: Path | None, days: float, seed: int, folder: Path) -> Findings:
    """Run both bots to their end."""
    datadir, pairs, start = candles(data, folder)
    found = Findings()
    start_s = start.timestamp()
    faults = fault_plan(start_s, days, seed)
    offered = StandInSettings(clock="sim", now=start, seed=seed, headlines_per_hour=1.5, hostile_share=0.15)
    with ExitStack() as running:
        stand_ins = running.enter_context(NewsStandIns(offered, faults))
        happenings = Happenings(restarts(stand_ins, faults, start_s, days, seed))

        def move_to(now_s: float) -> None:
            stand_ins.set_clock(now_s)
            happenings.up_to(now_s)

        clock = running.enter_context(CommonClock((FIRST, SECOND), move_to))
        settings = ReplaySettings(data=datadir, pairs=pairs, trading_mode="spot", clock="sim", now=start)
        threads = []
        for bot in (FIRST, SECOND):
            (folder / bot / "data").mkdir(parents=True)
            exchange = running.enter_context(ReplayExchange(settings))
            order = SimulationOrder(
                argv=write_config(bot, folder / bot, exchange, stand_ins, pairs),
                url=exchange.url,
                start=start,
                end=start + timedelta(days=days),
                folder=folder / bot,
                followers=[clock.url(bot)],
            )
            threads.append(threading.Thread(target=simulate, args=(bot, order, clock, found)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found.state = stand_ins.state()
    return found


def simulate(bot: str, order: SimulationOrder, clock: CommonClock, found: Findings) -> None:
    """Run a bot to its end."""
    try:
        found.parts[bot] = Simulation(order, os.environ).run()
    except Exception as error:
        found.complaints.append(f"{bot}: {error!r}")
    finally:
        clock.leave(bot)


def judge(found: Findings, folder: Path, callback_ms: float) -> None:
    """Compare what there is with what there must be, and tell what was measured."""
    records = {bot: Records.of(folder / bot) for bot in found.parts}
    for bot, part in found.parts.items():
        lines = Path(part.log).read_text().splitlines()
        found.complaints += [f"{bot}: {line}" for line in lines if " - ERROR - " in line or "Traceback" in line]
        if part.exit_code or part.log_errors:
            found.complaints.append(f"{bot}: exit code {part.exit_code}, {part.log_errors} errors")
        found.missed_candles += missed(records[bot], bot, part)
        found.complaints += [f"{bot}: {fault}" for fault in unbacked(records[bot])]
        warnings = Counter(line.split(" - WARNING - ")[0].split(" - ")[-1] for line in lines if " - WARNING - " in line)
        tell(bot, records[bot], warnings)
        found.complaints += [f"{bot}: {fault}" for fault in slow_callbacks(records[bot].measured, callback_ms)]
    if len(records) == len(WATCHES):
        found.complaints += unshared(records[FIRST], records[SECOND])
    services = {name: found.state[name] for name in SERVICES}
    print(f"requests: { {name: sum(counts.values()) for name, counts in found.state['requests'].items()} }; {services}")


def slow_callbacks(measured: dict[str, Any], most_ms: float) -> list[str]:
    """Return the callbacks that worked, or too often waited, for ``most_ms`` or longer."""
    found = []
    for name in CALLBACKS:
        worked, waited = (measured[kind].get(name) or [0.0] for kind in ("worked_ms", "waited_ms"))
        if max(worked) >= most_ms:
            found.append(f"{name} worked {max(worked):.2f} ms")
        long = sum(each >= most_ms for each in waited)
        if long > OFTEN * len(waited):
            found.append(f"{name} waited {most_ms:g} ms or longer in {long} of {len(waited)} calls")
    return found


def missed(records: Records, bot: str, part: SimulationSummary) -> list[str]:
    """Return the candles that closed during the run and were not analysed when the bot first could."""
    begin, end = (datetime.fromisoformat(at).timestamp() for at in (part.start, part.end))
    due = [number * CANDLE_S for number in range(int(begin // CANDLE_S), int((end - 2) // CANDLE_S))]
    return [
        f"{bot}: {pair} {datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M}"
        for pair, analysed in records.measured["analysed_s"].items()
        for at_s in due
        if at_s not in set(analysed)
    ] + ([] if records.measured["analysed_s"] else [f"{bot}: all"])


def unbacked(records: Records) -> list[str]:
    """Return what is wrong with entries and with the decisions that allowed them."""
    wrong = []
    confirmed = [decision for decision in records.decisions if decision.allowed]
    for decision in confirmed:
        verdict = records.verdicts.get(decision.verdict_id or "")
        age_min = (decision.decided_at_s - verdict.available_at_s) / 60.0 if verdict else float("nan")
        if decision.reason != "confirmed" or verdict is None:
            wrong.append(f"allowed without a verdict: {decision}")
        elif not (0.0 <= age_min <= MAX_AGE_MIN and verdict.sentiment == "positive"):
            wrong.append(f"allowed {age_min:.1f} min after {verdict}")
        elif verdict.impact_score < MIN_IMPACT or not decision.pair.startswith(f"{verdict.asset}/"):
            wrong.append(f"{decision} goes by {verdict}")
    free = list(confirmed)
    for pair, opened_s in records.trades:
        backing = [each for each in free if each.pair == pair and 0.0 <= opened_s - each.decided_at_s < 60.0]
        if backing:
            free.remove(backing[-1])
        else:
            wrong.append(f"{pair} was entered at {datetime.fromtimestamp(opened_s, UTC)} without a decision")
    return wrong + ([] if records.trades else ["no trade was opened"])


def unshared(first: Records, second: Records) -> list[str]:
    """Return what is wrong with the verdicts that the second bot has of the first."""
    numbers = ("asset", "impact_score", "sentiment", "confidence", "model")
    shared = [verdict for verdict in second.verdicts.values() if verdict.origin == "shared"]
    wrong = []
    for verdict in shared:
        made = first.verdicts.get(verdict.id)
        if made is None or verdict.bot != FIRST or any(getattr(made, n) != getattr(verdict, n) for n in numbers):
            wrong.append(f"shared as {verdict}, made as {made}")
        elif verdict.available_at_s < made.available_at_s:
            wrong.append(f"{SECOND} had a verdict before it was there: {verdict}, {made}")
    cited = {verdict.id for verdict in shared}
    citing = [each for each in second.decisions if each.verdict_id in cited]
    print(
        f"{SECOND}: {len(citing)} of {len(second.decisions)} decisions cite verdicts of {FIRST}, "
        f"{sum(each.allowed for each in citing)} of them entries"
    )
    if not any(each.allowed for each in citing):
        wrong.append(f"no entry of {SECOND} goes by a verdict of {FIRST}")
    return wrong


def tell(bot: str, records: Records, warnings: Counter[str]) -> None:
    """Print what a bot did, and how long its calls took."""
    reasons = dict(Counter(decision.reason for decision in records.decisions))
    origins = dict(Counter(verdict.origin for verdict in records.verdicts.values()))
    print(f"{bot}: {len(records.trades)} trades, decisions {reasons}, verdicts {origins}, warnings {dict(warnings)}")
    for name, took in sorted(records.measured["took_ms"].items()):
        ordered = sorted(took)
        worked_ms, waited_ms = (max(records.measured[kind][name]) for kind in ("worked_ms", "waited_ms"))
        print(
            f"  {name}: {len(took)} calls, median {ordered[len(took) // 2]:.3f} ms, "
            f"99 % {ordered[int(0.99 * len(took))]:.3f} ms, longest {ordered[-1]:.3f} ms; "
            f"worked at most {worked_ms:.3f} ms, waited at most {waited_ms:.3f} ms"
        )


def main() -> int:
    """Run it and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="Freqtrade data directory with six pairs against USDT")
    parser.add_argument("--days", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--callback-ms", type=float, default=5.0, help="longest that a callback may work or wait")
    parser.add_argument("--keep", type=Path, help="folder for everything that is made; must not exist")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="news-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    try:
        found = run(options.data, options.days, options.seed, folder.absolute())
        judge(found, folder.absolute(), options.callback_ms)
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    for bot, part in found.parts.items():
        print(f"{bot}: {part.simulated_hours} h, {part.iterations} iterations, {part.log_errors} errors in the log")
    print(f"missed candles: {found.missed_candles or 'none'}")
    print(f"complaints: {found.complaints or 'none'}; {time.perf_counter() - began:.0f} s")
    return 1 if found.complaints or found.missed_candles else 0


if __name__ == "__main__":
    sys.exit(main())
