"""``/v5/market/funding/history``: what longs paid shorts."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from freqai_ext.replay.history import DEFAULT_FUNDING_RATE, FUNDING_INTERVAL_MS, FundingRates
from freqai_ext.replay.instruments import Instrument
from freqai_ext.replay.ohlcv import Candles
from freqai_ext.replay.protocol import decimal, integer, limit_of
from freqai_ext.replay.tape import Tape

MOST_ROWS = 200


def funding_history(instrument: Instrument, params: Mapping[str, str], now_ms: int) -> list[dict[str, object]]:
    """Return the payments between ``startTime`` and ``endTime`` that are past, newest first."""
    rates = _past_rates(instrument.tape, now_ms)
    start, end = integer(params, "startTime"), integer(params, "endTime")
    stop = len(rates.time_ms) if end is None else int(np.searchsorted(rates.time_ms, end, side="right"))
    first = 0 if start is None else int(np.searchsorted(rates.time_ms, start))
    first = max(first, stop - limit_of(params, MOST_ROWS, MOST_ROWS))
    return [
        {
            "symbol": instrument.symbol,
            "fundingRate": decimal(float(rates.rate[row])),
            "fundingRateTimestamp": str(int(rates.time_ms[row])),
        }
        for row in range(stop - 1, first - 1, -1)
    ]


def default_funding(candles: Candles) -> FundingRates:
    """Return the default rate every eight hours over the span of ``candles``."""
    first = -(-int(candles.open_ms[0]) // FUNDING_INTERVAL_MS) * FUNDING_INTERVAL_MS
    times: NDArray[np.int64] = np.arange(first, candles.end_ms + 1, FUNDING_INTERVAL_MS, dtype=np.int64)
    return FundingRates(times, np.full(len(times), DEFAULT_FUNDING_RATE))


def current_rate(tape: Tape, now_ms: int) -> float:
    """Return the last funding rate paid, the default one before the first."""
    rates = _past_rates(tape, now_ms)
    return float(rates.rate[-1]) if len(rates.rate) else DEFAULT_FUNDING_RATE


def next_funding_ms(now_ms: int) -> int:
    """Return when the next payment is due."""
    return (now_ms // FUNDING_INTERVAL_MS + 1) * FUNDING_INTERVAL_MS


def _past_rates(tape: Tape, now_ms: int) -> FundingRates:
    stored = tape.history.funding
    if stored is None:
        stored = default_funding(tape.base)
    past = int(np.searchsorted(stored.time_ms, now_ms, side="right"))
    return FundingRates(stored.time_ms[:past], stored.rate[:past])
