"""Guardian's own list of closed trades, ``pnl/trades.<network>.jsonl``. Contract, sections 11 and 14."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.trades.closed_trade import ClosedTrade
from freqai_ext.guardian.trades.executions import Network, journal_folder
from freqai_ext.guardian.trades.journal_fields import (
    LARGEST_AMOUNT,
    Record,
    UnusableLineError,
    amount,
    epoch_s,
    number,
    symbol_of,
    text,
)
from freqai_ext.guardian.trades.json_lines import UNFINISHED, read_json_lines

READS: Final = 3

REPEATED: Final = "repeated"

_PAUSE_S: Final = 0.02


@dataclass(frozen=True)
class PairedTrades:
    """What Guardian's list of trades holds.

    Attributes
    ----------
    trades
        In the order of the file. Each row counts as a whole position.
    skipped
        How many lines were left out, by reason; the name of a field where that is missing or not valid.
    torn
        Whether the file was being written in each of our attempts, so that trades may be missing. A file that stays
        empty is whole: Guardian lists no trade whose sell has another link than its buy, as stop-losses have.
    """

    trades: tuple[ClosedTrade, ...]
    skipped: Mapping[str, int]
    torn: bool


def find_paired_trades(data_dir: Path, network: Network) -> Path | None:
    """Return the list of trades of the network; ``None`` where Guardian has not written one yet.

    Raises
    ------
    GuardianDataError
        If ``data_dir`` is no directory.
    """
    path = journal_folder(data_dir) / f"trades.{network}.jsonl"
    return path if path.is_file() else None


def read_paired_trades(path: Path, sleep: Callable[[float], object] = time.sleep) -> PairedTrades:
    """Read the list of trades.

    Rows without a link are listed again, with another entry, whenever Guardian looks at another span of fills; of those
    with the same symbol, exit time and exit price the first counts, which was made of the longest one.

    Guardian writes the whole file again after each sell, in place: where it changes while it is read, is empty, or ends
    in the middle of a line, it is read again, 3 times at most and 20 ms apart.

    Raises
    ------
    GuardianDataError
        If the file cannot be read.
    """
    read = _read(path)
    for _ in range(READS - 1):
        # Empty may be the moment between Guardian's emptying the file and writing it.
        if not read.torn and (read.trades or read.skipped):
            break
        sleep(_PAUSE_S)
        read = _read(path)
    return read


def _read(path: Path) -> PairedTrades:
    before = _state(path)
    skipped: Counter[str] = Counter()
    trades = []
    seen: set[tuple[str, float, float]] = set()
    for record in read_json_lines(path, skipped):
        try:
            trade = _trade(record)
        except UnusableLineError as fault:
            skipped[str(fault)] += 1
            continue
        if text(record.get("orderLinkId")) is None:
            exit_of = (trade.symbol, trade.closed_at_s, trade.exit_price)
            if exit_of in seen:
                skipped[REPEATED] += 1
                continue
            seen.add(exit_of)
        trades.append(trade)
    torn = before != _state(path) or UNFINISHED in skipped
    return PairedTrades(tuple(trades), dict(skipped), torn)


def _state(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise GuardianDataError(
            f"{path}: cannot be read ({error.strerror}); check freqai_ext.guardian.trades.data_dir and its permissions"
        ) from error
    return state.st_mtime_ns, state.st_size


def _trade(record: Record) -> ClosedTrade:
    symbol = symbol_of(record)
    closed_at_s = epoch_s(record.get("exit_ts"))
    if closed_at_s is None:
        raise UnusableLineError("exit_ts")
    opened_at_s = _opened_at_s(record, closed_at_s)
    quantity = amount(record, ("qty",), "qty")
    entry_price = amount(record, ("entry_vwap",), "entry_vwap")
    exit_price = amount(record, ("exit_vwap",), "exit_vwap")
    fees = _bounded(record, "fees") or 0.0
    return ClosedTrade(
        symbol=symbol,
        opened_at_s=opened_at_s,
        closed_at_s=closed_at_s,
        quantity=quantity,
        entry_price=entry_price,
        exit_price=exit_price,
        fees_quote=fees,
        return_bps=_net_return_bps(record, quantity, entry_price, exit_price, fees),
        holding_min=(closed_at_s - opened_at_s) / 60.0,
        slippage_bps=_bounded(record, "slippage_bps"),
    )


def _opened_at_s(record: Record, closed_at_s: float) -> float:
    opened_at_s = epoch_s(record.get("entry_ts"))
    held_s = number(record.get("hold_sec"))
    if opened_at_s is None and held_s is not None:
        opened_at_s = closed_at_s - held_s
    if opened_at_s is None or not 0.0 < opened_at_s <= closed_at_s:
        raise UnusableLineError("entry_ts")
    return opened_at_s


def _net_return_bps(record: Record, quantity: float, entry_price: float, exit_price: float, fees: float) -> float:
    net = _bounded(record, "net_pnl")
    if net is None:
        net = quantity * (exit_price - entry_price) - fees
    return net / (quantity * entry_price) * 1e4


def _bounded(record: Record, name: str) -> float | None:
    """Return a number of a believable size, of either sign."""
    read = number(record.get(name))
    return read if read is not None and abs(read) <= LARGEST_AMOUNT else None
