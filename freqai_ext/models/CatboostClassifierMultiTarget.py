"""CatBoost classification of several targets, under the name that Freqtrade shipped until 2025.12."""

from typing import Any

from freqtrade.freqai.base_models.BaseClassifierModel import BaseClassifierModel
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqai_ext.models._boosting import BoostingModel
from freqai_ext.models._classes import StableClasses
from freqai_ext.models._multi_target import fit_targets


class CatboostClassifierMultiTarget(BoostingModel, StableClasses, BaseClassifierModel):
    """One ``CatboostClassifier`` estimator per target; class names must be distinct across targets."""

    task = "classification"
    multi_target = True

    def fit(self, data_dictionary: dict[str, Any], dk: FreqaiDataKitchen, **kwargs: Any) -> Any:
        """Return the fitted estimators in FreqAI's multi-output holder."""
        return fit_targets(self, data_dictionary, dk)
