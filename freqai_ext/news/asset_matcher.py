"""The assets that a headline names: by names and tickers, for news whose vendor says of no asset.

A name counts where it is unmistakable (Bitcoin, Chainlink). A name that is a word of its own (Optimism, Near, Stellar)
counts only before a word such as ``Network`` or ``Foundation``. A ticker counts in capitals within a text that is not
all capitals; one that is a word or an abbreviation of its own (NEAR, OP, DOT) counts only as ``$NEAR``, ``(NEAR)``,
``NEAR/USDT`` or the like, or beside another asset. Of names the longest counts: Bitcoin Cash is not Bitcoin. What is
doubtful is left out: a piece without an asset is not judged, one of the wrong asset is traded on.
"""

import re
from collections.abc import Mapping
from typing import Final

from freqai_ext.news.assets import asset_names

# Words, first names, abbreviations and companies.
_AMBIGUOUS_TICKERS: Final = frozenset({
    "ADA", "ALGO", "APT", "ARB", "ATOM", "CRO", "DOT", "ENA", "ETC", "FET", "FIL", "GRT", "HYPE", "ICP", "IMX", "JUP",
    "KAS", "NEAR", "OP", "POL", "RUNE", "SEI", "STX", "TAO", "TIA", "TON", "UNI", "VET",
})  # fmt: skip
_AMBIGUOUS_NAMES: Final = frozenset(
    {
        "Avalanche",
        "Cosmos",
        "Immutable",
        "Injective",
        "Jupiter",
        "Maker",
        "Near",
        "Ondo",
        "Optimism",
        "Pepe",
        "Polygon",
        "Sei",
        "Stacks",
        "Stellar",
        "Sui",
        "The Graph",
        "TRON",
        "Tron",
        "Ripple",
    }
)
# Words, too, when they begin with a small letter.
_ONLY_CAPITALISED: Final = frozenset({"Aave", "Ether", "Lido", "Shiba", "Tether"})  # fmt: skip
_OTHER_NAMES: Final = {
    "Ether": "ETH", "Near": "NEAR", "Tron": "TRX", "Binance Coin": "BNB", "Shiba": "SHIB", "XRP Ledger": "XRP",
    "BNB Smart Chain": "BNB", "Tether": "USDT",
}  # fmt: skip
# Two that stand for much more than their asset where they stand alone.
_ONLY_MARKED: Final = frozenset({"USDT", "USDC", "IOTA"})
# Names that begin with another asset's and are no news of it by themselves.
_LONGER_NAMES: Final = ("Bitcoin SV", "Bitcoin Gold", "Bitcoin Depot", "Baby Doge", "Ethereum Name Service")
_AFTER_NAME: Final = (
    r"(?=(?:'s|\N{RIGHT SINGLE QUOTATION MARK}s)?\s(?:network|blockchain|protocol|mainnet|testnet|foundation|labs|"
    r"token|tokens|coin|crypto|ledger|ecosystem|dao|chain|c-chain|collective|superchain|hub|lumens|"
    r"layer|l1|l2|validators?|treasury|etfs?)\b)"
)


class AssetMatcher:
    """Finds assets in text.

    Parameters
    ----------
    names
        What assets are called beside what is known, such as ``{"BTC": "Bitcoin"}``; they count as they are written.

    Examples
    --------
    >>> AssetMatcher({}).assets("Solana and Bitcoin Cash rally; link to the report near the end")
    ('SOL', 'BCH')
    >>> AssetMatcher({}).assets("Optimism returns to markets as Optimism (OP) and $NEAR rise")
    ('OP', 'NEAR')
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        known = asset_names(names)
        plain: dict[str, str] = {}
        doubtful: dict[str, str] = {}
        for asset, name in [*known.items(), *((asset, name) for name, asset in _OTHER_NAMES.items())]:
            if name in _AMBIGUOUS_NAMES and asset not in names:
                doubtful[name] = asset
            else:
                plain[name] = asset
                if name not in _ONLY_CAPITALISED:
                    plain[name.lower()] = plain[name.upper()] = asset
        tickers = {asset for asset in known if asset.isalnum() and len(asset) > 1}
        self._asset_of = {**doubtful, **plain, **{ticker: ticker for ticker in tickers}}
        bare = tickers - _AMBIGUOUS_TICKERS - _ONLY_MARKED
        # The longest first, so that a name hides what it begins with.
        self._words = re.compile(
            rf"(?<![\w$])(?:(?P<other>{_any_of(_LONGER_NAMES)})|(?P<plain>{_any_of(plain)})|"
            rf"(?P<doubtful>{_any_of(doubtful)}){_ignoring_case(_AFTER_NAME)}|(?P<bare>{_any_of(bare)})|"
            rf"(?P<word>{_any_of(tickers - bare - _ONLY_MARKED)}))(?![\w])"
        )
        marked = _any_of(tickers)
        self._marked = re.compile(
            rf"\$(?P<cash>{marked})\b|\(\$?(?P<braced>{marked})\)|"
            rf"(?<![\w$/-])(?P<pair>{marked})[/-]?(?:USDT|USDC|USD|EUR|BTC)\b",
            re.IGNORECASE,
        )

    def assets(self, text: str) -> tuple[str, ...]:
        """Return the base assets that ``text`` names, upper case, in their order there."""
        found: list[tuple[int, str]] = []
        words: list[tuple[int, str]] = []
        shouted = text.upper() == text
        for match in self._words.finditer(text):
            kind = match.lastgroup
            if kind == "other" or (kind in ("bare", "word") and shouted):
                continue
            (words if kind == "word" else found).append((match.start(), self._asset_of[match[0]]))
        for match in self._marked.finditer(text):
            written = next(part for part in match.groups() if part)
            # In brackets and pairs small letters are words: (near), op-eur.
            if match.lastgroup == "cash" or written.isupper():
                found.append((match.start(), written.upper()))
        if found:
            found += words
        return tuple(dict.fromkeys(asset for _, asset in sorted(found)))


def _any_of(words: object) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))  # type: ignore[call-overload]


def _ignoring_case(pattern: str) -> str:
    return f"(?i:{pattern})"
