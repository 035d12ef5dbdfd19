"""The scale of FreqAI's own steps, for a learner that wants another one."""

from typing import Any

import numpy as np
from datasieve.transforms.base_transform import BaseTransform
from numpy.typing import NDArray

# Not 0: features that were drawn with that seed would get noise that follows them.
_NOISE_SEED = 7_203_961


class FreqaiScaler(BaseTransform):
    """Datasieve step: scales to [-1, 1] by the training rows' minimum and maximum; :class:`Unscale` takes it back.

    FreqAI's outlier steps and its noise are made for this scale. On raw features the column with the largest numbers,
    such as a price, decides every distance, and noise of 0.05 is larger than most ratios.

    A column without spread, which has no scale, is only centred.
    """

    def __init__(self) -> None:
        super().__init__(name="freqai_scaler")
        self._raw: NDArray[np.float64] | None = None
        self._scaled: NDArray[np.float64] | None = None
        self._label_dtype: np.dtype[Any] | None = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, feature_list: Any = None, **_: Any) -> Any:
        """Learn the range of each column."""
        low, high = X.min(axis=0), X.max(axis=0)
        # Halves first: the difference of two large numbers may overflow.
        self.center = low / 2.0 + high / 2.0
        reach = high / 2.0 - low / 2.0
        self.reach = np.where(reach > 0.0, reach, 1.0)
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
        """Scale, and number the rows beside the labels, where outlier steps drop them together."""
        self._raw, self._scaled = X, (X - self.center) / self.reach
        if not outlier_check:
            number = np.arange(len(X)).reshape(-1, 1)
            labels = number[:, :0] if y is None else y.reshape(len(X), -1)
            self._label_dtype = None if y is None else y.dtype
            y = np.hstack([labels, number])
        return self._scaled, y, sample_weight, feature_list

    def restore(self, X: Any, y: Any, outlier_check: bool) -> tuple[Any, Any]:
        """Return the raw rows that are left, with what was added to them on this scale, and their labels."""
        raw, scaled = self._raw, self._scaled
        # A pickle of the pipeline must not hold the training rows.
        self._raw = self._scaled = None
        if raw is None or scaled is None:
            raise RuntimeError("the step 'unscale' needs the step 'freqai-scaler' before it")
        if not outlier_check:
            left = y[:, -1].astype(int)
            raw, scaled = raw[left], scaled[left]
            y = None if self._label_dtype is None else y[:, :-1].astype(self._label_dtype)
        # Rows that no step has changed come back bit for bit.
        return raw + (X - scaled) * self.reach, y


class Unscale(BaseTransform):
    """Datasieve step: gives the features back as they were before a :class:`FreqaiScaler`.

    Noise that was added in between is kept, in the features' own units. Not for features that were changed into
    others in between, as by PCA.
    """

    def __init__(self, scaler: FreqaiScaler) -> None:
        super().__init__(name="unscale")
        self._scaler = scaler

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, feature_list: Any = None, **_: Any) -> Any:
        """Learn nothing."""
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
        """Return the raw features and the labels of the rows that are left."""
        X, y = self._scaler.restore(X, y, outlier_check)
        return X, y, sample_weight, feature_list


class SeededNoise(BaseTransform):
    """Datasieve step: adds normal noise to training rows, the same on every run, as a backtest must be repeatable.

    Parameters
    ----------
    sigma
        Standard deviation, in units of the scaled features.
    """

    def __init__(self, sigma: float) -> None:
        super().__init__(name="noise")
        self.sigma = sigma

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, feature_list: Any = None, **_: Any) -> Any:
        """Learn nothing."""
        return X, y, sample_weight, feature_list

    def fit_transform(
        self, X: Any, y: Any = None, sample_weight: Any = None, feature_list: Any = None, **_: Any
    ) -> Any:
        """Return the training rows with noise."""
        noise = np.random.default_rng(_NOISE_SEED).normal(0.0, self.sigma, X.shape)
        return X + noise, y, sample_weight, feature_list

    def transform(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        feature_list: Any = None,
        outlier_check: bool = False,  # noqa: ARG002
        **_: Any,
    ) -> Any:
        """Return other rows as they are."""
        return X, y, sample_weight, feature_list
