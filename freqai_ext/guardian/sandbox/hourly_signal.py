"""What Guardian reads from hourly candles: contract, section 5."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freqai_ext.guardian.sandbox.snapshot import Hourly

FEWEST_CANDLES: Final = 55

_FAST, _SLOW, _RSI = 21, 50, 14
_RECENT: Final = 20


def hourly_signal(hourly: Hourly) -> dict[str, Any] | None:
    """Return the object ``hourly_signal``; ``None`` with fewer than 55 candles."""
    if len(hourly) < FEWEST_CANDLES:
        return None
    fast, slow = _ema(hourly.close, _FAST), _ema(hourly.close, _SLOW)
    last, before = float(hourly.close[-1]), float(hourly.close[-2])
    high, low = float(hourly.high[-_RECENT - 1 : -1].max()), float(hourly.low[-_RECENT - 1 : -1].min())
    cross, bars_ago = _cross(fast > slow)
    return {
        "ema_fast": float(fast[-1]),
        "ema_slow": float(slow[-1]),
        "ema_cross": cross,
        "ema_cross_bars_ago": bars_ago,
        "ema_fast_above": bool(fast[-1] > slow[-1]),
        "rsi": _rsi(hourly.close),
        "momentum_pct": (last / before - 1.0) * 100.0 if before else None,
        "breakout": last > high,
        "breakdown": last < low,
        "last_close": last,
        "recent_high": high,
        "recent_low": low,
    }


def _ema(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    weight = 2.0 / (period + 1.0)
    result = np.empty_like(values)
    average = float(values[0])
    for index, value in enumerate(values.tolist()):
        average += weight * (value - average)
        result[index] = average
    return result


def _cross(above: NDArray[np.bool_]) -> tuple[str | None, int | None]:
    changes = np.flatnonzero(above[1:] != above[:-1])
    if not len(changes):
        return None, None
    return ("bullish" if above[-1] else "bearish"), int(len(above) - 2 - changes[-1])


def _rsi(closes: NDArray[np.float64]) -> float:
    moves = np.diff(closes[-_RSI - 1 :])
    gain, loss = float(moves[moves > 0].sum()), float(-moves[moves < 0].sum())
    return 100.0 * gain / (gain + loss) if gain + loss else 50.0
