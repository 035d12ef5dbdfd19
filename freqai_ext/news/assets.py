"""Base assets of pairs, what people call them, and how vendors write them."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_NAMES: Final = {
    "AAVE": "Aave", "ADA": "Cardano", "ALGO": "Algorand", "APT": "Aptos", "ARB": "Arbitrum", "ATOM": "Cosmos",
    "AVAX": "Avalanche", "BCH": "Bitcoin Cash", "BNB": "BNB Chain", "BTC": "Bitcoin", "CRO": "Cronos",
    "DOGE": "Dogecoin", "DOT": "Polkadot", "ENA": "Ethena", "ETC": "Ethereum Classic", "ETH": "Ethereum",
    "FET": "Fetch.ai", "FIL": "Filecoin", "GRT": "The Graph", "HBAR": "Hedera", "HYPE": "Hyperliquid",
    "ICP": "Internet Computer", "IMX": "Immutable", "INJ": "Injective", "IOTA": "IOTA", "JUP": "Jupiter",
    "KAS": "Kaspa", "LDO": "Lido", "LINK": "Chainlink", "LTC": "Litecoin", "MKR": "Maker", "NEAR": "NEAR Protocol",
    "ONDO": "Ondo", "OP": "Optimism", "PEPE": "Pepe", "POL": "Polygon", "RUNE": "THORChain", "SEI": "Sei",
    "SHIB": "Shiba Inu", "SOL": "Solana", "STX": "Stacks", "SUI": "Sui", "TAO": "Bittensor", "TIA": "Celestia",
    "TON": "Toncoin", "TRX": "TRON", "UNI": "Uniswap", "USDC": "USD Coin", "USDT": "Tether", "VET": "VeChain",
    "WLD": "Worldcoin", "XLM": "Stellar", "XMR": "Monero", "XRP": "Ripple", "XTZ": "Tezos", "ZEC": "Zcash",
}  # fmt: skip

_ASSET: Final = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,19}")
_STABLE: Final = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "DAI")
_QUOTES: Final = (*_STABLE, "USD", "EUR", "GBP", "JPY", "KRW", "TRY", "AUD", "CAD", "BRL")
_CRYPTO_QUOTES: Final = ("BTC", "XBT", "ETH", "BNB", "PERP")
# Coins of their own whose ticker ends like a pair's.
_NO_PAIRS: Final = frozenset({
    "AUSD", "CRVUSD", "CUSD", "DEUSD", "FRXUSD", "GUSD", "HUSD", "LUSD", "MUSD", "OUSD", "PYUSD", "RLUSD", "SUSD",
    "USDUSD", "ZUSD", *_STABLE,
})  # fmt: skip
_RENAMED: Final = {"XBT": "BTC"}


def base_asset(pair: str) -> str:
    """Return the base asset of a pair, upper case: news of BTC/USDT, BTC/USDC and BTC/USDT:USDT are the same.

    Examples
    --------
    >>> base_asset("btc/USDT:USDT")
    'BTC'
    """
    return pair.partition("/")[0].strip().upper()


def common_name(asset: str, names: Mapping[str, str]) -> str | None:
    """Return what an asset is called beside its ticker; ``None`` where nobody says."""
    return names.get(asset) or _NAMES.get(asset)


def asset_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return all assets that are known and what they are called, those of ``names`` first."""
    return _NAMES | dict(names)


@lru_cache(maxsize=10_000)
def asset_of_symbol(symbol: str, *, among_stocks: bool = False) -> str | None:
    """Return the base asset that a vendor's symbol stands for; ``None`` where it stands for none.

    Parameters
    ----------
    among_stocks
        Whether a bare ticker is a stock's, so that only pairs, names and ``$`` or a prefix mark an asset.

    Examples
    --------
    >>> [asset_of_symbol(symbol) for symbol in ("BTC/USDT:USDT", "X:BTCUSD", "$btc", "ETH-USD", "Bitcoin", "PYUSD")]
    ['BTC', 'BTC', 'BTC', 'ETH', 'BTC', 'PYUSD']
    >>> [asset_of_symbol(symbol, among_stocks=True) for symbol in ("BTCUSD", "LINK", "NASDAQ:COIN", "CRYPTO:SOL")]
    ['BTC', None, None, 'SOL']
    """
    text = symbol.strip()
    # BITCOIN and PEPE in capitals are tickers, the first of a coin that is not Bitcoin.
    if not text.isupper() and (named := _BY_NAME.get(re.sub(r"[\s_-]+", " ", text.casefold()))) is not None:
        return named
    text = text.upper()
    exchange, colon, right = text.partition(":")
    has_prefix = bool(colon) and "/" not in exchange
    text = right if has_prefix else text
    is_marked = text[:1] in ("$", "#") or text.endswith(".X") or (has_prefix and exchange in ("X", "CRYPTO", "C"))
    text = text.lstrip("$#").removesuffix(".X").removesuffix(".P")
    base = _base_of_pair(text)
    if among_stocks and not is_marked and (base is None or (has_prefix and text == base)):
        return None
    asset = _RENAMED.get(base or text, base or text)
    is_money = asset in _QUOTES and asset not in _STABLE
    return asset if _ASSET.fullmatch(asset) and not is_money and not (is_marked and asset.isdigit()) else None


def _base_of_pair(text: str) -> str | None:
    base, mark, quote = text.partition("/")
    if mark:
        return base
    for mark in ("-", "_"):
        base, found, quote = text.partition(mark)
        if found and (quote in _QUOTES or quote in _CRYPTO_QUOTES):
            return base
    if text in _NO_PAIRS:
        return None
    for quote in _QUOTES:
        base = text.removesuffix(quote)
        # Short rests and quotes that end many words are only taken of assets that are known.
        if base != text and (base in _NAMES or base in _RENAMED or (len(base) >= 3 and quote[:3] == "USD")):
            return base
    return None


_BY_NAME: Final = {name.casefold(): asset for asset, name in _NAMES.items()} | {
    "near": "NEAR", "tron": "TRX", "bnb": "BNB", "binance coin": "BNB", "binancecoin": "BNB", "avalanche 2": "AVAX",
    "cosmos hub": "ATOM", "the open network": "TON", "matic network": "POL", "polygon ecosystem token": "POL",
    "shiba inu": "SHIB", "hedera hashgraph": "HBAR", "usd coin": "USDC", "the sandbox": "SAND",
}  # fmt: skip
