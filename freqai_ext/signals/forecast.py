"""What a fitted signal is asked, and what it answers."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.learning.design import Design
from freqai_ext.signals.settings import BPS


@dataclass(frozen=True, eq=False)
class Question:
    """Rows of one pair to forecast.

    Attributes
    ----------
    design
        Features of the rows, and of rows before them where the learner looks back.
    rows
        Shape ``(n,)``: positions in the design, in order of time.
    pair
        Name of the pair.
    made_at_ns
        Shape ``(n,)``: close of each row's candle, UTC, nanoseconds since 1970.
    volatility
        Shape ``(n,)``: as in training; NaN where there is no telling, which leaves a row without a forecast.
    outcomes
        For each target its labels by ``made_at``, as far as they are known at the last row; rows use only those known
        at their own time. They teach the intervals.
    volatility_terms
        Shape ``(n, terms)``, as in training.
    known_at_ns
        For each target, shape ``(n,)``: from when on its outcome is known; by default as if no candle were missing.
    """

    design: Design
    rows: NDArray[np.intp]
    pair: str
    made_at_ns: NDArray[np.int64]
    volatility: NDArray[np.float64]
    outcomes: dict[str, pd.Series]
    volatility_terms: NDArray[np.float64] | None = None
    known_at_ns: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def terms(self) -> NDArray[np.float64]:
        """``volatility_terms``, or ``volatility`` as the only one."""
        return self.volatility[:, None] if self.volatility_terms is None else self.volatility_terms


@dataclass(frozen=True, eq=False)
class TargetForecast:
    """Forecasts of one target, shape ``(rows,)`` each.

    Attributes
    ----------
    value
        Expected value of a continuous target, probability of a binary one. NaN where there is no forecast.
    lower, upper
        Of a continuous target: ends of the interval that holds the outcome with the promised probability, around
        ``value``. Of a binary one: where the probability itself lies with that confidence.
    odds
        Of a return: what it means to a trader.
    """

    value: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    odds: "TradeOdds | None" = None


@dataclass(frozen=True, eq=False)
class TradeOdds:
    """What a forecast return means to a trader, shape ``(rows,)`` each.

    Attributes
    ----------
    p_up, p_down
        Probability that the return exceeds the round-trip cost, and that it falls below minus that cost.
    ev_bps
        Expected return less the round-trip cost of a long position, in basis points. A short's is
        ``-(ev_bps + cost) - cost``.
    confidence
        ``|2 P(return > 0) - 1|``: 0 where up and down are equally likely, 1 where the sign is certain.
    """

    p_up: NDArray[np.float64]
    p_down: NDArray[np.float64]
    ev_bps: NDArray[np.float64]
    confidence: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        expected: NDArray[np.float64],
        cost: float,
        up: NDArray[np.float64],
        down: NDArray[np.float64],
        above: NDArray[np.float64],
    ) -> Self:
        """Return the odds of an expected return, of ``P(return > cost)``, ``P(return < -cost)`` and ``P(return > 0)``.

        ``expected`` and ``cost`` are ratios.
        """
        return cls(up, down, (expected - cost) * BPS, np.abs(2.0 * above - 1.0))
