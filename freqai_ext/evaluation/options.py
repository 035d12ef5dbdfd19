"""How forecasts are scored."""

from dataclasses import dataclass

from freqai_ext.errors import SettingsError

DECAY_HORIZONS_CANDLES = (1, 3, 6, 12, 24, 48, 96)


@dataclass(frozen=True)
class EvaluationOptions:
    """How forecasts are scored.

    Attributes
    ----------
    baseline
        Label of the contender with which the others are compared; by default the first that comes with Freqtrade,
        else the first.
    trusted_only
        Score only the rows with ``do_predict`` 1.
    samples
        Resamples behind each interval.
    level
        Share of the resamples inside it.
    block_hours
        Hours that are drawn together; never less than the label horizon.
    seed
        Of the resampling.
    bins
        Bins of the reliability curves, with equally many forecasts each.
    decay_horizons_candles
        Horizons of the returns with which forecasts are correlated.
    """

    baseline: str | None = None
    trusted_only: bool = False
    samples: int = 300
    level: float = 0.95
    block_hours: float = 24.0
    seed: int = 0
    bins: int = 10
    decay_horizons_candles: tuple[int, ...] = DECAY_HORIZONS_CANDLES

    def __post_init__(self) -> None:
        if self.samples < 20:
            raise SettingsError(f"--samples: {self.samples} is not valid; it must be at least 20, e.g. 300")
        if not 0.0 < self.level < 1.0:
            raise SettingsError(f"--level: {self.level} is not valid; it must lie between 0 and 1, e.g. 0.95")
        if not self.block_hours > 0.0:
            raise SettingsError(f"--block-hours: {self.block_hours} is not valid; it must be above 0, e.g. 24")
        if self.bins < 2:
            raise SettingsError(f"--bins: {self.bins} is not valid; it must be at least 2")
