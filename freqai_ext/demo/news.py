"""The demonstration of the news strategy: a live run that records news, and a backtest on what it recorded."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.enums import RunMode

from freqai_ext._silence import silence
from freqai_ext.demo.command import run_command
from freqai_ext.demo.market import DemoMarket
from freqai_ext.errors import DemoError
from freqai_ext.news.as_of import coverage, tainted_share
from freqai_ext.news.records import Decision, Verdict
from freqai_ext.news.store import NewsStore
from freqai_ext.replay import CandleStore
from freqai_ext.scaffold import HYBRID_CONFIG_NAME, init_userdir
from freqai_ext.strategies.GraphitiHybridStrategy import GraphitiHybridStrategy

HOURS = 8

# Hours of the generated market in which the RSI triggers and the news that are made up are not all bad.
_START_BEFORE_END = timedelta(hours=88)
_ANALYSED_BEFORE = timedelta(days=4)
_NO_SIGNAL = "no_rsi_signal"


@dataclass(frozen=True)
class GateCount:
    """What became of a pair's RSI signals in the hours of the live run, by what was known at each candle's close.

    Attributes
    ----------
    pair
        The pair.
    candles
        Candles that closed in the run.
    covered, tainted
        Share of these with a valid verdict, and share of those whose model may have known what came next; 0 to 1.
    reasons
        How many signals were allowed or denied for each reason of :data:`~freqai_ext.news.gate.REASONS`.
    """

    pair: str
    candles: int
    covered: float
    tainted: float
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class NewsReport:
    """What the demonstration has made.

    Attributes
    ----------
    live
        Summary of the simulated run, as ``freqai-ext simulate --summary`` writes it.
    articles
        How many pieces of news the bot stored.
    verdicts
        What it made of them, the oldest first.
    confirmed
        How many of these were read back from Graphiti.
    gate
        What became of the RSI signals, pair by pair.
    decisions
        What was decided when Freqtrade asked before an order, from the journal.
    backtest
        As ``freqai-ext news backtest --json`` prints it, on the hours of the live run.
    artefacts
        What lies where.
    """

    live: dict[str, Any]
    articles: int
    verdicts: tuple[Verdict, ...]
    confirmed: int
    gate: tuple[GateCount, ...]
    decisions: tuple[Decision, ...]
    backtest: dict[str, Any]
    artefacts: dict[str, Path]


def run_news_demo(market: DemoMarket, folder: Path, progress: Callable[[str, float], None]) -> NewsReport:
    """Run the strategy beside stand-ins for :data:`HOURS` simulated hours, then backtest it on what it stored.

    Parameters
    ----------
    market
        Candles of a spot market.
    folder
        From :func:`~freqai_ext.demo.run.prepare_folder`.
    progress
        Told the name of a step and the share of it that is done, in [0, 1].

    Raises
    ------
    DemoError
        Where a step fails, or the bot made no verdict.
    """
    userdir = init_userdir(folder / "userdir").userdir
    start = market.end - _START_BEFORE_END
    live = _simulate(market, folder, userdir, start, lambda share: progress("simulated live run beside news", share))
    log = Path(live["log"])
    database = log.with_name("news.sqlite")
    recorded = _overlay(folder / "recorded.json", market, {"database": str(database.absolute())})
    with silence():
        gate = _gate(market, json.loads(recorded.read_text()), folder, start)
    backtest = _backtest(
        market, folder, userdir, recorded, start, lambda share: progress("backtest on the recorded news", share)
    )
    store = NewsStore.recorded(database)
    try:
        verdicts = store.verdicts()
        if not verdicts:
            raise DemoError(f"no verdict was made; see {log}")
        return NewsReport(
            live=live,
            articles=len(store.articles()),
            verdicts=verdicts,
            confirmed=len(verdicts) - len(store.pending_replication(limit=None)),
            gate=gate,
            decisions=store.decisions(),
            backtest=backtest,
            artefacts={
                "the bot's log": log,
                "store of articles, verdicts and decisions": database,
                "the bot's trades": log.with_name("trades.sqlite"),
                "settings for a backtest on the store": recorded,
            },
        )
    finally:
        store.close()


def _overlay(path: Path, market: DemoMarket, news: Mapping[str, Any]) -> Path:
    """Write the settings in which the demonstration differs from the starting configuration."""
    overlay = {
        "exchange": {"pair_whitelist": list(market.pairs)},
        "freqai_ext": {
            # A short RSI triggers often enough for a few hours.
            "hybrid": {"rsi_period": 7, "rsi_oversold": 35, "rsi_overbought": 65, "min_impact_score": 0.2},
            "news": {"policy": "deny", "news_check_interval_s": 1800, "near_trigger": 15, "bot": "demo", **news},
        },
    }
    path.write_text(json.dumps(overlay, indent=4) + "\n")
    return path


def _simulate(
    market: DemoMarket, folder: Path, userdir: Path, start: datetime, progress: Callable[[float], None]
) -> dict[str, Any]:
    summary = folder / "news-summary.json"
    configs = ["-c", str(userdir / HYBRID_CONFIG_NAME), "-c", str(_overlay(folder / "news.json", market, {}))]
    arguments = [
        *("simulate", "--news", "--data", str(market.datadir), "--start", f"{start:%Y-%m-%dT%H:%M}"),
        *("--days", str(HOURS / 24), "--summary", str(summary)),
        *("--", "freqtrade", "trade", "--userdir", str(userdir), *configs),
    ]
    run_command(arguments, folder / "logs", "news", progress)
    live: dict[str, Any] = json.loads(summary.read_text())
    return live


def _backtest(
    market: DemoMarket,
    folder: Path,
    userdir: Path,
    recorded: Path,
    start: datetime,
    progress: Callable[[float], None],
) -> dict[str, Any]:
    timerange = f"{start.timestamp():.0f}-{(start + timedelta(hours=HOURS)).timestamp():.0f}"
    arguments = [
        *("news", "backtest", "--json", "--data", str(market.datadir), "--", "backtesting", "--userdir", str(userdir)),
        *("-c", str(userdir / HYBRID_CONFIG_NAME), "-c", str(recorded), "--timerange", timerange),
    ]
    found: dict[str, Any] = json.loads(run_command(arguments, folder / "logs", "news-backtest", progress))
    return found


def _gate(market: DemoMarket, overlay: dict[str, Any], folder: Path, start: datetime) -> tuple[GateCount, ...]:
    """Return what the strategy makes of the candles of the live run, on the news that were recorded."""
    config = {"trading_mode": "spot", "runmode": RunMode.BACKTEST, "user_data_dir": folder / "userdir", **overlay}
    strategy = GraphitiHybridStrategy(config)
    store = CandleStore(market.datadir, market.trading_mode)
    try:
        return tuple(_gate_of(pair, strategy, store, start) for pair in market.pairs)
    finally:
        strategy.ft_bot_cleanup()


def _gate_of(pair: str, strategy: GraphitiHybridStrategy, store: CandleStore, start: datetime) -> GateCount:
    end = start + timedelta(hours=HOURS)
    candles = store.history(pair).candles(strategy.timeframe).to_frame()
    closed = candles["date"] + pd.Timedelta(strategy.timeframe)
    candles = candles[closed.between(start - _ANALYSED_BEFORE, end)].reset_index(drop=True)
    metadata = {"pair": pair}
    analysed = strategy.populate_entry_trend(strategy.populate_indicators(candles, metadata), metadata)
    of_the_run = analysed[analysed["date"] + pd.Timedelta(strategy.timeframe) > start]
    reasons = Counter(str(reason) for reason in of_the_run["news_gate_long"])
    del reasons[_NO_SIGNAL]
    return GateCount(pair, len(of_the_run), coverage(of_the_run), tainted_share(of_the_run), reasons)
