"""Settings of the features."""

from typing import Annotated

from pydantic import Field, field_validator

from freqai_ext._settings import Settings, suggest
from freqai_ext.features.frames import DEFAULT_CROSS_ASSET_WINDOWS, DEFAULT_LOOKBACKS, SHORTEST_WINDOW
from freqai_ext.features.registry import FAMILIES

Window = Annotated[int, Field(ge=SHORTEST_WINDOW)]


class FeatureSettings(Settings):
    """Which features are computed.

    Attributes
    ----------
    families
        Names of feature families, or ``None`` for all of them.
    lookbacks
        Windows of the lookback features in candles.
    cross_asset_windows
        Windows of the cross-asset features in candles.
    reference_pair
        The pair that others are compared with, e.g. ``"BTC/USDT"``; ``None`` leaves the cross-asset features out.
    """

    families: tuple[str, ...] | None = None
    lookbacks: tuple[Window, ...] = DEFAULT_LOOKBACKS
    cross_asset_windows: tuple[Window, ...] = DEFAULT_CROSS_ASSET_WINDOWS
    reference_pair: str | None = None

    @field_validator("families")
    @classmethod
    def _families_exist(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in names or ():
            if name not in FAMILIES:
                raise ValueError(f"'{name}' is not a feature family; {suggest(name, FAMILIES)}")
        return names

    @field_validator("reference_pair")
    @classmethod
    def _reference_is_a_pair(cls, pair: str | None) -> str | None:
        if pair is not None and "/" not in pair:
            raise ValueError("it is not a pair; write one like 'BTC/USDT'")
        return pair

    @field_validator("lookbacks", "cross_asset_windows")
    @classmethod
    def _windows_differ(cls, windows: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(windows)) < len(windows):
            raise ValueError("a window is listed twice; list each once")
        return windows
