"""What a feature family is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from freqai_ext.features._windows import Array
from freqai_ext.features.candles import Candles

Columns: TypeAlias = Mapping[str, Array]
FamilyKind: TypeAlias = Literal["period", "lookback", "standard"]


@dataclass(frozen=True)
class FeatureFamily:
    """Features that are computed together.

    Attributes
    ----------
    name
        Name in settings and in ``FAMILIES``.
    kind
        The FreqAI hook it belongs to: ``"period"`` to ``feature_engineering_expand_all``, ``"lookback"`` to
        ``feature_engineering_expand_basic``, ``"standard"`` to ``feature_engineering_standard``.
    compute
        ``compute(candles, window)``, or ``compute(candles)`` if not ``windowed``; ``candles`` is a
        :class:`~freqai_ext.features.Candles`. Returns new arrays by column name, one value per candle, the value at a
        candle being known when that candle closes.
    warm_up_candles
        Number of leading candles at which some column is NaN, from the window. From then on, all columns are finite and
        the same to the last bit however much earlier history is loaded.
    windowed
        Whether it is computed once per window. The columns of a windowed family that is not of the kind ``"period"``
        get the window as suffix, e.g. ``momentum_24``.
    """

    name: str
    kind: FamilyKind
    compute: Callable[..., Columns]
    warm_up_candles: Callable[[int], int]
    windowed: bool = True

    def columns(self, candles: Candles, windows: tuple[int, ...]) -> dict[str, Array]:
        """Return the columns for all ``windows``, suffixed as described; a period family takes exactly one."""
        if not self.windowed:
            return dict(self.compute(candles))
        if self.kind == "period":
            (period,) = windows
            return dict(self.compute(candles, period))
        return {
            f"{name}_{window}": values for window in windows for name, values in self.compute(candles, window).items()
        }
