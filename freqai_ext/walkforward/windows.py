"""The windows of a FreqAI backtest, and how they are shared out to processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from math import ceil
from typing import Any

# Each chunk computes the features of its pair over the whole time range before it trains its windows, which costs
# about as much as one window of a fast model; with slower models it weighs less.
FEATURES_COST_IN_WINDOWS = 1.0
MAX_CHUNKS_PER_PAIR = 6


@dataclass(frozen=True, order=True)
class Window:
    """One training of one pair and the candles predicted with it.

    The model learns from the training period that ends at ``start`` and predicts the candles of the half-open interval
    ``[start, stop)``; both are epoch seconds, UTC.
    """

    pair: str
    start: int
    stop: int

    @property
    def coin(self) -> str:
        """The base coin, as FreqAI takes it from the pair."""
        return self.pair.split("/")[0]

    @property
    def name(self) -> str:
        """The start of FreqAI's file names for this window."""
        return f"cb_{self.coin.lower()}_{self.start}"

    @property
    def folder(self) -> str:
        """The folder of FreqAI's model files for this window."""
        return f"sub-train-{self.coin}_{self.start}"

    def __str__(self) -> str:
        first, last = (f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d %H:%M}" for stamp in (self.start, self.stop))
        return f"{self.pair} {first} to {last}"


@dataclass(frozen=True)
class Chunk:
    """Windows that one process trains in one go: consecutive ones of one pair, or of all pairs of a panel."""

    windows: tuple[Window, ...]

    @property
    def by_pair(self) -> dict[str, tuple[Window, ...]]:
        """The windows of each pair, in order of time."""
        pairs = dict.fromkeys(window.pair for window in self.windows)
        return {pair: tuple(window for window in self.windows if window.pair == pair) for pair in pairs}


def pair_windows(config: dict[str, Any], pair: str) -> tuple[Window, ...]:
    """Return the windows that FreqAI makes of a backtest's time range, in order of time.

    Parameters
    ----------
    config
        A configuration of :func:`~freqai_ext.walkforward.backtesting_config`.
    """
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

    dk = FreqaiDataKitchen(config, live=False, pair=pair)
    return tuple(
        Window(pair, int(train.stopts), int(backtest.stopts))
        for train, backtest in zip(dk.training_timeranges, dk.backtesting_timeranges, strict=True)
    )


def split_into_chunks(windows: Sequence[Sequence[Window]], jobs: int, *, whole_pairs: bool) -> list[Chunk]:
    """Share the windows of each pair out to ``jobs`` processes, in as few chunks as keep all of them busy.

    Parameters
    ----------
    windows
        For each pair its windows to train, in order of time; none may be empty.
    whole_pairs
        Keep a pair in one chunk, because each of its trainings continues the one before.

    Returns
    -------
    list of Chunk
        The longest first, so that the processes end at about the same time.
    """
    if not windows:
        return []
    longest = max(len(each) for each in windows)
    most = 1 if whole_pairs else min(longest, max(MAX_CHUNKS_PER_PAIR, jobs))
    plans = [_chunks(windows, ceil(longest / count)) for count in range(1, most + 1)]
    return min(plans, key=lambda plan: _duration_in_windows(plan, jobs))


def split_panel(windows: Sequence[Sequence[Window]], jobs: int, *, in_one: bool) -> list[Chunk]:
    """Share the windows out to ``jobs`` processes so that those of one training period stay together.

    A panel trains one model per period for all pairs; a process that has trained it predicts every pair with it. Each
    process computes the features of all pairs, so there is one chunk for each.

    Parameters
    ----------
    windows
        For each pair its windows to train, in order of time; none may be empty.
    in_one
        Keep all windows together, because each training continues the one before.
    """
    starts = sorted({window.start for each in windows for window in each})
    if not starts:
        return []
    parts = 1 if in_one else min(jobs, len(starts))
    borders = [round(len(starts) * part / parts) for part in range(parts + 1)]
    periods = [set(starts[start:stop]) for start, stop in pairwise(borders)]
    return [Chunk(tuple(window for each in windows for window in each if window.start in period)) for period in periods]


def _chunks(windows: Sequence[Sequence[Window]], size: int) -> list[Chunk]:
    """Cut each pair's windows into even chunks of at most ``size``; the longest come first."""
    chunks = []
    for each in windows:
        parts = ceil(len(each) / size)
        borders = [round(len(each) * part / parts) for part in range(parts + 1)]
        chunks += [Chunk(tuple(each[start:stop])) for start, stop in pairwise(borders)]
    return sorted(chunks, key=lambda chunk: -len(chunk.windows))


def _duration_in_windows(chunks: Sequence[Chunk], jobs: int) -> float:
    loads = [0.0] * jobs
    for chunk in chunks:
        loads[loads.index(min(loads))] += FEATURES_COST_IN_WINDOWS + len(chunk.windows)
    return max(loads)
