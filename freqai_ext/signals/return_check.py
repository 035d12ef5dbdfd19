"""Whether a label is a return of the close: its unit, and its correlation with forward returns."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Returns measured from the next open, to a mean of closes or as logarithms pass; the highest high to come, whose
# correlation is 0.83, and scores do not.
_LEAST_CORRELATION = 0.95
_LEAST_SLOPE, _MOST_SLOPE = 0.8, 1.25
# What is always above a return, such as a high at its end, is none.
_MOST_OFFSET, _MOST_OFFSET_RESIDUALS = 0.01, 0.5
_FEWEST_ROWS = 100


@dataclass(frozen=True)
class ReturnCheck:
    """What the check of one label found.

    Attributes
    ----------
    is_return
        Whether the label is a return, as a ratio.
    reason
        Why not, to go after the label's name; empty where it is one.
    """

    is_return: bool
    reason: str = ""


@dataclass(frozen=True)
class _Fit:
    """The line through a label as a function of a return, and the label's distance from it."""

    correlation: float
    slope: float
    offset: float
    deviation: float
    residual: float
    horizon_candles: int

    @property
    def is_biased(self) -> bool:
        return abs(self.offset) > max(_MOST_OFFSET * self.deviation, _MOST_OFFSET_RESIDUALS * self.residual)


def check_return(label: pd.Series, candles: pd.DataFrame, most_candles: int) -> ReturnCheck:
    """Return whether a label is a return of the close over some horizon.

    It is compared with the returns over 1 to ``most_candles`` candles: to the close at their end, to the mean of their
    closes, and to the close at their end from that of the first on; and with their logarithms. It passes where it moves
    with one of them, by as much, and is 0 where that is 0.

    Parameters
    ----------
    label
        One value per candle, missing where it is not known.
    candles
        With the column ``close``, in order of time and without gaps.
    most_candles
        The longest horizon that is tried.
    """
    if not pd.api.types.is_numeric_dtype(label.dtype):
        return ReturnCheck(False, "it holds no numbers")
    values = label.to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(values)
    if known.sum() < _FEWEST_ROWS or np.ptp(values[known]) == 0.0:
        return ReturnCheck(False, "it takes only one value")
    fits = [_fit(values, forward, horizon) for horizon, forward in _forward_returns(candles, most_candles)]
    best = max((fit for fit in fits if fit is not None), key=lambda fit: fit.correlation, default=None)
    if best is None or best.correlation < _LEAST_CORRELATION:
        found = "none" if best is None else f"{best.correlation:.2f}"
        return ReturnCheck(
            False,
            f"its correlation with the returns of the close over the next 1 to {most_candles} candles is at most "
            f"{found}, and a return has {_LEAST_CORRELATION}",
        )
    over = f"the return of the close over the next {best.horizon_candles} candles"
    if not _LEAST_SLOPE <= best.slope <= _MOST_SLOPE:
        return ReturnCheck(False, f"it moves {best.slope:.3g} times as much as {over}, and a return is a ratio")
    if best.is_biased:
        return ReturnCheck(False, f"it is {best.offset:.3g} where {over} is 0")
    return ReturnCheck(True)


def _forward_returns(candles: pd.DataFrame, most_candles: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    close = candles["close"].to_numpy(dtype=np.float64)
    rows = len(close)
    sums = np.concatenate([[0.0], np.cumsum(close)])
    for horizon in range(1, min(most_candles, rows - _FEWEST_ROWS) + 1):
        begin = close[: rows - horizon]
        for ratio in (
            close[horizon:] / begin,
            (sums[horizon + 1 :] - sums[1 : rows - horizon + 1]) / horizon / begin,
            close[horizon + 1 :] / close[1 : rows - horizon],
        ):
            yield horizon, ratio - 1.0
            yield horizon, np.log(ratio)


def _fit(values: NDArray[np.float64], forward: NDArray[np.float64], horizon: int) -> _Fit | None:
    label = values[: len(forward)]
    known = np.isfinite(label)
    if known.sum() < _FEWEST_ROWS:
        return None
    label, forward = label[known], forward[known]
    deviations = label - label.mean(), forward - forward.mean()
    squares = [float(each @ each) for each in deviations]
    if min(squares) <= 0.0:
        return None
    product = float(deviations[0] @ deviations[1])
    slope = product / squares[1]
    correlation = product / float(np.sqrt(squares[0] * squares[1]))
    return _Fit(
        correlation=correlation,
        slope=slope,
        offset=float(label.mean() - slope * forward.mean()),
        deviation=float(np.sqrt(squares[1] / len(forward))),
        residual=float(np.sqrt(squares[0] / len(forward) * max(1.0 - correlation**2, 0.0))),
        horizon_candles=horizon,
    )
