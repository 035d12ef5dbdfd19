"""All that a signal is learnt from."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from freqai_ext.learning.design import Design

NANOSECONDS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Target:
    """One label of each row.

    Attributes
    ----------
    name
        Column as the strategy set it, e.g. ``&-roi``.
    kind
        ``"continuous"``, or ``"binary"`` with the values 0 and 1.
    label
        Shape ``(rows,)``; NaN where it is not known.
    horizon_candles
        Candles after the row's own that the label looks at.
    known_at_ns
        Shape ``(rows,)``: UTC time from which the label is known, nanoseconds since 1970.
    is_return
        Whether a continuous target is a return, as a ratio, which has odds.
    """

    name: str
    kind: Literal["continuous", "binary"]
    label: NDArray[np.float64]
    horizon_candles: int
    known_at_ns: NDArray[np.int64]
    is_return: bool = False


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Rows of one pair or of several, one pair after the other, in order of time within each.

    Attributes
    ----------
    design
        Features, shape ``(rows, features)``.
    pairs
        Names of the pairs.
    pair
        Shape ``(rows,)``: position of each row's pair in ``pairs``.
    made_at_ns
        Shape ``(rows,)``: close of each row's candle, UTC, nanoseconds since 1970: from then on its features are known.
    volatility
        Shape ``(rows,)``: usual size of a move of one candle, known at ``made_at``; NaN where there is no telling.
    weight
        Shape ``(rows,)``: not negative; 0 where a row is not to be trained on.
    targets
        The labels.
    candle_ns
        Length of a candle in nanoseconds.
    volatility_terms
        Shape ``(rows, terms)``: ``volatility`` over windows of several lengths; by default ``volatility`` alone.
    """

    design: Design
    pairs: tuple[str, ...]
    pair: NDArray[np.intp]
    made_at_ns: NDArray[np.int64]
    volatility: NDArray[np.float64]
    weight: NDArray[np.float64]
    targets: tuple[Target, ...]
    candle_ns: int
    volatility_terms: NDArray[np.float64] | None = None

    @property
    def terms(self) -> NDArray[np.float64]:
        """``volatility_terms``, or ``volatility`` as the only one."""
        return self.volatility[:, None] if self.volatility_terms is None else self.volatility_terms
