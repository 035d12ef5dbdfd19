"""Something to be done before each training of a FreqAI model, whichever it is."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel
    from pandas import DataFrame


def before_training(model: "IFreqaiModel", prepare: "Callable[[DataFrame, str, FreqaiDataKitchen], DataFrame]") -> None:
    """Have each training work on what ``prepare(window, pair, data_kitchen)`` returns; an exception there fails it.

    Parameters
    ----------
    model
        Any FreqAI model. Nothing but this instance changes.
    """
    train = model.train

    def prepared(unfiltered_df: "DataFrame", pair: str, dk: "FreqaiDataKitchen", **kwargs: Any) -> Any:
        return train(prepare(unfiltered_df, pair, dk), pair, dk, **kwargs)

    model.train = prepared
