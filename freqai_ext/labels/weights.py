"""Sample weights: how much each row counts in training.

Each function looks at the rows it is given as one training set, so give it the rows of one pair that are trained on.
Weights are missing where what they are made of is; :func:`combine_weights` makes the final ones.
"""

from datetime import timedelta

import numpy as np
import pandas as pd

from freqai_ext.errors import SettingsError


def uniqueness_weights(start: pd.Series, end: pd.Series) -> pd.Series:
    """Average uniqueness of each label: the mean of 1 / (number of labels that overlap) over its own interval.

    1 where a label overlaps no other; 1/2 where all of it is shared with one other. Labels of a fixed horizon on every
    candle all overlap alike and get about equal weights; the weights matter where intervals differ, as with the triple
    barrier, or where rows are left out. Time is counted, not candles, so a gap counts as long as it lasted.

    Parameters
    ----------
    start
        When each label's interval begins: the close of the row's own candle, ``date`` + timeframe.
    end
        When it ends: ``resolved_at`` of :class:`BarrierLabels`, else ``known_at``. Intervals are half-open,
        ``[start, end)``; a row whose start or end is missing has no weight and overlaps nothing.

    Returns
    -------
    pd.Series
        In (0, 1], with the index of ``start``.

    Raises
    ------
    ValueError
        If the indexes differ or an interval ends before it has begun.

    References
    ----------
    Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 4.
    """
    if not start.index.equals(end.index):
        raise ValueError("start and end have different indexes; make both from the same candles")
    present = (start.notna() & end.notna()).to_numpy()
    begins = pd.DatetimeIndex(start[present]).as_unit("ns").asi8
    ends = pd.DatetimeIndex(end[present]).as_unit("ns").asi8
    if (empty := np.flatnonzero(ends <= begins)).size:
        row = start.index[present][empty[0]]
        raise ValueError(f"row {row}: its interval ends at {end.loc[row]}, not after its start {start.loc[row]}")
    # Between two neighbouring edges the number of open labels does not change.
    edges = np.unique(np.concatenate([begins, ends]))
    first, last = np.searchsorted(edges, begins), np.searchsorted(edges, ends)
    changes = np.bincount(first, minlength=edges.size) - np.bincount(last, minlength=edges.size)
    # Where no label is open, any number does: no interval spans it.
    concurrent = np.maximum(np.cumsum(changes)[:-1], 1)
    shared = np.concatenate([[0.0], np.cumsum(np.diff(edges) / concurrent)])
    weights = pd.Series(np.nan, index=start.index, name="uniqueness")
    weights[present] = (shared[last] - shared[first]) / (ends - begins)
    return weights


def recency_weights(dates: pd.Series, half_life: timedelta) -> pd.Series:
    """Weights that halve with every ``half_life`` before the newest of ``dates``, which weighs 1.

    Raises
    ------
    SettingsError
        If ``half_life`` is not above 0.
    """
    if not half_life > timedelta(0):
        raise SettingsError(f"half_life: {half_life} is not valid; it must be above 0, e.g. 14 days")
    age = (dates.max() - dates) / pd.Timedelta(half_life)
    return pd.Series(0.5**age, name="recency")


def volatility_weights(volatility: pd.Series, *, calm_quantile: float = 0.05) -> pd.Series:
    """Weights that fall with the square of the volatility: those of weighted least squares for returns.

    The errors of a return forecast are about as large as the volatility. Without weights the few stormy days decide
    the fit. Labels scaled by volatility already, such as the triple barrier's outcome, do not need them.

    Parameters
    ----------
    volatility
        What was known of it at each row, e.g. :func:`trailing_volatility`.
    calm_quantile
        Rows calmer than this quantile of the volatilities above 0 weigh 1, as a row at it, so that a few still candles
        do not take all the weight. From 0 to 1.

    Returns
    -------
    pd.Series
        In (0, 1].

    Raises
    ------
    SettingsError
        If the quantile is not from 0 to 1.

    References
    ----------
    Aitken, On least squares and linear combination of observations, 1936.
    """
    if not 0.0 <= calm_quantile <= 1.0:
        raise SettingsError(f"calm_quantile: {calm_quantile} is not valid; it must be from 0 to 1")
    calm = float(volatility[volatility > 0.0].quantile(calm_quantile))
    return pd.Series((calm / volatility.clip(lower=calm)) ** 2, name="volatility")


def combine_weights(*weights: pd.Series) -> pd.Series:
    """Return the product of ``weights``, scaled so that the rows with a weight weigh 1 on average.

    Missing where any of them is. The mean of 1 keeps the settings of a model that count rows by weight, such as
    LightGBM's ``min_sum_hessian_in_leaf``, at their usual meaning.

    Raises
    ------
    ValueError
        If none is given, their indexes differ, a weight is below 0 or not finite, or all products are 0 or missing.
    """
    if not weights:
        raise ValueError("no weights are given; give at least one series")
    for number, series in enumerate(weights, start=1):
        if not series.index.equals(weights[0].index):
            raise ValueError(f"weights {number} have another index than weights 1; make all from the same rows")
        if (wrong := series[(series < 0.0) | np.isinf(series)]).size:
            raise ValueError(f"weights {number} hold {wrong.iloc[0]}; weights must be finite and not below 0")
    product = pd.concat(weights, axis=1).prod(axis=1, skipna=False)
    mean = product.mean()
    if not mean > 0.0:
        raise ValueError("all weights are 0 or missing; no row would be trained on")
    return (product / mean).rename("weight")
