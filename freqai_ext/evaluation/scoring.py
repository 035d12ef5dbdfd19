"""All scores of one contender."""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from freqai_ext.config import ExtSettings, load_ext_settings
from freqai_ext.evaluation.bets import Bets, BetScorer
from freqai_ext.evaluation.columns import TargetColumns, target_columns
from freqai_ext.evaluation.coverage import CoverageScores, score_coverage
from freqai_ext.evaluation.estimates import Estimator
from freqai_ext.evaluation.forecasts import Forecasts, horizon_candles
from freqai_ext.evaluation.odds import OddsScores, score_odds
from freqai_ext.evaluation.options import EvaluationOptions
from freqai_ext.evaluation.sample import Sample
from freqai_ext.evaluation.skill import Difference, NumberScores, compare, score_number


@dataclass(frozen=True)
class TargetScores:
    """Scores of the forecasts of one target.

    Attributes
    ----------
    kind
        ``number``, ``event`` (0 or 1) or ``classes`` (names).
    rows
        That were scored: forecast, and with a known outcome.
    number, coverage
        Of a number; coverage where it has an interval.
    odds
        Of an event, of each class, or of a return's exceeding the costs.
    difference
        Against the baseline; ``None`` for the baseline itself and where the two do not forecast the same.
    """

    target: str
    kind: str
    rows: int
    number: NumberScores | None
    coverage: CoverageScores | None
    odds: tuple[OddsScores, ...]
    difference: Difference | None = None


def score_contender(
    forecasts: Forecasts, baseline: Forecasts | None, config: dict[str, Any], options: EvaluationOptions
) -> tuple[TargetScores, ...]:
    """Return the scores of every target that a contender forecast.

    Parameters
    ----------
    baseline
        Forecasts of the contender to compare with; ``None`` for the baseline itself.
    config
        Of the contender.
    """
    settings = load_ext_settings(config)
    estimator = Estimator(options, block_candles(config, options))
    scorer = _Scorer(forecasts, baseline, settings, estimator, _bet_scorer(config, options, settings))
    return tuple(scorer.score(columns) for columns in target_columns(forecasts, settings))


def block_candles(config: dict[str, Any], options: EvaluationOptions) -> int:
    """Return how many candles are drawn together: those of ``block_hours``, and at least the label horizon."""
    from freqtrade.exchange import timeframe_to_seconds

    candles = ceil(options.block_hours * 3600 / timeframe_to_seconds(config["timeframe"]))
    return int(max(candles, horizon_candles(config)))


def _bet_scorer(config: dict[str, Any], options: EvaluationOptions, settings: ExtSettings) -> BetScorer:
    from freqtrade.exchange import timeframe_to_seconds

    candle = pd.Timedelta(seconds=timeframe_to_seconds(config["timeframe"]))
    return BetScorer(
        options,
        settings.signal.round_trip_cost_bps,
        horizon=horizon_candles(config) * candle,
        block=block_candles(config, options) * candle,
        short=config.get("trading_mode") == "futures",
    )


def trusted_share(forecasts: Forecasts) -> float:
    """Return the share of rows with ``do_predict`` 1; NaN without rows."""
    return float((forecasts.rows["do_predict"] == 1).mean()) if len(forecasts.rows) else float("nan")


@dataclass(frozen=True, eq=False)
class _Scorer:
    forecasts: Forecasts
    baseline: Forecasts | None
    settings: ExtSettings
    estimator: Estimator
    bet_scorer: BetScorer

    @property
    def cost_bps(self) -> float:
        return self.settings.signal.round_trip_cost_bps

    def score(self, columns: TargetColumns) -> TargetScores:
        if columns.kind == "classes":
            odds = tuple(self._class_odds(columns.target, name) for name in columns.classes)
            rows = self._scored(self.forecasts.actual[columns.target].notna())
            return TargetScores(columns.target, columns.kind, rows, None, None, odds)
        sample = self._sample(self.forecasts, columns.target, columns.target)
        if columns.kind == "event":
            event = score_odds(columns.target, f"{columns.target} is 1", sample, self.estimator)
            return TargetScores(columns.target, columns.kind, len(sample), None, None, (event,))
        return TargetScores(
            columns.target,
            columns.kind,
            len(sample),
            score_number(sample, self.estimator, self._bets(columns, sample), self._decay_samples(columns.target)),
            self._coverage(columns),
            self._return_odds(columns),
            self._difference(columns.target, sample),
        )

    def _sample(self, forecasts: Forecasts, target: str, column: str) -> Sample:
        return Sample.of(*self._chosen(forecasts, forecasts.actual[target], forecasts.rows[column]))

    def _chosen(
        self, forecasts: Forecasts, actual: pd.Series, forecast: pd.Series
    ) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
        if not self.estimator.options.trusted_only:
            return forecasts.rows, actual, forecast
        trusted = forecasts.rows["do_predict"] == 1
        return forecasts.rows[trusted], actual[trusted], forecast[trusted]

    def _scored(self, known: pd.Series) -> int:
        if self.estimator.options.trusted_only:
            known = known & (self.forecasts.rows["do_predict"] == 1)
        return int(known.sum())

    def _bets(self, columns: TargetColumns, sample: Sample) -> tuple[Bets, ...]:
        if not columns.is_return:
            return ()
        bets = [self.bet_scorer.on_forecast(sample)]
        if columns.odds.ev_bps:
            expected = self._sample(self.forecasts, columns.target, columns.odds.ev_bps)
            bets.append(self.bet_scorer.on_expected_value(expected))
        return tuple(bets)

    def _decay_samples(self, target: str) -> dict[int, Sample]:
        forecast = self.forecasts.rows[target]
        return {
            horizon: Sample.of(*self._chosen(self.forecasts, self.forecasts.forward[horizon], forecast))
            for horizon in self.estimator.options.decay_horizons_candles
        }

    def _coverage(self, columns: TargetColumns) -> CoverageScores | None:
        if columns.lower is None or columns.upper is None:
            return None
        lower, upper = (self._sample(self.forecasts, columns.target, each) for each in (columns.lower, columns.upper))
        return score_coverage(lower, upper, self.settings.signal.coverage)

    def _return_odds(self, columns: TargetColumns) -> tuple[OddsScores, ...]:
        actual = self.forecasts.actual[columns.target]
        cost = self.cost_bps / 1e4
        events = (
            (columns.odds.p_up, actual > cost, f"{columns.target} above {self.cost_bps:g} bps"),
            (columns.odds.p_down, actual < -cost, f"{columns.target} below -{self.cost_bps:g} bps"),
        )
        return tuple(
            self._odds(column, meaning, happened.where(actual.notna()).astype(np.float64))
            for column, happened, meaning in events
            if column
        )

    def _class_odds(self, target: str, name: str) -> OddsScores:
        actual = self.forecasts.actual[target]
        happened = (actual == name).astype(np.float64).where(actual.notna())
        return self._odds(name, f"{target} is {name}", happened)

    def _odds(self, column: str, meaning: str, happened: pd.Series) -> OddsScores:
        sample = Sample.of(*self._chosen(self.forecasts, happened, self.forecasts.rows[column]))
        return score_odds(column, meaning, sample, self.estimator)

    def _difference(self, target: str, sample: Sample) -> Difference | None:
        rival = self.baseline
        if rival is None or target not in rival.rows or target not in rival.actual:
            return None
        return compare(sample, self._sample(rival, target, target), self.estimator)
