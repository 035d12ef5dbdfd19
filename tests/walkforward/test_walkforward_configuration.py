from collections.abc import Callable

import pytest

from freqai_ext.errors import MarketDataError, SettingsError
from freqai_ext.walkforward import backtesting_config
from freqai_ext.walkforward.session import BacktestSession


def test_options_mean_what_they_mean_to_freqtrade(backtest):
    config = backtesting_config([*backtest.options(), "--pairs", "ETH/USDT", "--max-open-trades", "1"])
    assert config["exchange"]["pair_whitelist"] == ["ETH/USDT"]
    assert config["max_open_trades"] == 1
    assert config["runmode"].value == "backtest"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timerange": None}, "timerange: None has no start or no end; write --timerange 20250301-20250401"),
        ({"timerange": "20250301-"}, "timerange: '20250301-' has no start or no end"),
        ({"freqaimodel": None}, "freqaimodel: missing; name it with --freqaimodel"),
        ({"strategy_list": ["A", "B"]}, "strategy_list: A, B; predictions are made for one strategy"),
        ({"freqai_backtest_live_models": True}, "freqai_backtest_live_models: true trains nothing"),
        ({"pairlists": [{"method": "VolumePairList"}]}, "pairlists: VolumePairList asks the exchange for its pairs"),
        ({"freqai": {"enabled": False}}, "freqai.enabled: not true"),
    ],
)
def test_what_cannot_be_trained_beforehand_is_refused_with_the_remedy(backtest, change, message):
    from freqai_ext.walkforward.configuration import check_config

    config = backtest.load()
    check_config(config)
    with pytest.raises(SettingsError) as error:
        check_config(config | change)
    assert message in str(error.value)


def test_pairs_with_one_base_coin_are_refused_because_freqai_would_mix_them_up(backtest, tmp_path):
    for path in backtest.datadir.glob("BTC_USDT-*"):
        for quote in ("USDT", "EUR"):
            (tmp_path / path.name.replace("USDT", quote)).write_bytes(path.read_bytes())
    config = backtest.load() | {"datadir": tmp_path}
    config["exchange"]["pair_whitelist"] = ["BTC/USDT", "BTC/EUR"]
    with pytest.raises(SettingsError, match=r"exchange\.pair_whitelist: BTC/USDT and BTC/EUR have the same base coin"):
        BacktestSession(config)


def test_a_folder_without_candles_is_named(backtest, tmp_path):
    with pytest.raises(MarketDataError, match=f"{tmp_path}: no 5m candles for any of BTC/USDT, ETH/USDT"):
        BacktestSession(backtest.load() | {"datadir": tmp_path})


def test_wildcards_and_blacklist_choose_among_the_stored_pairs(make_backtest: Callable):
    config = make_backtest().load()
    config["exchange"] |= {"pair_whitelist": [".*/USDT"], "pair_blacklist": ["ETH/.*"]}
    assert BacktestSession(config).pairs == ("BTC/USDT",)


def test_a_strategy_can_ask_for_pairs_and_their_coins_as_in_a_backtest(backtest):
    provider = BacktestSession(backtest.load()).strategy.dp
    assert provider.current_whitelist() == ["BTC/USDT", "ETH/USDT"]
    assert provider.market("ETH/USDT")["base"] == "ETH"
