"""Price level, liquidity and temper of the coins in a generated market."""

import re
import zlib
from dataclasses import dataclass

from freqai_ext.errors import SettingsError

_KNOWN = {
    # coin: (price in USD, volatility of a day, beta to the market, turnover of a day in million USD)
    "BTC": (62_000.0, 0.026, 0.9, 1500.0),
    "ETH": (3_100.0, 0.034, 1.0, 800.0),
    "SOL": (150.0, 0.045, 1.1, 300.0),
    "BNB": (580.0, 0.028, 0.8, 150.0),
    "XRP": (0.62, 0.040, 0.9, 200.0),
    "DOGE": (0.14, 0.048, 1.1, 150.0),
    "ADA": (0.45, 0.042, 1.0, 80.0),
    "LTC": (82.0, 0.036, 0.9, 60.0),
    "LINK": (14.0, 0.044, 1.0, 60.0),
    "AVAX": (32.0, 0.046, 1.1, 60.0),
    "DOT": (6.5, 0.042, 1.0, 40.0),
    "XLM": (0.11, 0.042, 0.9, 30.0),
}

_STABLE = {"USDT", "USDC", "USD", "FDUSD", "DAI", "EUR", "BUSD"}


@dataclass(frozen=True)
class Asset:
    """What the simulation knows about a pair before it starts.

    Parameters
    ----------
    price
        First price in the quote currency.
    tick
        Smallest price step, about a hundred-thousandth of the price.
    daily_volatility
        Standard deviation of a day's log return in an average regime.
    beta
        Sensitivity to the market factor.
    daily_turnover
        Average turnover of a day in the quote currency.
    """

    price: float
    tick: float
    daily_volatility: float
    beta: float
    daily_turnover: float


def asset_of(pair: str) -> Asset:
    """Return the properties of ``pair``; a coin that is not known gets plausible ones from its name.

    Raises
    ------
    SettingsError
        When ``pair`` is not written as ``BASE/QUOTE`` or ``BASE/QUOTE:SETTLE``.
    """
    base, quote = split_pair(pair)
    price, volatility, beta, turnover = _KNOWN.get(base) or _invented(base)
    unit = 1.0 if _is_dollar(quote) else (_KNOWN.get(quote) or _invented(quote))[0]
    price /= unit
    # Five significant digits, as exchanges choose their price steps.
    tick = float(f"1e{int(f'{price:e}'.split('e')[1]) - 5}")
    return Asset(price, tick, volatility, beta, turnover * 1e6 / unit)


def split_pair(pair: str) -> tuple[str, str]:
    """Return base and quote currency of a Freqtrade pair name.

    Raises
    ------
    SettingsError
        When ``pair`` is not written as ``BASE/QUOTE`` or ``BASE/QUOTE:SETTLE``.
    """
    # Exchanges list kPEPE, XYZ-NVDA and $WIF as well.
    names = re.fullmatch(r"([^\s/:]+)/([^\s/:]+)(?::[^\s/:]+)?", pair)
    if names is None:
        raise SettingsError(
            f"pair {pair!r} is not a pair name; write one like BTC/USDT (spot) or BTC/USDT:USDT (futures)"
        )
    return names[1], names[2]


def quote_value(pair: str, price: float) -> float:
    """Return about how many dollars one coin of the quote currency of ``pair`` is worth.

    Parameters
    ----------
    price
        Of the base coin, in the quote currency: it tells the value of a currency that is not known by one that is.
    """
    base, quote = split_pair(pair)
    if _is_dollar(quote):
        return 1.0
    if quote in _KNOWN:
        return _KNOWN[quote][0]
    return (_KNOWN[base][0] if base in _KNOWN else _invented(base)[0]) / price


def _is_dollar(quote: str) -> bool:
    return quote in _STABLE or "USD" in quote


def _invented(coin: str) -> tuple[float, float, float, float]:
    digest = zlib.crc32(coin.encode())
    price = 10.0 ** (-1 + (digest % 400) / 100)
    return price, 0.035 + (digest >> 9) % 20 / 1000, 0.8 + (digest >> 17) % 40 / 100, 10.0 + (digest >> 5) % 50
