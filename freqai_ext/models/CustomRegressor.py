"""Regression with outlier removal and robust scaling, on the boosting library of your choice."""

from types import MappingProxyType
from typing import Any, Literal

from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqai_ext.config import ExtSettings
from freqai_ext.models._boosting import BoostingModel
from freqai_ext.models._multi_target import fit_targets


class CustomRegressor(BoostingModel, BaseRegressionModel):
    """One estimator per continuous target behind a robust pipeline.

    Training rows with too many features outside the interquartile fences are left out, rows like them are flagged in
    ``do_predict`` when predicting, and features are scaled by median and interquartile range. Each of these can be
    changed under ``freqai_ext.pipeline``; the library is ``freqai_ext.custom_regressor.backend``.
    """

    multi_target = True
    pipeline_defaults = MappingProxyType({"scaler": "robust", "outliers": "iqr"})

    def backend_name(self, settings: ExtSettings) -> Literal["lightgbm", "catboost"]:
        """Return the library named in ``freqai_ext.custom_regressor.backend``."""
        return settings.custom_regressor.backend

    def fit(self, data_dictionary: dict[str, Any], dk: FreqaiDataKitchen, **kwargs: Any) -> Any:
        """Return the fitted estimators in FreqAI's multi-output holder."""
        return fit_targets(self, data_dictionary, dk)
