"""Names of pairs: Freqtrade's, those that Guardian is sent, and those under which it stores them.

Contract, sections 4 and 6: Guardian keeps ``_`` and ``:`` in names, and whatever has one never matches a pair of its
own; of quote currencies it knows USDT alone.
"""

import re
from typing import Final

_SPOT: Final = re.compile(r"([A-Za-z0-9]+)/USDT")


def guardian_symbol(pair: str) -> str | None:
    """Return how to send ``pair``, ``"BASE/USDT"``; ``None`` for a pair that Guardian cannot trade.

    A USDT-margined perpetual is the same coin against the same currency, so it is sent as the spot pair.

    Examples
    --------
    >>> guardian_symbol("BTC/USDT:USDT"), guardian_symbol("eth/usdt"), guardian_symbol("ETH/BTC")
    ('BTC/USDT', 'ETH/USDT', None)
    """
    name = pair.strip().upper().removesuffix(":USDT")
    return name if _SPOT.fullmatch(name) else None


def canonical_symbol(symbol: str) -> str:
    """Return the key under which Guardian stores a symbol: upper case, without ``/`` and ``-``.

    Examples
    --------
    >>> canonical_symbol("BTC/USDT")
    'BTCUSDT'
    """
    return symbol.strip().upper().replace("/", "").replace("-", "")
