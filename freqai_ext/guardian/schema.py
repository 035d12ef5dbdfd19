"""What is kept of Guardian's features, and what the model is given of it: contract, section 5.

Not kept, because our own last push is in it: ``score``, ``ev_bps``, ``probability``, ``freqai.*``. Not kept either:

- ``fallback.*``: it disappears as soon as Guardian has a model of its own;
- ``gross_ev_bps``: ``change_pct`` again, its sign turned by the trend;
- ``correlations.*``: free names, no stable column;
- the flat ``rsi_hourly``, ``ema_fast``, ``ema_slow``, ``momentum_pct``: copies from ``hourly_signal``;
- ``model.holding_period_minutes``: always 0;
- ``model.session_hour_*``: the time of day of the snapshot, which the calendar features have exactly;
- texts, except ``hourly_signal.ema_cross``.

Kept but not given to the model (no ``transform``): second copies of a number, and prices and volumes, which serve as
the base of a ratio.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from freqai_ext.guardian._transforms import (
    Transform,
    as_given,
    centred,
    distance_to,
    log,
    log_ratio_to,
    log_return,
    recency,
    signed_log1p,
)

SCHEMA_VERSION: Final = 1
"""Goes up with every change of :data:`SCHEMA`. Columns are added and given up, never given another meaning."""

TREND_PATH: Final = "trend"
"""The one column that stands beside the features in the answer, not in them."""

Kind = Literal["number", "flag", "word"]


@dataclass(frozen=True)
class FeatureColumn:
    """One number that is kept of a pair.

    Attributes
    ----------
    name
        Of the SQL column, and with ``guardian-`` before it of the model's.
    path
        Where it stands in ``features``, members joined by dots. Guardian has dots in its own names, too.
    unit
        Of what is recorded.
    kind
        A ``"flag"`` is recorded as 0 or 1, a ``"word"`` by ``words``.
    direction_dependent
        Guardian turns its sign while the trend is ``"sell"``; it is recorded turned back.
    transform
        Makes the model's column of it, without a scale and with 0 for "nothing special"; ``None`` for no column.
    against_own_past
        The model is given the difference to the median of its last seven days, which the transform made.
    words
        The numbers of the texts; ``None`` stands for JSON's null.
    """

    name: str
    path: str
    unit: str
    transform: Transform | None = None
    kind: Kind = "number"
    direction_dependent: bool = False
    against_own_past: bool = False
    words: Mapping[str | None, float] = field(default_factory=dict, hash=False)


_TRENDS: Final[Mapping[str | None, float]] = {"buy": 1.0, "sell": -1.0, "wait": 0.0}
_CROSSES: Final[Mapping[str | None, float]] = {"bullish": 1.0, "bearish": -1.0, None: 0.0}
_PERCENTILE: Final = centred(50.0, 50.0)
_YES_NO: Final = centred(0.5, 0.5)
_FROM_LAST_CLOSE: Final = distance_to("hourly_last_close")


def _ticker() -> tuple[FeatureColumn, ...]:
    return (
        FeatureColumn("trend", TREND_PATH, "sign", as_given, kind="word", words=_TRENDS),
        FeatureColumn("turnover_usd", "turnover_usd", "USD in 24 h", log, against_own_past=True),
        FeatureColumn("volume", "volume", "base coins in 24 h"),
        FeatureColumn("volatility_pct", "volatility_pct", "% of price", log, against_own_past=True),
        FeatureColumn("spread_bps", "spread_bps", "basis points", signed_log1p),
        FeatureColumn("change_pct", "change_pct", "% in 24 h", log_return),
        FeatureColumn("order_flow_ratio", "order_flow_ratio", "-1 to 1", as_given),
        FeatureColumn("depth_imbalance", "depth_imbalance", "-1 to 1", as_given),
        FeatureColumn("top_depth_bid_usd", "top_depth_quote.bid", "USD"),
        FeatureColumn("top_depth_ask_usd", "top_depth_quote.ask", "USD"),
        FeatureColumn("top_depth_total_usd", "top_depth_quote.total", "USD", log, against_own_past=True),
    )


def _windows() -> tuple[FeatureColumn, ...]:
    impulses = (
        FeatureColumn(f"volume_impulse_{span}", f"volume_impulse.{span}", "log ratio", as_given)
        for span in ("1h", "4h", "24h")
    )
    ranges = (
        # Of 24 hours there is volatility_pct.
        FeatureColumn(
            f"volatility_{span}_pct",
            f"volatility_windows.{span}",
            "% of price",
            None if span == "24h" else log,
            against_own_past=span != "24h",
        )
        for span in ("1h", "4h", "24h", "7d")
    )
    return (*impulses, *ranges)


def _hourly() -> tuple[FeatureColumn, ...]:
    def column(member: str, unit: str, transform: Transform | None, kind: Kind = "number") -> FeatureColumn:
        path, words = f"hourly_signal.{member}", _CROSSES if kind == "word" else {}
        return FeatureColumn(f"hourly_{member}", path, unit, transform, kind, words=words)

    return (
        column("last_close", "price", None),
        column("ema_fast", "price", _FROM_LAST_CLOSE),
        column("ema_slow", "price", _FROM_LAST_CLOSE),
        column("recent_high", "price", _FROM_LAST_CLOSE),
        column("recent_low", "price", _FROM_LAST_CLOSE),
        column("ema_cross", "sign", as_given, "word"),
        column("ema_cross_bars_ago", "hours", recency),
        column("ema_fast_above", "0 or 1", _YES_NO, "flag"),
        column("rsi", "0 to 100", _PERCENTILE),
        column("momentum_pct", "% in 1 h", log_return),
        column("breakout", "0 or 1", as_given, "flag"),
        column("breakdown", "0 or 1", as_given, "flag"),
    )


def _overbought() -> tuple[FeatureColumn, ...]:
    def column(member: str, unit: str, transform: Transform) -> FeatureColumn:
        return FeatureColumn(f"overbought_{member}", f"overbought_indicators.{member}", unit, transform)

    return (
        column("rsi", "0 to 100", _PERCENTILE),
        column("stochastic_pct", "0 to 100", _PERCENTILE),
        column("distance_from_high_pct", "%", signed_log1p),
        column("avg_gain", "ratio", signed_log1p),
        column("avg_loss", "ratio", signed_log1p),
    )


def _model_inputs() -> tuple[FeatureColumn, ...]:
    def column(member: str, unit: str, transform: Transform | None, turned: bool = False) -> FeatureColumn:
        name = f"model_{member}"
        return FeatureColumn(name, f"model.{member}", unit, transform, direction_dependent=turned)

    return (
        # Without a transform: the flat features say the same, and are missing where they are not known.
        column("directional_change_pct", "% in 24 h", None, turned=True),
        column("multiframe_change_pct", "%", log_return, turned=True),
        column("turnover_log", "log USD", None),
        column("volatility_pct", "% of price", None),
        column("volume_impulse", "log ratio", as_given),
        column("depth_imbalance", "-1 to 1", None, turned=True),
        column("spread_bps", "basis points", None),
        column("correlation_strength", "0 to 1", as_given),
        column("volatility_ratio", "ratio", log),
        column("volume_trend", "not stated", signed_log1p),
        column("order_flow_ratio", "-1 to 1", None, turned=True),
        column("top_depth_imbalance", "-1 to 1", as_given, turned=True),
        column("sentiment_score", "not stated", signed_log1p),
        column("news_heat", "not stated", signed_log1p),
        column("macro_regime_score", "not stated", signed_log1p),
        column("deepseek_score", "not stated", signed_log1p),
        # Percent or price is not stated: only their ratio has no scale either way.
        column("deepseek_stop_loss", "not stated", None),
        column("deepseek_take_profit", "not stated", log_ratio_to("model_deepseek_stop_loss")),
    )


SCHEMA: Final[tuple[FeatureColumn, ...]] = (*_ticker(), *_windows(), *_hourly(), *_overbought(), *_model_inputs())
"""All columns that are recorded, in the order of :attr:`~freqai_ext.guardian.flatten.FeatureRow.values`."""

MODEL_COLUMNS: Final[tuple[FeatureColumn, ...]] = tuple(column for column in SCHEMA if column.transform is not None)
"""Those that the model is given."""
