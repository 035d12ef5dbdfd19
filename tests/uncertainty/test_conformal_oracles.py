"""Against the two libraries that do the same where answers come at once."""

import numpy as np
import pytest

from freqai_ext.uncertainty import QuantileConformal, SplitConformal


class _Column:
    """A fitted scikit-learn regressor that forecasts one of its inputs."""

    def __init__(self, column: int) -> None:
        self.column = column
        self.n_features_in_ = 3
        self.is_fitted_ = True

    def fit(self, X: np.ndarray, y: np.ndarray) -> "_Column":
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return X[:, self.column]

    def __sklearn_is_fitted__(self) -> bool:
        return True


@pytest.fixture
def bands() -> tuple[np.ndarray, np.ndarray]:
    """Columns lower quantile, upper quantile and median, and outcomes that they forecast badly."""
    rng = np.random.default_rng(0)
    scale = rng.uniform(0.5, 2.0, 400)
    X = np.column_stack([-0.4 * scale, 0.9 * scale, 0.1 * scale])
    return X, scale * rng.standard_t(4, 400)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_split_conformal_agrees_with_mapie(bands: tuple[np.ndarray, np.ndarray], coverage: float) -> None:
    regression = pytest.importorskip("mapie.regression")
    X, y = bands
    oracle = regression.SplitConformalRegressor(_Column(2), confidence_level=coverage, prefit=True)
    _, expected = oracle.conformalize(X[:199], y[:199]).predict_interval(X[199:])
    got = SplitConformal.fit(X[:199, 2], y[:199], coverage).intervals(X[199:, 2])
    np.testing.assert_allclose(np.column_stack([got.lower, got.upper]), expected[:, :, 0])


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_quantile_conformal_agrees_with_mapie(bands: tuple[np.ndarray, np.ndarray], coverage: float) -> None:
    regression = pytest.importorskip("mapie.regression")
    X, y = bands
    models = [_Column(0), _Column(1), _Column(2)]
    oracle = regression.ConformalizedQuantileRegressor(models, confidence_level=coverage, prefit=True)
    _, expected = oracle.conformalize(X[:199], y[:199]).predict_interval(X[199:], symmetric_correction=True)
    got = QuantileConformal.fit(X[:199, 0], X[:199, 1], y[:199], coverage).intervals(X[199:, 0], X[199:, 1])
    np.testing.assert_allclose(np.column_stack([got.lower, got.upper]), expected[:, :, 0])


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_scaled_split_conformal_agrees_with_crepes(bands: tuple[np.ndarray, np.ndarray], coverage: float) -> None:
    crepes = pytest.importorskip("crepes")
    X, y = bands
    scale = X[:, 1]
    # With 199 rows its rank (1 - 0.8) * 200 falls to 39 through the rounding of 1 - 0.8.
    oracle = crepes.ConformalRegressor().fit(y[:200] - X[:200, 2], sigmas=scale[:200])
    expected = oracle.predict_int(X[200:, 2], sigmas=scale[200:], confidence=coverage)
    got = SplitConformal.fit(X[:200, 2], y[:200], coverage, scale[:200]).intervals(X[200:, 2], scale[200:])
    np.testing.assert_allclose(np.column_stack([got.lower, got.upper]), expected)
