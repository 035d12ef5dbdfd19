"""CatBoost regression for FreqAI, under the name that Freqtrade shipped until 2025.12."""

from typing import Any

from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqai_ext.models._boosting import BoostingModel


class CatboostRegressor(BoostingModel, BaseRegressionModel):
    """Gradient boosting on symmetric trees for one continuous target.

    Honours ``model_training_parameters`` (CatBoost's names and synonyms, and LightGBM's ``n_jobs`` and
    ``verbosity``), ``data_split_parameters``, sample weights, ``continual_learning`` and early stopping
    (``early_stopping_rounds``; all trees are kept without it). Several targets are refused: use
    ``CatboostRegressorMultiTarget`` for them.
    """

    def fit(self, data_dictionary: dict[str, Any], dk: FreqaiDataKitchen, **kwargs: Any) -> Any:
        """Return the fitted estimator."""
        self.require_one_target(data_dictionary)
        return self.fit_target(data_dictionary, dk, init_model=self.get_init_model(dk.pair))
