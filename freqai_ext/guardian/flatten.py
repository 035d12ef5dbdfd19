"""One pair of Guardian's answer as a row of numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from freqai_ext._services.strict_json import number_or_none
from freqai_ext.guardian.answers import PairFeatures
from freqai_ext.guardian.schema import SCHEMA, TREND_PATH, FeatureColumn

_ABSENT: Final = object()


@dataclass(frozen=True)
class FeatureRow:
    """What one answer says of one pair.

    Attributes
    ----------
    symbol
        Canonical, such as ``"BTCUSDT"``.
    values
        In the order of :data:`~freqai_ext.guardian.schema.SCHEMA`; NaN is not given. Everything else is finite.
    """

    symbol: str
    values: tuple[float, ...]


def flatten(pair: PairFeatures) -> FeatureRow:
    """Return the numbers of ``pair``; whatever is missing, not finite or of another type is NaN. It never raises.

    The direction-dependent ones are as without a trend: contract, section 5. Where the trend is not known neither are
    they.
    """
    direction = {"sell": -1.0, "buy": 1.0, "wait": 1.0}.get(pair.trend or "", math.nan)
    return FeatureRow(pair.symbol, tuple(_value(pair, column, direction) for column in SCHEMA))


def _value(pair: PairFeatures, column: FeatureColumn, direction: float) -> float:
    raw = pair.trend or _ABSENT if column.path == TREND_PATH else _find(pair.features, column.path)
    value = _number(raw, column)
    # Adding 0 takes the sign from a zero that was turned.
    return value * direction + 0.0 if column.direction_dependent else value


def _find(features: Mapping[str, object], path: str) -> object:
    if path in features:
        return features[path]
    outer, dot, inner = path.partition(".")
    members = features.get(outer)
    return _find(members, inner) if dot and isinstance(members, Mapping) else _ABSENT


def _number(raw: object, column: FeatureColumn) -> float:
    if column.kind == "word":
        return column.words.get(raw, math.nan) if raw is None or isinstance(raw, str) else math.nan
    if column.kind == "flag":
        return float(raw) if isinstance(raw, bool) else math.nan
    number = number_or_none(raw)
    return math.nan if number is None else number
