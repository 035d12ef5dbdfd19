"""One signal: all targets of a model, learnt together and asked together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqai_ext.errors import SettingsError
from freqai_ext.learning.learner import Learner
from freqai_ext.signals.binary import BinarySignal, fit_binary
from freqai_ext.signals.constant import ConstantSignal, only_value
from freqai_ext.signals.continuous import ContinuousSignal, fit_continuous
from freqai_ext.signals.forecast import Question, TargetForecast
from freqai_ext.signals.interval_tracker import IntervalTracker
from freqai_ext.signals.settings import SignalSettings
from freqai_ext.signals.training_set import TrainingSet

TargetSignal = ContinuousSignal | BinarySignal | ConstantSignal


@dataclass(frozen=True, eq=False)
class Signal:
    """What was learnt of all targets.

    Attributes
    ----------
    settings
        It was learnt with.
    pairs
        Whose rows it was learnt from.
    feature_names
        Of the design.
    targets
        By name, in the order in which the strategy set them.
    candle_ns
        Length of a candle in nanoseconds.
    """

    settings: SignalSettings
    pairs: tuple[str, ...]
    feature_names: tuple[str, ...]
    targets: dict[str, TargetSignal]
    candle_ns: int

    @np.errstate(under="ignore")
    def predict(self, question: Question) -> dict[str, TargetForecast]:
        """Return the forecasts of every target, in order."""
        pair = self.pairs.index(question.pair) if question.pair in self.pairs else -1
        forecasts = {}
        for name, target in self.targets.items():
            if isinstance(target, ContinuousSignal):
                forecasts[name] = target.predict(question, pair, self.settings, self.candle_ns)
            elif isinstance(target, BinarySignal):
                forecasts[name] = target.predict(question, pair, self.settings)
            else:
                forecasts[name] = target.predict(question, self.settings)
        return forecasts

    @property
    def returns(self) -> tuple[str, ...]:
        """Names of the targets that are returns, the primary one first."""
        names = [name for name, each in self.targets.items() if _is_return(each)]
        if self.settings.return_targets != "auto":
            names.sort(key=self.settings.return_targets.index)
        return tuple(names)

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """How much each feature mattered, mean over the targets whose learner tells; shape ``(features,)``, sum 1."""
        told = [each.fitted.importance() for each in self.targets.values() if not isinstance(each, ConstantSignal)]
        known = [each for each in told if each is not None]
        return np.mean(known, axis=0) if known else np.zeros(len(self.feature_names))

    def interval_state(self, pair: str) -> dict[str, Any]:
        """Return the state of a pair's intervals by target, as JSON has it."""
        return {
            name: each.intervals[pair].state()
            for name, each in self.targets.items()
            if isinstance(each, ContinuousSignal) and pair in each.intervals
        }

    def restore_intervals(self, pair: str, state: Mapping[str, Any]) -> None:
        """Go on from a state of :meth:`interval_state`; one of another training is passed over.

        Raises
        ------
        SettingsError
            If the state is not readable. Nothing is changed then.
        """
        if not isinstance(state, Mapping):
            raise SettingsError(f"saved intervals: {type(state).__name__} in place of one state per target")
        restored = {name: IntervalTracker.from_state(each) for name, each in state.items()}
        for name, tracker in restored.items():
            target = self.targets.get(name)
            if not isinstance(target, ContinuousSignal) or pair not in target.intervals:
                continue
            if target.intervals[pair].trained_until_ns == tracker.trained_until_ns:
                target.intervals[pair] = tracker


# Tiny probabilities round to 0 as meant, also where a program has NumPy raise, as Freqtrade's tests do.
@np.errstate(under="ignore")
def fit_signal(
    learners: Mapping[str, Learner], training: TrainingSet, settings: SignalSettings, former: Signal | None = None
) -> Signal:
    """Return what the learners make of all targets.

    Parameters
    ----------
    learners
        For each target by name.
    former
        An earlier signal that each learner continues, where it can.

    Raises
    ------
    SettingsError
        If ``return_targets`` names something that is no continuous target.
    ValueError
        If a target has no row to learn from.
    """
    returns = _returns(training, settings)
    earlier = {} if former is None else former.targets
    learnt: dict[str, TargetSignal] = {}
    for target in training.targets:
        before = earlier.get(target.name)
        if (value := only_value(target, training.weight)) is not None:
            learnt[target.name] = ConstantSignal(target.name, value, target.name in returns)
            continue
        if target.kind == "continuous":
            learnt[target.name] = fit_continuous(
                learners[target.name],
                training,
                target,
                settings,
                is_return=target.name in returns,
                former=before if isinstance(before, ContinuousSignal) else None,
            )
        else:
            learnt[target.name] = fit_binary(
                learners[target.name],
                training,
                target,
                settings,
                former=before if isinstance(before, BinarySignal) else None,
            )
    return Signal(settings, training.pairs, training.design.names, learnt, training.candle_ns)


def _is_return(target: TargetSignal) -> bool:
    if isinstance(target, ConstantSignal):
        return target.is_return
    return isinstance(target, ContinuousSignal) and target.odds is not None


def _returns(training: TrainingSet, settings: SignalSettings) -> tuple[str, ...]:
    continuous = tuple(target.name for target in training.targets if target.kind == "continuous")
    if settings.return_targets == "auto":
        return tuple(target.name for target in training.targets if target.is_return and target.name in continuous)
    for name in settings.return_targets:
        if name not in continuous:
            raise SettingsError(
                f"freqai_ext.signal.return_targets: '{name}' is no continuous target of the strategy; "
                f"those are {', '.join(continuous) or 'none'}"
            )
    return settings.return_targets
