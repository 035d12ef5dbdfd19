"""Moves a tape so that the wall clock stands inside it."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from freqai_ext.errors import ReplayError
from freqai_ext.replay.history import FundingRates, HistorySource, PairHistory, TradingMode, joined
from freqai_ext.replay.ohlcv import Candles
from freqai_ext.replay.timeframe import DAY_MS, WEEK_MS

End = Literal["stop", "loop"]

LOOP_AHEAD_MS = 366 * DAY_MS


class RedatedSource:
    """The same candles at other dates, so that there is history behind ``now_ms`` and data ahead of it.

    Dates move by whole weeks, so that hours and weekdays stay what they were; by whole days where the tape is too
    short for that. All pairs move together.

    Parameters
    ----------
    source
        The candles at their own dates.
    now_ms
        The time that must lie inside the tape: that of all pairs, or where the time they share is too short, of any.
    history_ms
        How much of the tape lies behind ``now_ms`` at least. By default half of it.
    end
        What follows the last candle: ``"stop"``, nothing; or ``"loop"``, the tape again, with prices scaled to
        continue from the last close, for at least a year. The seam and everything behind it repeats the past.

    Raises
    ------
    ReplayError
        When the tape is too short.
    """

    def __init__(self, source: HistorySource, now_ms: int, history_ms: int | None = None, *, end: End = "stop") -> None:
        self.trading_mode: TradingMode = source.trading_mode
        histories = [source.history(pair) for pair in source.pairs()]
        start = max(int(history.base.open_ms[0]) for history in histories)
        stop = min(history.base.end_ms for history in histories)
        behind = (stop - start) // 2 if history_ms is None else history_ms
        if end == "loop":
            period = _whole(stop - start)
            histories = [_looped(one, stop - period, stop, behind + LOOP_AHEAD_MS + period) for one in histories]
            start, stop = stop - period, min(one.base.end_ms for one in histories)
            start = -(-start // DAY_MS) * DAY_MS
        elif stop - start < behind + DAY_MS:
            # A pair was listed or delisted in between: what the others have must do.
            start = min(int(history.base.open_ms[0]) for history in histories)
            stop = max(history.base.end_ms for history in histories)
        shift = _shift(start, stop, now_ms, behind)
        self._histories = {history.pair: history.shifted(shift) for history in histories}

    def pairs(self) -> Sequence[str]:
        """Return the pairs in the order of the source."""
        return tuple(self._histories)

    def history(self, pair: str) -> PairHistory:
        """Return the history of ``pair`` at its new dates."""
        return self._histories[pair]


def _shift(start: int, stop: int, now_ms: int, behind: int) -> int:
    for unit in (WEEK_MS, DAY_MS):
        shift = (now_ms - behind - start) // unit * unit
        if now_ms - shift < stop:
            return shift
    days = (stop - start) / DAY_MS
    raise ReplayError(
        f"the candles span {days:.1f} days, too few for {behind / DAY_MS:.1f} days of history and a day ahead of now; "
        "use more candles, less history, or --end loop"
    )


def _whole(span: int) -> int:
    unit = WEEK_MS if span >= WEEK_MS else DAY_MS
    if span < DAY_MS:
        raise ReplayError("the candles span less than a day; a loop needs at least one whole day")
    return span // unit * unit


def _looped(history: PairHistory, start: int, stop: int, length: int) -> PairHistory:
    """Return the candles from ``start`` to ``stop``, again and again, until they span ``length``."""
    period = stop - start
    base = _between(history.base, start, stop)
    growth = float(base.close[-1] / base.open[0])
    turns = -(-length // period)
    tape = base
    funding = history.funding
    inside = None if funding is None else (funding.time_ms >= start) & (funding.time_ms < stop)
    times, rates = [], []
    for turn in range(turns):
        if turn:
            tape = joined(tape, _scaled(base.shifted(turn * period), growth**turn))
        if funding is not None:
            times.append(funding.time_ms[inside] + turn * period)
            rates.append(funding.rate[inside])
    looped = FundingRates(np.concatenate(times), np.concatenate(rates)) if funding is not None else None
    return PairHistory(history.pair, tape, {}, None, looped, history.tick)


def _between(candles: Candles, start: int, stop: int) -> Candles:
    first, last = np.searchsorted(candles.open_ms, [start, stop])
    return candles[int(first) : int(last)]


def _scaled(candles: Candles, factor: float) -> Candles:
    # Nine significant digits keep the relation of high, low, open and close, and print as prices do.
    opened, high, low, close = (
        np.array([float(f"{price:.9g}") for price in column * factor])
        for column in (candles.open, candles.high, candles.low, candles.close)
    )
    return Candles(candles.timeframe, candles.open_ms, opened, high, low, close, candles.volume / factor)
