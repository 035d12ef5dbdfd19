"""Features: what the market looks like. Candles in, columns out.

Every feature at a candle is computed from that candle and earlier ones, so it is known when the candle closes.
Features are scale-free: multiplying all prices or all volumes by a constant changes none of them. They are finite
after a declared warm-up, also in still markets and without volume, and from there on do not depend on how much earlier
history is loaded.
"""

from freqai_ext.features.candles import Candles
from freqai_ext.features.family import Columns, FamilyKind, FeatureFamily
from freqai_ext.features.frames import (
    DEFAULT_CROSS_ASSET_WINDOWS,
    DEFAULT_LOOKBACKS,
    calendar_features,
    cross_asset_features,
    lookback_features,
    period_features,
    warm_up_candles,
)
from freqai_ext.features.lookahead import assert_no_lookahead
from freqai_ext.features.registry import FAMILIES
from freqai_ext.features.settings import FeatureSettings
from freqai_ext.features.volatility import close_to_close, garman_klass, parkinson, rogers_satchell, yang_zhang

__all__ = [
    "DEFAULT_CROSS_ASSET_WINDOWS",
    "DEFAULT_LOOKBACKS",
    "FAMILIES",
    "Candles",
    "Columns",
    "FamilyKind",
    "FeatureFamily",
    "FeatureSettings",
    "assert_no_lookahead",
    "calendar_features",
    "close_to_close",
    "cross_asset_features",
    "garman_klass",
    "lookback_features",
    "parkinson",
    "period_features",
    "rogers_satchell",
    "warm_up_candles",
    "yang_zhang",
]
