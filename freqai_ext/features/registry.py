"""All feature families by name."""

from collections.abc import Mapping
from types import MappingProxyType

from freqai_ext.features import momentum, returns, trend, volatility, volume
from freqai_ext.features.calendar import calendar
from freqai_ext.features.candle_shape import candle_shape, candle_shape_warm_up_candles
from freqai_ext.features.cross_asset import cross_asset
from freqai_ext.features.family import FeatureFamily


def _the_window(window: int) -> int:
    return window


def _one_less(window: int) -> int:
    return window - 1


def _one_more(window: int) -> int:
    return window + 1


def _none(_window: int) -> int:
    return 0


_ALL = (
    FeatureFamily("return_shape", "period", returns.return_shape, _one_more),
    FeatureFamily("rsi", "period", momentum.rsi, momentum.rsi_warm_up_candles),
    FeatureFamily("williams_r", "period", momentum.williams_r, _one_less),
    FeatureFamily("stochastic", "period", momentum.stochastic, momentum.stochastic_warm_up_candles),
    FeatureFamily("cci", "period", momentum.cci, _one_less),
    FeatureFamily(
        "directional_movement", "period", trend.directional_movement, trend.directional_movement_warm_up_candles
    ),
    FeatureFamily("ema_distance", "period", trend.ema_distance, trend.ema_distance_warm_up_candles),
    FeatureFamily("straightness", "period", trend.straightness, _the_window),
    FeatureFamily("bollinger", "period", volatility.bollinger, _one_less),
    FeatureFamily(
        "average_true_range", "period", volatility.average_true_range, volatility.average_true_range_warm_up_candles
    ),
    FeatureFamily("range_volatility", "period", volatility.range_volatility, _the_window),
    FeatureFamily("money_flow", "period", volume.money_flow, _the_window),
    FeatureFamily("volume_shape", "period", volume.volume_shape, _one_less),
    FeatureFamily("momentum", "lookback", returns.momentum, _the_window),
    FeatureFamily("drawdown", "lookback", returns.drawdown, _one_less),
    FeatureFamily("volatility", "lookback", volatility.volatility, _the_window),
    FeatureFamily("volume_change", "lookback", volume.volume_change, volume.volume_change_warm_up_candles),
    FeatureFamily("macd", "lookback", trend.macd, trend.macd_warm_up_candles, windowed=False),
    FeatureFamily("candle_shape", "lookback", candle_shape, candle_shape_warm_up_candles, windowed=False),
    FeatureFamily("calendar", "standard", calendar, _none, windowed=False),
    FeatureFamily("cross_asset", "standard", cross_asset, _the_window),
)

FAMILIES: Mapping[str, FeatureFamily] = MappingProxyType({family.name: family for family in _ALL})
"""Every feature family, in the order of the columns."""
