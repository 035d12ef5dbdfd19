"""Guardian's candle cache as a Freqtrade data directory. Contract, section 11."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.trades.candle_csv import CANDLE_MS, OHLCV_COLUMNS, empty_candles, read_candle_csv

TIMEFRAME: Final = "1h"
SUSPECT: Final = "suspect"

_READABLE_BY_ALL: Final = 0o644

_USDT_SYMBOL: Final = re.compile(r"([A-Z0-9]+)USDT", re.ASCII)


@dataclass(frozen=True)
class CandleGap:
    """Missing candles: from the opening time of the first to that of the next one present, UTC."""

    start: datetime
    end: datetime
    candles: int


@dataclass(frozen=True)
class ConvertedCandles:
    """What became of one symbol of Guardian's cache.

    Attributes
    ----------
    symbol
        As Guardian names it.
    pair
        As Freqtrade names it; ``None`` for one that is not quoted in USDT.
    path
        Freqtrade's file; ``None`` where none was written or needed.
    refused
        Why nothing was converted, or ``None``.
    rows_read, rows_added, rows
        Rows in Guardian's file, of these new to Freqtrade's file, and in Freqtrade's file now.
    first, last
        Opening times of the first and last candle in Freqtrade's file.
    gaps
        What is missing in Freqtrade's file.
    dropped
        Rows of Guardian's file that were left out, by reason.
    suspects
        Rows added that Guardian may have written unfinished and never corrected.
    """

    symbol: str
    pair: str | None
    path: Path | None = None
    refused: str | None = None
    rows_read: int = 0
    rows_added: int = 0
    rows: int = 0
    first: datetime | None = None
    last: datetime | None = None
    gaps: tuple[CandleGap, ...] = ()
    dropped: Mapping[str, int] | None = None
    suspects: int = 0


def convert_candles(guardian_data: Path, datadir: Path, *, drop_suspects: bool = False) -> tuple[ConvertedCandles, ...]:
    """Add the hourly candles of Guardian's cache to Freqtrade's feather files.

    Candles that Freqtrade has already are kept as they are; a file that gains nothing is not written.

    Parameters
    ----------
    guardian_data
        Guardian's data directory; only read.
    datadir
        Freqtrade's, such as ``user_data/data/bybit``; made where it is missing.
    drop_suspects
        Leave out the rows that Guardian may have written unfinished, which makes gaps, in place of reporting them.

    Returns
    -------
    tuple of ConvertedCandles
        One for each symbol of the cache, by name.

    Raises
    ------
    GuardianDataError
        If there is no candle cache, or ``datadir`` cannot be written.
    """
    folder = guardian_data.expanduser() / "ohlcv" / "spot"
    try:
        if not folder.is_dir():
            raise GuardianDataError(
                f"{folder}: no such directory; give Guardian's data directory (bybit_app/_data), which holds its "
                "candle cache once it has run"
            )
        # A glob passes over what it may not list, in silence.
        symbols = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise GuardianDataError(
            f"{folder}: cannot be read ({error.strerror}); run this as Guardian's user, or let this one read it"
        ) from error
    files = [folder / symbol / f"{symbol}_{TIMEFRAME}.csv" for symbol in symbols]
    files = [path for path in files if not _is_absent(path)]
    return tuple(_convert(path, datadir.expanduser(), drop_suspects) for path in files)


def _is_absent(path: Path) -> bool:
    try:
        return not path.is_file()
    except OSError:
        # Reading it says why.
        return False


def _convert(source: Path, datadir: Path, drop_suspects: bool) -> ConvertedCandles:
    symbol = source.parent.name
    match = _USDT_SYMBOL.fullmatch(symbol)
    if match is None:
        return ConvertedCandles(symbol, None, refused="not quoted in USDT")
    pair = f"{match[1]}/USDT"
    cached = read_candle_csv(source)
    if cached.refused is not None:
        return ConvertedCandles(symbol, pair, refused=cached.refused)
    dropped = dict(cached.dropped)
    offered, suspect = cached.frame, cached.suspect
    if drop_suspects and suspect.any():
        dropped[SUSPECT] = int(suspect.sum())
        offered, suspect = offered[~suspect], suspect[~suspect]
    target = datadir / f"{match[1]}_USDT-{TIMEFRAME}.feather"
    try:
        stored = _stored(target)
    except ValueError as fault:
        return ConvertedCandles(symbol, pair, refused=str(fault), rows_read=cached.rows, dropped=dropped)
    new = ~offered["date"].isin(stored["date"])
    merged = _merged(stored, offered[new])
    if new.any():
        _write(merged, target)
    return ConvertedCandles(
        symbol=symbol,
        pair=pair,
        path=target if len(merged) else None,
        refused=None if len(merged) else "no finished candle",
        rows_read=cached.rows,
        rows_added=int(new.sum()),
        rows=len(merged),
        first=merged["date"].iloc[0].to_pydatetime() if len(merged) else None,
        last=merged["date"].iloc[-1].to_pydatetime() if len(merged) else None,
        gaps=_gaps(merged["date"]),
        dropped=dropped,
        suspects=int((suspect & new).sum()),
    )


def _stored(path: Path) -> pd.DataFrame:
    """Return what Freqtrade has; a ``ValueError`` says why the file must not be touched."""
    if not path.exists():
        return empty_candles()
    remedy = "move it away, or download it again with Freqtrade"
    try:
        frame = pd.read_feather(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} is not a readable feather file; {remedy}") from error
    date = frame.get("date")
    if date is None or not isinstance(date.dtype, pd.DatetimeTZDtype) or date.isna().any():
        raise ValueError(f"{path} has no column date with a time zone; {remedy}")
    if missing := [name for name in OHLCV_COLUMNS if name not in frame.columns]:
        raise ValueError(f"{path} has no column {', '.join(missing)}; {remedy}")
    return frame.assign(date=date.dt.tz_convert("UTC").dt.as_unit("ms"))


def _merged(stored: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    if stored.empty or new.empty:
        return new.reset_index(drop=True) if stored.empty else stored
    return pd.concat([stored, new]).sort_values("date", kind="stable", ignore_index=True)


def _gaps(dates: "pd.Series[pd.Timestamp]") -> tuple[CandleGap, ...]:
    length = pd.Timedelta(CANDLE_MS, unit="ms")
    unique = dates.drop_duplicates().sort_values(ignore_index=True)
    before = unique.shift(1)
    rows = np.flatnonzero(unique - before >= 2 * length)
    return tuple(
        CandleGap(start.to_pydatetime(), end.to_pydatetime(), int((end - start) / length))
        for start, end in zip(before.iloc[rows] + length, unique.iloc[rows], strict=True)
    )


def _write(candles: pd.DataFrame, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, candles)
    except OSError as error:
        raise GuardianDataError(
            f"{path}: cannot be written ({error.strerror}); check --datadir and its permissions"
        ) from error


def _replace(path: Path, candles: pd.DataFrame) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            candles.to_feather(file, compression="lz4")
            file.flush()
            os.fsync(file.fileno())
        # This may run as Guardian's user, and the bot as another: what was readable stays so, whatever the umask is.
        unfinished.chmod(path.stat().st_mode & 0o777 if path.exists() else _READABLE_BY_ALL)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
