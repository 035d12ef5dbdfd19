"""What the strategy's hooks give to FreqAI: no look-ahead, the chosen families, whole after the declared warm-up."""

import warnings

import numpy as np
import pandas as pd
import pytest
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from freqai_ext.errors import ContractError
from freqai_ext.features import assert_no_lookahead, warm_up_candles
from freqai_ext.strategies.FreqAIExampleStrategy import FreqAIExampleStrategy

METADATA = {"pair": "ETH/USDT", "tf": "5m"}
CANDLE_COLUMNS = ["date", "open", "high", "low", "close", "volume"]
SMALL = {"lookbacks": [6, 12], "cross_asset_windows": [24]}


def hooks(strategy):
    return {
        "all": lambda candles: strategy.feature_engineering_expand_all(candles, 10, METADATA),
        "basic": lambda candles: strategy.feature_engineering_expand_basic(candles, METADATA),
        "standard": lambda candles: strategy.feature_engineering_standard(candles, METADATA),
    }


def features_of(frame):
    return frame.drop(columns=CANDLE_COLUMNS)


def feature_names(strategy, hook, candles):
    return set(features_of(hooks(strategy)[hook](candles)))


def predicting(frame, metadata, strategy):
    """Stand in for FreqAI: predictions that depend on the candle only."""
    return frame.assign(**{"&-roi": frame["close"].pct_change().fillna(0.0), "do_predict": 1})


@pytest.mark.parametrize("hook", ["all", "basic", "standard"])
def test_no_hook_looks_ahead(make_strategy, make_candles, hook):
    compute = hooks(make_strategy(features=SMALL))[hook]
    assert_no_lookahead(lambda candles: features_of(compute(candles)), make_candles(), relative_tolerance=0.0)


def test_a_hook_that_looks_ahead_would_be_found(make_candles, make_config):
    class Leaking(FreqAIExampleStrategy):
        def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
            dataframe = super().feature_engineering_expand_basic(dataframe, metadata, **kwargs)
            return dataframe.assign(**{"%-leak": dataframe["close"].shift(-1) / dataframe["close"]})

    compute = hooks(Leaking(make_config(features=SMALL)))["basic"]
    with pytest.raises(ContractError, match=r"^'%-leak' looks ahead"):
        assert_no_lookahead(lambda candles: features_of(compute(candles)), make_candles())


def test_the_strategys_own_indicators_do_not_look_ahead(strategy, make_candles):
    strategy.freqai.start = predicting

    def compute(candles):
        return strategy.populate_indicators(candles, METADATA)[["rsi", "ema", "expected_return", "stoploss_risk"]]

    assert_no_lookahead(compute, make_candles())


@pytest.mark.parametrize("hook", ["all", "basic", "standard"])
def test_a_hook_adds_prefixed_columns_and_changes_nothing_else(make_strategy, make_candles, hook):
    candles = make_candles()
    result = hooks(make_strategy())[hook](candles.copy())
    pd.testing.assert_frame_equal(result[CANDLE_COLUMNS], candles)
    added = features_of(result)
    assert len(added.columns) > 5
    assert all(name.startswith("%-") for name in added)


@pytest.mark.parametrize("hook", ["all", "basic", "standard"])
def test_features_are_finite_after_the_startup_candles(make_strategy, make_candles, hook):
    strategy = make_strategy(features={"cross_asset_windows": [24, 300]})
    added = features_of(hooks(strategy)[hook](make_candles()))
    assert np.isfinite(added.iloc[strategy.startup_candle_count :].to_numpy(dtype=float)).all()


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ({}, {}),
        ({"lookbacks": [6, 480]}, {"lookbacks": [6, 480]}),
        ({"cross_asset_windows": [24, 300]}, {"cross_asset_windows": [24, 300]}),
        ({"families": ["rsi", "calendar"]}, {"families": ["rsi", "calendar"]}),
    ],
)
def test_the_startup_candles_are_the_warm_up_of_the_features(make_strategy, settings, arguments):
    assert make_strategy(features=settings).startup_candle_count == warm_up_candles([10, 20], **arguments)


def test_the_startup_candles_cover_the_strategys_own_indicators(make_strategy, make_candles):
    strategy = make_strategy(features={"families": ["calendar"]})
    strategy.freqai.start = predicting
    indicators = strategy.populate_indicators(make_candles(), METADATA)[["rsi", "ema"]]
    assert indicators.iloc[strategy.startup_candle_count :].notna().to_numpy().all()
    assert indicators.iloc[strategy.startup_candle_count - 2].isna().any()


@pytest.mark.parametrize(
    ("families", "all_", "basic", "standard"),
    [
        (["rsi"], {"rsi"}, set(), set()),
        (["macd", "calendar"], set(), {"macd"}, {"hour", "day"}),
        (["cross_asset"], set(), set(), {"relative_strength", "reference_correlation", "reference_beta", "residual"}),
    ],
)
def test_only_the_chosen_families_are_computed(make_strategy, make_candles, families, all_, basic, standard):
    strategy = make_strategy(features={"families": families})
    for hook, expected in (("all", all_), ("basic", basic), ("standard", standard)):
        names = feature_names(strategy, hook, make_candles())
        assert bool(names) == bool(expected), hook
        for name in names:
            assert any(word in name for word in expected), name
        for word in expected:
            assert any(word in name for name in names), word


def test_without_a_reference_pair_there_are_calendar_features_only(make_strategy, make_candles):
    with_reference = feature_names(make_strategy(), "standard", make_candles())
    alone = make_strategy(corr_pairs=())
    calendar = feature_names(make_strategy(features={"families": ["calendar"]}), "standard", make_candles())
    assert feature_names(alone, "standard", make_candles()) == calendar < with_reference
    assert alone.informative_pairs() == []


def test_freqai_expands_the_features_without_fragmenting_the_frame(make_strategy, make_candles, make_config, tmp_path):
    strategy, candles = make_strategy(), make_candles(rows=600)
    config = make_config() | {"user_data_dir": tmp_path, "exchange": {"pair_whitelist": ["ETH/USDT"]}}
    config["freqai"]["feature_parameters"] |= {
        "include_timeframes": ["5m"],
        "include_corr_pairlist": [],
        "include_shifted_candles": 2,
    }
    kitchen = FreqaiDataKitchen(config, True, "ETH/USDT")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.PerformanceWarning)
        expanded = kitchen.use_strategy_to_populate_indicators(
            strategy, base_dataframes={"5m": candles}, pair="ETH/USDT"
        )
    kitchen.find_features(expanded)
    assert len(kitchen.training_features_list) > 100
    assert "&-roi" in expanded
    whole = expanded[kitchen.training_features_list].iloc[strategy.startup_candle_count + 2 :]
    assert whole.notna().to_numpy().all()
