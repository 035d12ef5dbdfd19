"""Choice among the calibrations, on out-of-fold log loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from freqai_ext.errors import SettingsError
from freqai_ext.uncertainty.beta import BetaCalibration
from freqai_ext.uncertainty.calibration import Calibration
from freqai_ext.uncertainty.isotonic import IsotonicCalibration
from freqai_ext.uncertainty.platt import PlattCalibration
from freqai_ext.uncertainty.temperature import TemperatureCalibration

CALIBRATIONS: tuple[type[Calibration], ...] = (
    TemperatureCalibration,
    PlattCalibration,
    BetaCalibration,
    IsotonicCalibration,
)
"""All calibrations, the simplest first."""


@dataclass(frozen=True)
class CalibrationScore:
    """How one calibration did on the splits.

    Attributes
    ----------
    kind
        Name of its class.
    log_loss
        Mean over the splits of the log loss on their test rows, in nats; lower is better.
    excess
        How much that is above the lowest one.
    excess_error
        Standard error of ``excess``, from its values on each split; 0 where there is one split.
    """

    kind: str
    log_loss: float
    excess: float
    excess_error: float


@dataclass(frozen=True)
class CalibrationChoice:
    """The chosen calibration, fitted on all rows, and how each candidate did, in the order given."""

    calibration: Calibration
    scores: tuple[CalibrationScore, ...]


def choose_calibration(
    probability: ArrayLike,
    outcome: ArrayLike,
    splits: Sequence[tuple[ArrayLike, ArrayLike]],
    sample_weight: ArrayLike | None = None,
    candidates: Sequence[type[Calibration]] = CALIBRATIONS,
) -> CalibrationChoice:
    """Return the simplest calibration that is within one standard error of the best.

    Each candidate is fitted on the train rows of each split and scored by log loss on its test rows. Splits must be
    purged: no train outcome may become known after the first test row, or the choice favours what has seen it. The
    standard error is that of the paired difference to the best over splits, because rows whose labels overlap are not
    independent and splits nearly are.

    Parameters
    ----------
    probability, outcome, sample_weight
        As in :meth:`Calibration.fit`; the probabilities are out-of-fold forecasts.
    splits
        Pairs of integer row numbers ``(train, test)``. Train rows may be none, test rows not.
    candidates
        Classes to choose from, the simplest first.

    Raises
    ------
    ValueError
        If there is no split or candidate, a split has no test row of positive weight, or the rows are not valid.
    """
    if not splits or not candidates:
        raise ValueError("choose_calibration: no splits or no candidates; give at least one of each")
    chance = np.asarray(probability, dtype=np.float64)
    happened = np.asarray(outcome, dtype=np.float64)
    weight = np.ones(chance.shape) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    fitted = [kind.fit(chance, happened, weight) for kind in candidates]
    losses = np.array([[_split_loss(kind, chance, happened, weight, split) for split in splits] for kind in candidates])
    excess = losses - losses[losses.mean(axis=1).argmin()]
    error = excess.std(axis=1, ddof=1) / np.sqrt(len(splits)) if len(splits) > 1 else np.zeros(len(candidates))
    good_enough = excess.mean(axis=1) <= error
    scores = tuple(
        CalibrationScore(kind.__name__, float(loss), float(above), float(doubt))
        for kind, loss, above, doubt in zip(candidates, losses.mean(axis=1), excess.mean(axis=1), error, strict=True)
    )
    return CalibrationChoice(fitted[int(good_enough.argmax())], scores)


def calibration_from_state(state: dict[str, object]) -> Calibration:
    """Return the calibration, of any kind, whose :meth:`Calibration.state` is given.

    Raises
    ------
    SettingsError
        If the kind is not known, or a value is missing or impossible.
    """
    kinds = {kind.__name__: kind for kind in CALIBRATIONS}
    kind = state.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise SettingsError(f"calibration state.kind: {kind!r} is not valid; it must be one of {', '.join(kinds)}")
    return kinds[kind].from_state(state)


def _split_loss(
    kind: type[Calibration],
    chance: NDArray[np.float64],
    happened: NDArray[np.float64],
    weight: NDArray[np.float64],
    split: tuple[ArrayLike, ArrayLike],
) -> float:
    train, test = (np.asarray(rows, dtype=np.intp) for rows in split)
    if not weight[test].sum() > 0.0:
        raise ValueError("splits: one has no test row of positive weight; leave it out")
    forecast = kind.fit(chance[train], happened[train], weight[train]).predict(chance[test])
    loss = -np.where(happened[test] == 1.0, np.log(forecast), np.log1p(-forecast))
    return float(np.average(loss, weights=weight[test]))
