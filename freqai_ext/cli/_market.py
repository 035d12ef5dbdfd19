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

if TYPE_CHECKING:
    from freqai_ext.replay import MarketParameters, TradingMode

GENERATED_TIMEFRAMES = ("5m", "15m", "30m", "1h", "4h", "1d")
"""Timeframes that generated data directories always have, besides those the configuration names."""

_COMPLETE = "market.json"


@dataclass(frozen=True)
class Market:
    """A data directory that a run may write into, and the pairs in it.

    Parameters
    ----------
    datadir
        Freqtrade data directory, none of the user's own.
    pairs
        The pairs of the command, or those given instead.
    description
        What it is, for the user.
    """

    datadir: Path
    pairs: tuple[str, ...]
    description: str


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
    check_coverage(store, pairs, command.timeframes, window)
    datadir = scratch / "data"
    build_view(store, datadir, pairs, command.timeframes)
    return Market(datadir, pairs, f"the candles of {data}")


def generated_market(command: FreqtradeCommand, extra_pairs: Sequence[str], seed: int, window: Window) -> Market:
    """Return a generated market that covers ``window``, written to disk at its first use.

    It spans whole years, so that runs over different times of a year share it, and lies in
    ``<userdir>/data/freqai-ext-generated-<hash>``; its ``market.json`` tells the parameters.
    """
    pairs = served_pairs(command, None, extra_pairs)
    start = datetime(window.first.year, 1, 1, tzinfo=UTC)
    days = (datetime(window.end.year + 1, 1, 1, tzinfo=UTC) - start).days
    datadir = _written(command, pairs, seed, start, days)
    return Market(datadir, pairs, f"a GENERATED market, seed {seed}, from {start:%Y-%m-%d}: no real prices")


def _written(command: FreqtradeCommand, pairs: Sequence[str], seed: int, start: datetime, days: int) -> Path:
    from freqai_ext.replay import GeneratedMarket, MarketParameters
    from freqai_ext.replay.timeframe import timeframe_ms

    shortest = min((*command.timeframes, "5m"), key=timeframe_ms)
    parameters = MarketParameters(seed=seed, pairs=tuple(sorted(pairs)), days=days, timeframe=shortest, start=start)
    timeframes = sorted({*GENERATED_TIMEFRAMES, *command.timeframes}, key=timeframe_ms)
    described = _described(parameters, timeframes, command.trading_mode)
    digest = hashlib.sha256(described.encode()).hexdigest()[:12]
    folder = command.userdir / "data" / f"freqai-ext-generated-{digest}"
    if not (folder / _COMPLETE).is_file():
        GeneratedMarket(parameters).write(folder, timeframes)
        (folder / _COMPLETE).write_text(described + "\n")
    return folder


def _described(parameters: "MarketParameters", timeframes: Sequence[str], trading_mode: "TradingMode") -> str:
    from freqai_ext import __version__

    facts = asdict(parameters) | {"timeframes": timeframes, "trading_mode": trading_mode, "version": __version__}
    return json.dumps(facts, default=str)
