"""Predictions of windows in which nothing could be learnt, or nothing is asked."""

import logging
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel as _Base
else:
    _Base = object

logger = logging.getLogger(__name__)


class FailedWindows(_Base):
    """Fills windows without a model with neutral predictions of the usual columns; place it before FreqAI's bases.

    FreqAI does the same for one window, and then fails: it lists a class again for each window, and two columns of one
    name end the backtest of all pairs; it fills a column of class names with the number 0; and it leaves out the
    columns beside the targets, which a strategy reads.
    """

    def neutral_predictions(self, dk: "FreqaiDataKitchen", frame: pd.DataFrame) -> pd.DataFrame:
        """Return predictions for the rows of ``frame`` that say nothing: numbers are 0, class names are empty."""
        names = [*dk.label_list, *dk.unique_class_list, *self.class_names, *self.columns_beside_targets(dk, frame)]
        texts, rows = set(dk.unique_classes), len(frame)
        return pd.DataFrame(
            {
                name: pd.Series([""] * rows, dtype="str") if name in texts else np.zeros(rows)
                for name in dict.fromkeys(names)
            }
        )

    def columns_beside_targets(self, dk: "FreqaiDataKitchen", frame: pd.DataFrame) -> list[str]:
        """Return the prediction columns of this model beside targets and classes, for the rows of ``frame``."""
        return []

    def predict_nothing(
        self, dk: "FreqaiDataKitchen", frame: pd.DataFrame
    ) -> tuple[pd.DataFrame, npt.NDArray[np.int_]]:
        """Return the predictions of a window without candles, as of a pair that is listed later or was delisted."""
        dk.do_predict = np.zeros(0, dtype=int)
        dk.DI_values = np.zeros(0)
        return self.neutral_predictions(dk, frame), dk.do_predict

    def _append_null_backtesting_predictions(self, dk: "FreqaiDataKitchen", dataframe_backtest: pd.DataFrame) -> None:
        rows = len(dataframe_backtest)
        predictions = self.neutral_predictions(dk, dataframe_backtest)
        dk.DI_values = np.zeros(rows)
        with_statistics = {*dk.label_list, *dk.unique_class_list, *self.class_names}
        for name in with_statistics.intersection(predictions.select_dtypes("number")):
            dk.data.setdefault("labels_mean", {})[name] = 0
            dk.data.setdefault("labels_std", {})[name] = 0
        if rows:
            dates = dataframe_backtest["date"]
            logger.warning(
                "%s: the candles from %s to %s have no predictions (do_predict is 0), as the training before them "
                "failed; the reason stands in the warning above.",
                dk.pair,
                *(f"{date:%Y-%m-%d %H:%M}" for date in (dates.iloc[0], dates.iloc[-1])),
            )
        append_df = dk.get_predictions_to_append(predictions, np.zeros(rows, dtype=int), dataframe_backtest)
        dk.append_predictions(append_df)
        dk.save_backtesting_prediction(append_df)
