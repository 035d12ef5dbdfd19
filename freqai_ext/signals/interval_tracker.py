"""Adaptive intervals of one pair's forecasts, that can be asked again for rows already asked."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.errors import SettingsError
from freqai_ext.uncertainty import AdaptiveConformal, AdaptiveConformalSettings, Forecasts, Intervals

# More than the rows that Freqtrade hands to a strategy at a time.
REMEMBERED_ROWS = 3000
# A restarted bot asks for its newest candles again.
SAVED_ROWS = 12


@dataclass(frozen=True, eq=False)
class Bands:
    """Forecasts whose intervals are asked for, in order of time.

    Attributes
    ----------
    made_at_ns, known_at_ns
        Shape ``(rows,)``: when the forecast is made and when its outcome is known, UTC, nanoseconds since 1970.
    lower, upper
        Shape ``(rows,)``: forecast band; the same twice for a forecast of one number.
    scale
        Shape ``(rows,)``: unit of the errors, positive; NaN where there is no forecast.
    """

    made_at_ns: NDArray[np.int64]
    known_at_ns: NDArray[np.int64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    scale: NDArray[np.float64]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Bands":
        """Return the chosen rows."""
        return Bands(
            self.made_at_ns[rows], self.known_at_ns[rows], self.lower[rows], self.upper[rows], self.scale[rows]
        )

    def forecasts(self) -> Forecasts:
        """Return them as ``freqai_ext.uncertainty`` takes them."""
        made_at, known_at = (pd.DatetimeIndex(each, tz="UTC") for each in (self.made_at_ns, self.known_at_ns))
        return Forecasts(made_at, known_at, self.lower, self.upper, self.scale)


class IntervalTracker:
    """An :class:`~freqai_ext.uncertainty.AdaptiveConformal` that answers the same question the same way twice.

    Freqtrade asks for the newest row alone in live trading, for a whole frame at the start, and for a window in a
    backtest. Rows asked for the first time get a margin from what was known at their time, and teach once their
    outcome is known; rows asked before get the margin they got then. Rows made before the end of the training, which
    the model has seen, get the margin of the end of the training and teach nothing.

    Parameters
    ----------
    settings
        Of the adaptive intervals.
    trained_until_ns
        When the training ended: the close of its last candle, UTC, nanoseconds since 1970.
    """

    def __init__(self, settings: AdaptiveConformalSettings, trained_until_ns: int) -> None:
        self._conformal = AdaptiveConformal(settings)
        self._trained_until_ns = trained_until_ns
        # Until an error has been seen the errors are taken for normal.
        self._first_margin = NormalDist().inv_cdf((1.0 + settings.coverage) / 2.0)
        self._issued: dict[int, float] = {}

    def learn(self, bands: Bands, outcomes: NDArray[np.float64]) -> None:
        """Go through out-of-fold forecasts in order of time, each answered when its outcome was known.

        Parameters
        ----------
        outcomes
            Shape ``(rows,)``.
        """
        if not len(bands.made_at_ns):
            return
        index = pd.DatetimeIndex(bands.made_at_ns, tz="UTC")
        margins = self._margins(bands, pd.Series(outcomes, index=index))
        known = margins[np.isfinite(margins)]
        if len(known):
            self._first_margin = float(known[-1])

    def intervals(self, bands: Bands, outcomes: pd.Series) -> Intervals:
        """Return the interval of each row; NaN where there is no forecast.

        Parameters
        ----------
        bands
            Later than those of :meth:`learn`.
        outcomes
            By UTC time at which the forecast was made. Only those known at a row's time are used for it.
        """
        made_at = bands.made_at_ns
        margins = np.full(len(made_at), self._first_margin)
        new = (made_at > self._trained_until_ns) & (made_at > self._last_made_at_ns)
        if new.any():
            fresh = self._margins(bands.take(new), outcomes)
            fresh = np.where(np.isfinite(fresh), fresh, self._first_margin)
            margins[new] = fresh
            self._issued.update(zip(made_at[new].tolist(), fresh.tolist(), strict=True))
            for stamp in list(self._issued)[:-REMEMBERED_ROWS]:
                del self._issued[stamp]
        for row in np.flatnonzero(~new):
            margins[row] = self._issued.get(int(made_at[row]), self._first_margin)
        widened = np.where(np.isfinite(bands.scale), margins * bands.scale, np.nan)
        return Intervals(bands.lower - widened, bands.upper + widened)

    def state(self) -> dict[str, Any]:
        """Return what is needed to go on after a restart, as JSON has it: of the rows answered the newest only."""
        return {
            "conformal": self._conformal.state(),
            "trained_until_ns": self._trained_until_ns,
            "first_margin": self._first_margin,
            "issued": {str(stamp): margin for stamp, margin in list(self._issued.items())[-SAVED_ROWS:]},
        }

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """Return the tracker as it was when :meth:`state` was called.

        Raises
        ------
        SettingsError
            If a value is missing or impossible.
        """
        try:
            conformal = AdaptiveConformal.from_state(state["conformal"])
            restored = cls(conformal.settings, int(state["trained_until_ns"]))
            restored._conformal = conformal
            restored._first_margin = float(state["first_margin"])
            restored._issued = {int(stamp): float(margin) for stamp, margin in state["issued"].items()}
            if not np.isfinite([restored._first_margin, *restored._issued.values()]).all():
                raise ValueError("a margin is not finite")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"saved intervals: not readable ({error}); remove the file, they start again") from None
        return restored

    @property
    def trained_until_ns(self) -> int:
        """When the training ended, UTC, nanoseconds since 1970."""
        return self._trained_until_ns

    @property
    def _last_made_at_ns(self) -> int:
        last = self._conformal.last_made_at
        return -1 if last is None else int(last.as_unit("ns").value)

    def _margins(self, bands: Bands, outcomes: pd.Series) -> NDArray[np.float64]:
        """Return the margin of each new row in units of its scale."""
        widened = self._conformal.intervals(bands.forecasts(), outcomes)
        width = (widened.upper - widened.lower) - (bands.upper - bands.lower)
        return np.asarray(width / (2.0 * bands.scale), dtype=np.float64)
