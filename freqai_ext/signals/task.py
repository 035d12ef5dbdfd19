"""What a learner is given to learn a target from."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.cross_fit import Folds
from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Head
from freqai_ext.signals.folds import purged_folds
from freqai_ext.signals.settings import SignalSettings
from freqai_ext.signals.training_set import Target, TrainingSet

# In units of the label's usual size. Beyond it lie crashes, of which there are too few to learn from.
WIDEST_LABEL = 5.0


@dataclass(frozen=True, eq=False)
class Task:
    """The rows of one target, and the folds of them.

    Attributes
    ----------
    head, examples
        What is asked of the learner first: the expected value of a continuous target, cut at ``label_limit``, or the
        probability of a binary one.
    folds
        Purged, positions in ``examples``.
    whole
        Shape ``(rows,)``: the labels in the same units before the cut.
    scale
        Shape ``(rows,)``: unit of each row's label.
    size
        Usual size of the label, in units of :func:`label_scale`; 1 for a binary target.
    overlap
        Number of rows whose labels share most of their interval: so many are worth one.
    """

    head: Head
    examples: Examples
    folds: Folds
    whole: NDArray[np.float64]
    scale: NDArray[np.float64]
    size: float
    overlap: float


def target_task(training: TrainingSet, target: Target, settings: SignalSettings) -> Task:
    """Return what is learnt of a target.

    Raises
    ------
    ValueError
        If no row has a known label, a weight and, for a continuous target, a volatility.
    """
    is_binary = target.kind == "binary"
    scale = np.ones(len(training.pair))
    if not is_binary:
        scale = label_scale(training.volatility, target.horizon_candles, settings)
        scale = np.where(np.isfinite(training.terms).all(axis=1), scale, np.nan)
    rows = np.flatnonzero(np.isfinite(target.label) & np.isfinite(scale) & (training.weight > 0.0))
    if not len(rows):
        raise ValueError(f"{target.name}: no row has a known label, whole features and a weight above 0")
    weight = training.weight[rows] / training.weight[rows].mean()
    whole = cut = target.label[rows] / scale[rows]
    size = 1.0
    if not is_binary:
        size = float(np.sqrt(np.average(whole**2, weights=weight))) or 1.0
        whole = np.clip(whole / size, -WIDEST_LABEL, WIDEST_LABEL)
        cut = np.clip(whole, -settings.label_limit, settings.label_limit)
    return Task(
        Head("probability" if is_binary else "distribution"),
        Examples(training.design, rows, cut, weight),
        target_folds(training, target, rows, settings, settings.folds),
        whole,
        scale[rows] * size,
        size,
        max(target.horizon_candles / settings.train_stride_candles, 1.0),
    )


def target_folds(
    training: TrainingSet, target: Target, rows: NDArray[np.intp], settings: SignalSettings, folds: int
) -> Folds:
    """Return so many purged folds of the ``rows`` of the design that teach a target, with the settings' embargo."""
    embargo = timedelta(microseconds=settings.embargo_candles * training.candle_ns / 1000)
    return purged_folds(training.made_at_ns[rows], target.known_at_ns[rows], folds, embargo)


def label_scale(volatility: NDArray[np.float64], horizon_candles: int, settings: SignalSettings) -> NDArray[np.float64]:
    """Return the unit in which a row's label is learnt: the volatility over the horizon, or 1."""
    if not settings.scale_by_volatility:
        return np.where(np.isfinite(volatility), 1.0, np.nan)
    return np.asarray(volatility * np.sqrt(horizon_candles), dtype=np.float64)
