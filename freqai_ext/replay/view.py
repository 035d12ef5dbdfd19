"""A data directory for one run: the user's candles, linked, and made where something is not stored."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from freqai_ext.replay.candles import CandleStore
from freqai_ext.replay.funding import default_funding
from freqai_ext.replay.history import PairHistory
from freqai_ext.replay.writing import write_history


def build_view(store: CandleStore, folder: Path, pairs: Sequence[str], timeframes: Sequence[str]) -> None:
    """Fill ``folder`` with the candles of ``pairs`` as Freqtrade expects them.

    Freqtrade writes into its data directory (leverage tiers, renamed funding rates), and what it writes on a
    replay exchange must not end up among the user's own candles. So stored files are linked; timeframes that are
    not stored, and the mark price and funding rates of futures, are written.

    Raises
    ------
    MarketDataError
        When candles are missing or malformed, or a timeframe is shorter than the shortest stored one.
    """
    for pair in pairs:
        history = store.history(pair)
        stored = store.timeframes(pair)
        made = [timeframe for timeframe in timeframes if timeframe not in stored]
        complete = history if store.trading_mode == "spot" else _with_mark_and_funding(history)
        write_history(complete, folder, made, store.trading_mode)
        for timeframe in stored:
            path = store.path(pair, timeframe)
            (folder / path.relative_to(store.datadir)).symlink_to(path.resolve())


def link_files(source: Path, folder: Path) -> None:
    """Fill ``folder`` with links to the candle files of the data directory ``source``."""
    for path in source.rglob("*.feather"):
        link = folder / path.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())


def _with_mark_and_funding(history: PairHistory) -> PairHistory:
    mark = history.mark
    if mark is None or mark.timeframe != "1h":
        mark = history.candles("1h").without_volume()
    return replace(history, mark=mark, funding=history.funding or default_funding(history.base))
