"""The pipelines that FreqAI runs, from settings."""

from collections.abc import Mapping
from typing import Any

import datasieve.transforms as ds
from datasieve.transforms import SKLearnWrapper
from datasieve.transforms.base_transform import BaseTransform
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from freqai_ext.pipeline.freqai_scale import FreqaiScaler, SeededNoise, Unscale
from freqai_ext.pipeline.iqr_outlier_remover import IQROutlierRemover
from freqai_ext.pipeline.quiet_pipeline import QuietPipeline
from freqai_ext.pipeline.robust_scaler import RobustScaler
from freqai_ext.pipeline.settings import PipelineSettings, Scaler

Steps = list[tuple[str, BaseTransform]]


def build_feature_pipeline(
    settings: PipelineSettings, feature_parameters: Mapping[str, Any], threads: int = -1
) -> QuietPipeline:
    """Return the pipeline for features, to be returned from a model's ``define_data_pipeline``.

    FreqAI's own steps stand in FreqAI's order and obey FreqAI's settings; with default ``settings`` it is FreqAI's
    pipeline. They always work on FreqAI's scale, [-1, 1] over the training rows. With another ``settings.scaler`` the
    learner gets the rows that they leave on that scale, or unscaled with ``"none"``, and their noise in the features'
    own units. Principal components have no units of their own: with PCA ``"none"`` gives them on FreqAI's scale.

    Outliers of ``settings.outliers`` are taken out before a scale is fitted, so that they do not set it.

    Parameters
    ----------
    settings
        Our part.
    feature_parameters
        ``freqai.feature_parameters`` of the Freqtrade configuration: ``principal_component_analysis``,
        ``use_SVM_to_remove_outliers``, ``svm_params``, ``DI_threshold``, ``use_DBSCAN_to_remove_outliers`` and
        ``noise_standard_deviation`` are read.
    threads
        Threads of the steps that use several; -1 for one per core.
    """
    steps: Steps = [("const", ds.VarianceThreshold(threshold=0))]
    if settings.outliers == "iqr":
        remover = IQROutlierRemover(
            settings.iqr_multiplier, settings.max_outside_share, settings.max_outlier_rows_share
        )
        steps.append(("iqr", remover))
    freqais = _freqai_steps(feature_parameters, threads)
    own = _scaler("scaler", settings.scaler, settings.robust_clip_iqr)
    if settings.scaler == "minmax" or not freqais:
        return QuietPipeline(steps + own + freqais)
    scaler = FreqaiScaler()
    if feature_parameters.get("principal_component_analysis", False):
        return QuietPipeline([*steps, *_minmax("freqai-scaler"), *freqais, *own])
    return QuietPipeline([*steps, ("freqai-scaler", scaler), *freqais, ("unscale", Unscale(scaler)), *own])


def build_label_pipeline(settings: PipelineSettings) -> QuietPipeline:
    """Return the pipeline for labels, to be returned from a model's ``define_label_pipeline``.

    Labels are never clipped: the predictions are scaled back.
    """
    return QuietPipeline(_scaler("scaler", settings.label_scaler, None))


def _scaler(name: str, scaler: Scaler, clip_iqr: float | None) -> Steps:
    if scaler == "none":
        return []
    if scaler == "robust":
        return [(name, RobustScaler(clip_iqr))]
    if scaler == "standard":
        return [(name, SKLearnWrapper(StandardScaler()))]
    return _minmax(name)


def _minmax(name: str) -> Steps:
    return [(name, SKLearnWrapper(MinMaxScaler(feature_range=(-1, 1))))]


def _freqai_steps(parameters: Mapping[str, Any], threads: int) -> Steps:
    steps: Steps = []
    if parameters.get("principal_component_analysis", False):
        steps.append(("pca", ds.PCA(n_components=0.999)))
        steps += _minmax("post-pca-scaler")
    if parameters.get("use_SVM_to_remove_outliers", False):
        # A seed of the user's own wins; without one two runs would drop different rows.
        svm_parameters = {"random_state": 0, **parameters.get("svm_params", {"shuffle": False, "nu": 0.01})}
        steps.append(("svm", ds.SVMOutlierExtractor(**svm_parameters)))
    if threshold := parameters.get("DI_threshold", 0):
        steps.append(("di", ds.DissimilarityIndex(di_threshold=threshold, n_jobs=threads)))
    if parameters.get("use_DBSCAN_to_remove_outliers", False):
        steps.append(("dbscan", ds.DBSCAN(n_jobs=threads)))
    if sigma := parameters.get("noise_standard_deviation", 0):
        steps.append(("noise", SeededNoise(sigma)))
    return steps
