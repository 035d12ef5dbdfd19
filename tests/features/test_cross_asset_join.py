"""Which reference candle stands beside a candle."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.errors import MarketDataError
from freqai_ext.features import FAMILIES, Candles, cross_asset_features
from freqai_ext.features.cross_asset import reference_close


def test_a_missing_reference_candle_is_replaced_by_the_last_known_one(make_candles):
    candles, reference = make_candles(rows=20), make_candles(1, rows=20)
    known = reference_close(candles, reference.drop(index=[0, 7, 8]))
    expected = reference["close"].to_numpy().copy()
    expected[0] = np.nan
    expected[7:9] = expected[6]
    np.testing.assert_array_equal(known, expected)


def test_dates_of_another_resolution_are_joined(make_candles):
    candles, reference = make_candles(rows=20), make_candles(1, rows=20)
    milliseconds = reference.assign(date=reference["date"].dt.as_unit("ms"))
    np.testing.assert_array_equal(reference_close(candles, milliseconds), reference["close"])


def test_a_pair_beside_itself_has_constant_features(make_candles):
    candles = make_candles(still_share=0.0)
    features = cross_asset_features(candles, candles, (24,)).iloc[24:]
    expected = {
        "relative_strength_24": 0,
        "reference_correlation_24": 1,
        "reference_beta_24": 1,
        "residual_return_24": 0,
    }
    assert (features == pd.Series(expected)).all(axis=None)


def test_a_reference_of_a_longer_timeframe_is_refused(make_candles):
    candles = make_candles()
    hourly = candles.iloc[::12]
    with pytest.raises(MarketDataError, match=r"its candles are 0 days 01:00:00 apart and the pair's 0 days 00:05:00"):
        cross_asset_features(candles, hourly)


def test_an_unsorted_reference_is_refused(make_candles):
    with pytest.raises(MarketDataError, match="reference: the dates are not sorted; sort the candles by date"):
        cross_asset_features(make_candles(), make_candles().iloc[::-1])


def test_a_reference_without_closes_is_refused(make_candles):
    with pytest.raises(MarketDataError, match="reference: no column close; needed are date, close"):
        cross_asset_features(make_candles(), make_candles().drop(columns="close"))


def test_the_family_needs_a_reference(make_candles):
    with pytest.raises(MarketDataError, match="no reference candles; give them, or leave the family 'cross_asset' out"):
        FAMILIES["cross_asset"].columns(Candles(make_candles()), (6,))
