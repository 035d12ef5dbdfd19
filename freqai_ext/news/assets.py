"""Base assets of pairs, and what people call them."""

from collections.abc import Mapping
from typing import Final

_NAMES: Final = {
    "AAVE": "Aave", "ADA": "Cardano", "ALGO": "Algorand", "APT": "Aptos", "ARB": "Arbitrum", "ATOM": "Cosmos",
    "AVAX": "Avalanche", "BCH": "Bitcoin Cash", "BNB": "BNB Chain", "BTC": "Bitcoin", "DOGE": "Dogecoin",
    "DOT": "Polkadot", "ETC": "Ethereum Classic", "ETH": "Ethereum", "FIL": "Filecoin", "HBAR": "Hedera",
    "ICP": "Internet Computer", "INJ": "Injective", "LINK": "Chainlink", "LTC": "Litecoin", "NEAR": "NEAR Protocol",
    "OP": "Optimism", "PEPE": "Pepe", "POL": "Polygon", "SHIB": "Shiba Inu", "SOL": "Solana", "SUI": "Sui",
    "TON": "Toncoin", "TRX": "TRON", "UNI": "Uniswap", "XLM": "Stellar", "XMR": "Monero", "XRP": "Ripple",
}  # fmt: skip


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
