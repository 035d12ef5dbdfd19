"""Fields of Guardian's journals: each may be a number or its text, under one of several names, or nothing of use.

Contract, section 11.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Final

from freqai_ext._services.written_time import NO_TIME, read_time
from freqai_ext.guardian.symbols import canonical_symbol

Record = Mapping[str, object]

SYMBOL_NAMES: Final = ("symbol", "ticker")

LEAST_AMOUNT: Final = 1e-18
LARGEST_AMOUNT: Final = 1e18
"""Prices and quantities outside of these are no trades; what is computed from those inside stays finite."""

_NANOSECONDS_ABOVE: Final = 1e18
_MILLISECONDS_ABOVE: Final = 1e12
_DATES_AS_NUMBERS: Final = (19_700_101, 21_001_231)
# The year 2200: later times cannot all be put into a frame, and none of them is a trade.
_LATEST_S: Final = 7_258_118_400.0

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SYMBOL: Final = re.compile(r"[A-Z0-9]+", re.ASCII)


class UnusableLineError(Exception):
    """A line that is no trade; its text names the field. It never leaves the readers."""


def number(value: object) -> float | None:
    """Return a finite number given as such or as text, else ``None``."""
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        read = float(value)
    except OverflowError:
        return None
    return read if math.isfinite(read) else None


def first_number(record: Record, names: Sequence[str]) -> float | None:
    """Return the first of the named fields that is a number."""
    return next((read for name in names if (read := number(record.get(name))) is not None), None)


def amount(record: Record, names: Sequence[str], field: str) -> float:
    """Return a price or quantity.

    Raises
    ------
    UnusableLineError
        Naming ``field``, if there is none above 0 and of a believable size.
    """
    read = first_number(record, names)
    if read is None or not LEAST_AMOUNT <= read <= LARGEST_AMOUNT:
        raise UnusableLineError(field)
    return read


def text(value: object) -> str | None:
    """Return text without outer spaces, a whole number as text, else ``None``."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**30 else None
    return (value.strip() or None) if isinstance(value, str) else None


def symbol_of(record: Record) -> str:
    """Return the canonical symbol, such as ``"BTCUSDT"``.

    Raises
    ------
    UnusableLineError
        If there is none.
    """
    for name in SYMBOL_NAMES:
        value = record.get(name)
        if isinstance(value, str) and _SYMBOL.fullmatch(canonical := canonical_symbol(value)):
            return canonical
    raise UnusableLineError("symbol")


def epoch_s(value: object) -> float | None:
    """Return a time as UTC seconds: nanoseconds above 1e18, milliseconds above 1e12, else seconds; or ISO text.

    ISO text without a zone is UTC. ``None`` for what is no time between 1970 and 2200, and for a date without a time,
    as a text or as a number such as 20260101: a trade that closed in the evening would be known in the morning.

    Examples
    --------
    >>> epoch_s("1795195649201"), epoch_s(1758461783.5), epoch_s("2026-01-01T00:00:00")
    (1795195649.201, 1758461783.5, 1767225600.0)
    """
    read = number(value)
    if read is None:
        read = _iso_s(value) if isinstance(value, str) else None
    elif _DATES_AS_NUMBERS[0] <= read <= _DATES_AS_NUMBERS[1]:
        read = None
    elif read > _NANOSECONDS_ABOVE:
        read /= 1e9
    elif read > _MILLISECONDS_ABOVE:
        read /= 1e3
    return read if read is not None and 0.0 < read < _LATEST_S else None


def first_epoch_s(record: Record, names: Sequence[str]) -> float | None:
    """Return the first of the named fields that is a time."""
    return next((read for name in names if (read := epoch_s(record.get(name))) is not None), None)


def _iso_s(written: str) -> float | None:
    try:
        found = read_time(written, UTC)
    except ValueError:
        return None
    return None if NO_TIME in found.assumed else found.written_s
