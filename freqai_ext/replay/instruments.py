"""``/v5/market/instruments-info`` and ``/v5/market/risk-limit``: what is traded, in which steps, how far levered."""

from dataclasses import dataclass
from math import floor, log10

from freqai_ext.replay.assets import quote_value, split_pair
from freqai_ext.replay.history import FUNDING_INTERVAL_MS, TradingMode
from freqai_ext.replay.protocol import decimal
from freqai_ext.replay.tape import Tape
from freqai_ext.replay.timeframe import MINUTE_MS

MAX_LEVERAGE = 50
_TIERS_USD = ((200_000, 0.01, 50), (1_000_000, 0.02, 25), (5_000_000, 0.05, 10), (20_000_000, 0.1, 5))
_SMALLEST_ORDER_USD = 5.0


@dataclass(frozen=True)
class Instrument:
    """A pair as the exchange lists it.

    Parameters
    ----------
    symbol
        Bybit's name, ``BTCUSDT``.
    category
        ``"spot"`` or ``"linear"``.
    tape
        The pair's history.
    """

    symbol: str
    category: str
    tape: Tape

    @classmethod
    def of(cls, tape: Tape, trading_mode: TradingMode) -> "Instrument":
        """Return the listing of a pair."""
        # Letters and digits only: ccxt takes a symbol with a hyphen for an option.
        symbol = "".join(filter(str.isalnum, "".join(split_pair(tape.history.pair))))
        return cls(symbol, "linear" if trading_mode == "futures" else "spot", tape)

    @property
    def amount_step(self) -> float:
        """Smallest order step: worth a few cents to a dollar, as exchanges choose it."""
        return float(f"1e{-(floor(log10(self._first_close * self._quote_usd)) + 2)}")

    @property
    def smallest_order(self) -> float:
        """Least value of an order, in the quote currency."""
        return float(f"{_SMALLEST_ORDER_USD / self._quote_usd:.2g}")

    @property
    def _first_close(self) -> float:
        return float(self.tape.base.close[0])

    @property
    def _quote_usd(self) -> float:
        return quote_value(self.tape.history.pair, self._first_close)

    def describe(self) -> dict[str, object]:
        """Return the entry of ``instruments-info``."""
        base, quote = split_pair(self.tape.history.pair)
        common = {"symbol": self.symbol, "baseCoin": base, "quoteCoin": quote, "status": "Trading"}
        tick, step = decimal(self.tape.tick), decimal(self.amount_step)
        if self.category == "spot":
            return common | {
                "innovation": "0",
                "marginTrading": "none",
                "lotSizeFilter": {
                    "basePrecision": step,
                    "quotePrecision": "0.00000001",
                    "minOrderQty": step,
                    "maxOrderQty": "1000000000",
                    "minOrderAmt": decimal(self.smallest_order),
                    "maxOrderAmt": "100000000",
                },
                "priceFilter": {"tickSize": tick},
            }
        return common | {
            "contractType": "LinearPerpetual",
            "settleCoin": quote,
            "launchTime": str(self.tape.start_ms),
            "deliveryTime": "0",
            "deliveryFeeRate": "",
            "priceScale": str(self.tape.price_decimals),
            "leverageFilter": {"minLeverage": "1", "maxLeverage": f"{MAX_LEVERAGE}.00", "leverageStep": "0.01"},
            "priceFilter": {"minPrice": tick, "maxPrice": "1999999.98", "tickSize": tick},
            "lotSizeFilter": {
                "maxOrderQty": "1000000000",
                "minOrderQty": step,
                "qtyStep": step,
                "minNotionalValue": decimal(self.smallest_order),
            },
            "unifiedMarginTrade": True,
            "fundingInterval": FUNDING_INTERVAL_MS // MINUTE_MS,
            "copyTrading": "none",
        }

    def risk_limits(self) -> list[dict[str, object]]:
        """Return the leverage tiers: the larger the position, the lower the leverage."""
        return [
            {
                "id": number,
                "symbol": self.symbol,
                "riskLimitValue": decimal(float(f"{position / self._quote_usd:.6g}")),
                "maintenanceMargin": decimal(maintenance),
                "initialMargin": decimal(1 / leverage),
                "isLowestRisk": int(number == 1),
                "maxLeverage": f"{leverage}.00",
                "mmDeduction": "",
            }
            for number, (position, maintenance, leverage) in enumerate(_TIERS_USD, start=1)
        ]
