"""Settings and saved state of adaptive conformal intervals."""

from typing import Annotated, NamedTuple, Self

from pydantic import Field, FiniteFloat, NonNegativeFloat, model_validator

from freqai_ext._settings import Settings
from freqai_ext.uncertainty._saved import Saved


class AdaptiveConformalSettings(Settings):
    """How intervals adapt.

    Attributes
    ----------
    coverage
        Share of outcomes that the intervals are to cover.
    step_sizes
        How far one outcome moves the miss rate that is aimed at: about ``1 / (rows it takes to adapt)``. One is ACI;
        several are run side by side and aggregated by how well they did. A step far above
        ``1 / label_horizon_candles`` overshoots, since answers come that late and misses come in runs.
    memory_rows
        How many of the latest errors the widths are taken from.
    """

    coverage: float = Field(default=0.8, gt=0.0, lt=1.0)
    step_sizes: tuple[Annotated[float, Field(gt=0.0, le=1.0)], ...] = Field(
        default=(0.0005, 0.001, 0.002), min_length=1
    )
    memory_rows: int = Field(default=2000, ge=10)


class PendingForecast(NamedTuple):
    """A forecast whose outcome is not known yet; times in microseconds since 1970, margins one per step size."""

    known_at_us: int
    made_at_us: int
    lower: FiniteFloat
    upper: FiniteFloat
    scale: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    margins: tuple[FiniteFloat, ...] | None


class AdaptiveState(Saved):
    """All that :class:`AdaptiveConformal` knows, as it is saved."""

    settings: AdaptiveConformalSettings
    miss_rates: tuple[Annotated[float, Field(gt=0.0, lt=1.0)], ...]
    scores: tuple[FiniteFloat, ...]
    regrets: tuple[FiniteFloat, ...]
    regret_squares: NonNegativeFloat
    largest_regret: NonNegativeFloat
    pending: tuple[PendingForecast, ...]
    last_made_at_us: int | None
    unanswered_rows: int = Field(ge=0)

    @model_validator(mode="after")
    def _fits_the_step_sizes(self) -> Self:
        experts = len(self.settings.step_sizes)
        margins = [row.margins for row in self.pending if row.margins is not None]
        if any(len(values) != experts for values in (self.miss_rates, self.regrets, *margins)):
            raise ValueError(f"miss_rates, regrets and margins must have one value per step size, {experts}")
        return self
