"""Guardian features in a training: for how much of its window there were any, and whether that is enough."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from freqai_ext.guardian import AVAILABLE, FEATURE_COLUMNS
from freqai_ext.models._before_training import before_training

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel

logger = logging.getLogger(__name__)

METADATA_KEY = "guardian_feature_share"

_COLUMNS = tuple(f"%-{name}" for name in FEATURE_COLUMNS)
_AVAILABLE = f"%-{AVAILABLE}"


def tell_feature_share(model: "IFreqaiModel", min_share: float) -> None:
    """Have ``model`` log, before each training, which share of the window's rows had Guardian features.

    Rows without stay in: their features are neutral. Where the share is below ``min_share`` the features are made
    constant for that training, so that they drop out of it. The share is kept in the training's ``metadata.json``.

    Parameters
    ----------
    model
        Any FreqAI model. Nothing but this instance changes.
    min_share
        Smallest share for which a training uses them.
    """

    def tell(window: pd.DataFrame, pair: str, dk: "FreqaiDataKitchen") -> pd.DataFrame:
        if _AVAILABLE not in window or window.empty:
            return window
        share = recorded_share([window])
        used = share >= min_share and share > 0.0
        varying = sum(window[name].nunique() > 1 for name in _COLUMNS if name in window) if used else 0
        dk.data[METADATA_KEY] = share
        logger.info(
            "%s: Guardian features were recorded for %.1f %% of the %d rows of the training window; %s",
            pair,
            100.0 * share,
            len(window),
            f"{varying} of their {len(_COLUMNS)} columns vary" if used else "it goes without them",
        )
        return with_enough_features([window], min_share)[0]

    before_training(model, tell)


def recorded_share(windows: Sequence[pd.DataFrame]) -> float:
    """Return the share of all rows for which Guardian features were recorded; 0 where there is no such column."""
    known = [window[_AVAILABLE] for window in windows if _AVAILABLE in window]
    rows = sum(len(each) for each in known)
    return float(sum(each.sum() for each in known)) / rows if rows else 0.0


def with_enough_features(windows: Sequence[pd.DataFrame], min_share: float) -> list[pd.DataFrame]:
    """Return the windows of one training; their Guardian features are 0 where fewer rows than ``min_share`` have any.

    Once trained on a handful of recorded rows, a model meets features in every row that it forecasts.
    """
    if recorded_share(windows) >= min_share or not any(_AVAILABLE in window for window in windows):
        return list(windows)
    return [window.assign(**dict.fromkeys([name for name in _COLUMNS if name in window], 0.0)) for window in windows]
