"""Calibrated probabilities of a binary target."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.learner import Fitted, Learner
from freqai_ext.signals.forecast import Question, TargetForecast
from freqai_ext.signals.out_of_fold import OutOfFold, fit_with_out_of_fold
from freqai_ext.signals.pair_logit import PairLogit
from freqai_ext.signals.settings import SignalSettings
from freqai_ext.signals.task import Task, target_task
from freqai_ext.signals.training_set import Target, TrainingSet
from freqai_ext.uncertainty import (
    BetaCalibration,
    IsotonicCalibration,
    PlattCalibration,
    TemperatureCalibration,
    choose_calibration,
)
from freqai_ext.uncertainty.calibration import Calibration, clip_probability

_CALIBRATIONS: dict[str, type[Calibration]] = {
    "temperature": TemperatureCalibration,
    "platt": PlattCalibration,
    "beta": BetaCalibration,
    "isotonic": IsotonicCalibration,
}
# After calibration the log odds are right on the whole: pairs may differ a little, and the slope hardly.
_SLOPE_SD = 0.25


@dataclass(frozen=True, eq=False)
class BinarySignal:
    """What was learnt of one binary target.

    Attributes
    ----------
    name
        Of the target.
    fitted
        The classifier.
    calibration
        From its raw probabilities to calibrated ones, over all pairs.
    by_pair
        What each pair adds, and how uncertain the calibration is.
    """

    name: str
    fitted: Fitted
    calibration: Calibration
    by_pair: PairLogit

    def predict(self, question: Question, pair: int, settings: SignalSettings) -> TargetForecast:
        """Return the probabilities of rows of one pair; ``pair`` is its number in training, -1 where it was not."""
        raw = self.fitted.predict(question.design, question.rows)[:, 0]
        inputs = _log_odds(self.calibration.predict(raw))
        deviations = NormalDist().inv_cdf((1.0 + settings.coverage) / 2.0)
        band = self.by_pair.band(inputs, pair, deviations)
        return TargetForecast(self.by_pair.predict(inputs, pair), band[:, 0], band[:, 1])


def fit_binary(
    learner: Learner,
    training: TrainingSet,
    target: Target,
    settings: SignalSettings,
    *,
    former: BinarySignal | None = None,
) -> BinarySignal:
    """Return what ``learner`` makes of one binary target, its probabilities calibrated on purged out-of-fold ones.

    Raises
    ------
    ValueError
        If no row has a known label and a weight.
    """
    task = target_task(training, target, settings)
    examples = task.examples
    fitted, out_of_fold = fit_with_out_of_fold(
        learner, task.head, examples, task.folds, None if former is None else former.fitted
    )
    positions = out_of_fold.positions
    independent = examples.weight[positions] / task.overlap
    calibration = _calibration(out_of_fold, task, independent, settings)
    by_pair = PairLogit.fit(
        _log_odds(calibration.predict(out_of_fold.forecast[:, 0])),
        training.pair[examples.rows[positions]],
        examples.label[positions],
        independent,
        pairs=len(training.pairs),
        slope_mean=1.0,
        slope_sd=_SLOPE_SD,
    )
    return BinarySignal(target.name, fitted, calibration, by_pair)


def _calibration(
    out_of_fold: OutOfFold, task: Task, weight: NDArray[np.float64], settings: SignalSettings
) -> Calibration:
    """Return the calibration that the settings name, or the one that forecasts each fold best from the others."""
    label, folds = task.examples.label, task.folds
    chance, outcome = out_of_fold.forecast[:, 0], label[out_of_fold.positions]
    if settings.calibration != "auto":
        return _CALIBRATIONS[settings.calibration].fit(chance, outcome, weight)
    if len(folds) < 2:
        # Nothing to choose by, so the one that can also mend a wrong base rate.
        return PlattCalibration.fit(chance, outcome, weight)
    place = np.full(len(label), -1)
    place[out_of_fold.positions] = np.arange(len(out_of_fold.positions))
    splits = []
    for train, test in folds:
        # The train side keeps the purge of the fold; its rows have forecasts of their own folds' models.
        known = place[train]
        splits.append((known[known >= 0], place[test]))
    return choose_calibration(chance, outcome, splits, weight).calibration


def _log_odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    chance = clip_probability(probability)
    return np.log(chance / (1.0 - chance))[:, None]
