"""Forecasts of a continuous target: expected value, interval and, for a return, the odds."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from freqai_ext.learning.learner import Fitted, Head, Learner
from freqai_ext.signals.forecast import Question, TargetForecast, TradeOdds
from freqai_ext.signals.interval_tracker import Bands, IntervalTracker
from freqai_ext.signals.move_size import MoveSize
from freqai_ext.signals.out_of_fold import OutOfFold, fit_with_out_of_fold
from freqai_ext.signals.return_odds import ReturnOdds
from freqai_ext.signals.settings import SignalSettings
from freqai_ext.signals.shrinkage import Shrinkage, learn_shrinkage
from freqai_ext.signals.task import Task, label_scale, target_task
from freqai_ext.signals.training_set import Target, TrainingSet
from freqai_ext.uncertainty import AdaptiveConformalSettings

_DAY_NS = 86_400 * 1_000_000_000


@dataclass(frozen=True, eq=False)
class ContinuousSignal:
    """What was learnt of one continuous target.

    Attributes
    ----------
    name, horizon_candles
        Of the target.
    fitted
        The model of the label in units of its usual size, cut at ``label_limit``.
    spread
        The model of its quantiles, where they are learnt.
    unit
        Usual size of the label, in units of the volatility over the horizon, or as it is where that is not used.
    shrinkage
        How much of the forecasts' size is believed.
    move_size
        Expected size of the outcome's distance from the forecast, where labels are scaled by volatility.
    odds
        For a return, else ``None``.
    intervals
        By pair. They go on learning from outcomes while forecasts are made.
    stretch
        What makes out-of-fold forecasts vary as much as labels, for ``forecast_scale`` ``"raw"``.
    """

    name: str
    horizon_candles: int
    fitted: Fitted
    spread: Fitted | None
    unit: float
    shrinkage: Shrinkage
    move_size: MoveSize | None
    odds: ReturnOdds | None
    intervals: dict[str, IntervalTracker]
    stretch: float = 1.0

    def predict(self, question: Question, pair: int, settings: SignalSettings, candle_ns: int) -> TargetForecast:
        """Return the forecasts of rows of one pair; ``pair`` is its number in training, -1 where it was not there."""
        unit = label_scale(question.volatility, self.horizon_candles, settings) * self.unit
        size = unit if self.move_size is None else self.move_size.predict(question.terms)
        value = self.shrinkage.factor * self.fitted.predict(question.design, question.rows)[:, 0] * unit
        spread = None if self.spread is None else self.spread.predict(question.design, question.rows) * unit[:, None]
        made_at = question.made_at_ns
        bands = _bands(
            spread,
            value,
            size,
            made_at,
            question.known_at_ns.get(self.name, made_at + self.horizon_candles * candle_ns),
        )
        tracker = self.intervals.get(question.pair)
        if tracker is None:
            nothing = np.full(len(value), np.nan)
            lower, upper = nothing, nothing
        else:
            outcomes = question.outcomes.get(self.name, pd.Series(dtype=float, index=pd.DatetimeIndex([], tz="UTC")))
            found = tracker.intervals(bands, outcomes)
            lower, upper = np.minimum(found.lower, value), np.maximum(found.upper, value)
        odds = self._odds(value, size, pair, settings)
        shown = value * self.stretch if settings.forecast_scale == "raw" else value
        return TargetForecast(shown, lower, upper, odds)

    def _odds(
        self, value: NDArray[np.float64], size: NDArray[np.float64], pair: int, settings: SignalSettings
    ) -> TradeOdds | None:
        if self.odds is None:
            return None
        cost = settings.round_trip_cost
        up, down, above = self.odds.predict(value / size, size, pair, cost)
        return TradeOdds.of(value, cost, up, down, above)


def fit_continuous(
    learner: Learner,
    training: TrainingSet,
    target: Target,
    settings: SignalSettings,
    *,
    is_return: bool,
    former: ContinuousSignal | None = None,
) -> ContinuousSignal:
    """Return what ``learner`` makes of one continuous target.

    Raises
    ------
    ValueError
        If no row has a known label, a weight and a volatility.
    """
    task = target_task(training, target, settings)
    examples = task.examples
    fitted, out_of_fold = fit_with_out_of_fold(
        learner, task.head, examples, task.folds, None if former is None else former.fitted
    )
    spread, quantiles = None, None
    if settings.quantiles:
        # The cut that steadies the mean would fold the tails, so quantiles are learnt from whole labels.
        spread, of_quantiles = fit_with_out_of_fold(
            learner,
            Head("distribution", settings.quantiles),
            replace(examples, label=task.whole),
            task.folds,
            None if former is None else former.spread,
        )
        quantiles = of_quantiles.forecast
    positions = out_of_fold.positions
    rows, unit = examples.rows[positions], task.scale[positions]
    outcome, pair, made_at = target.label[rows], training.pair[rows], training.made_at_ns[rows]
    independent = examples.weight[positions] / task.overlap
    shrinkage = _shrinkage(out_of_fold, task, made_at, target.horizon_candles * training.candle_ns, settings)
    value = shrinkage.factor * out_of_fold.forecast[:, 0] * unit
    move_size = None
    if settings.scale_by_volatility and len(rows):
        move_size = MoveSize.fit(training.terms[rows], outcome - value, independent)
    size = unit if move_size is None else move_size.predict(training.terms[rows])
    odds = None
    if is_return:
        cost = settings.round_trip_cost
        odds = ReturnOdds.fit(value / size, outcome, size, pair, independent, pairs=len(training.pairs), cost=cost)
    spread_of_rows = None if quantiles is None else quantiles * unit[:, None]
    bands = _bands(spread_of_rows, value, size, made_at, target.known_at_ns[rows])
    return ContinuousSignal(
        name=target.name,
        horizon_candles=target.horizon_candles,
        fitted=fitted,
        spread=spread,
        unit=task.size,
        shrinkage=shrinkage,
        move_size=move_size,
        odds=odds,
        intervals=_intervals(training, bands, outcome, pair, settings),
        stretch=_stretch(shrinkage.factor * out_of_fold.forecast[:, 0], task.whole[positions], independent),
    )


def _shrinkage(
    out_of_fold: OutOfFold, task: Task, made_at_ns: NDArray[np.int64], horizon_ns: int, settings: SignalSettings
) -> Shrinkage:
    if settings.shrinkage == "none":
        return Shrinkage(1.0, float("nan"), float("nan"))
    positions = out_of_fold.positions
    return learn_shrinkage(
        out_of_fold.forecast[:, 0],
        task.whole[positions],
        task.examples.weight[positions],
        made_at_ns // max(_DAY_NS, 2 * horizon_ns),
        settings.least_shrinkage,
    )


def _stretch(forecast: NDArray[np.float64], label: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Return by how much labels are larger than forecasts, by their root mean squares; 1 where all are 0."""
    power = float(weight @ forecast**2)
    return float(np.sqrt(weight @ label**2 / power)) if power > 0.0 else 1.0


