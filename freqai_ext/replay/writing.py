"""Writes candles as a Freqtrade data directory."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from freqai_ext.replay.candles import pair_file_name
from freqai_ext.replay.history import PairHistory, TradingMode


def write_history(history: PairHistory, datadir: Path, timeframes: Sequence[str], trading_mode: TradingMode) -> None:
    """Write the feather files of one pair, named and laid out as Freqtrade 2026.9 does.

    Parameters
    ----------
    history
        The candles.
    datadir
        What is given to Freqtrade's ``--datadir``; created where missing. Futures go to ``datadir/futures``.
    timeframes
        Timeframes to write, none shorter than that of ``history``.
    """
    folder = datadir / "futures" if trading_mode == "futures" else datadir
    folder.mkdir(parents=True, exist_ok=True)
    name = pair_file_name(history.pair)
    suffix = "-futures" if trading_mode == "futures" else ""
    for timeframe in timeframes:
        frame = history.candles(timeframe).to_frame()
        _write(frame, folder / f"{name}-{timeframe.replace('M', 'Mo')}{suffix}.feather")
    if history.mark is not None:
        _write(history.mark.to_frame(), folder / f"{name}-{history.mark.timeframe}-mark.feather")
    if history.funding is not None:
        date = pd.to_datetime(history.funding.time_ms, unit="ms", utc=True).as_unit("ms")
        # Freqtrade files them under 1h whatever the interval of the payments is.
        _write(
            pd.DataFrame({"date": date, "funding_rate": history.funding.rate}),
            folder / f"{name}-1h-funding_rate.feather",
        )


def _write(frame: pd.DataFrame, path: Path) -> None:
    # A reader must never see half a file.
    unfinished = path.with_suffix(".part")
    frame.to_feather(unfinished, compression="lz4")
    unfinished.replace(path)
