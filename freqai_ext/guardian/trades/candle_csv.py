"""A file of Guardian's candle cache, ``ohlcv/spot/<SYMBOL>/<SYMBOL>_1h.csv``. Contract, section 11."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from freqai_ext._files import open_regular

CANDLE_MS: Final = 3_600_000
OHLCV_COLUMNS: Final = ("date", "open", "high", "low", "close", "volume")

MALFORMED: Final = "malformed"
NOT_A_NUMBER: Final = "not a number"
NOT_POSITIVE: Final = "price not positive or volume negative"
INCONSISTENT: Final = "high or low inconsistent"
MISALIGNED: Final = "start not on the hour"
DUPLICATE: Final = "duplicate"
UNFINISHED: Final = "unfinished"

_PRICES: Final = ("open", "high", "low", "close")
_NUMBERS: Final = ("start", *_PRICES, "volume")
# Of hourly candles of large pairs at most 0.1 % open further from the last close; a price step can be 1 bp.
_JUMP: Final = 5e-4
_EARLIEST_MS: Final = 1_230_768_000_000
_LATEST_MS: Final = 7_258_118_400_000


@dataclass(frozen=True, eq=False)
class CachedCandles:
    """The usable candles of one file.

    Attributes
    ----------
    frame
        Freqtrade's columns, oldest first; ``date`` is ``datetime64[ms, UTC]``. Empty where the file is refused.
    suspect
        For each row whether it may have been written unfinished and never corrected: the next candle does not open
        where it closed, by more than 5 bp, or is missing. Guardian leaves such a row at each refresh of its cache, and
        a gap behind it where the next refresh came late.
    rows
        Rows of the file.
    dropped
        How many of them were left out, by reason.
    refused
        Why the file as a whole is of no use, or ``None``.
    """

    frame: pd.DataFrame
    suspect: "pd.Series[bool]"
    rows: int
    dropped: Mapping[str, int]
    refused: str | None = None


def empty_candles() -> pd.DataFrame:
    """Return a frame with Freqtrade's columns and no rows."""
    return _frame(pd.DataFrame({name: np.empty(0) for name in _NUMBERS}))


def read_candle_csv(path: Path) -> CachedCandles:
    """Read and check one file; what is wrong with it is told in the result, never raised.

    The latest row is left out: it may be an unfinished candle.
    """
    try:
        with open_regular(path) as file:
            lines = file.read().decode("utf-8-sig", errors="replace").splitlines()
    except PermissionError:
        # Guardian writes its candles with mode 600: contract, section 14.
        return _refused(_for_its_owner_alone(path))
    except OSError as error:
        return _refused(f"cannot be read ({error.strerror})")
    rows = [line.split(",") for line in lines if line.strip()]
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if "timestamp" in names and "start" not in names:
        return _refused("demo file: times in seconds, not on the hour; Guardian itself discards its rows")
    if missing := [name for name in _NUMBERS if name not in names]:
        return _refused(f"no column {', '.join(missing)}")
    whole = [row for row in rows[1:] if len(row) == len(names)]
    places = {name: names.index(name) for name in _NUMBERS}
    raw = pd.DataFrame({name: [row[place] for row in whole] for name, place in places.items()}, dtype="str")
    return _cleaned(raw, malformed=len(rows) - 1 - len(whole))


def _for_its_owner_alone(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return "cannot be read (Permission denied); run this as Guardian's user"
    return (
        f"cannot be read: mode {state.st_mode & 0o777:03o}, of user {state.st_uid}; Guardian writes its candles for "
        "its own user alone, so run this as that user"
    )


def _cleaned(raw: pd.DataFrame, malformed: int) -> CachedCandles:
    numbers = raw.apply(pd.to_numeric, errors="coerce").astype(np.float64)
    dropped: dict[str, int] = {}
    _count(dropped, MALFORMED, malformed)
    prices = numbers[list(_PRICES)]
    checks = {
        NOT_A_NUMBER: ~np.isfinite(numbers).all(axis=1),
        NOT_POSITIVE: (prices <= 0.0).any(axis=1) | (numbers["volume"] < 0.0),
        INCONSISTENT: (prices.max(axis=1) > numbers["high"]) | (prices.min(axis=1) < numbers["low"]),
        MISALIGNED: (numbers["start"] % CANDLE_MS != 0.0) | ~numbers["start"].between(_EARLIEST_MS, _LATEST_MS),
    }
    usable = pd.Series(True, index=numbers.index)
    for reason, faulty in checks.items():
        _count(dropped, reason, int((usable & faulty).sum()))
        usable &= ~faulty
    kept = numbers[usable].sort_values("start", kind="stable")
    unique = kept.drop_duplicates("start", keep="first")
    _count(dropped, DUPLICATE, len(kept) - len(unique))
    finished = unique.iloc[:-1]
    _count(dropped, UNFINISHED, len(unique) - len(finished))
    # The row left out still tells where the one before it should have closed.
    suspect = _suspect(unique).iloc[:-1]
    return CachedCandles(_frame(finished), suspect.reset_index(drop=True), len(raw) + malformed, dropped)


def _suspect(candles: pd.DataFrame) -> "pd.Series[bool]":
    follows = candles["start"].shift(-1) == candles["start"] + CANDLE_MS
    jumps = (candles["open"].shift(-1) / candles["close"] - 1.0).abs() > _JUMP
    return ~follows | jumps


def _frame(candles: pd.DataFrame) -> pd.DataFrame:
    date = pd.to_datetime(candles["start"].to_numpy().astype(np.int64), unit="ms", utc=True).as_unit("ms")
    columns = {"date": date} | {name: candles[name].to_numpy() for name in OHLCV_COLUMNS[1:]}
    return pd.DataFrame(columns)


def _count(dropped: dict[str, int], reason: str, rows: int) -> None:
    if rows:
        dropped[reason] = rows


def _refused(reason: str) -> CachedCandles:
    return CachedCandles(empty_candles(), pd.Series(dtype=bool), 0, {}, reason)
