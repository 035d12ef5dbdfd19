"""``/v5/market/kline`` and its relatives: candles, newest first, the one in progress as far as it has come."""

from collections.abc import Mapping

import numpy as np
import orjson

from freqai_ext.replay.ohlcv import Candles
from freqai_ext.replay.protocol import decimal, integer, limit_of
from freqai_ext.replay.tape import Tape
from freqai_ext.replay.timeframe import candle_opens

MOST_ROWS = 1000
DEFAULT_ROWS = 200


class Klines:
    """The candles of one pair and timeframe, as text.

    Parameters
    ----------
    tape
        The pair.
    candles
        All candles of the timeframe, including those that the clock has not reached yet.
    with_volume
        Whether rows carry volume and turnover; those of mark and index prices do not.

    Notes
    -----
    Rows of closed candles are rendered once and kept: a bot that asks for the last 1,000 candles every few
    minutes then costs a slice.
    """

    def __init__(self, tape: Tape, candles: Candles, *, with_volume: bool = True) -> None:
        self._tape = tape
        self._candles = candles
        self._with_volume = with_volume
        self._rendered: list[bytes | None] = [None] * len(candles)

    def rows(self, params: Mapping[str, str], now_ms: int) -> orjson.Fragment:
        """Return the rows that ``start``, ``end`` and ``limit`` select, newest first.

        As on Bybit: ``start`` alone gives the oldest candles from the one that contains it; ``end`` gives the
        newest up to it; neither gives the newest of all.
        """
        begun = int(np.searchsorted(self._candles.open_ms, now_ms, side="right"))
        first, stop = self._selected(params, begun)
        if first >= stop:
            return orjson.Fragment(b"[]")
        closed = stop
        newest = []
        if self._in_progress(stop - 1, now_ms):
            closed -= 1
            newest = [self._open_row(closed, now_ms)]
        self._render(first, closed)
        older = self._rendered[first:closed][::-1]
        return orjson.Fragment(b"[" + b",".join([*newest, *older]) + b"]")  # type: ignore[list-item]

    def _selected(self, params: Mapping[str, str], begun: int) -> tuple[int, int]:
        opens = self._candles.open_ms
        start, end = integer(params, "start"), integer(params, "end")
        limit = limit_of(params, DEFAULT_ROWS, MOST_ROWS)
        stop = begun if end is None else min(begun, int(np.searchsorted(opens, end, side="right")))
        if start is None:
            return max(stop - limit, 0), stop
        containing = candle_opens(np.array([start], np.int64), self._candles.timeframe)[0]
        first = int(np.searchsorted(opens, containing))
        if end is None:
            return first, min(stop, first + limit)
        return max(first, stop - limit), stop

    def _in_progress(self, row: int, now_ms: int) -> bool:
        opens = self._candles.open_ms
        following = opens[row + 1] if row + 1 < len(opens) else self._candles.end_ms
        return bool(now_ms < following)

    def _render(self, first: int, stop: int) -> None:
        rendered = self._rendered
        for row in range(first, stop):
            if rendered[row] is None:
                rendered[row] = self._text(
                    int(self._candles.open_ms[row]), [float(c[row]) for c in self._candles.columns()]
                )

    def _open_row(self, row: int, now_ms: int) -> bytes:
        tape, opened = self._tape, int(self._candles.open_ms[row])
        stop = tape.position(now_ms)
        ended = stop == len(tape.base)
        closed = tape.base[int(np.searchsorted(tape.base.open_ms, opened)) : stop]
        now = tape.open_candle(now_ms)
        if not len(closed):
            return self._text(opened, [now.open, now.high, now.low, now.close, now.volume])
        high = max(float(closed.high.max()), now.high)
        low = min(float(closed.low.min()), now.low)
        volume = float(closed.volume.sum()) + (0.0 if ended else now.volume)
        return self._text(opened, [float(closed.open[0]), high, low, now.close, volume])

    def _text(self, opened: int, values: list[float]) -> bytes:
        *prices, volume = values
        numbers = [str(opened), *map(decimal, prices)]
        if self._with_volume:
            numbers += [decimal(volume), decimal(round(volume * prices[-1], 4))]
        return b'["' + '","'.join(numbers).encode() + b'"]'
