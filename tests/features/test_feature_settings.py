"""Choosing features."""

import pytest

from freqai_ext import features as package
from freqai_ext._settings import parse_settings
from freqai_ext.errors import MarketDataError, SettingsError
from freqai_ext.features import (
    FAMILIES,
    FeatureSettings,
    lookback_features,
    period_features,
    warm_up_candles,
)


def test_defaults_are_all_families_and_five_lookbacks():
    settings = FeatureSettings()
    assert settings.families is None
    assert settings.lookbacks == (6, 12, 24, 48, 96)
    assert settings.reference_pair is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"families": ["rsii"]}, r"freqai_ext\.features\.families: .* is not a feature family; did you mean 'rsi'\?"),
        ({"lookbacks": [1]}, r"freqai_ext\.features\.lookbacks\.0: 1 is not valid; .* greater than or equal to 2"),
        ({"lookbacks": [6, 6]}, r"freqai_ext\.features\.lookbacks: .* a window is listed twice; list each once"),
        ({"lookback": [6]}, r"freqai_ext\.features\.lookback: unknown setting; did you mean 'lookbacks'\?"),
    ],
)
def test_a_wrong_setting_is_named(raw, message):
    with pytest.raises(SettingsError, match=message):
        parse_settings(FeatureSettings, raw, "freqai_ext.features")


def test_only_the_named_families_are_computed(make_candles):
    frame = make_candles()
    assert list(period_features(frame, 14, ("williams_r", "macd"))) == ["williams_r"]
    assert list(lookback_features(frame, (6, 12), ("volatility", "rsi"))) == ["volatility_6", "volatility_12"]


def test_an_unknown_family_is_named_with_the_closest(make_candles):
    with pytest.raises(SettingsError, match=r"families: 'momentun' is not a feature family; did you mean 'momentum'\?"):
        period_features(make_candles(), 14, ("momentun",))


def test_a_period_of_one_candle_is_refused(make_candles):
    with pytest.raises(SettingsError, match="period: 1 is not valid; it must be at least 2 candles"):
        period_features(make_candles(), 1)


def test_a_missing_column_is_named(make_candles):
    with pytest.raises(
        MarketDataError, match="candles: no column volume; needed are date, open, high, low, close, volume"
    ):
        lookback_features(make_candles().drop(columns="volume"))


def test_the_longest_family_sets_the_warm_up():
    assert warm_up_candles((14,), (6,), ("williams_r", "volatility")) == 13
    assert warm_up_candles((14, 48), (96,), ("williams_r", "volatility")) == 96
    assert warm_up_candles((), (), (), ()) == 0
    everything = warm_up_candles((14, 48))
    assert everything == FAMILIES["directional_movement"].warm_up_candles(48)


def test_an_unknown_family_has_no_warm_up():
    with pytest.raises(SettingsError, match="'adx' is not a feature family; known: average_true_range, bollinger, "):
        warm_up_candles((14,), families=("adx",))


def test_public_names_are_these():
    assert sorted(package.__all__) == [
        "Candles",
        "Columns",
        "DEFAULT_CROSS_ASSET_WINDOWS",
        "DEFAULT_LOOKBACKS",
        "FAMILIES",
        "FamilyKind",
        "FeatureFamily",
        "FeatureSettings",
        "assert_no_lookahead",
        "calendar_features",
        "close_to_close",
        "cross_asset_features",
        "garman_klass",
        "lookback_features",
        "parkinson",
        "period_features",
        "rogers_satchell",
        "warm_up_candles",
        "yang_zhang",
    ]
    assert all(hasattr(package, name) for name in package.__all__)
