"""Something to be done before each training of a FreqAI model, whichever it is."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel
    from pandas import DataFrame


def before_training(model: "IFreqaiModel", call: "Callable[[DataFrame, str, FreqaiDataKitchen], None]") -> None:
    """Have ``call(window, pair, data_kitchen)`` called before each training; an exception fails the training.

    Parameters
    ----------
    model
        Any FreqAI model. Nothing but this instance changes.
    """
    train = model.train

    def called_before(unfiltered_df: "DataFrame", pair: str, dk: "FreqaiDataKitchen", **kwargs: Any) -> Any:
        call(unfiltered_df, pair, dk)
        return train(unfiltered_df, pair, dk, **kwargs)

    model.train = called_before
