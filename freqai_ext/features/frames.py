"""Feature frames from candle frames, one function for each of FreqAI's hooks."""

from collections.abc import Iterable, Sequence

import pandas as pd

from freqai_ext._settings import suggest
from freqai_ext.errors import SettingsError
from freqai_ext.features.candles import Candles
from freqai_ext.features.cross_asset import reference_close
from freqai_ext.features.family import FamilyKind, FeatureFamily
from freqai_ext.features.registry import FAMILIES

DEFAULT_LOOKBACKS = (6, 12, 24, 48, 96)
DEFAULT_CROSS_ASSET_WINDOWS = (24, 96)
SHORTEST_WINDOW = 2


def period_features(candles: pd.DataFrame, period: int, families: Iterable[str] | None = None) -> pd.DataFrame:
    """Features of one period, for ``feature_engineering_expand_all``.

    Parameters
    ----------
    candles
        Columns ``date``, ``open``, ``high``, ``low``, ``close``, ``volume``; oldest first. Not changed.
    period
        Length of the indicators in candles, at least 2.
    families
        Names of the families to compute, or ``None`` for all. Those of another kind are passed over.

    Returns
    -------
    DataFrame
        float64, the index of ``candles``, column names without FreqAI's prefix and without the period. The value at a
        candle is known when it closes. NaN only in the first :func:`warm_up_candles` rows and where a candle itself is
        NaN.

    Raises
    ------
    SettingsError
        If a family is unknown or the period too short.
    MarketDataError
        If a column is missing.
    """
    return _frame(Candles(candles), candles.index, "period", (_checked(period, "period"),), families)


def lookback_features(
    candles: pd.DataFrame, lookbacks: Sequence[int] = DEFAULT_LOOKBACKS, families: Iterable[str] | None = None
) -> pd.DataFrame:
    """Features of fixed lookback windows, for ``feature_engineering_expand_basic``.

    As :func:`period_features`; the names of columns that depend on a window end in it, e.g. ``momentum_24``.
    """
    windows = tuple(_checked(window, "lookbacks") for window in lookbacks)
    return _frame(Candles(candles), candles.index, "lookback", windows, families)


def calendar_features(candles: pd.DataFrame) -> pd.DataFrame:
    """Time of day and of week of the candles' open, for ``feature_engineering_standard``. No warm-up."""
    return _frame(Candles(candles), candles.index, "standard", (), ("calendar",))


def cross_asset_features(
    candles: pd.DataFrame, reference: pd.DataFrame, windows: Sequence[int] = DEFAULT_CROSS_ASSET_WINDOWS
) -> pd.DataFrame:
    """The pair beside a reference pair, for ``feature_engineering_standard``.

    Parameters
    ----------
    candles
        As for :func:`period_features`.
    reference
        Candles of the reference pair, of the same timeframe; joined backward as-of on ``date``.
    windows
        Windows in candles; column names end in them.

    Raises
    ------
    MarketDataError
        If a column is missing or the timeframes differ.
    """
    checked = tuple(_checked(window, "cross_asset_windows") for window in windows)
    view = Candles(candles, reference_close(candles, reference))
    return _frame(view, candles.index, "standard", checked, ("cross_asset",))


def warm_up_candles(
    periods: Iterable[int],
    lookbacks: Iterable[int] = DEFAULT_LOOKBACKS,
    families: Iterable[str] | None = None,
    cross_asset_windows: Iterable[int] = DEFAULT_CROSS_ASSET_WINDOWS,
) -> int:
    """Number of leading candles at which some feature is not yet valid.

    From then on the features are the same to the last bit however much earlier history is loaded.
    """
    windows: dict[FamilyKind, tuple[int, ...]] = {
        "period": tuple(periods),
        "lookback": tuple(lookbacks),
        "standard": tuple(cross_asset_windows),
    }
    return max(
        (
            family.warm_up_candles(window)
            for family in chosen_families(families)
            for window in (windows[family.kind] if family.windowed else (0,))
        ),
        default=0,
    )


def chosen_families(names: Iterable[str] | None) -> tuple[FeatureFamily, ...]:
    """Return the named families, or all for ``None``, in the registry's order.

    Raises
    ------
    SettingsError
        If a name is unknown.
    """
    if names is None:
        return tuple(FAMILIES.values())
    wanted = set(names)
    for name in sorted(wanted - set(FAMILIES)):
        raise SettingsError(f"families: '{name}' is not a feature family; {suggest(name, FAMILIES)}")
    return tuple(family for family in FAMILIES.values() if family.name in wanted)


def _frame(
    view: Candles, index: pd.Index, kind: FamilyKind, windows: tuple[int, ...], families: Iterable[str] | None
) -> pd.DataFrame:
    columns = {}
    for family in chosen_families(families):
        if family.kind == kind:
            columns.update(family.columns(view, windows))
    return pd.DataFrame(columns, index=index)


def _checked(window: int, name: str) -> int:
    if window < SHORTEST_WINDOW:
        raise SettingsError(f"{name}: {window} is not valid; it must be at least {SHORTEST_WINDOW} candles")
    return window
