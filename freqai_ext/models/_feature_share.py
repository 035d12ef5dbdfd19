"""Saying, at each training, for how much of its window there were Guardian features."""

import logging
from typing import TYPE_CHECKING

from freqai_ext.guardian import AVAILABLE
from freqai_ext.models._before_training import before_training

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel
    from pandas import DataFrame

logger = logging.getLogger(__name__)

METADATA_KEY = "guardian_feature_share"


def tell_feature_share(model: "IFreqaiModel") -> None:
    """Have ``model`` log, before each training, which share of the window's rows had Guardian features.

    The share is kept in the training's ``metadata.json`` too. Rows without stay in: their features are neutral.

    Parameters
    ----------
    model
        Any FreqAI model. Nothing but this instance changes.
    """

    def tell(unfiltered_df: "DataFrame", pair: str, dk: "FreqaiDataKitchen") -> None:
        column = f"%-{AVAILABLE}"
        if column in unfiltered_df and len(unfiltered_df):
            share = float(unfiltered_df[column].mean())
            dk.data[METADATA_KEY] = share
            logger.info(
                "%s: Guardian features were recorded for %.1f %% of the %d rows of the training window",
                pair,
                100.0 * share,
                len(unfiltered_df),
            )

    before_training(model, tell)
