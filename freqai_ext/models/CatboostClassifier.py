"""CatBoost classification for FreqAI, under the name that Freqtrade shipped until 2025.12."""

from typing import Any

from freqtrade.freqai.base_models.BaseClassifierModel import BaseClassifierModel
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqai_ext.models._boosting import BoostingModel
from freqai_ext.models._classes import StableClasses


class CatboostClassifier(BoostingModel, StableClasses, BaseClassifierModel):
    """Gradient boosting on symmetric trees for one target of string classes.

    Returns the class and one probability column per class. Parameters are those of ``CatboostRegressor``. Several
    targets are refused: use ``CatboostClassifierMultiTarget`` for them.
    """

    task = "classification"

    def fit(self, data_dictionary: dict[str, Any], dk: FreqaiDataKitchen, **kwargs: Any) -> Any:
        """Return the fitted estimator."""
        self.require_one_target(data_dictionary)
        return self.fit_target(data_dictionary, dk, init_model=self.get_init_model(dk.pair))
