"""What followed earlier verdicts: the memory that an entry must not contradict."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from freqai_ext.news.as_of import AVAILABLE, SENTIMENT, FloatArray, VerdictHistory, VerdictRecord, epoch_s
from freqai_ext.news.records import SIGN, Verdict

MEMORY_BPS: Final = "news-memory_bps"
MEMORY_COUNT: Final = "news-memory_count"
WINDOW_S: Final = 7 * 86_400.0
"""How far back verdicts are remembered; no horizon can be longer."""
COLUMNS: Final = (MEMORY_BPS, MEMORY_COUNT)


@dataclass(frozen=True)
class Outcome:
    """A verdict and what the price did afterwards.

    Attributes
    ----------
    verdict
        The verdict.
    followed_by
        Return over the horizon, as a ratio; ``None`` while the horizon has not ended.
    """

    verdict: Verdict
    followed_by: float | None


class Memory:
    """Mean outcomes of similar verdicts, as known at each candle's close.

    A verdict's outcome is the return from the first close after it was made to the first close a horizon later. It is
    known from that close on, and not before the verdict was available here: what another bot made earlier is part of
    the memory from the moment of reading, in a running bot as in a later backtest of its store. Similar are verdicts on
    the same asset with the same sentiment. Verdicts come in swarms, and outcomes that overlap say the same: of each
    sentiment one verdict in any slot of one horizon counts, the one that was available first.

    Parameters
    ----------
    history
        The verdicts.
    horizon_s
        Over how many seconds an outcome goes.
    window_s
        Verdicts made longer ago than this are forgotten, so that a live bot with candles of this time, and of one
        horizon more, knows the same as a backtest.
    prior_count
        The mean is shrunk towards 0 as if so many outcomes of 0 had been seen besides.

    Raises
    ------
    ValueError
        If the horizon is not above 0, the window is shorter, or the prior count is below 0.
    """

    def __init__(
        self, history: VerdictHistory, horizon_s: float, window_s: float = WINDOW_S, prior_count: float = 5.0
    ) -> None:
        if not (0.0 < horizon_s <= window_s and prior_count >= 0.0):
            raise ValueError(
                f"horizon {horizon_s:g} s, window {window_s:g} s, prior count {prior_count:g}; the horizon "
                "must be above 0 and not longer than the window, the prior count not below 0"
            )
        self._history = history
        self._horizon_s, self._window_s, self._prior_count = horizon_s, window_s, prior_count

    def columns(
        self,
        asset: str,
        candle_dates: pd.Series,
        close: pd.Series,
        candle_s: float,
        now: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Return what was remembered of verdicts like the one that was valid when each candle closed.

        Parameters
        ----------
        asset
            Base asset, upper case.
        candle_dates, close
            Opening times, UTC, ascending, and closing prices of the asset's candles.
        candle_s
            Length of a candle in seconds.
        now
            The history's columns of the same candles, where the caller has them already.

        Returns
        -------
        DataFrame
            float64 without NaN, the index of ``candle_dates``: ``news-memory_bps``, the shrunk mean return in the
            direction of the verdict in basis points, above 0 where such verdicts were right, and ``news-memory_count``,
            of how many. Both are 0 without a valid verdict; the mean is 0 for a neutral one.

        Raises
        ------
        NewsDataError
            If the store cannot be read.
        """
        table = np.zeros((len(candle_dates), 2))
        if len(candle_dates):
            now = self._history.columns(asset, candle_dates, candle_s) if now is None else now
            closes_s, prices = epoch_s(candle_dates) + candle_s, close.to_numpy(dtype=np.float64)
            record = self._history.record(asset, float(closes_s.min()) - self._window_s)
            available, sentiment = now[AVAILABLE].to_numpy() == 1.0, now[SENTIMENT].to_numpy()
            for sign in SIGN.values():
                at = np.flatnonzero(available & (sentiment == sign))
                if len(at):
                    table[at] = self._similar(record, sign, closes_s, prices, candle_s, at)
        return pd.DataFrame(table, index=candle_dates.index, columns=list(COLUMNS))

    def outcomes(
        self, asset: str, candle_dates: pd.Series, close: pd.Series, candle_s: float, limit: int = 5
    ) -> tuple[Outcome, ...]:
        """Return the verdicts made last of those available strictly before the last close, and what followed.

        The newest comes first.

        Raises
        ------
        NewsDataError
            If the store cannot be read.
        """
        if not len(candle_dates):
            return ()
        closes_s, prices = epoch_s(candle_dates) + candle_s, close.to_numpy(dtype=np.float64)
        record = self._history.record(asset, float(closes_s.min()) - self._window_s)
        end = int(np.searchsorted(record.times_s, closes_s[-1], side="left"))
        places = np.argsort(record.made_s[:end], kind="stable")[::-1][:limit]
        known_s, returns = _returns(record.made_s[places], closes_s, prices, candle_s, self._horizon_s)
        return tuple(
            Outcome(record.verdicts[place], float(ratio) if known and np.isfinite(ratio) else None)
            for place, known, ratio in zip(places, np.isfinite(known_s), returns, strict=True)
        )

    def _similar(
        self,
        record: VerdictRecord,
        sign: int,
        closes_s: FloatArray,
        prices: FloatArray,
        candle_s: float,
        at: npt.NDArray[np.intp],
    ) -> FloatArray:
        is_of_sign = record.values[:, 1] == sign
        times_s, made_s = record.times_s[is_of_sign], record.made_s[is_of_sign]
        # By when they were available, so that what arrives later never takes the place of what had counted until then.
        _, first = np.unique(np.floor(made_s / self._horizon_s), return_index=True)
        times_s, made_s = times_s[first], made_s[first]
        followed_s, returns = _returns(made_s, closes_s, prices, candle_s, self._horizon_s)
        known_s = np.maximum(followed_s, times_s)
        # What is forgotten before it is known never counts.
        told = np.isfinite(known_s) & np.isfinite(returns) & (known_s <= made_s + self._window_s)
        bps = sign * returns[told] * 1e4
        entered = _sums_until(known_s[told], bps, closes_s[at], side="right")
        left = _sums_until(made_s[told] + self._window_s, bps, closes_s[at], side="left")
        total, count = entered[0] - left[0], entered[1] - left[1]
        return np.column_stack([total / np.maximum(count + self._prior_count, 1.0), count])


