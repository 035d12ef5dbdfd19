"""Guardian's own trades as teachers: readers of its journals, features, a target, and its candles for Freqtrade."""

from freqai_ext.guardian.trades.candle_cache import CandleGap, ConvertedCandles, convert_candles
from freqai_ext.guardian.trades.closed_trade import ClosedTrade
from freqai_ext.guardian.trades.executions import Executions, Fill, Network, find_executions, read_executions
from freqai_ext.guardian.trades.fees import Fee
from freqai_ext.guardian.trades.meta_label import EntryOutcome, PayOff, enough, entry_outcomes, payoff, pays_label
from freqai_ext.guardian.trades.paired_trades import PairedTrades, find_paired_trades, read_paired_trades
from freqai_ext.guardian.trades.pairing import Pairing, pair
from freqai_ext.guardian.trades.trade_features import trade_columns
from freqai_ext.guardian.trades.trade_history import TradeHistory

__all__ = [
    "CandleGap",
    "ClosedTrade",
    "ConvertedCandles",
    "EntryOutcome",
    "Executions",
    "Fee",
    "Fill",
    "Network",
    "PairedTrades",
    "Pairing",
    "PayOff",
    "TradeHistory",
    "convert_candles",
    "enough",
    "entry_outcomes",
    "find_executions",
    "find_paired_trades",
    "pair",
    "payoff",
    "pays_label",
    "read_executions",
    "read_paired_trades",
    "trade_columns",
]
