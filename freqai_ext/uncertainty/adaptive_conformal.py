"""Adaptive conformal intervals whose feedback comes late."""

from bisect import insort
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from freqai_ext.uncertainty.adaptive_settings import AdaptiveConformalSettings, AdaptiveState, PendingForecast
from freqai_ext.uncertainty.conformal_scores import Intervals, conformity_scores, widen
from freqai_ext.uncertainty.expert_weights import ExpertWeights
from freqai_ext.uncertainty.forecasts import Forecasts, utc_times
from freqai_ext.uncertainty.score_memory import ScoreMemory


class AdaptiveConformal:
    """Intervals that widen after misses and narrow after hits until they cover what they promise.

    Each step size runs adaptive conformal inference: it takes its margin from the latest scores at a miss rate of its
    own, which a miss lowers and a hit raises, ``rate += step * ((1 - coverage) - missed)``. Several step sizes are
    aggregated into one margin. Over a long time each covers the promised share whatever the data do, as long as its
    miss rate keeps off its limits; the aggregate does nearly as well as the best of them by pinball loss.

    **What is known when.** A forecast waits in a queue until the first later forecast made at or after its
    ``known_at``; only then is its outcome looked at. Giving outcomes too early has no effect, so a backtest may pass
    them all. Forecasts in one call, in several, or one by one give the same intervals and state.

    **Finite intervals.** Miss rates stay within ``1 / (memory_rows + 1)`` of 0 and 1, and where the theory has an
    infinite interval the largest score in memory is the margin. So after a jump to errors never seen before,
    coverage returns as those errors enter the memory. Before there are enough scores for a finite interval at
    ``coverage`` (4 for 80 %), intervals are NaN; :meth:`seed` avoids that.

    One object serves one pair and target. It is not safe to use from two threads at once.

    References
    ----------
    Gibbs & Candès (2021), Adaptive Conformal Inference Under Distribution Shift. Zaffran et al. (2022), Adaptive
    Conformal Predictions for Time Series: AgACI, which aggregates each end of the interval; both ends share one margin
    here, so that is what is aggregated, by its pinball loss at ``coverage``.
    """

    def __init__(self, settings: AdaptiveConformalSettings | None = None) -> None:
        self.settings = settings or AdaptiveConformalSettings()
        experts = len(self.settings.step_sizes)
        self._steps = np.array(self.settings.step_sizes)
        self._floor = 1.0 / (self.settings.memory_rows + 1.0)
        self._miss_rates = np.clip(np.full(experts, 1.0 - self.settings.coverage), self._floor, 1.0 - self._floor)
        self._memory = ScoreMemory(self.settings.memory_rows)
        self._experts = ExpertWeights(np.zeros(experts).tolist())
        self._pending: list[PendingForecast] = []
        self._last_made_at_us: int | None = None
        self._unanswered_rows = 0

    @property
    def pending_rows(self) -> int:
        """Number of forecasts whose outcome is not known yet."""
        return len(self._pending)

    @property
    def unanswered_rows(self) -> int:
        """Number of forecasts dropped because their outcome was not given when it was due."""
        return self._unanswered_rows

    @property
    def last_made_at(self) -> pd.Timestamp | None:
        """Time of the latest forecast; the next must be later."""
        return None if self._last_made_at_us is None else pd.Timestamp(self._last_made_at_us, unit="us", tz="UTC")

    @property
    def miss_rates(self) -> tuple[float, ...]:
        """The miss rate that each step size aims at now, to make misses ``1 - coverage`` on average."""
        return tuple(self._miss_rates.tolist())

    @property
    def weights(self) -> tuple[float, ...]:
        """Weight of each step size in the margin."""
        return tuple(self._experts.weights.tolist())

    def seed(self, scores: ArrayLike) -> None:
        """Replace the remembered errors by ``scores``, the oldest first, e.g. a new model's out-of-fold ones.

        They come from :func:`conformity_scores`, of rows whose outcome is known and that the model was not trained on.
        Miss rates, weights and waiting forecasts stay.

        Raises
        ------
        ValueError
            If a score is not finite.
        """
        values = np.asarray(scores, dtype=np.float64)
        if not np.isfinite(values).all():
            raise ValueError("scores: some are not finite; give the scores of rows whose outcome is known")
        self._memory = ScoreMemory(self.settings.memory_rows, values.tolist())

    def intervals(self, forecasts: Forecasts, outcomes: pd.Series) -> Intervals:
        """Return the interval of each forecast, learning along the way from the outcomes that are known by then.

        Parameters
        ----------
        forecasts
            Made after those of the calls before. Those without a band or scale get NaN and teach nothing.
        outcomes
            Outcomes by the ``made_at`` of their forecast, a UTC index without repeats, at least from those still
            pending on. A forecast whose outcome is missing when it is due is dropped and counted in
            :attr:`unanswered_rows`.

        Raises
        ------
        ValueError
            If the forecasts are not later than the last one, or the index of ``outcomes`` repeats or has no zone.
        """
        made_at, known_at = forecasts.made_at.asi8.tolist(), forecasts.known_at.asi8.tolist()
        if self._last_made_at_us is not None and made_at and made_at[0] <= self._last_made_at_us:
            raise ValueError(
                f"made_at: {forecasts.made_at[0]} is not after the last forecast, {self.last_made_at}; "
                "give each forecast once, in order of time"
            )
        answers = _by_time(outcomes)
        margins = np.full(len(made_at), np.nan)
        columns = zip(made_at, known_at, forecasts.lower, forecasts.upper, forecasts.scale, strict=True)
        for row, (now, due, lower, upper, scale) in enumerate(columns):
            self._learn_due(now, answers)
            if np.isfinite((lower, upper, scale)).all():
                forecast = PendingForecast(due, now, float(lower), float(upper), float(scale), self._margins())
                insort(self._pending, forecast, key=_due)
                if forecast.margins is not None:
                    margins[row] = float(self._experts.weights @ np.array(forecast.margins))
            self._last_made_at_us = now
        return widen(forecasts.lower, forecasts.upper, margins * forecasts.scale)

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on after a restart, as JSON has it."""
        state = AdaptiveState(
            settings=self.settings,
            miss_rates=self.miss_rates,
            scores=tuple(self._memory.in_order_of_arrival()),
            regrets=tuple(self._experts.regrets.tolist()),
            regret_squares=self._experts.squares,
            largest_regret=self._experts.largest,
            pending=tuple(self._pending),
            last_made_at_us=self._last_made_at_us,
            unanswered_rows=self._unanswered_rows,
        )
        return state.state()

    @classmethod
    def from_state(cls, state: object) -> Self:
        """Return the intervals as they were when :meth:`state` was called.

        Raises
        ------
        SettingsError
            If a value is missing or impossible.
        """
        saved = AdaptiveState.from_state(state)
        restored = cls(saved.settings)
        restored._miss_rates = np.array(saved.miss_rates)
        restored._memory = ScoreMemory(saved.settings.memory_rows, saved.scores)
        restored._experts = ExpertWeights(saved.regrets, saved.regret_squares, saved.largest_regret)
        restored._pending = sorted(saved.pending, key=_due)
        restored._last_made_at_us = saved.last_made_at_us
        restored._unanswered_rows = saved.unanswered_rows
        return restored

    def _margins(self) -> tuple[float, ...] | None:
        if not self._memory.covers(self.settings.coverage):
            return None
        return tuple(self._memory.quantile(1.0 - rate) for rate in self._miss_rates.tolist())

    def _learn_due(self, now_us: int, answers: dict[int, float]) -> None:
        """Learn from all waiting forecasts whose outcome is known at ``now_us``."""
        while self._pending and self._pending[0].known_at_us <= now_us:
            forecast = self._pending.pop(0)
            outcome = answers.get(forecast.made_at_us)
            if outcome is None:
                self._unanswered_rows += 1
            else:
                self._learn(forecast, outcome)

    def _learn(self, forecast: PendingForecast, outcome: float) -> None:
        score = float(conformity_scores(forecast.lower, forecast.upper, outcome, forecast.scale))
        if forecast.margins is not None:
            margins = np.array(forecast.margins)
            self._adapt(missed=score > margins)
            self._experts.update(margins, score, self.settings.coverage)
        self._memory.add(score)

    def _adapt(self, missed: NDArray[np.bool_]) -> None:
        rates = self._miss_rates + self._steps * ((1.0 - self.settings.coverage) - missed)
        self._miss_rates = np.clip(rates, self._floor, 1.0 - self._floor)


def _due(forecast: PendingForecast) -> tuple[int, int]:
    return forecast.known_at_us, forecast.made_at_us


def _by_time(outcomes: pd.Series) -> dict[int, float]:
    """Return the outcomes that are there, by microsecond."""
    times = utc_times(outcomes.index, "outcomes.index")
    if not times.is_unique:
        raise ValueError("outcomes.index: times repeat; give one outcome per forecast")
    values = outcomes.to_numpy(dtype=np.float64)
    there = np.isfinite(values)
    return dict(zip(times.asi8[there].tolist(), values[there].tolist(), strict=True))
