"""Window statistics, at all window lengths."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from freqai_ext.features import _windows as windows

VALUES = arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e3, 1e3))
WINDOWS = st.integers(1, 40)


@settings(deadline=None)
@given(values=VALUES, window=WINDOWS)
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
def test_rolling_statistics_are_those_of_each_window(name, values, window):
    rolling = pd.Series(values).rolling(window)
    expected = rolling.apply(getattr(np, name), raw=True)
    np.testing.assert_allclose(getattr(windows, f"rolling_{name}")(values, window), expected, rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(values=VALUES, window=WINDOWS)
def test_rolling_std_is_that_of_each_window(values, window):
    expected = pd.Series(values).rolling(window).apply(np.std, raw=True)
    np.testing.assert_allclose(windows.rolling_std(values, window), expected, rtol=1e-7, atol=1e-9)


@settings(deadline=None)
@given(value=st.floats(1e-6, 1e6), window=WINDOWS)
def test_equal_values_have_exactly_their_mean_and_no_variance(value, window):
    mean, squares = windows.rolling_moments(np.full(50, value), window)
    assert (mean[window - 1 :] == value).all()
    assert (squares[window - 1 :] == 0.0).all()
    assert (windows.ema(np.full(50, value), 5)[windows.ema_terms(5) - 1 :] == value).all()


@pytest.mark.parametrize("span", [2, 9, 26])
def test_the_terms_of_an_exponential_average_hold_99_percent_of_its_weight(span):
    decay = 1.0 - 2.0 / (span + 1.0)
    terms = windows.ema_terms(span)
    assert 1.0 - decay**terms >= 0.99 > 1.0 - decay ** (terms - 1)


def test_a_window_below_one_is_refused():
    with pytest.raises(ValueError, match="window: 0 is not valid; it must be at least 1"):
        windows.rolling_sum(np.ones(3), 0)
