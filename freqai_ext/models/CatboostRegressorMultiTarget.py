"""CatBoost regression of several targets, under the name that Freqtrade shipped until 2025.12."""

from typing import Any

from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqai_ext.models._boosting import BoostingModel
from freqai_ext.models._multi_target import fit_targets


class CatboostRegressorMultiTarget(BoostingModel, BaseRegressionModel):
    """One ``CatboostRegressor`` estimator per continuous target, in parallel where FreqAI is told so."""

    multi_target = True

    def fit(self, data_dictionary: dict[str, Any], dk: FreqaiDataKitchen, **kwargs: Any) -> Any:
        """Return the fitted estimators in FreqAI's multi-output holder."""
        return fit_targets(self, data_dictionary, dk)
