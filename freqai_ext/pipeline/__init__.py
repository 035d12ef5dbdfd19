"""Pipelines: cleaning and scaling for FreqAI, as steps of datasieve."""

from freqai_ext.pipeline.build import build_feature_pipeline, build_label_pipeline
from freqai_ext.pipeline.iqr_outlier_remover import IQROutlierRemover
from freqai_ext.pipeline.quiet_pipeline import QuietPipeline
from freqai_ext.pipeline.robust_scaler import RobustScaler
from freqai_ext.pipeline.settings import PipelineSettings

__all__ = [
    "IQROutlierRemover",
    "PipelineSettings",
    "QuietPipeline",
    "RobustScaler",
    "build_feature_pipeline",
    "build_label_pipeline",
]
