"""An exchange made of candles: Freqtrade runs on it unchanged, offline, in real or simulated time.

Candles come from a Freqtrade data directory (:class:`CandleStore`) or a simulation (:class:`GeneratedMarket`).
:class:`ReplayExchange` serves them as Bybit's public v5 REST API on the loopback interface.
"""

from freqai_ext.replay.candles import CandleStore
from freqai_ext.replay.clock import SettableClock, WallClock
from freqai_ext.replay.config import exchange_config
from freqai_ext.replay.exchange import ReplayedExchange
from freqai_ext.replay.history import FundingRates, HistorySource, PairHistory, TradingMode
from freqai_ext.replay.market import GeneratedMarket, MarketParameters
from freqai_ext.replay.ohlcv import Candles
from freqai_ext.replay.redating import RedatedSource
from freqai_ext.replay.running import ReplayExchange
from freqai_ext.replay.server import create_app
from freqai_ext.replay.settings import ReplaySettings

__all__ = [
    "CandleStore",
    "Candles",
    "FundingRates",
    "GeneratedMarket",
    "HistorySource",
    "MarketParameters",
    "PairHistory",
    "RedatedSource",
    "ReplayExchange",
    "ReplaySettings",
    "ReplayedExchange",
    "SettableClock",
    "TradingMode",
    "WallClock",
    "create_app",
    "exchange_config",
]
