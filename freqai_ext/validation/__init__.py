"""Validation: splits without leakage, and scores of forecasts of numbers, probabilities and intervals."""

from freqai_ext.validation._bins import Binning
from freqai_ext.validation._resampling import BlockScheme
from freqai_ext.validation.auc import auc
from freqai_ext.validation.bootstrap import BlockBootstrap, BootstrapInterval, ScoreName
from freqai_ext.validation.brier import BrierDecomposition, brier_score, decompose_brier_score
from freqai_ext.validation.fold import Fold
from freqai_ext.validation.hit_rate import HitRate, hit_rate
from freqai_ext.validation.interval import IntervalScores, score_interval
from freqai_ext.validation.log_loss import log_loss
from freqai_ext.validation.pinball import pinball_loss
from freqai_ext.validation.purged_k_fold import PurgedKFold
from freqai_ext.validation.purged_walk_forward import PurgedWalkForward
from freqai_ext.validation.reliability import ReliabilityCurve, expected_calibration_error, reliability_curve
from freqai_ext.validation.scores import (
    ForecastScores,
    information_coefficient,
    mae,
    rank_information_coefficient,
    rmse,
    rmse_skill,
    score_forecast,
)

__all__ = [
    "Binning",
    "BlockBootstrap",
    "BlockScheme",
    "BootstrapInterval",
    "BrierDecomposition",
    "Fold",
    "ForecastScores",
    "HitRate",
    "IntervalScores",
    "PurgedKFold",
    "PurgedWalkForward",
    "ReliabilityCurve",
    "ScoreName",
    "auc",
    "brier_score",
    "decompose_brier_score",
    "expected_calibration_error",
    "hit_rate",
    "information_coefficient",
    "log_loss",
    "mae",
    "pinball_loss",
    "rank_information_coefficient",
    "reliability_curve",
    "rmse",
    "rmse_skill",
    "score_forecast",
    "score_interval",
]
