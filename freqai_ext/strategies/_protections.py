"""Pauses in trading, as Freqtrade's protections."""

from typing import Any

from freqtrade.exchange import timeframe_to_minutes


def pauses(timeframe: str, *, cooldown_candles: int, stoploss_pause_hours: int) -> list[dict[str, Any]]:
    """Return pauses after a trade, after three stop losses in a day, and after a drawdown of 15 % in two days."""
    hour = 60 // timeframe_to_minutes(timeframe) or 1
    return [
        {"method": "CooldownPeriod", "stop_duration_candles": cooldown_candles},
        {
            "method": "StoplossGuard",
            "lookback_period_candles": 24 * hour,
            "trade_limit": 3,
            "stop_duration_candles": stoploss_pause_hours * hour,
            "only_per_pair": False,
        },
        {
            "method": "MaxDrawdown",
            "lookback_period_candles": 48 * hour,
            "trade_limit": 20,
            "stop_duration_candles": 12 * hour,
            "max_allowed_drawdown": 0.15,
        },
    ]
