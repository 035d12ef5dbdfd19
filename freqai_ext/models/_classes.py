"""Probability columns that stay the same from one training window to the next."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from freqtrade.freqai.base_models.BaseClassifierModel import BaseClassifierModel as _Base
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
else:
    _Base = object


class StableClasses(_Base):
    """Makes a classifier's predictions hold a column for every class that the strategy has declared.

    A class that did not occur in the training window has probability 0. FreqAI leaves the column out, and its live
    loop fails when the class occurs in a later window. Declare the classes as FreqAI's documentation shows, by
    ``self.freqai.class_names = [...]`` in ``set_freqai_targets``. Place this class before FreqAI's base class.
    """

    def predict(
        self, unfiltered_df: pd.DataFrame, dk: "FreqaiDataKitchen", **kwargs: Any
    ) -> tuple[pd.DataFrame, npt.NDArray[np.int_]]:
        """Predict as FreqAI does, with a probability column for every declared class."""
        predictions, do_predict = super().predict(unfiltered_df, dk, **kwargs)
        return with_classes(predictions, self.class_names), do_predict

    def train(self, unfiltered_df: pd.DataFrame, pair: str, dk: "FreqaiDataKitchen", **kwargs: Any) -> Any:
        """Train as FreqAI does, with mean and deviation of the labels recorded for every declared class."""
        model = super().train(unfiltered_df, pair, dk, **kwargs)
        for name in self.class_names:
            dk.data.setdefault("labels_mean", {}).setdefault(name, 0)
            dk.data.setdefault("labels_std", {}).setdefault(name, 0)
        return model


def with_classes(predictions: pd.DataFrame, class_names: Iterable[str]) -> pd.DataFrame:
    """Return ``predictions`` with a zero column for each class that has none."""
    missing = [name for name in class_names if name not in predictions.columns]
    return predictions.assign(**dict.fromkeys(missing, 0.0)) if missing else predictions
