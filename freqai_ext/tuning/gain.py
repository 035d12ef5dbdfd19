"""By how much one set of parameters beats another, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gain:
    """How much lower one loss is than another.

    Attributes
    ----------
    mean
        Difference of the losses, averaged over the folds; above 0 where the candidate is better.
    error
        Its standard error.
    """

    mean: float
    error: float


def gain(
    reference: Sequence[Sequence[float]], candidate: Sequence[Sequence[float]], weights: Sequence[Sequence[float]]
) -> Gain:
    """Return by how much ``candidate`` beats ``reference`` on the same folds.

    The standard error is that of the paired differences, the larger of two: over the blocks within the folds, which
    are many but see the same training rows and, with several pairs, the same days; and over the folds, which are nearly
    independent but few. One fold has the first only.

    Parameters
    ----------
    reference, candidate
        For each fold the blocks' parts of its loss, as :meth:`~freqai_ext.tuning.fold_loss.FoldLoss.blocks` gives them.
    weights
        For each fold the shares of its blocks.
    """
    folds = len(reference)
    sums, variances = np.zeros(folds), np.zeros(folds)
    for number, (one, other, share) in enumerate(zip(reference, candidate, weights, strict=True)):
        parts, shares = np.asarray(one) - np.asarray(other), np.asarray(share)
        sums[number] = parts.sum()
        if len(parts) > 1:
            deviations = parts - shares * sums[number]
            variances[number] = np.sum(deviations**2) * len(parts) / (len(parts) - 1)
    within = float(np.sqrt(variances.sum())) / folds
    between = float(sums.std(ddof=1) / np.sqrt(folds)) if folds > 1 else 0.0
    return Gain(float(sums.mean()), max(within, between))
