"""Labels: what we want to know, each with the time at which it becomes known."""

from freqai_ext.labels.barriers import Touch, reaches_loss, reaches_profit
from freqai_ext.labels.labels import Labels, known_at
from freqai_ext.labels.returns import direction, forward_return, mean_forward_return
from freqai_ext.labels.targets import LabelSettings, make_targets
from freqai_ext.labels.timeframe import timeframe_to_timedelta

__all__ = [
    "LabelSettings",
    "Labels",
    "Touch",
    "direction",
    "forward_return",
    "known_at",
    "make_targets",
    "mean_forward_return",
    "reaches_loss",
    "reaches_profit",
    "timeframe_to_timedelta",
]
