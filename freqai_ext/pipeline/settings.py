"""Settings of the pipelines."""

from typing import Literal, TypeAlias

from pydantic import Field

from freqai_ext._settings import Settings

Scaler: TypeAlias = Literal["minmax", "robust", "standard", "none"]


class PipelineSettings(Settings):
    """How features and labels are cleaned and scaled before a model sees them.

    Attributes
    ----------
    scaler
        Scaling of the features for the learner: ``"minmax"`` to [-1, 1] as FreqAI does, ``"robust"`` by median and
        IQR, ``"standard"`` by mean and standard deviation, or ``"none"``. FreqAI's own steps always see ``"minmax"``.
    label_scaler
        Scaling of the labels of regressors; predictions are scaled back.
    robust_clip_iqr
        Where robustly scaled features are cut, in IQRs; ``None`` keeps them.
    outliers
        ``"iqr"`` drops training rows by :class:`~freqai_ext.pipeline.IQROutlierRemover` and flags predictions in
        ``do_predict``.
    iqr_multiplier
        Distance from the quartiles, in IQRs, from which a feature is outside.
    max_outside_share
        Share of features outside from which a row is an outlier.
    max_outlier_rows_share
        Largest share of rows that are dropped.
    """

    scaler: Scaler = "minmax"
    label_scaler: Scaler = "minmax"
    robust_clip_iqr: float | None = Field(default=10.0, gt=0.0)
    outliers: Literal["none", "iqr"] = "none"
    iqr_multiplier: float = Field(default=3.0, gt=0.0)
    max_outside_share: float = Field(default=0.1, ge=0.0, le=1.0)
    max_outlier_rows_share: float = Field(default=0.1, ge=0.0, le=1.0)
