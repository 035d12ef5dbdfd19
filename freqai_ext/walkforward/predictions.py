"""What FreqAI has predicted in a backtest."""

from typing import TYPE_CHECKING, Any

from freqai_ext.errors import WalkforwardError
from freqai_ext.walkforward.cache import PredictionCache
from freqai_ext.walkforward.windows import pair_windows

if TYPE_CHECKING:
    from pandas import DataFrame


def load_predictions(config: dict[str, Any], pair: str) -> "DataFrame":
    """Return the out-of-sample predictions of one pair over the whole time range.

    Each row was predicted by the model trained on data that ends before the row's window.

    Parameters
    ----------
    config
        A configuration of :func:`~freqai_ext.walkforward.backtesting_config`, with predictions made by
        :func:`~freqai_ext.walkforward.run_walkforward` or by a backtest.

    Returns
    -------
    DataFrame
        One row per candle in order of time: ``date`` (candle open, UTC), the targets (``&...``) with the mean and
        deviation that they had in training (``..._mean``, ``..._std``), and ``do_predict``.

    Raises
    ------
    WalkforwardError
        When a window has no usable predictions.
    """
    from pandas import concat

    cache = PredictionCache(config)
    if not cache.folder.is_dir():
        raise WalkforwardError(f"{cache.folder}: not there; make it with freqai-ext walkforward")
    frames = []
    for window in pair_windows(config, pair):
        if (frame := cache.read(window)) is None:
            raise WalkforwardError(f"{window}: no usable predictions in {cache.folder}; run freqai-ext walkforward")
        frames.append(frame)
    return concat(frames, ignore_index=True)
