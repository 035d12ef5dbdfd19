"""Guardian's features of one market row: contract, sections 5 and 14."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from freqai_ext.guardian.sandbox.hourly_signal import hourly_signal
from freqai_ext.guardian.sandbox.snapshot import Hourly, MarketRow

_COPIED: Final = ("ema_fast", "ema_slow", "momentum_pct")
_WINDOWS_H: Final = {"1h": 1, "4h": 4, "24h": 24}
_FALLBACK: Final = (
    "bias",
    "multi_tf",
    "momentum",
    "volume",
    "volatility",
    "orderbook",
    "order_flow",
    "cvd",
    "top_depth",
    "correlation",
    "liquidity",
    "spread",
    "base_probability",
    "base_logit",
    "final_logit",
    "liquidity_raw",
    "best_volume_impulse",
)
_DIRECTION_DEPENDENT: Final = (
    "directional_change_pct",
    "multiframe_change_pct",
    "depth_imbalance",
    "order_flow_ratio",
    "top_depth_imbalance",
)
_ZERO: Final = (
    "volume_impulse",
    "correlation_strength",
    "holding_period_minutes",
    "volatility_ratio",
    "volume_trend",
    "sentiment_score",
    "news_heat",
    "macro_regime_score",
    "deepseek_score",
    "deepseek_stop_loss",
    "deepseek_take_profit",
)


@dataclass(frozen=True)
class Observed:
    """What Guardian knows of a row before it has an opinion.

    Attributes
    ----------
    row
        The row.
    spread_bps
        ``None`` where Guardian did not look up the best bid and ask.
    depth_imbalance
        Of the sizes at the best bid and ask, in [-1, 1].
    moved
        Whether the price moved enough in 24 hours for a trend and an hourly signal.
    hourly
        ``None`` where there is no hourly signal.
    enriched
        Fields that Bybit does not send; empty on genuine tickers.
    """

    row: MarketRow
    spread_bps: float | None
    depth_imbalance: float
    moved: bool
    hourly: Mapping[str, Any] | None
    enriched: Mapping[str, Any]


def observe(row: MarketRow, least_change_pct: float, *, repaired: bool, enriched: bool) -> Observed:
    """Return what Guardian knows of ``row``; ``repaired`` where it looked up the order book."""
    moved = row.change_pct is not None and abs(row.change_pct) >= least_change_pct
    return Observed(
        row=row,
        spread_bps=(row.ask - row.bid) / row.last * 1e4 if repaired else None,
        depth_imbalance=(row.bid_size - row.ask_size) / (row.bid_size + row.ask_size),
        moved=moved,
        hourly=hourly_signal(row.hourly) if moved else None,
        enriched=_enriched(row.hourly) if enriched else {},
    )


def flat_features(seen: Observed) -> dict[str, Any]:
    """Return the features that do not depend on the trend; what is not known has no key."""
    row = seen.row
    features: dict[str, Any] = {
        "turnover_usd": row.turnover,
        "volume": row.volume,
        "volatility_pct": _volatility_pct(row),
        "spread_bps": seen.spread_bps,
        "change_pct": row.change_pct,
        "depth_imbalance": seen.depth_imbalance,
        "top_depth_quote.bid": row.bid * row.bid_size,
        "top_depth_quote.ask": row.ask * row.ask_size,
        "top_depth_quote.total": row.bid * row.bid_size + row.ask * row.ask_size,
        "order_flow_ratio": seen.enriched.get("order_flow_ratio"),
        "volume_impulse": seen.enriched.get("volume_impulse"),
        "volatility_windows": {"24h": _volatility_pct(row)} | seen.enriched.get("volatility_windows", {}),
        "overbought_indicators": _overbought(row),
        "correlations": seen.enriched.get("correlations", {}),
    }
    if seen.hourly is not None:
        features |= {"hourly_signal": dict(seen.hourly), "rsi_hourly": seen.hourly["rsi"]}
        features |= {name: seen.hourly[name] for name in _COPIED}
    return {name: value for name, value in features.items() if value is not None}


def model_features(seen: Observed, trend: str, snapshot_s: float) -> dict[str, float]:
    """Return the inputs of Guardian's model, ``model.`` and all; what is not known is 0, and a sell turns signs."""
    row = seen.row
    hour = 2.0 * math.pi * (snapshot_s % 86_400.0) / 86_400.0
    named = dict.fromkeys(_ZERO, 0.0) | {
        "directional_change_pct": row.change_pct or 0.0,
        # Of the frames that Guardian blends a genuine ticker has one, the 24 hours.
        "multiframe_change_pct": row.change_pct or 0.0,
        "turnover_log": math.log10(1.0 + row.turnover),
        "volatility_pct": _volatility_pct(row),
        "volume_impulse": seen.enriched.get("volume_impulse", {}).get("1h", 0.0),
        "depth_imbalance": seen.depth_imbalance,
        "spread_bps": seen.spread_bps or 0.0,
        "session_hour_sin": math.sin(hour),
        "session_hour_cos": math.cos(hour),
        "order_flow_ratio": seen.enriched.get("order_flow_ratio", 0.0),
        "top_depth_imbalance": seen.depth_imbalance,
    }
    if trend == "sell":
        named |= {name: -named[name] for name in _DIRECTION_DEPENDENT}
    return {f"model.{name}": float(value) for name, value in named.items()}


