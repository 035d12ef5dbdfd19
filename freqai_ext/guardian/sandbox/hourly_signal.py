"""What Guardian reads from hourly candles: contract, sections 5 and 14."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freqai_ext.guardian.sandbox.snapshot import Hourly

FEWEST_CANDLES: Final = 55

_FAST, _SLOW = 21, 50
_RSI_WEIGHT: Final = 1.0 / 14.0
_CANDLES: Final = 190
_RECENT_H: Final = 180
_CROSS_BARS: Final = 6
_NEAR: Final = 1e-3


def hourly_signal(hourly: Hourly) -> dict[str, Any] | None:
    """Return the object ``hourly_signal``; ``None`` with fewer than 55 candles."""
    if len(hourly) < FEWEST_CANDLES:
        return None
    close = hourly.close[-_CANDLES:]
    fast, slow = _average(close, 2.0 / (_FAST + 1.0)), _average(close, 2.0 / (_SLOW + 1.0))
    # The newest candle is among those that it is compared with: a new high is one that nearly reaches its own.
    recent = hourly.hour[-_CANDLES:] >= hourly.hour[-1] - _RECENT_H
    high, low = float(hourly.high[-_CANDLES:][recent].max()), float(hourly.low[-_CANDLES:][recent].min())
    last, before = float(close[-1]), float(close[-2])
    cross, bars_ago = _cross(fast - slow)
    return {
        "ema_fast": float(fast[-1]),
        "ema_slow": float(slow[-1]),
        "ema_cross": cross,
        "ema_cross_bars_ago": bars_ago,
        "ema_fast_above": bool(fast[-1] > slow[-1]),
        "rsi": _rsi(close),
        "momentum_pct": (last / before - 1.0) * 100.0 if before else None,
        "breakout": last >= high * (1.0 - _NEAR),
        "breakdown": last <= low * (1.0 + _NEAR),
        "last_close": last,
        "recent_high": high,
        "recent_low": low,
    }


def _average(values: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """Return the exponential average at each value; it begins with the first."""
    result = np.empty_like(values)
    average = float(values[0])
    for index, value in enumerate(values.tolist()):
        average += weight * (value - average)
        result[index] = average
    return result


def _cross(distance: NDArray[np.float64]) -> tuple[str | None, int | None]:
    """Return the newest cross of the last six candles, and how many candles ago it was."""
    for bars_ago in range(min(len(distance) - 1, _CROSS_BARS)):
        before, after = distance[-bars_ago - 2], distance[-bars_ago - 1]
        if after > 0 >= before:
            return "bullish", bars_ago
        if after < 0 <= before:
            return "bearish", bars_ago
    return None, None


def _rsi(close: NDArray[np.float64]) -> float:
    """Return the RSI of all candles, with Wilder's average; 50 where no candle fell, as Guardian has it."""
    moves = np.diff(close, prepend=close[0])
    gain = float(_average(np.maximum(moves, 0.0), _RSI_WEIGHT)[-1])
    loss = float(_average(np.maximum(-moves, 0.0), _RSI_WEIGHT)[-1])
    return 100.0 * gain / (gain + loss) if loss else 50.0
