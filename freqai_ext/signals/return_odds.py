"""The odds of a return, from its forecast and the volatility."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from freqai_ext.signals.pair_logit import PairLogit

# The logistic curve that is closest to the normal distribution function, logistic(1.7 x): what the odds are of a return
# whose errors are normal, and so what is believed before any row is seen.
_NORMAL_SLOPE = 1.7
_SLOPE_SD = 0.7


@dataclass(frozen=True, eq=False)
class ReturnOdds:
    """Calibrated probabilities that a return exceeds the costs, falls below minus the costs, or is above 0.

    Each is a logistic regression on the forecast and the cost, both in units of the volatility over the horizon, with
    an intercept for each pair. Calm times make it unlikely to earn the costs at all; that alone is worth knowing.
    """

    up: PairLogit
    down: PairLogit
    sign: PairLogit

    @classmethod
    def fit(
        cls,
        forecast: NDArray[np.float64],
        outcome: NDArray[np.float64],
        scale: NDArray[np.float64],
        pair: NDArray[np.intp],
        weight: NDArray[np.float64],
        *,
        pairs: int,
        cost: float,
    ) -> Self:
        """Learn from out-of-fold rows.

        Parameters
        ----------
        forecast
            Shape ``(rows,)``, in units of ``scale``, as it will be forecast: shrunken.
        outcome
            Shape ``(rows,)``: the return, as a ratio.
        scale
            Shape ``(rows,)``: usual size of the return, as a ratio.
        pair, pairs
            As in :meth:`PairLogit.fit`.
        weight
            Shape ``(rows,)``: how many independent observations each row is worth.
        cost
            Round-trip cost as a ratio.
        """
        hurdle = cost / scale

        def learn(inputs: NDArray[np.float64], happened: NDArray[np.bool_], slopes: list[float]) -> PairLogit:
            return PairLogit.fit(
                inputs, pair, happened.astype(np.float64), weight, pairs=pairs, slope_mean=slopes, slope_sd=_SLOPE_SD
            )

        both = [_NORMAL_SLOPE, -_NORMAL_SLOPE]
        return cls(
            up=learn(np.column_stack([forecast, hurdle]), outcome > cost, both),
            down=learn(np.column_stack([-forecast, hurdle]), outcome < -cost, both),
            sign=learn(forecast[:, None], outcome > 0.0, [_NORMAL_SLOPE]),
        )

    def predict(
        self, forecast: NDArray[np.float64], scale: NDArray[np.float64], pair: int, cost: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return ``P(return > cost)``, ``P(return < -cost)`` and ``P(return > 0)``, shape ``(rows,)`` each."""
        hurdle = cost / scale
        up = self.up.predict(np.column_stack([forecast, hurdle]), pair)
        down = self.down.predict(np.column_stack([-forecast, hurdle]), pair)
        return up, down, self.sign.predict(forecast[:, None], pair)
