"""From learners to odds: shrinkage, calibration and intervals around whatever learns.

:func:`fit_signal` learns all targets of a :class:`TrainingSet` with a learner for each, on purged folds, and returns a
:class:`Signal`; its :meth:`Signal.predict` answers a :class:`Question` with values, intervals and odds.
"""

from freqai_ext.signals.forecast import Question, TargetForecast, TradeOdds
from freqai_ext.signals.settings import SignalSettings
from freqai_ext.signals.signal import Signal, fit_signal
from freqai_ext.signals.task import Task, target_folds, target_task
from freqai_ext.signals.training_set import Target, TrainingSet

__all__ = [
    "Question",
    "Signal",
    "SignalSettings",
    "Target",
    "TargetForecast",
    "Task",
    "TradeOdds",
    "TrainingSet",
    "fit_signal",
    "target_folds",
    "target_task",
]
