"""A check that features do not look ahead, for our features and everybody's."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from freqai_ext.errors import ContractError

PRICES = ["open", "high", "low", "close"]


def assert_no_lookahead(
    compute: Callable[[pd.DataFrame], pd.DataFrame],
    candles: pd.DataFrame,
    cuts: int = 8,
    relative_tolerance: float = 1e-9,
) -> None:
    """Raise unless the features at every candle are the same whatever happens after it.

    The candles are cut at ``cuts`` rows spread over the frame. Up to each cut, the features must not change when the
    later candles are missing, nor when they are replaced by others. Equal means within ``relative_tolerance``, and NaN
    equals NaN.

    Parameters
    ----------
    compute
        Candles in, features out, one row per candle. It gets copies.
    candles
        Columns ``date``, ``open``, ``high``, ``low``, ``close``, ``volume``, oldest first; more rows than the longest
        warm-up.
    cuts
        Number of rows to cut at; the last one is the row before the last.
    relative_tolerance
        Relative difference that is not a leak; for features that are computed by running sums.

    Raises
    ------
    ContractError
        Names the first candle whose features leak and the column; or a column without any value, which would check
        nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> dates = pd.date_range("2025-01-01", periods=9, freq="5min", tz="UTC")
    >>> candles = pd.DataFrame({c: range(1, 10) for c in ("open", "high", "low", "close", "volume")}).assign(date=dates)
    >>> assert_no_lookahead(lambda c: c[["close"]].pct_change(), candles)
    >>> assert_no_lookahead(lambda c: c[["close"]].shift(-1), candles)
    Traceback (most recent call last):
    freqai_ext.errors.ContractError: 'close' looks ahead: its value at candle 0 (2025-01-01 00:00:00+00:00) changes ...
    """
    candles = candles.reset_index(drop=True)
    expected = compute(candles.copy()).reset_index(drop=True)
    for name in expected.columns[expected.isna().all()]:
        raise ContractError(
            f"'{name}' is missing at all {len(candles)} candles, so nothing is checked; give more candles"
        )
    generator = np.random.default_rng(0)
    for cut in sorted({int(row) for row in np.linspace(1, len(candles) - 1, cuts)}):
        _compare(expected, compute(candles.iloc[:cut].copy()), candles, cut, relative_tolerance, "are cut off")
        other = _with_other_future(candles, cut, generator)
        _compare(expected, compute(other), candles, cut, relative_tolerance, "are replaced by others")


def _with_other_future(candles: pd.DataFrame, cut: int, generator: np.random.Generator) -> pd.DataFrame:
    future = len(candles) - cut
    factor = np.exp(generator.normal(0.0, 0.1, future))
    other = candles.astype(dict.fromkeys([*PRICES, "volume"], "float64"))
    other.loc[cut:, PRICES] = other.loc[cut:, PRICES].to_numpy() * factor[:, None]
    other.loc[cut:, "volume"] = other.loc[cut:, "volume"].to_numpy() * np.exp(generator.normal(0.0, 1.0, future))
    return other


def _compare(
    expected: pd.DataFrame, actual: pd.DataFrame, candles: pd.DataFrame, cut: int, tolerance: float, change: str
) -> None:
    if len(actual) < cut or list(actual.columns) != list(expected.columns):
        raise ContractError(
            f"the features of {cut} candles have {len(actual)} rows and the columns {list(actual.columns)}, those of "
            f"{len(candles)} candles the columns {list(expected.columns)}; return one row per candle and always the "
            "same columns"
        )
    before = expected.iloc[:cut].to_numpy(np.float64)
    after = actual.iloc[:cut].to_numpy(np.float64)
    differs = ~np.isclose(before, after, rtol=tolerance, atol=0.0, equal_nan=True)
    if differs.any():
        row, column = np.argwhere(differs)[0]
        raise ContractError(
            f"'{expected.columns[column]}' looks ahead: its value at candle {row} ({candles['date'].iloc[row]}) "
            f"changes when the candles from {candles['date'].iloc[cut]} on {change}; use only rows up to the candle "
            "itself"
        )
