"""Stored windows of a backtest that a killed run has left damaged: trained again instead of ending the backtest."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freqai_ext.errors import FreqaiExtError
from freqai_ext.lifecycle import read_metadata, set_aside

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel as _Base
else:
    _Base = object

logger = logging.getLogger(__name__)


class BacktestFiles(_Base):
    """Checks what FreqAI takes up of an earlier backtest; place it before a FreqAI base class."""

    def is_own_model(self, model: Any) -> bool:
        """Return whether a loaded object is a model of this class."""
        return hasattr(model, "predict")

    def skip_damaged_windows(self, dk: "FreqaiDataKitchen") -> None:
        """Have one pair's backtest take damaged predictions, or whole ones with damaged metadata, for missing."""
        is_valid = dk.check_if_backtest_prediction_is_valid

        def check(len_backtest_df: int) -> bool:
            try:
                if not is_valid(len_backtest_df):
                    return False
                _require_whole(dk)
            except Exception as error:
                # Whatever a damaged file raises, Arrow's own errors among it.
                self._set_aside(dk, dk.backtesting_results_path, error)
                return False
            return True

        dk.check_if_backtest_prediction_is_valid = check

    def model_exists(self, dk: "FreqaiDataKitchen") -> bool:
        """Return whether there is a saved model that can be used; a damaged one is set aside."""
        if not super().model_exists(dk):
            return False
        if dk.live:
            return True
        entry = self.dd.pair_dict.get(dk.pair)
        if entry is not None and not entry["model_filename"]:
            # FreqAI loads a pair's model only where its pair dictionary names any.
            entry["model_filename"], entry["data_path"] = dk.model_filename, str(dk.data_path)
        # FreqAI would put the pipelines of the window that it trained last to this window's model.
        self.dd.meta_data_dictionary.pop(dk.pair, None)
        held = (dk.data, dk.feature_pipeline, dk.label_pipeline)
        try:
            read_metadata(dk.data_path / f"{dk.model_filename}_metadata.json")
            model = self.dd.load_data(dk.pair, dk)
            pipelines = (dk.feature_pipeline, dk.label_pipeline)
            whole = self.is_own_model(model) and all(hasattr(each, "transform") for each in pipelines)
            error: Exception = TypeError("its model or its pipelines are of another type")
        except Exception as damage:
            whole, error = False, damage
        if not whole:
            dk.data, dk.feature_pipeline, dk.label_pipeline = held
            self.dd.model_dictionary.pop(dk.pair, None)
            self._set_aside(dk, dk.data_path, error)
        return whole

    def _set_aside(self, dk: "FreqaiDataKitchen", path: Path, error: Exception) -> None:
        aside = set_aside(Path(self.full_path), path)
        logger.warning(
            "%s: what is stored of the window of %s cannot be used (%s: %s); %s was set aside in %s and is made again.",
            dk.pair,
            dk.model_filename,
            type(error).__name__,
            error,
            path.name,
            aside.parent,
        )


def _require_whole(dk: "FreqaiDataKitchen") -> None:
    metadata = read_metadata(dk.data_path / f"{dk.model_filename}_metadata.json")
    predictions = dk.get_backtesting_prediction()
    for name in ("do_predict", *metadata["label_list"]):
        if name not in predictions:
            raise DamagedPredictionsError(f"no column {name}")


class DamagedPredictionsError(FreqaiExtError):
    """A file of predictions holds something else."""
