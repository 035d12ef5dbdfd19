"""Which symbols a ``whitelist`` names: contract, section 4."""

from typing import Final

_QUOTES: Final = ("USDC", "BTC", "ETH", "EUR", "USD", "DAI", "BRL", "TRY", "GBP")
_SEPARATORS: Final = str.maketrans("", "", " -_/:")


def listed_symbols(whitelist: str | None) -> frozenset[str]:
    """Return what a comma list forces into the scan."""
    names = (scanned_symbol(text) for text in (whitelist or "").split(","))
    return frozenset(name for name in names if name)


def scanned_symbol(text: str) -> str | None:
    """Return the name of the market against USDT; ``None`` for what is ignored.

    Examples
    --------
    >>> [scanned_symbol(text) for text in ("btc_usdt", "ADA", "BTC", "BTC/USDC", "ETH/BTC", "BTC/USDT:USDT")]
    ['BTCUSDT', 'ADAUSDT', None, 'BTCUSDT', None, 'BTCUSDTUSDT']
    """
    name = text.upper().translate(_SEPARATORS)
    if name.endswith("USDT"):
        return name if name != "USDT" else None
    quote = next((quote for quote in _QUOTES if name.endswith(quote)), None)
    if quote is None:
        return f"{name}USDT" if name else None
    base = name.removesuffix(quote)
    return f"{base}USDT" if quote == "USDC" and base else None
