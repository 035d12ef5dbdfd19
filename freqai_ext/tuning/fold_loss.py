"""How well a fold's test rows are forecast, block by block."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Head

BLOCKS_PER_FOLD = 8
_LEAST_CHANCE = 1e-6


@dataclass(frozen=True, eq=False)
class FoldLoss:
    """The weighted loss of forecasts of one fold's test rows; lower is better.

    For a probability it is the log loss in nats. For a distribution it is the squared error of the mean, relative to
    that of the training rows' own mean; where quantiles are asked for, the average of this and of their pinball loss,
    relative to that of the training rows' own quantiles. So 1 is what knowing no feature gives.

    Blocks are runs of consecutive test rows. The losses of neighbouring rows, whose labels overlap, depend on each
    other; those of blocks hardly do.

    Attributes
    ----------
    head
        What is forecast.
    label, weight
        Shape ``(rows,)``, of the test rows.
    references
        Losses of the mean and of each quantile of the training rows' labels; empty for a probability.
    block_starts
        Position of each block's first row.
    """

    head: Head
    label: NDArray[np.float64]
    weight: NDArray[np.float64]
    references: tuple[float, ...]
    block_starts: NDArray[np.intp]

    @classmethod
    def of(cls, head: Head, train: Examples, test: Examples) -> "FoldLoss | None":
        """Return the loss of a fold; ``None`` where it could tell nothing: no weight, or labels without spread."""
        if not (train.weight.sum() > 0.0 and test.weight.sum() > 0.0):
            return None
        references: tuple[float, ...] = ()
        if head.kind == "distribution":
            levels = weighted_quantiles(train.label, train.weight, head.quantiles)
            constants = np.array([np.average(train.label, weights=train.weight), *levels])
            errors = _errors(head, test.label, np.broadcast_to(constants, (len(test), head.outputs)))
            references = tuple(np.average(errors, axis=0, weights=test.weight).tolist())
            if min(references) <= 0.0:
                return None
        blocks = min(BLOCKS_PER_FOLD, len(test))
        starts = np.array([block[0] for block in np.array_split(np.arange(len(test)), blocks)], dtype=np.intp)
        return cls(head, test.label, test.weight, references, starts)

    @property
    def block_weights(self) -> NDArray[np.float64]:
        """Share of each block in the fold's weight; their sum is 1."""
        return np.asarray(np.add.reduceat(self.weight, self.block_starts) / self.weight.sum())

    def blocks(self, forecast: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each block's part of the fold's loss, which is their sum.

        Parameters
        ----------
        forecast
            Shape ``(rows, head.outputs)``.

        Raises
        ------
        ValueError
            If the loss is not finite.
        """
        if self.head.kind == "probability":
            chance = np.clip(forecast[:, 0], _LEAST_CHANCE, 1.0 - _LEAST_CHANCE)
            loss = -np.where(self.label == 1.0, np.log(chance), np.log1p(-chance))
        else:
            relative = _errors(self.head, self.label, forecast) / self.references
            loss = relative[:, 0]
            if self.head.quantiles:
                loss = (loss + relative[:, 1:].mean(axis=1)) / 2.0
        parts = np.add.reduceat(self.weight * loss, self.block_starts) / self.weight.sum()
        if not np.isfinite(parts).all():
            raise ValueError("the loss of the forecasts is not finite")
        return np.asarray(parts, dtype=np.float64)


def weighted_quantiles(
    values: NDArray[np.float64], weight: NDArray[np.float64], levels: tuple[float, ...]
) -> list[float]:
    """Return for each level the least value that has at least that share of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    at = np.minimum(np.searchsorted(share, levels, side="left"), len(values) - 1)
    return [float(value) for value in values[order][at]]


def _errors(head: Head, label: NDArray[np.float64], forecast: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared error of the mean and the pinball loss of each quantile, ``(rows, outputs)``."""
    above = label[:, None] - forecast
    levels = np.array(head.quantiles)
    pinball = np.maximum(levels * above[:, 1:], (levels - 1.0) * above[:, 1:])
    return np.concatenate([above[:, :1] ** 2, pinball], axis=1)