def own_probability(model: Mapping[str, float]) -> float:
    """Return the probability of Guardian's own model, which is mostly close to 1."""
    change = min(max(model["model.directional_change_pct"], -6.0), 6.0)
    return 1.0 / (1.0 + math.exp(-(1.4 + 0.8 * change + 0.3 * model["model.depth_imbalance"])))


def fallback_features(probability: float, model: Mapping[str, float]) -> dict[str, float]:
    """Return what Guardian shows as long as it has no trained model."""
    logit = math.log(probability / (1.0 - probability))
    known = {
        "momentum": math.tanh(model["model.directional_change_pct"] / 4.0),
        "orderbook": model["model.depth_imbalance"],
        "base_probability": probability,
        "base_logit": logit,
        "final_logit": logit,
    }
    return {f"fallback.{name}": float(known.get(name, 0.0)) for name in _FALLBACK}


def _volatility_pct(row: MarketRow) -> float:
    return (row.high - row.low) / row.last * 100.0


def _overbought(row: MarketRow) -> dict[str, float | None]:
    # Ratios, though change_pct is a percentage; the RSI is a curve through 50 that 2.8 % bring to 52.8.
    move = (row.change_pct or 0.0) / 100.0
    return {
        "rsi": 50.0 + 50.0 * math.tanh(2.0 * move) if move else None,
        "stochastic_pct": (row.last - row.low) / (row.high - row.low) * 100.0 if row.high > row.low else None,
        "distance_from_high_pct": (row.high - row.last) / row.high * 100.0 if row.high else None,
        "avg_gain": move if move > 0 else None,
        "avg_loss": -move if move < 0 else None,
    }


def _enriched(hourly: Hourly) -> dict[str, Any]:
    impulses, ranges = {}, {}
    for name, hours in _WINDOWS_H.items():
        if len(hourly) < 2 * hours:
            continue
        volume, before = hourly.volume[-hours:].sum(), hourly.volume[-2 * hours : -hours].sum()
        if volume > 0 and before > 0:
            impulses[name] = math.log(volume / before)
        ranges[name] = _range_pct(hourly, hours)
    if len(hourly) >= 168:
        ranges["7d"] = _range_pct(hourly, 168)
    moves = np.diff(np.log(hourly.close[-25:])) if len(hourly) > 1 else np.zeros(1)
    return {
        "volume_impulse": impulses,
        "volatility_windows": {name: value for name, value in ranges.items() if name != "24h"},
        "order_flow_ratio": math.tanh(50.0 * float(moves[-1])),
        "correlations": {"self_lag_1h": _correlation(moves)},
    }


def _range_pct(hourly: Hourly, hours: int) -> float:
    return float((hourly.high[-hours:].max() - hourly.low[-hours:].min()) / hourly.close[-1] * 100.0)


def _correlation(moves: "np.ndarray[Any, np.dtype[np.float64]]") -> float | None:
    first, second = moves[:-1], moves[1:]
    if len(first) < 3 or not first.std() or not second.std():
        return None
    return float(np.corrcoef(first, second)[0, 1])
