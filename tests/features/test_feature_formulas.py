"""Features against independent formulas: plain pandas, and TA-Lib where it has the indicator."""

import numpy as np
import pandas as pd
import pytest
import talib

from freqai_ext.features import (
    Candles,
    calendar_features,
    close_to_close,
    cross_asset_features,
    garman_klass,
    lookback_features,
    parkinson,
    period_features,
    rogers_satchell,
    yang_zhang,
)

PERIOD = 14


@pytest.fixture(scope="module")
def frame(make_candles):
    return make_candles(3, rows=1500, still_share=0.0)


@pytest.fixture(scope="module")
def features(frame):
    return period_features(frame, PERIOD)


@pytest.fixture(scope="module")
def arrays(frame):
    return {name: frame[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}


def assert_same(actual, expected, skip=0, rtol=1e-9, atol=1e-9):
    np.testing.assert_allclose(np.asarray(actual)[skip:], np.asarray(expected)[skip:], rtol=rtol, atol=atol)


def finite_ewm(values: pd.Series, alpha: float) -> pd.Series:
    """Exponential average over the newest values that hold 99 % of its weight."""
    terms = int(np.ceil(np.log(0.01) / np.log(1.0 - alpha)))
    weights = (1.0 - alpha) ** np.arange(terms)[::-1]
    return values.rolling(terms).apply(lambda window: window @ weights / weights.sum(), raw=True)


def test_rsi_is_wilders(frame, features):
    change = frame["close"].diff()
    gain, loss = finite_ewm(change.clip(lower=0), 1 / PERIOD), finite_ewm(-change.clip(upper=0), 1 / PERIOD)
    assert_same(features["rsi"], 100 - 100 / (1 + gain / loss))


def test_rsi_differs_from_one_with_infinite_memory_by_less_than_two_points(frame, features, arrays):
    difference = features["rsi"] - talib.RSI(arrays["close"], PERIOD)
    assert difference.iloc[500:].abs().max() < 2.0
    assert difference.iloc[500:].abs().mean() < 0.3


def test_rsi_flags_mark_above_70_and_below_30(features):
    known = features["rsi"].notna()
    assert (features["rsi_overbought"] == (features["rsi"] > 70))[known].all()
    assert (features["rsi_oversold"] == (features["rsi"] < 30))[known].all()
    assert features["rsi_overbought"].sum() > 0
    assert features["rsi_oversold"].sum() > 0
    assert features["rsi_overbought"][~known].isna().all()


def test_rsi_divergence_compares_places_in_ranges(frame, features):
    def place(values):
        low, high = values.rolling(PERIOD).min(), values.rolling(PERIOD).max()
        return (values - low) / (high - low)

    assert_same(features["rsi_divergence"], place(frame["close"]) - place(features["rsi"]))


def test_a_new_high_that_the_rsi_does_not_confirm_is_a_positive_divergence(make_candles):
    steep, fall, slow = np.full(30, 0.004), np.full(10, -0.003), np.full(20, 0.002)
    drift = np.concatenate((np.zeros(200), steep, fall, slow))
    close = 100.0 * np.exp(np.cumsum(drift + np.where(np.arange(260) % 2 == 0, 1.5e-3, -1.5e-3)))
    candles = make_candles(rows=260).assign(open=close, high=close, low=close, close=close)
    confirmed, unconfirmed = period_features(candles, 35, ("rsi",))["rsi_divergence"].iloc[[228, 258]]
    assert confirmed == pytest.approx(0.0, abs=0.05)
    assert unconfirmed > 0.1


def test_oscillators_of_the_range_are_talibs(features, arrays):
    high, low, close = arrays["high"], arrays["low"], arrays["close"]
    assert_same(features["williams_r"], talib.WILLR(high, low, close, PERIOD))
    slow_k, slow_d = talib.STOCH(high, low, close, PERIOD, 3, 0, 3, 0)
    assert_same(features["stochastic_k"], slow_k, skip=PERIOD + 4)
    assert_same(features["stochastic_cross"], slow_k - slow_d)
    assert_same(features["cci"], talib.CCI(high, low, close, PERIOD), rtol=1e-6)


def test_directional_movement_is_wilders(frame, features, arrays):
    up, down = frame["high"].diff(), -frame["low"].diff()
    plus = finite_ewm(up.where((up > down) & (up > 0), 0.0).where(up.notna()), 1 / PERIOD)
    minus = finite_ewm(down.where((down > up) & (down > 0), 0.0).where(down.notna()), 1 / PERIOD)
    spread = 100 * (plus - minus) / (plus + minus)
    assert_same(features["di_spread"], spread)
    assert_same(features["adx"], finite_ewm(spread.abs(), 1 / PERIOD))
    infinite = talib.ADX(arrays["high"], arrays["low"], arrays["close"], PERIOD)
    assert np.abs(features["adx"] - infinite).iloc[500:].max() < 2.0


def test_ema_distance_is_the_log_of_the_close_over_the_average(frame, features, arrays):
    assert_same(features["ema_distance"], np.log(frame["close"] / finite_ewm(frame["close"], 2 / (PERIOD + 1))))
    infinite = np.log(arrays["close"] / talib.EMA(arrays["close"], PERIOD))
    assert np.abs(features["ema_distance"] - infinite).iloc[500:].max() < 5e-4


def test_straightness_is_correlation_with_time_and_kaufmans_ratio(frame, features):
    log_close = np.log(frame["close"])
    time = pd.Series(np.arange(len(frame), dtype=float))
    assert_same(features["trend_correlation"], log_close.rolling(PERIOD).corr(time), atol=1e-6)
    path = frame["close"].diff().abs().rolling(PERIOD).sum()
    assert_same(features["efficiency_ratio"], frame["close"].diff(PERIOD).abs() / path)


def test_macd_is_appels(frame, arrays):
    macd = lookback_features(frame, (), ("macd",))
    close = frame["close"]
    line = finite_ewm(close, 2 / 13) - finite_ewm(close, 2 / 27)
    signal = finite_ewm(line, 2 / 10)
    assert_same(macd["macd_line"], line / close, atol=1e-12)
    assert_same(macd["macd_signal"], signal / close, atol=1e-12)
    assert_same(macd["macd_histogram"], (line - signal) / close, atol=1e-12)
    above = line > signal
    crossed = above.astype(float).diff().where((line - signal).shift(1).notna())
    assert_same(macd["macd_crossover"], crossed)
    assert set(crossed.dropna().unique()) == {-1.0, 0.0, 1.0}
    infinite = talib.MACD(arrays["close"])[0] / arrays["close"]
    assert np.corrcoef(infinite[500:], macd["macd_line"][500:])[0, 1] > 0.995


def test_bollinger_bands_are_talibs(features, arrays):
    upper, middle, lower = talib.BBANDS(arrays["close"], PERIOD)
    assert_same(features["bollinger_position"], (arrays["close"] - lower) / (upper - lower), rtol=1e-5)
    assert_same(features["bollinger_width"], (upper - lower) / middle, rtol=1e-5)


def test_atr_ratio_is_the_average_true_range_over_the_close(frame, features, arrays):
    before = frame["close"].shift(1)
    true_range = pd.concat(
        [frame["high"] - frame["low"], (frame["high"] - before).abs(), (frame["low"] - before).abs()], axis=1
    ).max(axis=1, skipna=False)
    assert_same(features["atr_ratio"], finite_ewm(true_range, 1 / PERIOD) / frame["close"])
    infinite = talib.NATR(arrays["high"], arrays["low"], arrays["close"], PERIOD) / 100
    assert np.abs(features["atr_ratio"] / infinite - 1).iloc[500:].max() < 0.02


def range_estimators(frame: pd.DataFrame, window: int) -> dict[str, pd.Series]:
    log = np.log(frame[["open", "high", "low", "close"]])
    opening, high, low, close = (log[name] for name in ("open", "high", "low", "close"))
    within = ((high - close) * (high - opening) + (low - close) * (low - opening)).rolling(window).mean()
    share = 0.34 / (1.34 + (window + 1) / (window - 1))
    gap, body = opening - close.shift(1), close - opening
    return {
        "close_to_close": close.diff().rolling(window).std(),
        "parkinson": np.sqrt(((high - low) ** 2).rolling(window).mean() / (4 * np.log(2))),
        "garman_klass": np.sqrt((0.5 * (high - low) ** 2 - (2 * np.log(2) - 1) * body**2).rolling(window).mean()),
        "rogers_satchell": np.sqrt(within),
        "yang_zhang": np.sqrt(gap.rolling(window).var() + share * body.rolling(window).var() + (1 - share) * within),
    }


ESTIMATORS = {f.__name__: f for f in (close_to_close, parkinson, garman_klass, rogers_satchell, yang_zhang)}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_volatility_estimators_are_those_of_their_papers(frame, name):
    gaps = frame.assign(open=frame["open"] * 1.0003).assign(high=lambda c: c[["high", "open"]].max(axis=1))
    assert_same(ESTIMATORS[name](Candles(gaps), 20), range_estimators(gaps, 20)[name], atol=1e-8, rtol=1e-5)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_volatility_estimators_find_the_volatility_of_a_random_walk(name):
    generator = np.random.default_rng(5)
    rows, steps, per_candle = 4000, 400, 0.01
    path = np.cumsum(generator.normal(0.0, per_candle / np.sqrt(steps), rows * steps)).reshape(rows, steps)
    opening = np.concatenate(([0.0], path[:-1, -1]))
    candles = pd.DataFrame(
        {
            "date": pd.date_range("2025-01-01", periods=rows, freq="5min", tz="UTC"),
            "open": np.exp(opening),
            "high": np.exp(np.maximum(path.max(axis=1), opening)),
            "low": np.exp(np.minimum(path.min(axis=1), opening)),
            "close": np.exp(path[:, -1]),
            "volume": 1.0,
        }
    )
    estimate = ESTIMATORS[name](Candles(candles), rows - 1)[-1]
    assert estimate == pytest.approx(per_candle, rel=0.06)


def test_range_features_compare_the_estimators(frame, features):
    estimators = range_estimators(frame, PERIOD)

    def excess(a, b):
        return (estimators[a] - estimators[b]) / (estimators[a] + estimators[b])

    assert_same(features["yang_zhang"], estimators["yang_zhang"], rtol=1e-5)
    assert_same(features["parkinson_excess"], excess("parkinson", "close_to_close"), atol=1e-6)
    assert_same(features["garman_klass_excess"], excess("garman_klass", "parkinson"), atol=1e-6)
    assert_same(features["rogers_satchell_excess"], excess("rogers_satchell", "garman_klass"), atol=1e-6)


def test_return_shape_is_pandas(frame, features):
    returns = np.log(frame["close"]).diff()
    window = returns.rolling(PERIOD)
    assert_same(features["return_z"], (returns - window.mean()) / window.std(ddof=0), rtol=1e-5)
    assert_same(features["return_autocorrelation"], window.corr(returns.shift(1)), atol=1e-6)
    falling = (returns.clip(upper=0) ** 2).rolling(PERIOD).sum()
    assert_same(features["downside_share"], falling / (returns**2).rolling(PERIOD).sum(), rtol=1e-5)


def test_money_flow_is_talibs_and_chaikins(frame, features, arrays):
    high, low, close, volume = arrays["high"], arrays["low"], arrays["close"], arrays["volume"]
    assert_same(features["mfi"], talib.MFI(high, low, close, volume, PERIOD), rtol=1e-6)
    place = ((frame["close"] - frame["low"]) - (frame["high"] - frame["close"])) / (frame["high"] - frame["low"])
    total = frame["volume"].rolling(PERIOD).sum()
    assert_same(features["cmf"], (place * frame["volume"]).rolling(PERIOD).sum() / total)
    signed = (np.sign(frame["close"].diff()) * frame["volume"]).rolling(PERIOD).sum()
    assert_same(features["signed_volume"], signed / total)


def test_volume_shape_is_pandas(frame, features):
    volume, close = frame["volume"], frame["close"]
    window = volume.rolling(PERIOD)
    typical = (frame["high"] + frame["low"] + close) / 3
    assert_same(features["volume_z"], (volume - window.mean()) / window.std(ddof=0), rtol=1e-6)
    assert_same(features["volume_price_correlation"], window.corr(close), atol=1e-6)
    vwap = (typical * volume).rolling(PERIOD).sum() / window.sum()
    assert_same(features["vwap_distance"], np.log(close / vwap))


@pytest.mark.parametrize("window", [6, 13, 96])
def test_lookback_features_are_pandas(frame, window):
    features = lookback_features(frame, (window,))
    log_close, volume = np.log(frame["close"]), frame["volume"]
    returns = log_close.diff()
    spread = returns.rolling(window).std(ddof=0)
    mean = volume.rolling(window).mean()
    before, mean_before = volume.shift(window), mean.shift(window)
    expected = {
        "momentum": log_close.diff(window),
        "price_momentum": log_close.diff(window) / (spread * np.sqrt(window)),
        "drawdown": np.log(frame["close"] / frame["high"].rolling(window).max()),
        "run_up": np.log(frame["close"] / frame["low"].rolling(window).min()),
        "volatility": returns.rolling(window).std(),
        "volume_ratio": volume / mean,
        "volume_change": (volume - before) / (volume + before),
        "volume_momentum": (mean - mean_before) / (mean + mean_before),
    }
    for name, values in expected.items():
        assert_same(features[f"{name}_{window}"], values, rtol=1e-6)


def test_candle_shape_splits_the_range(frame):
    shape = lookback_features(frame, (), ("candle_shape",))
    parts = shape["candle_body"].abs() + shape["candle_upper_shadow"] + shape["candle_lower_shadow"]
    assert_same(parts, np.ones(len(frame)))
    assert (np.sign(shape["candle_body"]) == np.sign(frame["close"] - frame["open"])).all()
    height = frame["high"] - frame["low"]
    assert_same(shape["candle_range_ratio"], height / height.rolling(24).mean())


def test_calendar_turns_once_a_day_and_once_a_week(make_candles):
    monday = calendar_features(make_candles(rows=2016, start="2025-01-06"))
    assert_same(monday.loc[0], [0.0, 1.0, 0.0, 1.0])
    assert_same(monday.loc[72, ["hour_sin", "hour_cos"]], [1.0, 0.0])
    assert_same(monday.loc[504, ["weekday_sin", "weekday_cos"]], [1.0, 0.0])
    assert_same(monday["hour_sin"][:288], monday["hour_sin"][288:576])
    assert not monday[["weekday_sin", "weekday_cos"]].round(9).duplicated().any()


def test_calendar_reads_the_clock_of_utc(make_candles):
    candles = make_candles(rows=10)
    elsewhere = candles.assign(date=candles["date"].dt.tz_convert("Asia/Tokyo"))
    pd.testing.assert_frame_equal(calendar_features(elsewhere), calendar_features(candles))


def test_cross_asset_features_are_pandas(frame, make_candles):
    reference = make_candles(4, rows=1500, still_share=0.0)
    features = cross_asset_features(frame, reference, (24,))
    own, other = np.log(frame["close"]), np.log(reference["close"])
    window = own.diff().rolling(24)
    beta = window.cov(other.diff()) / other.diff().rolling(24).var()
    assert_same(features["relative_strength_24"], own.diff(24) - other.diff(24))
    assert_same(features["reference_correlation_24"], window.corr(other.diff()), atol=1e-6)
    assert_same(features["reference_beta_24"], beta, atol=1e-6)
    assert_same(features["residual_return_24"], own.diff(24) - beta * other.diff(24), atol=1e-6)
