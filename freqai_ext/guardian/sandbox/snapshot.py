"""The market as Guardian last saw it: contract, sections 4 and 11."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

VALID_S: Final = 300.0
"""A snapshot is used for so long. One from the future counts as valid, too, which a clock that was set back shows."""

REPAIRED_ROWS: Final = 12
"""Guardian looks up the best bid and ask of so many rows at the head of the exchange's list, of the others never."""

_USDC_SHARE: Final = 0.03


@dataclass(frozen=True)
class Hourly:
    """Hourly candles that have closed, oldest first; each array has the same length.

    ``hour`` is when each opened, in hours since 1970, UTC; some may be missing in between.
    """

    hour: NDArray[np.int64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.close)


@dataclass(frozen=True)
class MarketRow:
    """One row of the exchange's list of spot tickers, and the candles that Guardian keeps of it.

    Attributes
    ----------
    symbol
        As the exchange calls it, such as ``"BTCUSDT"`` or ``"BTCUSDC"``.
    last
        Price.
    change_pct
        Of 24 hours; ``None`` where there are none.
    high, low
        Of 24 hours.
    turnover, volume
        Of 24 hours, in quote and in base currency.
    bid, ask, bid_size, ask_size
        The best of the order book.
    hourly
        The newest hourly candles.
    """

    symbol: str
    last: float
    change_pct: float | None
    high: float
    low: float
    turnover: float
    volume: float
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    hourly: Hourly


class SnapshotSource(Protocol):
    """Where the rows come from."""

    def rows(self, now_s: float) -> Sequence[MarketRow]:
        """Return the rows as of ``now_s`` (UTC seconds), in the order of the exchange's list. Nothing later is used."""


@dataclass(frozen=True)
class Snapshot:
    """Rows and the time at which they were taken, UTC seconds."""

    taken_at_s: float
    rows: tuple[MarketRow, ...]


class SnapshotCache:
    """Takes a new snapshot when the old one is no longer valid.

    Parameters
    ----------
    source
        Where the rows come from.
    usdc_bases
        Coins that have a second row against USDC.
    """

    def __init__(self, source: SnapshotSource, usdc_bases: Sequence[str] = ()) -> None:
        self._source = source
        self._usdc = {f"{base}USDT": f"{base}USDC" for base in usdc_bases}
        self._snapshot: Snapshot | None = None

    def get(self, now_s: float, *, reachable: bool) -> Snapshot | None:
        """Return a valid snapshot; ``None`` where a new one is needed and the exchange is not ``reachable``."""
        if self._snapshot is not None and now_s - self._snapshot.taken_at_s < VALID_S:
            return self._snapshot
        if not reachable:
            return None
        rows = tuple(row for first in self._source.rows(now_s) for row in self._with_usdc(first))
        self._snapshot = Snapshot(now_s, rows)
        return self._snapshot

    def _with_usdc(self, row: MarketRow) -> tuple[MarketRow, ...]:
        symbol = self._usdc.get(row.symbol)
        if symbol is None:
            return (row,)
        turnover, volume = row.turnover * _USDC_SHARE, row.volume * _USDC_SHARE
        return row, replace(row, symbol=symbol, turnover=turnover, volume=volume)