def _sums_until(
    times_s: FloatArray, values: FloatArray, moments_s: FloatArray, side: Literal["left", "right"]
) -> tuple[FloatArray, FloatArray]:
    """Return sum and count of the values with times up to each moment, that time included with ``"right"``."""
    order = np.argsort(times_s, kind="stable")
    places = np.searchsorted(times_s[order], moments_s, side=side)
    return np.concatenate([[0.0], np.cumsum(values[order])])[places], places.astype(np.float64)


def _returns(
    times_s: FloatArray, closes_s: FloatArray, prices: FloatArray, candle_s: float, horizon_s: float
) -> tuple[FloatArray, FloatArray]:
    """Return when each outcome is known, infinity where it is not, and the outcome as a ratio."""
    known_s, returns = np.full(len(times_s), np.inf), np.full(len(times_s), np.nan)
    begin = np.searchsorted(closes_s, times_s, side="left")
    # Before the first candle opened, the first close is not the one that came next.
    inside = (begin < len(closes_s)) & (times_s > closes_s[0] - candle_s)
    end = np.searchsorted(closes_s, closes_s[np.minimum(begin, len(closes_s) - 1)] + horizon_s, side="left")
    told = inside & (end < len(closes_s))
    known_s[told] = closes_s[end[told]]
    with np.errstate(divide="ignore", invalid="ignore"):
        returns[told] = prices[end[told]] / prices[begin[told]] - 1.0
    return known_s, returns
