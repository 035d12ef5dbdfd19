"""What is learnt where there is nothing to tell apart: the constant itself."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head

# As far from 0 and 1 as the calibration goes, so that log odds stay finite.
HAIR = 1e-6


@dataclass(frozen=True)
class Constant:
    """A prediction that is the same for every row; see :class:`~freqai_ext.learning.learner.Fitted`.

    Attributes
    ----------
    value
        What is predicted, in every column.
    outputs
        Number of columns.
    """

    value: float
    outputs: int
    rounds: ClassVar[tuple[int, ...]] = ()
    curves: ClassVar[tuple[NDArray[np.float64], ...]] = ()

    def at(self, rounds: tuple[int, ...]) -> "Constant":  # noqa: ARG002
        """Return itself."""
        return self

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:  # noqa: ARG002
        """Return the constant, shape ``(len(rows), outputs)``."""
        return np.full((len(rows), self.outputs), self.value)

    def importance(self) -> None:
        """Return ``None``: no feature was looked at."""
        return


def constant_of(head: Head, examples: Examples) -> Constant | None:
    """Return the constant that all labels are, a probability within (0, 1) by a hair; ``None`` where they differ."""
    value = float(examples.label[0])
    if np.any(examples.label != value):
        return None
    return Constant(float(np.clip(value, HAIR, 1.0 - HAIR)) if head.kind == "probability" else value, head.outputs)
