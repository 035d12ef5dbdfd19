"""Hyper-parameter search inside training."""

from freqai_ext.tuning.dimension import Choice, Range
from freqai_ext.tuning.result import TrialRecord, TuningResult
from freqai_ext.tuning.search_space import SearchSpace, search_space
from freqai_ext.tuning.settings import TuningSettings
from freqai_ext.tuning.tune import tune

__all__ = [
    "Choice",
    "Range",
    "SearchSpace",
    "TrialRecord",
    "TuningResult",
    "TuningSettings",
    "search_space",
    "tune",
]
