"""In which coin a fee was paid, and what it is where the journal does not say. Contract, section 11."""

from dataclasses import dataclass
from typing import Final, Literal

from freqai_ext.guardian.trades.journal_fields import UnusableLineError, number

Side = Literal["buy", "sell"]
Coin = Literal["base", "quote"]

ASSUMED_FEE_BPS: Final = 10.0
"""Fee of a fill whose own is not known: Bybit's for spot trades without a discount."""

_QUOTES: Final = ("USDT", "USDC", "USDE", "USD1", "EUR", "BRL", "TRY", "PLN", "DAI", "BTC", "ETH", "SOL", "MNT")

_LARGEST_SHARE: Final = 0.005
"""A fee above 0.5 % of the trade was paid in the other coin."""


@dataclass(frozen=True, slots=True)
class Fee:
    """What a fill cost.

    Attributes
    ----------
    amount
        In the coin; negative for a rebate.
    coin
        The coin bought and sold, or the one it is paid with.
    assumed
        Whether the journal does not tell it: there is none, or it was paid in a third coin.
    """

    amount: float
    coin: Coin
    assumed: bool = False


def fee_of(paid: float | None, currency: str | None, *, symbol: str, side: Side, price: float, quantity: float) -> Fee:
    """Return the fee of a fill.

    Where ``currency`` names no coin (it is missing, or holds the text of a rate), a buy's fee was paid in the coin
    bought if it is at most 0.5 % of the quantity, and a sell's in the quote currency if it is at most 0.5 % of the
    value; else in the other coin, if it is at most 0.5 % of that.

    Raises
    ------
    UnusableLineError
        If the fee is as large as the trade.
    """
    usual: Coin = "base" if side == "buy" else "quote"
    size = {"base": quantity, "quote": price * quantity}
    named = currency is not None and currency.isalnum() and number(currency) is None
    coin = _named(currency, symbol) if currency and named else _guessed(paid or 0.0, usual, size)
    if paid is None or coin is None:
        return Fee(size[usual] * ASSUMED_FEE_BPS / 1e4, usual, assumed=True)
    if abs(paid) >= size[coin]:
        raise UnusableLineError("fee")
    return Fee(paid, coin)


def _named(currency: str, symbol: str) -> Coin | None:
    name = currency.upper()
    for quote in _QUOTES:
        if symbol.endswith(quote):
            return "quote" if name == quote else "base" if name == symbol.removesuffix(quote) else None
    return None


def _guessed(paid: float, usual: Coin, size: dict[str, float]) -> Coin:
    other: Coin = "quote" if usual == "base" else "base"
    fits = {coin: abs(paid) <= _LARGEST_SHARE * size[coin] for coin in ("base", "quote")}
    return other if fits[other] and not fits[usual] else usual
