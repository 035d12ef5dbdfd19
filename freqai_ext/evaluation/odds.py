"""How good probabilities are."""

from dataclasses import dataclass

import numpy as np

from freqai_ext.evaluation.estimates import Estimate, Estimator
from freqai_ext.evaluation.sample import Sample
from freqai_ext.validation import auc, decompose_brier_score, log_loss, reliability_curve
from freqai_ext.validation.reliability import expected_calibration_error


@dataclass(frozen=True)
class CurvePoint:
    """One bin of a reliability curve: mean forecast, share of events, and rows."""

    forecast: float
    observed: float
    rows: int


@dataclass(frozen=True)
class PairOdds:
    """Scores of one pair's probabilities; the base rate is the pair's own."""

    pair: str
    rows: int
    base_rate: float
    brier: float
    base_rate_brier: float
    ece: float


@dataclass(frozen=True)
class OddsScores:
    """Scores of the probabilities of one event.

    Attributes
    ----------
    event
        Name of the column.
    meaning
        What happened where the outcome is 1.
    clipped_share
        Share of forecasts that lay outside [0, 1], as a plain regressor's may, and were clipped.
    base_rate
        Share of events among the rows.
    brier, base_rate_brier
        Brier score, and that of always forecasting the base rate of these rows.
    brier_skill
        1 - ``brier`` / ``base_rate_brier``.
    reliability, resolution, within_bins
        Parts of the Brier score, whose uncertainty is ``base_rate_brier``.
    ece
        Expected calibration error over bins that hold equally many forecasts.
    auc, log_loss, base_rate_log_loss
        As in ``freqai_ext.validation``.
    """

    event: str
    meaning: str
    rows: int
    clipped_share: float
    base_rate: float
    brier: float
    base_rate_brier: float
    brier_skill: Estimate
    reliability: float
    resolution: float
    within_bins: float
    ece: float
    auc: float
    log_loss: float
    base_rate_log_loss: float
    curve: tuple[CurvePoint, ...]
    pairs: tuple[PairOdds, ...]


def score_odds(event: str, meaning: str, sample: Sample, estimator: Estimator) -> OddsScores:
    """Return all scores of probabilities.

    Parameters
    ----------
    sample
        Outcomes of 0 or 1 and their probabilities; those outside [0, 1] are clipped.
    """
    bins = estimator.options.bins
    outside = (sample.forecast < 0.0) | (sample.forecast > 1.0)
    sample = Sample(sample.pair, sample.month, sample.date, sample.actual, np.clip(sample.forecast, 0.0, 1.0))
    parts = decompose_brier_score(sample.actual, sample.forecast, bins=bins, binning="equal_count")
    curve = reliability_curve(sample.actual, sample.forecast, bins=bins, binning="equal_count")
    base_rate = float(sample.actual.mean()) if len(sample) else float("nan")
    return OddsScores(
        event=event,
        meaning=meaning,
        rows=len(sample),
        clipped_share=float(outside.mean()) if len(sample) else 0.0,
        base_rate=base_rate,
        brier=parts.score,
        base_rate_brier=parts.uncertainty,
        brier_skill=estimator.brier_skill(sample),
        reliability=parts.reliability,
        resolution=parts.resolution,
        within_bins=parts.within_bins,
        ece=_ece(sample, bins),
        auc=auc(sample.actual, sample.forecast),
        log_loss=log_loss(sample.actual, sample.forecast),
        base_rate_log_loss=log_loss(sample.actual, np.full(len(sample), base_rate)),
        curve=tuple(
            CurvePoint(float(forecast), float(observed), int(rows))
            for forecast, observed, rows in zip(curve.forecast, curve.observed, curve.count, strict=True)
        ),
        pairs=tuple(_pair_odds(pair, sample.where(pair), bins) for pair in sample.pairs),
    )


def _pair_odds(pair: str, sample: Sample, bins: int) -> PairOdds:
    parts = decompose_brier_score(sample.actual, sample.forecast, bins=bins, binning="equal_count")
    return PairOdds(pair, len(sample), float(sample.actual.mean()), parts.score, parts.uncertainty, _ece(sample, bins))


def _ece(sample: Sample, bins: int) -> float:
    return expected_calibration_error(sample.actual, sample.forecast, bins=bins, binning="equal_count")
