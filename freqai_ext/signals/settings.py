"""Settings of the models that give odds and intervals."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from freqai_ext._settings import Settings

#: Basis points in a ratio of 1.
BPS = 1e4

BackendName = Literal["lightgbm", "catboost", "hist_gradient_boosting", "linear", "torch"]


class SignalSettings(Settings):
    """How forecasts become odds one can bet on, for every model that gives them.

    Attributes
    ----------
    backend
        What ``CalibratedSignalModel`` learns with. ``"torch"`` needs the extra of that name.
    panel
        Train one model on all whitelisted pairs together, once per window, instead of one per pair.
    pair_as_feature
        In panel mode tell the model which pair a row belongs to.
    folds
        Purged folds on which shrinkage, calibration and intervals are learnt. 1 holds the newest quarter out.
    embargo_candles
        Further candles left out of training after each fold's test rows, beyond the label horizon.
    train_stride_candles
        Train on every so many-th candle. Neighbouring labels overlap, so little is lost and much time saved.
    recency_half_life_days
        Age at which a row counts half as much as the newest; ``null`` counts all alike.
    scale_by_volatility
        Learn labels in units of the trailing volatility, so that stormy days do not decide the fit, and scale
        forecasts back.
    volatility_candles
        Candles of the trailing volatility.
    size_candles
        Candles of the volatilities that together forecast the size of a move, for odds and intervals.
    label_limit
        Labels are cut at so many times their usual size before the expected value is learnt: what it loses on large
        moves it gains in steadiness. Quantiles, shrinkage and odds are learnt from whole labels.
    shrinkage
        ``"learned"`` multiplies forecasts by the factor that served out-of-fold ones best, combined with a prior of
        a half; ``"none"`` leaves them.
    least_shrinkage
        Least such factor. Above 0 it keeps the order of the forecasts where none of their size is to be trusted.
    forecast_scale
        What the target's own column holds. ``"expected"``: the forecast as far as it is believed, which is small.
        ``"raw"``: the same forecast stretched until out-of-fold ones vary as much as the labels do, as those of models
        without shrinkage may, for strategies with thresholds on its size or z-score. Odds, expected value and
        intervals are the same either way.
    intervals
        ``"residuals"`` widens the forecast by its errors in units of the expected size of a move; ``"quantiles"``
        learns quantiles and widens those (conformalised quantile regression), at about three times the cost.
    coverage
        Share of outcomes that the intervals are to hold.
    calibration
        How probabilities of binary targets are calibrated; ``"auto"`` chooses on the folds.
    round_trip_cost_bps
        Cost of entering and leaving, fees and spread of both sides together, in basis points (20 is 0.2 %).
    return_targets
        Which continuous targets are returns, as ratios (0.01 is 1 %), and get odds and expected value; all others get
        intervals alone. ``"auto"`` takes those that the strategy declares in ``self.freqai.return_targets`` and those
        that follow the close as a return does: to a later close, to the mean of the next ones, simple or as a
        logarithm. The first is the one that ``p_up``, ``p_down``, ``ev_bps`` and ``confidence`` without a suffix speak
        of.
    """

    backend: BackendName = "lightgbm"
    panel: bool = False
    pair_as_feature: bool = False
    folds: int = Field(default=3, ge=1, le=20)
    embargo_candles: int = Field(default=0, ge=0)
    train_stride_candles: int = Field(default=1, ge=1)
    recency_half_life_days: float | None = Field(default=None, gt=0)
    scale_by_volatility: bool = True
    volatility_candles: int = Field(default=288, ge=12)
    size_candles: tuple[Annotated[int, Field(ge=2)], ...] = Field(default=(24, 96, 288, 864), min_length=1)
    label_limit: float = Field(default=1.0, gt=0)
    shrinkage: Literal["learned", "none"] = "learned"
    least_shrinkage: float = Field(default=0.05, ge=0, le=1)
    forecast_scale: Literal["expected", "raw"] = "expected"
    intervals: Literal["quantiles", "residuals"] = "residuals"
    coverage: float = Field(default=0.8, ge=0.5, le=0.99)
    calibration: Literal["auto", "temperature", "platt", "beta", "isotonic"] = "auto"
    round_trip_cost_bps: float = Field(default=20.0, ge=0)
    return_targets: Literal["auto"] | tuple[str, ...] = "auto"

    @field_validator("return_targets")
    @classmethod
    def _name_labels_once(cls, targets: Literal["auto"] | tuple[str, ...]) -> Literal["auto"] | tuple[str, ...]:
        if isinstance(targets, str):
            return targets
        if not all(target.startswith("&") for target in targets):
            raise ValueError('write "auto" or names of targets as the strategy sets them, such as "&-roi"')
        if len(set(targets)) < len(targets):
            raise ValueError("name each target once")
        return targets

    @property
    def round_trip_cost(self) -> float:
        """The cost as a ratio."""
        return self.round_trip_cost_bps / BPS

    @property
    def quantiles(self) -> tuple[float, ...]:
        """Levels of the quantiles that are learnt."""
        tail = (1.0 - self.coverage) / 2.0
        return (tail, 1.0 - tail) if self.intervals == "quantiles" else ()
