"""Labels in the units that a network learns in, and its outputs back in those of the label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from freqai_ext.learning.learner import Head, Kind

_LEAST_CHANCE = 1e-6


@dataclass(frozen=True)
class LabelScale:
    """``offset + scale * output`` is a prediction of a distribution, and the log odds of a probability.

    Attributes
    ----------
    kind
        That of the head.
    offset
        Mean of the labels; 0 for a probability.
    scale
        Their standard deviation; 1 for a probability. It is 0 where all labels are one, which then is the prediction
        whatever the network says.
    """

    kind: Kind
    offset: float
    scale: float

    @classmethod
    def measure(cls, head: Head, label: NDArray[np.float64], weight: NDArray[np.float64]) -> "LabelScale":
        """Return the scale of the labels of the rows trained on, by their weights."""
        constant = bool(np.all(label == label[0]))
        if head.kind == "probability":
            return cls(head.kind, _log_odds(float(label[0])) if constant else 0.0, 0.0 if constant else 1.0)
        if constant:
            return cls(head.kind, float(label[0]), 0.0)
        mean = float(np.average(label, weights=weight))
        return cls(head.kind, mean, float(np.sqrt(np.average((label - mean) ** 2, weights=weight))))

    def targets(self, label: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return what the network is to say: 0 or 1 for a probability, else deviations from the mean."""
        if self.kind == "probability":
            return label.astype(np.float32)
        return ((label - self.offset) / (self.scale or 1.0)).astype(np.float32)

    def predictions(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return outputs of the network in units of the label, or as probabilities; same shape."""
        scaled = self.offset + self.scale * outputs.astype(np.float64)
        return np.asarray(expit(scaled)) if self.kind == "probability" else scaled


def unconditional_outputs(head: Head, target: NDArray[np.float32], weight: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what a network should say that knows no feature: mean and quantiles, or log odds, of the targets.

    Networks start there, so that what regularisation holds back is the forecast of no skill, not a worse one.
    """
    mean = float(np.average(target, weights=weight))
    if head.kind == "probability":
        return np.array([_log_odds(mean)], dtype=np.float32)
    quantiles = [np.quantile(target, level, method="inverted_cdf", weights=weight) for level in head.quantiles]
    return np.array([mean, *quantiles], dtype=np.float32)


def _log_odds(chance: float) -> float:
    return float(logit(np.clip(chance, _LEAST_CHANCE, 1.0 - _LEAST_CHANCE)))
