"""The strategy as Freqtrade loads it."""

import json

import pytest
from freqtrade.enums import RunMode, TradingMode
from freqtrade.exceptions import OperationalException
from freqtrade.plugins.protectionmanager import ProtectionManager
from freqtrade.resolvers import StrategyResolver

from freqai_ext.scaffold import init_userdir
from freqai_ext.strategies.FreqAIExampleStrategy import FreqAIExampleStrategy


@pytest.fixture
def load(tmp_path):
    """Load the strategy from a user directory with the starting configuration of a trading mode."""

    def load_strategy(trading_mode, **ext):
        userdir = tmp_path / "user_data"
        config = json.loads(init_userdir(userdir, trading_mode=trading_mode).config.read_text())
        config |= {"strategy": "FreqAIExampleStrategy", "user_data_dir": userdir, "runmode": RunMode.BACKTEST}
        config["trading_mode"] = TradingMode(trading_mode)
        config["freqai_ext"] |= ext
        return StrategyResolver.load_strategy(config)

    return load_strategy


@pytest.mark.parametrize("trading_mode", ["spot", "futures"])
def test_freqtrade_loads_the_strategy_and_shorts_only_in_futures_mode(load, trading_mode):
    strategy = load(trading_mode)
    assert isinstance(strategy, FreqAIExampleStrategy)
    assert strategy.INTERFACE_VERSION == 3
    assert strategy.can_short is (trading_mode == "futures")
    assert strategy.timeframe == "5m"


@pytest.mark.parametrize("trading_mode", ["spot", "futures"])
def test_freqtrade_accepts_the_protections(load, trading_mode):
    strategy = load(trading_mode)
    ProtectionManager.validate_protections(strategy.protections)
    manager = ProtectionManager(strategy.config, strategy.protections)
    assert manager.name_list == ["CooldownPeriod", "StoplossGuard", "MaxDrawdown"]


def test_the_protections_last_as_long_at_any_timeframe(load):
    strategy = load("spot")
    for timeframe, candles in (("5m", 288), ("15m", 96), ("1h", 24)):
        strategy.timeframe = timeframe
        guard = next(entry for entry in strategy.protections if entry["method"] == "StoplossGuard")
        assert guard["lookback_period_candles"] == candles
    strategy.timeframe = "4h"
    ProtectionManager.validate_protections(strategy.protections)
    assert all(entry["stop_duration_candles"] >= 1 for entry in strategy.protections)


@pytest.mark.parametrize(
    ("ext", "message"),
    [
        (
            {"strategy": {"targets": ["roi", "moon"]}},
            r'freqai_ext\.strategy\.targets: .*write "auto" or a list of: roi',
        ),
        ({"strategy": {"max_slippage_ratio": 0}}, r"freqai_ext\.strategy\.max_slippage_ratio: 0 is not valid; "),
        ({"strategy": {"leverage": 0.5}}, r"freqai_ext\.strategy\.leverage: 0\.5 is not valid; "),
        ({"features": {"families": ["volatilty"]}}, r"freqai_ext\.features\.families: .*did you mean 'volatility'\?"),
        ({"labels": {"buy_treshold": 0.01}}, r"freqai_ext\.labels\.buy_treshold: unknown .*'buy_threshold'"),
        ({"featurs": {}}, r"freqai_ext\.featurs: unknown setting; did you mean 'features'\?"),
    ],
)
def test_a_wrong_setting_stops_the_bot_with_its_path(make_config, ext, message):
    with pytest.raises(OperationalException, match=message):
        FreqAIExampleStrategy(make_config(**ext))


def test_everything_plotted_is_in_the_analysed_candles(strategy, make_candles):
    def start(candles, metadata, _):
        return candles.assign(**{"&-roi": 0.0, "do_predict": 1})

    strategy.freqai.start = start
    analysed = strategy.populate_indicators(make_candles(), {"pair": "ETH/USDT"})
    plotted = set(strategy.plot_config["main_plot"]).union(*strategy.plot_config["subplots"].values())
    assert len(plotted) == 5
    assert plotted <= set(analysed.columns)


def test_freqtrade_finds_the_parameters_of_every_space(load):
    strategy = load("spot")
    strategy.ft_load_hyper_params()
    found = {space: {name for name, _ in strategy.enumerate_parameters(space)} for space in ("buy", "sell")}
    assert found == {
        "buy": {"entry_expected_return", "entry_max_stoploss_risk", "entry_rsi_guard", "entry_needs_trend"},
        "sell": {"exit_expected_return", "exit_after_horizons"},
    }
