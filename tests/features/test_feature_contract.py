"""What holds for every feature family."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.features import (
    FAMILIES,
    Candles,
    cross_asset_features,
    lookback_features,
    period_features,
    warm_up_candles,
)

SEEDS = st.integers(0, 2**32 - 1)
PRICES = ["open", "high", "low", "close"]


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, window=st.integers(2, 40))
@pytest.mark.parametrize("name", FAMILIES)
def test_the_declared_warm_up_is_the_first_candle_at_which_all_columns_are_finite(make_candles, name, seed, window):
    frame = make_candles(seed, rows=500)
    family = FAMILIES[name]
    view = Candles(frame, make_candles(seed + 1, rows=500)["close"].to_numpy())
    finite = pd.DataFrame(family.columns(view, (window,))).apply(np.isfinite)
    warm_up = family.warm_up_candles(window)
    assert finite.iloc[warm_up:].all(axis=None)
    assert warm_up == 0 or not finite.iloc[warm_up - 1].all()


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, start=st.integers(1, 150))
def test_after_the_warm_up_earlier_history_changes_no_bit(make_candles, all_features, seed, start):
    frame, reference = make_candles(seed), make_candles(seed + 1)
    warm_up = warm_up_candles((5, 14), (6, 13, 24), cross_asset_windows=(6, 24))
    whole = all_features(frame, reference)
    later = all_features(frame.iloc[start:], reference)
    pd.testing.assert_frame_equal(whole.iloc[start + warm_up :], later.iloc[warm_up:], check_exact=True)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, factor=st.floats(1e-6, 1e6), volume_factor=st.floats(1e-6, 1e6))
def test_units_of_price_and_volume_change_no_feature(make_candles, all_features, seed, factor, volume_factor):
    frame, reference = make_candles(seed, still_share=0.0), make_candles(seed + 1, still_share=0.0)
    scaled = frame.assign(**{name: frame[name] * factor for name in PRICES}, volume=frame["volume"] * volume_factor)
    expected, actual = all_features(frame, reference), all_features(scaled, reference)
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9, err_msg="features depend on the unit")


def test_features_leave_the_candles_as_they_are_and_keep_their_index(make_candles, all_features):
    frame = make_candles().set_index(pd.Index(range(1000, 1400)))
    before = frame.copy(deep=True)
    features = all_features(frame, make_candles(1))
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    assert features.index.equals(frame.index)
    assert (features.dtypes == np.float64).all()
    assert features.columns.is_unique


def test_a_missing_candle_inside_spoils_only_the_windows_that_hold_it(make_candles, all_features):
    frame, reference = make_candles(), make_candles(1)
    warm_up = warm_up_candles((5, 14), (6, 13, 24), cross_asset_windows=(6, 24))
    holed = frame.copy()
    holed.loc[150, [*PRICES, "volume"]] = np.nan
    whole, spoiled = all_features(frame, reference), all_features(holed, reference)
    pd.testing.assert_frame_equal(spoiled.iloc[:150], whole.iloc[:150], check_exact=True)
    pd.testing.assert_frame_equal(spoiled.iloc[151 + warm_up :], whole.iloc[151 + warm_up :], check_exact=True)
    calendar = [name for name in whole if name.startswith(("hour", "weekday"))]
    assert spoiled.drop(columns=calendar).iloc[150].isna().all()


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_too_few_candles_give_the_same_columns_without_values(make_candles, all_features, rows):
    expected = all_features(make_candles(), make_candles(1)).columns
    features = all_features(make_candles(rows=rows) if rows else make_candles().iloc[:0], make_candles(1))
    assert list(features.columns) == list(expected)
    assert len(features) == rows
    assert features["momentum_24"].isna().all()


NEUTRAL = {
    "return_z": 0.0,
    "return_autocorrelation": 0.0,
    "downside_share": 0.5,
    "rsi": 50.0,
    "rsi_overbought": 0.0,
    "rsi_oversold": 0.0,
    "rsi_divergence": 0.0,
    "williams_r": -50.0,
    "stochastic_k": 50.0,
    "stochastic_cross": 0.0,
    "cci": 0.0,
    "adx": 0.0,
    "di_spread": 0.0,
    "ema_distance": 0.0,
    "trend_correlation": 0.0,
    "efficiency_ratio": 0.0,
    "bollinger_position": 0.5,
    "bollinger_width": 0.0,
    "atr_ratio": 0.0,
    "yang_zhang": 0.0,
    "parkinson_excess": 0.0,
    "garman_klass_excess": 0.0,
    "rogers_satchell_excess": 0.0,
    "mfi": 50.0,
    "cmf": 0.0,
    "signed_volume": 0.0,
    "volume_z": 0.0,
    "volume_price_correlation": 0.0,
    "vwap_distance": 0.0,
    "momentum": 0.0,
    "price_momentum": 0.0,
    "drawdown": 0.0,
    "run_up": 0.0,
    "volatility": 0.0,
    "volume_ratio": 1.0,
    "volume_change": 0.0,
    "volume_momentum": 0.0,
    "macd_line": 0.0,
    "macd_signal": 0.0,
    "macd_histogram": 0.0,
    "macd_crossover": 0.0,
    "candle_body": 0.0,
    "candle_upper_shadow": 0.0,
    "candle_lower_shadow": 0.0,
    "candle_range_ratio": 1.0,
    "relative_strength": 0.0,
    "reference_correlation": 0.0,
    "reference_beta": 0.0,
    "residual_return": 0.0,
}


@pytest.mark.parametrize("price", [0.1, 0.3, 1.0, 60123.45])
@pytest.mark.parametrize("volume", [0.0, 0.7])
def test_a_still_market_gives_neutral_values(make_candles, price, volume):
    frame = make_candles(rows=200).assign(**dict.fromkeys(PRICES, price), volume=volume)
    features = pd.concat(
        [period_features(frame, 14), lookback_features(frame, (6, 24)), cross_asset_features(frame, frame, (6, 24))],
        axis=1,
    )
    last = features.iloc[-1].rename(lambda name: name.removesuffix("_6").removesuffix("_24"))
    assert set(last.index) == set(NEUTRAL)
    for name, value in last.items():
        assert value == pytest.approx(NEUTRAL[name], abs=1e-12), name


def test_the_rounding_noise_of_a_constant_growth_is_no_signal(make_candles):
    close = 100.0 * 1.0001 ** np.arange(300)
    frame = make_candles(rows=300).assign(open=close, high=close, low=close, close=close)
    reference = frame.assign(close=close**2)
    noise = pd.concat(
        [
            period_features(frame, 14, ("return_shape",))[["return_z", "return_autocorrelation"]],
            lookback_features(frame, (24,))[["price_momentum_24"]],
            cross_asset_features(frame, reference, (24,))[["reference_correlation_24", "reference_beta_24"]],
        ],
        axis=1,
    )
    assert (noise.iloc[24:] == 0.0).all(axis=None)


def test_every_frame_function_gives_the_columns_of_its_kind(make_candles, all_features):
    features = all_features(make_candles(), make_candles(1), periods=(14,), lookbacks=(6, 12))
    view = Candles(make_candles(), make_candles(1)["close"].to_numpy())
    windows = {"period": (14,), "lookback": (6, 12), "standard": (6, 24)}
    expected = [name for family in FAMILIES.values() for name in family.columns(view, windows[family.kind])]
    assert [name.removesuffix("-14") for name in features.columns] == expected


@pytest.mark.realdata
def test_no_two_features_of_real_candles_say_the_same(real_candles):
    frame, reference = real_candles("ETH_USDT"), real_candles("BTC_USDT")
    same_by_definition = {frozenset({"cci-48", "bollinger_position-48"})}
    features = pd.concat(
        [
            period_features(frame, 14).add_suffix("-14"),
            period_features(frame, 48).add_suffix("-48"),
            lookback_features(frame),
            cross_asset_features(frame, reference),
        ],
        axis=1,
    )
    correlation = features.corr().abs().where(np.triu(np.ones((features.shape[1],) * 2, bool), k=1)).stack()
    twins = {frozenset(pair) for pair in correlation[correlation > 0.98].index}
    assert twins <= same_by_definition
