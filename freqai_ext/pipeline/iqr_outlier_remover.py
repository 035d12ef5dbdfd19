"""Rows that are unusual in many features at once."""

import logging
from typing import Any

import numpy as np
from datasieve.transforms.base_transform import BaseTransform
from numpy.typing import NDArray

from freqai_ext.pipeline._quartiles import column_quartiles

logger = logging.getLogger(__name__)


class IQROutlierRemover(BaseTransform):
    """Datasieve step that takes out rows with many features far outside their quartiles (Tukey 1977, fences).

    A feature is outside where it is not in ``[Q1 - k IQR, Q3 + k IQR]``, with the quartiles of the training rows;
    features whose IQR is zero, such as flags, are never outside. A row is an outlier when more than
    ``max_outside_share`` of the features that have an IQR are outside. As with datasieve's own detectors,
    ``fit_transform`` and ``transform`` drop outliers together with their labels and weights, and
    ``transform(outlier_check=True)``, which FreqAI uses to predict, keeps every row and flags outliers with 0.

    No call drops more than ``max_outlier_rows_share`` of its rows: of more outliers, those with most features outside.
    If the training rows hold that many, the share from which they were dropped is learned and applied from then on.

    Parameters
    ----------
    iqr_multiplier
        ``k``, above 0.
    max_outside_share
        Share of features, in [0, 1].
    max_outlier_rows_share
        Share of rows, in [0, 1].

    Attributes
    ----------
    lower, upper
        The fences by column, after ``fit``.
    outside_share_limit
        Share of features outside from which a row is an outlier, after ``fit``.
    """

    def __init__(
        self, iqr_multiplier: float = 3.0, max_outside_share: float = 0.1, max_outlier_rows_share: float = 0.1
    ) -> None:
        super().__init__(name="iqr")
        self.iqr_multiplier = iqr_multiplier
        self.max_outside_share = max_outside_share
        self.max_outlier_rows_share = max_outlier_rows_share

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, feature_list: Any = None, **_: Any) -> Any:
        """Learn the fences, and the limit where the cap on rows raises it."""
        first, _median, third = column_quartiles(X)
        spread = third - first
        reach = np.where(spread > 0.0, self.iqr_multiplier * spread, np.inf)
        self.lower, self.upper = first - reach, third + reach
        self.outside_share_limit = self.max_outside_share
        self.outside_share_limit = self._capped_limit(self._outside_share(X))
        return X, y, sample_weight, feature_list

    def transform(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        feature_list: Any = None,
        outlier_check: bool = False,
        **_: Any,
    ) -> Any:
        """Drop outliers, or flag them in ``y`` if ``outlier_check``."""
        outside = self._outside_share(X)
        if outlier_check:
            return X, np.minimum(y, outside <= self.outside_share_limit), sample_weight, feature_list
        kept = outside <= self._capped_limit(outside)
        if not kept.all():
            logger.info("IQR fences drop %d of %d rows as outliers", kept.size - kept.sum(), kept.size)
        y = None if y is None else y[kept]
        sample_weight = None if sample_weight is None else sample_weight[kept]
        return X[kept], y, sample_weight, feature_list

    def _outside_share(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        counted = max(int(np.isfinite(self.lower).sum()), 1)
        outside = np.logical_or(np.less(X, self.lower), np.greater(X, self.upper))
        return np.asarray(outside.sum(axis=1) / counted, np.float64)

    def _capped_limit(self, outside: NDArray[np.float64]) -> float:
        most = int(self.max_outlier_rows_share * outside.size)
        if most >= outside.size:
            return self.outside_share_limit
        return max(self.outside_share_limit, float(np.sort(outside)[outside.size - 1 - most]))
