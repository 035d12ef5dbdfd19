"""Uncertainty: probabilities that keep their promise, and intervals that cover what they say."""

from freqai_ext.uncertainty.adaptive_conformal import AdaptiveConformal
from freqai_ext.uncertainty.adaptive_settings import AdaptiveConformalSettings
from freqai_ext.uncertainty.beta import BetaCalibration
from freqai_ext.uncertainty.calibration import Calibration
from freqai_ext.uncertainty.choose_calibration import (
    CALIBRATIONS,
    CalibrationChoice,
    CalibrationScore,
    calibration_from_state,
    choose_calibration,
)
from freqai_ext.uncertainty.conformal_scores import Intervals, conformal_quantile, conformity_scores
from freqai_ext.uncertainty.forecasts import Forecasts
from freqai_ext.uncertainty.isotonic import IsotonicCalibration
from freqai_ext.uncertainty.platt import PlattCalibration
from freqai_ext.uncertainty.quantile_conformal import QuantileConformal
from freqai_ext.uncertainty.split_conformal import SplitConformal
from freqai_ext.uncertainty.temperature import TemperatureCalibration

__all__ = [
    "CALIBRATIONS",
    "AdaptiveConformal",
    "AdaptiveConformalSettings",
    "BetaCalibration",
    "Calibration",
    "CalibrationChoice",
    "CalibrationScore",
    "Forecasts",
    "Intervals",
    "IsotonicCalibration",
    "PlattCalibration",
    "QuantileConformal",
    "SplitConformal",
    "TemperatureCalibration",
    "calibration_from_state",
    "choose_calibration",
    "conformal_quantile",
    "conformity_scores",
]
