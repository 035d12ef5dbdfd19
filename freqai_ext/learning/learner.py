"""What a learner is: the one interface behind which boosting libraries, linear models and networks stand."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.design import Design, Examples

Kind = Literal["distribution", "probability"]


@dataclass(frozen=True)
class Head:
    """What is asked of a learner.

    Attributes
    ----------
    kind
        ``"distribution"``: the mean of the label and its ``quantiles``; ``"probability"``: that the label is 1.
    quantiles
        Levels within (0, 1), ascending; may be none.
    """

    kind: Kind
    quantiles: tuple[float, ...] = ()

    @property
    def outputs(self) -> int:
        """Number of columns that a prediction has: the mean and each quantile, or the probability alone."""
        return 1 + len(self.quantiles) if self.kind == "distribution" else 1


class Fitted(Protocol):
    """What a learner has learnt. It can be pickled, and holds neither training rows nor open resources."""

    @property
    def rounds(self) -> tuple[int, ...]:
        """Rounds (trees, epochs) of each part that was fitted on its own, at least 1 each; empty where there are none.

        A learner that fits the mean and each quantile apart has one part per output; a network has a single one.
        """

    @property
    def curves(self) -> tuple[NDArray[np.float64], ...]:
        """For each part the loss on the evaluation rows after 1, 2, … rounds, lower is better; empty without any."""

    def at(self, rounds: tuple[int, ...]) -> "Fitted":
        """Return what was learnt after fewer ``rounds``, one number per part.

        A learner that does not keep its earlier rounds, as a network does not, returns itself.
        """

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return shape ``(len(rows), head.outputs)``: the mean, then the quantiles; or the probability of 1.

        Quantiles of one row are not sorted here. The prediction of a row depends on that row and, for sequence
        learners, on the rows of its run before it; never on rows after it.
        """

    def importance(self) -> NDArray[np.float64] | None:
        """Return how much each feature mattered, shape ``(features,)``, not negative, sum 1; ``None`` if not told."""


class Learner(Protocol):
    """Settings of a learning algorithm. It is immutable, and fits as often as asked.

    ``fit`` is deterministic for the same examples. Labels may be constant: a distribution then predicts the constant,
    a probability is that constant, within (0, 1) by a hair.
    """

    @property
    def name(self) -> str:
        """Short name for logs and reports, e.g. ``lightgbm``."""

    @property
    def history_rows(self) -> int:
        """Number of rows before a row that its prediction looks at; 0 for learners of single rows."""

    def fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None = None,
        rounds: tuple[int, ...] | None = None,
        former: Fitted | None = None,
    ) -> Fitted:
        """Return what was learnt from ``train``.

        Parameters
        ----------
        evaluation
            Later or purged rows: they give the :attr:`Fitted.curves` and stop the training early where the learner's
            settings say so. They are not learnt from.
        rounds
            Exactly how many rounds to train each part; by default what the settings say.
        former
            An earlier result of the same learner, head and features to continue from; ignored where that cannot be
            done.
        """
