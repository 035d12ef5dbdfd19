"""From fills to closed trades, by average cost, as Guardian itself reckons. Contract, section 11."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from freqai_ext.guardian.trades.closed_trade import ClosedTrade
from freqai_ext.guardian.trades.executions import Fill

DUST_SHARE: Final = 0.01
"""A position of which at most this share is left is closed: fees in coins and lot sizes leave remainders."""

SMALL_SHARE: Final = 0.1
SMALLEST_ORDER_QUOTE: Final = 5.0
"""So is one of which at most a tenth is left, worth less than the exchange's smallest order: it cannot be sold."""

_MINUTE_S: Final = 60.0


@dataclass(frozen=True)
class Pairing:
    """Trades made of fills.

    Attributes
    ----------
    trades
        In the order in which they became known.
    sells_without_position
        Fills that sold what the journal does not show bought: dust, or coins from before it begins. They make no trade.
    sells_beyond_position
        Fills that sold over 1 % more than the position held; only what it held makes a trade.
    open_positions
        Symbols of which more than dust is held at the end.
    """

    trades: tuple[ClosedTrade, ...]
    sells_without_position: int
    sells_beyond_position: int
    open_positions: tuple[str, ...]


def pair(fills: Iterable[Fill]) -> Pairing:
    """Pair buys with sells of the same symbol.

    A position has the average cost of its buys, fees included; a fee in the coin makes it smaller. A sell closes the
    share of it that it sells: fills of one order that became known within the same minute (after one whole minute, up
    to and including the next) make one trade. So at the close of any candle the trades are those that the fills known
    by then make, unless a fill was written down after a later one.
    """
    books: dict[str, _Book] = {}
    for fill in sorted(fills, key=lambda fill: fill.time_s):
        books.setdefault(fill.symbol, _Book(fill.symbol)).add(fill)
    for book in books.values():
        book.finish_sale()
    trades = sorted((trade for book in books.values() for trade in book.trades), key=_order)
    return Pairing(
        tuple(trades),
        sum(book.sells_without_position for book in books.values()),
        sum(book.sells_beyond_position for book in books.values()),
        tuple(sorted(symbol for symbol, book in books.items() if book.is_open)),
    )


def _order(trade: ClosedTrade) -> tuple[float, float, str, float]:
    return trade.known_at_s, trade.closed_at_s, trade.symbol, trade.opened_at_s


@dataclass(slots=True)
class _Position:
    """Coins held; ``spent`` and ``fees`` are in the quote currency, ``cost`` is what was paid after fees."""

    opened_at_s: float
    recorded_at_s: float | None = None
    held: float = 0.0
    bought: float = 0.0
    gross: float = 0.0
    spent: float = 0.0
    cost: float = 0.0
    fees: float = 0.0

    def buy(self, fill: Fill) -> None:
        fee_base, fee_quote = _fees(fill)
        received, value = fill.quantity - fee_base, fill.price * fill.quantity
        self.recorded_at_s = _later(self.recorded_at_s, fill.recorded_at_s)
        self.held += received
        self.bought += received
        self.gross += fill.quantity
        self.spent += value
        self.cost += value + fee_quote
        self.fees += fee_quote + fee_base * fill.price

    def reduce(self, share: float) -> None:
        kept = 1.0 - share
        self.held *= kept
        self.gross *= kept
        self.spent *= kept
        self.cost *= kept
        self.fees *= kept

    def is_dust(self, price: float) -> bool:
        if self.held <= DUST_SHARE * self.bought:
            return True
        return self.held <= SMALL_SHARE * self.bought and self.held * price < SMALLEST_ORDER_QUOTE


@dataclass(slots=True)
class _Sale:
    """What the fills of one sell order within one minute have closed."""

    key: tuple[str | None, int]
    closed_at_s: float = 0.0
    recorded_at_s: float | None = None
    quantity: float = 0.0
    gross: float = 0.0
    spent: float = 0.0
    cost: float = 0.0
    value: float = 0.0
    proceeds: float = 0.0
    fees: float = 0.0
    last_price: float = 0.0

    def add(self, fill: Fill, position: _Position, needed: float) -> None:
        """Move from the position what the fill sold of it."""
        share = min(1.0, position.held / needed)
        part = min(1.0, needed / position.held)
        fee_base, fee_quote = _fees(fill)
        value = fill.price * fill.quantity * share
        self.closed_at_s, self.last_price = fill.time_s, fill.price
        self.recorded_at_s = _later(_later(self.recorded_at_s, position.recorded_at_s), fill.recorded_at_s)
        self.quantity += fill.quantity * share
        self.gross += position.gross * part
        self.spent += position.spent * part
        self.cost += position.cost * part
        self.value += value
        self.proceeds += value - fee_quote * share
        self.fees += position.fees * part + (fee_quote + fee_base * fill.price) * share
        position.recorded_at_s = self.recorded_at_s
        position.reduce(part)


@dataclass(slots=True)
class _Book:
    """One symbol while its fills are read."""

    symbol: str
    trades: list[ClosedTrade] = field(default_factory=list)
    sells_without_position: int = 0
    sells_beyond_position: int = 0
    position: _Position | None = None
    sale: _Sale | None = None

    @property
    def is_open(self) -> bool:
        return self.position is not None

    def add(self, fill: Fill) -> None:
        key = (fill.order_id, math.ceil(fill.known_at_s / _MINUTE_S))
        if self.sale is not None and (fill.side == "buy" or self.sale.key != key):
            self.finish_sale()
        if fill.side == "buy":
            if self.position is None:
                self.position = _Position(fill.time_s)
            self.position.buy(fill)
        else:
            self._sell(fill, key)

    def _sell(self, fill: Fill, key: tuple[str | None, int]) -> None:
        needed = fill.quantity + _fees(fill)[0]
        if self.position is None or self.position.held <= 0.0:
            self.sells_without_position += 1
            return
        self.sells_beyond_position += needed > self.position.held * (1.0 + DUST_SHARE)
        self.sale = self.sale or _Sale(key)
        self.sale.add(fill, self.position, needed)

    def finish_sale(self) -> None:
        sale, position, self.sale = self.sale, self.position, None
        if sale is None or position is None:
            return
        closes = position.is_dust(sale.last_price)
        if closes:
            self.position = None
        self.trades.append(
            ClosedTrade(
                symbol=self.symbol,
                opened_at_s=position.opened_at_s,
                closed_at_s=sale.closed_at_s,
                quantity=sale.quantity,
                entry_price=sale.spent / sale.gross,
                exit_price=sale.value / sale.quantity,
                fees_quote=sale.fees,
                return_bps=(sale.proceeds / sale.cost - 1.0) * 1e4,
                holding_min=(sale.closed_at_s - position.opened_at_s) / _MINUTE_S,
                recorded_at_s=sale.recorded_at_s,
                closes_position=closes,
            )
        )


def _fees(fill: Fill) -> tuple[float, float]:
    """Return the fee in the coin and the fee in the quote currency."""
    return (fill.fee.amount, 0.0) if fill.fee.coin == "base" else (0.0, fill.fee.amount)


def _later(first: float | None, second: float | None) -> float | None:
    return second if first is None else first if second is None else max(first, second)
