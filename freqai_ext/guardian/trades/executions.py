"""Guardian's journal of fills, ``pnl/executions.<network>.jsonl``. Contract, section 11."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.trades.fees import Fee, Side, fee_of
from freqai_ext.guardian.trades.journal_fields import (
    Record,
    UnusableLineError,
    amount,
    epoch_s,
    first_epoch_s,
    first_number,
    symbol_of,
    text,
)
from freqai_ext.guardian.trades.json_lines import read_json_lines

Network = Literal["mainnet", "testnet"]

DUPLICATE: Final = "duplicate"

_PRICE: Final = ("execPrice", "price")
_QUANTITY: Final = ("execQty", "qty", "size")
_FEE: Final = ("execFee", "fee")
_TIME: Final = ("execTime", "execTimeNs", "transactTime", "tradeTime", "created_at", "ts")
_SIDES: Final[Mapping[str, Side]] = {
    "buy": "buy",
    "bid": "buy",
    "long": "buy",
    "sell": "sell",
    "ask": "sell",
    "short": "sell",
}


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an order on the spot market.

    Attributes
    ----------
    symbol
        Canonical, such as ``"BTCUSDT"``.
    side
        Of the order.
    time_s
        When it was executed, UTC seconds.
    price, quantity
        In the quote currency, and of the coin before the fee.
    fee
        What it cost.
    recorded_at_s
        When Guardian wrote it down, UTC seconds; ``None`` where the journal does not say.
    order_id
        Fills of one order have the same.
    """

    symbol: str
    side: Side
    time_s: float
    price: float
    quantity: float
    fee: Fee
    recorded_at_s: float | None = None
    order_id: str | None = None

    @property
    def known_at_s(self) -> float:
        """When it could be known from the journal: it was executed, and written down."""
        return max(self.time_s, self.recorded_at_s or 0.0)


@dataclass(frozen=True)
class Executions:
    """What a journal of fills holds.

    Attributes
    ----------
    fills
        In the order of the file.
    skipped
        How many lines were left out, by reason; the name of a field where that is missing or not valid.
    """

    fills: tuple[Fill, ...]
    skipped: Mapping[str, int]

    @property
    def assumed_fees(self) -> int:
        """How many fills have a fee that the journal does not tell."""
        return sum(fill.fee.assumed for fill in self.fills)


def find_executions(data_dir: Path, network: Network) -> Path | None:
    """Return the journal that Guardian itself would read; ``None`` where it has not written one yet.

    That is ``pnl/executions.<network>.jsonl``, or the older ``pnl/executions.jsonl`` if there is no such file.

    Raises
    ------
    GuardianDataError
        If ``data_dir`` is no directory.
    """
    folder = journal_folder(data_dir)
    candidates = (folder / f"executions.{network}.jsonl", folder / "executions.jsonl")
    return next((path for path in candidates if path.is_file()), None)


def journal_folder(data_dir: Path) -> Path:
    """Return the directory of the journals below Guardian's data directory, which must be there."""
    data_dir = data_dir.expanduser()
    if not data_dir.is_dir():
        raise GuardianDataError(
            f"{data_dir}: no such directory; write the path of Guardian's data directory (bybit_app/_data) into "
            "freqai_ext.guardian.trades.data_dir"
        )
    return data_dir / "pnl"


def read_executions(path: Path) -> Executions:
    """Read a journal of fills, in all forms that Guardian writes or accepts.

    Lines that cannot be used are counted, never an error: the file may be written to meanwhile. Of several fills with
    the same ``execKey`` the first one counts.

    Raises
    ------
    GuardianDataError
        If the file cannot be read.
    """
    skipped: Counter[str] = Counter()
    seen: set[str] = set()
    fills = []
    for record in read_json_lines(path, skipped):
        try:
            fill = _fill(record)
        except UnusableLineError as fault:
            skipped[str(fault)] += 1
            continue
        key = text(record.get("execKey"))
        if key in seen:
            skipped[DUPLICATE] += 1
            continue
        if key is not None:
            seen.add(key)
        fills.append(fill)
    return Executions(tuple(fills), dict(skipped))


def _fill(record: Record) -> Fill:
    if (text(record.get("category")) or "spot").lower() != "spot":
        raise UnusableLineError("category")
    symbol = symbol_of(record)
    side = _SIDES.get((text(record.get("side")) or "").lower())
    if side is None:
        raise UnusableLineError("side")
    price, quantity = amount(record, _PRICE, "price"), amount(record, _QUANTITY, "quantity")
    time_s = first_epoch_s(record, _TIME)
    if time_s is None:
        raise UnusableLineError("time")
    fee = fee_of(
        first_number(record, _FEE),
        text(record.get("feeCurrency")),
        symbol=symbol,
        side=side,
        price=price,
        quantity=quantity,
    )
    return Fill(symbol, side, time_s, price, quantity, fee, epoch_s(record.get("ts")), text(record.get("orderId")))
