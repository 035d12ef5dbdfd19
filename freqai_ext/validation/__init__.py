"""Validation: scores of forecasts."""

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
    "ForecastScores",
    "information_coefficient",
    "mae",
    "rank_information_coefficient",
    "rmse",
    "rmse_skill",
    "score_forecast",
]
