"""The volatility that scales labels and weights."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.errors import MarketDataError, SettingsError
from freqai_ext.labels import trailing_volatility


def test_volatility_is_the_root_mean_square_of_the_last_log_returns(random_candles):
    candles = random_candles(1)
    returns = np.diff(np.log(candles["close"]))
    expected = [np.sqrt(np.mean(returns[row - 6 : row] ** 2)) for row in range(6, len(candles))]
    volatility = trailing_volatility(candles, 6)
    assert volatility[:6].isna().all()
    np.testing.assert_allclose(volatility[6:], expected)


@pytest.mark.parametrize("rows", range(0, 40, 7))
def test_volatility_is_known_at_the_close_of_its_candle(random_candles, rows):
    candles = random_candles(2)
    expected = trailing_volatility(candles, 5).iloc[:rows]
    pd.testing.assert_series_equal(trailing_volatility(candles.iloc[:rows], 5), expected)


def test_a_steady_trend_has_a_volatility(candles_of):
    volatility = trailing_volatility(candles_of(100.0 * 1.01 ** np.arange(20)), 5)
    np.testing.assert_allclose(volatility[5:], np.log(1.01))


def test_a_window_of_one_return_is_refused(random_candles):
    with pytest.raises(SettingsError, match="volatility_candles: 1 is not valid; it must be at least 2"):
        trailing_volatility(random_candles(0), 1)


def test_a_missing_column_is_named(random_candles):
    with pytest.raises(MarketDataError, match="candles: no column close; needed are close"):
        trailing_volatility(random_candles(0).drop(columns="close"), 5)
