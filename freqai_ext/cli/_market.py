"""The candles a Freqtrade command runs on: the user's, or a generated market kept on disk."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from freqai_ext.cli._coverage import Window, check_coverage, served_pairs
from freqai_ext.cli._freqtrade_command import FreqtradeCommand
from freqai_ext.cli._run_slot import one_at_a_time
from freqai_ext.cli._strategy_needs import StrategyNeeds, strategy_needs

if TYPE_CHECKING:
    from freqai_ext.replay import MarketParameters, TradingMode

GENERATED_TIMEFRAMES = ("5m", "15m", "30m", "1h", "4h", "1d")
"""Timeframes that generated data directories always have, besides those the configuration names."""

_COMPLETE = "market.json"


@dataclass(frozen=True)
class Market:
    """The candles of a run.

    Parameters
    ----------
    candles
        Where the exchange reads them.
    datadir
        The same as a Freqtrade data directory of this run alone, which Freqtrade may write into.
    pairs
        The pairs of the command, or those given instead, and what its strategy reads beside them.
    description
        What it is, for the user.
    notes
        Lines for the user about what is missing.
    """

    candles: Path
    datadir: Path
    pairs: tuple[str, ...]
    description: str
    notes: tuple[str, ...] = ()


def stored_market(
    command: FreqtradeCommand,
    data: Path,
    extra_pairs: Sequence[str],
    scratch: Path,
    *,
    window: Window | None,
    fill_gaps: bool,
) -> Market:
    """Return the user's candles as a data directory below ``scratch``, checked for what the command needs.

    Raises
    ------
    MarketDataError
        When a pair, a timeframe or the time is not there, or candles are malformed.
    """
    from freqai_ext.replay import CandleStore
    from freqai_ext.replay.view import build_view

    store = CandleStore(data, command.trading_mode, fill_gaps=fill_gaps)
    pairs = served_pairs(command, store.pairs(), extra_pairs)
    needs, notes = _needs(command, pairs)
    beside = [pair for pair in needs.pairs if pair not in pairs]
    absent = [pair for pair in beside if not store.has(pair)]
    notes += [f"{pair}: the strategy reads it, and {data} has no candles of it" for pair in absent]
    pairs += tuple(pair for pair in beside if pair not in absent)
    timeframes = tuple(dict.fromkeys([*command.timeframes, *needs.timeframes]))
    notes += check_coverage(store, pairs, timeframes, window)
    datadir = scratch / "data"
    build_view(store, datadir, pairs, timeframes)
    return Market(datadir, datadir, pairs, f"the candles of {data}", tuple(notes))


def generated_market(
    command: FreqtradeCommand, extra_pairs: Sequence[str], seed: int, window: Window, scratch: Path
) -> Market:
    """Return a generated market that covers ``window``, written to disk at its first use.

    It spans whole years, so that runs over different times of a year share it, and lies in
    ``<userdir>/data/freqai-ext-generated-<hash>``; its ``market.json`` tells the parameters. Runs at the same time
    share it as well: each has a directory of links to it below ``scratch``.

    Raises
    ------
    SettingsError
        When no pairs are named, or the strategy cannot be loaded.
    """
    from freqai_ext.replay.view import link_files

    pairs = served_pairs(command, None, extra_pairs)
    needs, notes = _needs(command, pairs)
    pairs = tuple(dict.fromkeys([*pairs, *needs.pairs]))
    start = datetime(window.first.year, 1, 1, tzinfo=UTC)
    days = (datetime(window.end.year + 1, 1, 1, tzinfo=UTC) - start).days
    timeframes = tuple(dict.fromkeys([*command.timeframes, *needs.timeframes]))
    candles = _written(command, pairs, timeframes, seed, start, days)
    datadir = scratch / "data"
    link_files(candles, datadir)
    description = f"a GENERATED market, seed {seed}, from {start:%Y-%m-%d}: no real prices ({candles})"
    return Market(candles, datadir, pairs, description, tuple(notes))


def _needs(command: FreqtradeCommand, pairs: Sequence[str]) -> tuple[StrategyNeeds, list[str]]:
    needs = strategy_needs(command, pairs)
    if not needs.problem:
        return needs, []
    return needs, [
        f"informative pairs of the strategy are not known ({needs.problem}); name those outside the lists with --pairs"
    ]


def _written(
    command: FreqtradeCommand, pairs: Sequence[str], timeframes: Sequence[str], seed: int, start: datetime, days: int
) -> Path:
    from freqai_ext.replay import GeneratedMarket, MarketParameters
    from freqai_ext.replay.timeframe import timeframe_ms

    shortest = min((*timeframes, "5m"), key=timeframe_ms)
    parameters = MarketParameters(seed=seed, pairs=tuple(sorted(pairs)), days=days, timeframe=shortest, start=start)
    written = sorted({*GENERATED_TIMEFRAMES, *timeframes}, key=timeframe_ms)
    described = _described(parameters, written, command.trading_mode)
    digest = hashlib.sha256(described.encode()).hexdigest()[:12]
    folder = command.userdir / "data" / f"freqai-ext-generated-{digest}"
    with one_at_a_time(folder.parent, folder.name):
        if not (folder / _COMPLETE).is_file():
            GeneratedMarket(parameters).write(folder, written)
            (folder / _COMPLETE).write_text(described + "\n")
    return folder


def _described(parameters: "MarketParameters", timeframes: Sequence[str], trading_mode: "TradingMode") -> str:
    from freqai_ext import __version__

    facts = asdict(parameters) | {"timeframes": timeframes, "trading_mode": trading_mode, "version": __version__}
    return json.dumps(facts, default=str)
