"""Conditions on candles, and the columns that Freqtrade reads them from."""

from collections.abc import Iterable
from functools import reduce
from operator import and_

import pandas as pd


def all_of(conditions: Iterable[pd.Series]) -> pd.Series:
    """Return where every condition holds; there must be at least one."""
    return reduce(and_, conditions)


def with_signals(candles: pd.DataFrame, tag_column: str, signals: dict[str, tuple[pd.Series, str]]) -> pd.DataFrame:
    """Add a column of 0 and 1 for each signal, and one with the tags.

    Every row is written: pandas 3.1 makes an unusable column of ``.loc[rows, columns] = values`` without rows.
    """
    tags = pd.Series([None] * len(candles), index=candles.index, dtype=object)
    marks: dict[str, pd.Series] = {}
    for column, (rows, tag) in signals.items():
        marks[column] = rows.astype(int)
        tags = tags.mask(rows, tag)
    return candles.assign(**marks, **{tag_column: tags})
