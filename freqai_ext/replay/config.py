"""The part of a Freqtrade configuration that points the bot to a replay exchange."""

from collections.abc import Sequence
from typing import Any

from freqai_ext.replay.assets import split_pair
from freqai_ext.replay.history import TradingMode

_API_NAMES = ("public", "private", "spot", "futures", "v2")


def exchange_config(
    url: str,
    pairs: Sequence[str],
    trading_mode: TradingMode = "spot",
    stake_currency: str = "USDT",
    served: Sequence[str] = (),
) -> dict[str, Any]:
    """Return top-level keys of a Freqtrade configuration: trading mode, stake currency and the exchange block.

    The bot then talks to ``url`` instead of Bybit: no websocket, no rate limit, no keys, and only the list of
    markets that is served.

    Parameters
    ----------
    url
        Address of the replay exchange, e.g. ``http://127.0.0.1:18900``.
    pairs
        The ``pair_whitelist``.
    served
        Further pairs of the exchange.
    """
    futures = trading_mode == "futures"
    coins = sorted({coin for pair in (*pairs, *served) for coin in split_pair(pair)})
    return {
        "trading_mode": trading_mode,
        "margin_mode": "isolated" if futures else "",
        "stake_currency": stake_currency,
        "exchange": {
            "name": "bybit",
            "key": "",
            "secret": "",
            "password": "",
            "uid": "",
            "enable_ws": False,
            "ccxt_config": {
                "urls": {"api": dict.fromkeys(_API_NAMES, url)},
                "options": {"fetchMarkets": {"types": ["linear" if futures else "spot"]}},
                # ccxt writes all names in capitals and has other ones for some coins; here each keeps its own.
                "commonCurrencies": {coin.upper(): coin for coin in coins},
                "enableRateLimit": False,
                "timeout": 30_000,
            },
            "pair_whitelist": list(pairs),
        },
    }
