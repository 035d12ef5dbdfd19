"""A trade of Guardian's that is over."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """What Guardian bought and has sold again, all of a position or a part of it.

    Attributes
    ----------
    symbol
        Canonical, such as ``"BTCUSDT"``.
    opened_at_s
        When the first coin of the position was bought, UTC seconds.
    closed_at_s
        When the last coin of this trade was sold, UTC seconds.
    quantity
        Coins sold.
    entry_price, exit_price
        Average prices of the fills, before fees.
    fees_quote
        Fees of both sides in the quote currency; below 0 where rebates were larger.
    return_bps
        What was received over what was paid, both after fees, less 1; in basis points.
    holding_min
        From ``opened_at_s`` to ``closed_at_s``, in minutes.
    slippage_bps
        As Guardian's own list of trades has it, in basis points.
    recorded_at_s
        When Guardian had written down all that the numbers are made of, UTC seconds; ``None`` where it does not say.
    closes_position
        Whether nothing of the position is left but dust.
    """

    symbol: str
    opened_at_s: float
    closed_at_s: float
    quantity: float
    entry_price: float
    exit_price: float
    fees_quote: float
    return_bps: float
    holding_min: float
    slippage_bps: float | None = None
    recorded_at_s: float | None = None
    closes_position: bool = True

    @property
    def known_at_s(self) -> float:
        """When it could be known, UTC seconds: it is closed, and Guardian has written it down."""
        return max(self.closed_at_s, self.recorded_at_s or 0.0)

    @property
    def entry_value(self) -> float:
        """What the coins sold had cost before fees, in the quote currency."""
        return self.quantity * self.entry_price