def _bands(
    quantiles: NDArray[np.float64] | None,
    value: NDArray[np.float64],
    scale: NDArray[np.float64],
    made_at_ns: NDArray[np.int64],
    known_at_ns: NDArray[np.int64],
) -> Bands:
    """Return what the intervals widen: the forecast quantiles where there are any, else the forecast itself."""
    lower, upper = value, value
    if quantiles is not None:
        # The first column is the mean.
        ends = np.sort(quantiles[:, 1:], axis=1)
        lower, upper = ends[:, 0], ends[:, -1]
    return Bands(made_at_ns, known_at_ns, lower, upper, scale)


def _intervals(
    training: TrainingSet,
    bands: Bands,
    outcomes: NDArray[np.float64],
    pair: NDArray[np.intp],
    settings: SignalSettings,
) -> dict[str, IntervalTracker]:
    """Return each pair's tracker, gone through its own out-of-fold forecasts."""
    adaptive = AdaptiveConformalSettings(coverage=settings.coverage)
    trackers = {}
    for number, name in enumerate(training.pairs):
        own = np.flatnonzero(pair == number)
        own = own[np.argsort(bands.made_at_ns[own], kind="stable")]
        trained_until = int(training.made_at_ns[training.pair == number].max(initial=0))
        trackers[name] = IntervalTracker(adaptive, trained_until)
        trackers[name].learn(bands.take(own), outcomes[own])
    return trackers
