"""Labels: what we want to know, each with the time at which it becomes known. And what each row weighs in training."""

from freqai_ext.labels.barriers import Touch, reaches_loss, reaches_profit
from freqai_ext.labels.extrema import ExtremaLabels, trend_extrema
from freqai_ext.labels.labels import Labels, known_at
from freqai_ext.labels.returns import direction, forward_return, forward_returns, mean_forward_return
from freqai_ext.labels.targets import LabelSettings, make_targets
from freqai_ext.labels.timeframe import timeframe_to_timedelta
from freqai_ext.labels.triple_barrier import BarrierLabels, Side, triple_barrier
from freqai_ext.labels.volatility import trailing_volatility
from freqai_ext.labels.weights import combine_weights, recency_weights, uniqueness_weights, volatility_weights

__all__ = [
    "BarrierLabels",
    "ExtremaLabels",
    "LabelSettings",
    "Labels",
    "Side",
    "Touch",
    "combine_weights",
    "direction",
    "forward_return",
    "forward_returns",
    "known_at",
    "make_targets",
    "mean_forward_return",
    "reaches_loss",
    "reaches_profit",
    "recency_weights",
    "timeframe_to_timedelta",
    "trailing_volatility",
    "trend_extrema",
    "triple_barrier",
    "uniqueness_weights",
    "volatility_weights",
]
