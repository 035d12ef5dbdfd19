"""A faster ``merge_features`` for one data kitchen.

FreqAI joins every block of features to the main frame with ``merge_ordered``, which takes most of the bot's loop once
the candle buffer slides. The join is a backward as-of join on candle close, so one ``searchsorted`` per block gives
the same columns, order and values. The method is set on the *instance* that FreqAI hands to our models; Freqtrade's
class is untouched. The first merge of each pair of timeframes in a process is compared with the original, and on any
difference the original is used from then on.
"""

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from freqtrade.constants import ORDERFLOW_ADDED_COLUMNS
from freqtrade.exchange import timeframe_to_minutes

if TYPE_CHECKING:
    from collections.abc import Callable

    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

    Merge = Callable[..., pd.DataFrame]

logger = logging.getLogger(__name__)

_CANDLE_COLUMNS = frozenset(("date", "open", "high", "low", "close", "volume"))

# What the comparison with the original has shown so far, by (main timeframe, merged timeframe).
_agrees: dict[tuple[str, str], bool] = {}


def use_fast_merge(dk: "FreqaiDataKitchen") -> None:
    """Set the faster, self-checking merge on this data kitchen."""
    original: Merge = dk.merge_features

    def merge(df_main: pd.DataFrame, df_to_merge: pd.DataFrame, tf: str, timeframe_inf: str, suffix: str) -> Any:
        arguments = (df_main, df_to_merge, tf, timeframe_inf, suffix)
        agrees = _agrees.get((tf, timeframe_inf))
        if agrees:
            return merge_features(*arguments)
        expected = original(*arguments)
        # FreqAI asks for the names of the features with a single candle, which proves nothing.
        if agrees is None and len(df_main) > 1:
            _agrees[tf, timeframe_inf] = _is_same(expected, *arguments)
        return expected

    dk.merge_features = merge


def merge_features(
    df_main: pd.DataFrame, df_to_merge: pd.DataFrame, timeframe: str, timeframe_inf: str, suffix: str
) -> pd.DataFrame:
    """Join the features of ``df_to_merge`` to ``df_main`` as of each main candle's close.

    Parameters
    ----------
    df_main
        Candles and features at ``timeframe``, one row per candle, ``date`` ascending (candle open, UTC).
    df_to_merge
        Candles and features at ``timeframe_inf``, the same or a slower timeframe.
    suffix
        Appended to each joined column as ``<column>_<suffix>``; candle columns are not joined.

    Returns
    -------
    DataFrame
        ``df_main`` and the joined columns, with a fresh index. A main row holds the last slower candle that has
        closed when the main candle closes, and NaN where there is none. NaN inside a slower row stays NaN.
    """
    columns = _feature_columns(df_main, df_to_merge)
    features = df_to_merge[columns].set_axis([f"{column}_{suffix}" for column in columns], axis=1)
    main = df_main.reset_index(drop=True)
    rows = _as_of_rows(df_main["date"], df_to_merge["date"], timeframe, timeframe_inf)
    if rows is None:
        return pd.concat([main, features.reset_index(drop=True)], axis=1)
    joined = features.take(np.maximum(rows, 0)).reset_index(drop=True)
    if len(rows) and rows[0] < 0:
        joined = joined.where(pd.Series(rows >= 0), np.nan)
    return pd.concat([main, joined], axis=1)


def _feature_columns(df_main: pd.DataFrame, df_to_merge: pd.DataFrame) -> list[str]:
    orderflow_in_both = set(ORDERFLOW_ADDED_COLUMNS) & set(df_main.columns)
    return [column for column in df_to_merge.columns if column not in _CANDLE_COLUMNS | orderflow_in_both]


def _as_of_rows(
    main_dates: pd.Series, merged_dates: pd.Series, timeframe: str, timeframe_inf: str
) -> npt.NDArray[np.intp] | None:
    """Return the row to take for each main row (-1 for none), or None when the rows match one to one."""
    delay_minutes = timeframe_to_minutes(timeframe_inf) - timeframe_to_minutes(timeframe)
    if delay_minutes < 0:
        raise ValueError(f"cannot merge {timeframe_inf} features into {timeframe} candles: the merged ones are faster")
    main = main_dates.dt.as_unit("ms").astype("int64").to_numpy()
    available = merged_dates.dt.as_unit("ms").astype("int64").to_numpy() + delay_minutes * 60_000
    if len(main) == len(available) and np.array_equal(main, available):
        return None
    rows: npt.NDArray[np.intp] = np.searchsorted(available, main, side="right") - 1
    return rows


def _is_same(expected: pd.DataFrame, *arguments: Any) -> bool:
    try:
        # Freqtrade turns whole numbers into floats where a first row stays empty for a moment; the values agree.
        pd.testing.assert_frame_equal(merge_features(*arguments), expected, check_exact=True, check_dtype=False)
    except Exception as difference:
        _, _, timeframe, timeframe_inf, _ = arguments
        logger.warning(
            "The fast merge of %s features into %s candles differs from Freqtrade's; using Freqtrade's. %s",
            timeframe_inf,
            timeframe,
            difference,
        )
        return False
    return True
