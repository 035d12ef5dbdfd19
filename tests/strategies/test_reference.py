"""The reference pair, and where its candles come from in backtests and live."""

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from freqai_ext.strategies._reference import reference_candles, reference_pair, require_reference_history

PAIR, TIMEFRAME = "BTC/USDT", "5m"


def freqai_config(*correlated):
    return {"freqai": {"feature_parameters": {"include_corr_pairlist": list(correlated)}}}


@pytest.mark.parametrize(
    ("config", "configured", "expected"),
    [
        (freqai_config("ETH/USDT", "SOL/USDT"), "BTC/USDT", "BTC/USDT"),
        (freqai_config("ETH/USDT", "SOL/USDT"), None, "ETH/USDT"),
        (freqai_config(), None, None),
        ({}, None, None),
    ],
)
def test_the_reference_is_the_configured_pair_else_the_first_correlated(config, configured, expected):
    assert reference_pair(config, configured) == expected


def keep_history(strategy, candles):
    strategy.freqai.dd.historic_data[PAIR] = {TIMEFRAME: candles}


def test_the_providers_candles_are_taken_where_they_reach_back_far_enough(strategy, make_candles):
    provided = strategy.dp.candles[PAIR]
    keep_history(strategy, make_candles(rows=900, seed=1, start="2024-12-30"))
    taken = reference_candles(strategy, PAIR, TIMEFRAME, provided["date"].iloc[0])
    pd.testing.assert_frame_equal(taken, provided)


def test_freqais_history_is_taken_where_the_provider_starts_too_late(strategy, make_candles):
    history = make_candles(rows=900, seed=1, start="2024-12-30")
    keep_history(strategy, history)
    taken = reference_candles(strategy, PAIR, TIMEFRAME, history["date"].iloc[10])
    pd.testing.assert_frame_equal(taken, history)


def test_freqais_history_is_taken_where_the_provider_has_nothing(strategy, make_candles):
    history = make_candles(rows=900, seed=1, start="2024-12-30")
    keep_history(strategy, history)
    strategy.dp.candles.clear()
    pd.testing.assert_frame_equal(reference_candles(strategy, PAIR, TIMEFRAME, history["date"].iloc[10]), history)


def test_the_providers_candles_are_taken_where_freqai_keeps_none(strategy):
    early = pd.Timestamp("2024-01-01", tz="UTC")
    provided = strategy.dp.candles[PAIR]
    pd.testing.assert_frame_equal(reference_candles(strategy, PAIR, TIMEFRAME, early), provided)
    keep_history(strategy, provided.iloc[:0])
    pd.testing.assert_frame_equal(reference_candles(strategy, PAIR, TIMEFRAME, early), provided)
    del strategy.freqai.dd
    pd.testing.assert_frame_equal(reference_candles(strategy, PAIR, TIMEFRAME, early), provided)


def test_the_history_is_read_under_freqais_lock(strategy, make_candles):
    """FreqAI's main and training threads both touch it."""
    keep_history(strategy, make_candles(rows=900, seed=1, start="2024-12-30"))
    entered = []

    class Lock:
        def __enter__(self):
            entered.append(True)

        def __exit__(self, *_):
            entered.append(False)

    strategy.freqai.dd.history_lock = Lock()
    reference_candles(strategy, PAIR, TIMEFRAME, pd.Timestamp("2024-12-30", tz="UTC"))
    assert entered == [True, False]


def test_a_training_window_in_live_mode_has_a_reference_throughout(strategy, make_candles):
    """The window reaches further back than the provider; without the history most of its rows would be dropped."""
    window = make_candles(rows=900, seed=1, start="2024-12-30")
    keep_history(strategy, make_candles(rows=900, seed=2, start="2024-12-30"))
    features = strategy.feature_engineering_standard(window, {"pair": "ETH/USDT"})
    related = features.filter(like="%-relative_strength")
    assert related.iloc[100:].notna().to_numpy().all()
    assert strategy.informative_pairs() == [(PAIR, TIMEFRAME)]


@pytest.mark.parametrize("runmode", [RunMode.LIVE, RunMode.DRY_RUN])
def test_a_live_bot_refuses_a_reference_of_which_it_keeps_no_history(runmode):
    config = freqai_config("SOL/USDT") | {"exchange": {"pair_whitelist": ["ETH/USDT"]}, "runmode": runmode}
    words = r"freqai_ext\.features\.reference_pair: 'BTC/USDT' is neither in .* add it to include_corr_pairlist"
    with pytest.raises(OperationalException, match=words):
        require_reference_history(config, PAIR)


@pytest.mark.parametrize(
    ("correlated", "whitelist", "runmode"),
    [
        (["BTC/USDT"], ["ETH/USDT"], RunMode.LIVE),
        ([], ["ETH/USDT", "BTC/USDT"], RunMode.LIVE),
        ([], [".*/USDT"], RunMode.DRY_RUN),
        ([], ["ETH/USDT"], RunMode.BACKTEST),
        ([], ["ETH/USDT"], None),
    ],
)
def test_a_reference_with_a_history_is_taken(correlated, whitelist, runmode):
    config = freqai_config(*correlated) | {"exchange": {"pair_whitelist": whitelist}, "runmode": runmode}
    require_reference_history(config, PAIR)
    require_reference_history(config, None)
