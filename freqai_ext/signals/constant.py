"""A target that had one value in the whole training window."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freqai_ext.signals.forecast import Question, TargetForecast, TradeOdds
from freqai_ext.signals.settings import SignalSettings
from freqai_ext.signals.training_set import Target

_HAIR = 1e-6


@dataclass(frozen=True)
class ConstantSignal:
    """Forecasts the only value that was ever seen, such as 0 for a threshold that no move reached.

    Attributes
    ----------
    name
        Of the target.
    value
        The value.
    is_return
        Whether it gets odds.
    """

    name: str
    value: float
    is_return: bool

    def predict(self, question: Question, settings: SignalSettings) -> TargetForecast:
        """Return the value for every row, its interval without width."""
        value = np.full(len(question.rows), self.value)
        return TargetForecast(value, value, value, self._odds(value, settings) if self.is_return else None)

    def _odds(self, value: NDArray[np.float64], settings: SignalSettings) -> TradeOdds:
        cost = settings.round_trip_cost
        up, down = (np.where(each, 1.0 - _HAIR, _HAIR) for each in (value > cost, value < -cost))
        return TradeOdds.of(value, cost, up, down, np.heaviside(value, 0.5))


def only_value(target: Target, weight: NDArray[np.float64]) -> float | None:
    """Return the value that all known labels of rows with a weight have, or ``None`` where they differ."""
    seen = target.label[np.isfinite(target.label) & (weight > 0.0)]
    return float(seen[0]) if len(seen) and (seen == seen[0]).all() else None
