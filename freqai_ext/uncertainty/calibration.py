"""What every calibration of a probability has in common."""

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from freqai_ext.uncertainty._saved import Saved

SMALLEST_PROBABILITY = 1e-6


class Calibration(Saved, ABC):
    """A monotone map from a model's probability of an event to one that keeps its promise.

    Calibrations are immutable; :meth:`fit` makes one. Without arguments the constructor gives the identity. Each is
    fitted with a prior that pulls it towards the identity with the force of a few rows, so that no rows leave a
    probability as it is, and a few rows, or rows of one class, move it towards their base rate without reaching 0 or 1.

    Results lie in [1e-6, 1 - 1e-6], never decrease as the probability increases, and are NaN where it is NaN. For a
    raw margin, give its logistic ``1 / (1 + exp(-margin))``. What is fitted must come from forecasts of rows that the
    model was not trained on, and only from outcomes known at the time.
    """

    @classmethod
    def fit(cls, probability: ArrayLike, outcome: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Return the calibration learned from forecasts and what became of them.

        Parameters
        ----------
        probability
            Shape ``(rows,)``, the forecast probability of the event, in [0, 1].
        outcome
            Shape ``(rows,)``: 1 where the event happened, else 0.
        sample_weight
            Shape ``(rows,)``, not negative. Only their ratios matter; a row of weight 0 has no effect.

        Raises
        ------
        ValueError
            If shapes differ, or a value is missing or outside its range.
        """
        chance, happened, weight = _checked(probability, outcome, sample_weight)
        return cls._fit(chance, happened, weight)

    def predict(self, probability: ArrayLike) -> NDArray[np.float64]:
        """Return the calibrated probabilities, in the shape of ``probability``."""
        chance = clip_probability(_as_probability(probability))
        return clip_probability(self._predict(chance))

    @classmethod
    @abstractmethod
    def _fit(cls, chance: NDArray[np.float64], happened: NDArray[np.float64], weight: NDArray[np.float64]) -> Self:
        """Fit to clipped probabilities and weights whose mean is 1."""

    @abstractmethod
    def _predict(self, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map clipped probabilities."""


def clip_probability(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``probability`` kept in [1e-6, 1 - 1e-6], where its logarithms are finite."""
    return np.clip(probability, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)


def _checked(
    probability: ArrayLike, outcome: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    chance = _as_probability(probability)
    happened = np.asarray(outcome, dtype=np.float64)
    weight = np.ones(chance.shape) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if chance.ndim != 1 or not chance.shape == happened.shape == weight.shape:
        raise ValueError(
            f"probability, outcome and sample_weight have the shapes {chance.shape}, {happened.shape} and "
            f"{weight.shape}; give one of each per row"
        )
    if np.isnan(chance).any():
        raise ValueError("probability: some are missing; fit on the rows that have a forecast")
    if not np.isin(happened, (0.0, 1.0)).all():
        raise ValueError("outcome: some are neither 0 nor 1; fit on the rows whose outcome is known")
    if not (np.isfinite(weight) & (weight >= 0.0)).all():
        raise ValueError("sample_weight: some are negative or not finite; give weights of at least 0")
    used = weight > 0.0
    weight = weight[used] / weight[used].mean() if used.any() else weight[used]
    return clip_probability(chance[used]), happened[used], weight


def _as_probability(probability: ArrayLike) -> NDArray[np.float64]:
    chance = np.asarray(probability, dtype=np.float64)
    if ((chance < 0.0) | (chance > 1.0)).any():
        raise ValueError("probability: some lie outside [0, 1]; give the logistic of a raw margin")
    return chance
