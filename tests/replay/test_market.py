from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.replay import CandleStore, GeneratedMarket, MarketParameters
from freqai_ext.replay.planted import expected_return, planted_returns

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "DOGE/USDT")


@pytest.fixture(scope="module")
def market():
    return GeneratedMarket(MarketParameters(pairs=PAIRS, days=90))


def columns(market, pair):
    return np.stack(list(market.history(pair).base.columns()))


def log_returns(market, pair):
    return np.diff(np.log(market.history(pair).base.close))


def test_the_same_seed_gives_the_same_candles_to_the_last_bit(market):
    again = GeneratedMarket(market.parameters)
    for pair in PAIRS:
        assert np.array_equal(columns(market, pair), columns(again, pair))


def test_another_seed_gives_other_candles(market):
    other = GeneratedMarket(replace(market.parameters, seed=8))
    assert not np.array_equal(columns(market, PAIRS[0]), columns(other, PAIRS[0]))


def test_a_longer_market_begins_with_the_shorter_one(market):
    shorter = GeneratedMarket(replace(market.parameters, days=20))
    for pair in PAIRS:
        assert np.array_equal(columns(market, pair)[:, : 20 * 288], columns(shorter, pair))


def test_a_pair_does_not_depend_on_which_others_are_generated(market):
    alone = GeneratedMarket(replace(market.parameters, pairs=("SOL/USDT",)))
    assert np.array_equal(columns(market, "SOL/USDT"), columns(alone, "SOL/USDT"))


def test_candles_are_consistent_and_continuous(market):
    for pair in PAIRS:
        opened, high, low, close, volume = columns(market, pair)
        assert (high >= np.maximum(opened, close)).all()
        assert (low <= np.minimum(opened, close)).all()
        assert (low > 0).all()
        assert (volume > 0).all()
        assert np.array_equal(opened[1:], close[:-1])


def test_returns_are_fat_tailed_clustered_and_correlated(market):
    returns = np.stack([log_returns(market, pair) for pair in PAIRS])
    for one in returns:
        spread = one - one.mean()
        assert (spread**4).mean() / (spread**2).mean() ** 2 > 6
        size = np.abs(one)
        assert np.corrcoef(size[12:], size[:-12])[0, 1] > 0.1
    between = np.corrcoef(returns)[np.triu_indices(len(PAIRS), 1)]
    assert ((between > 0.3) & (between < 0.9)).all()


def test_volume_follows_the_size_of_the_move(market):
    for pair in PAIRS:
        volume = market.history(pair).base.volume[1:]
        assert np.corrcoef(volume, np.abs(log_returns(market, pair)))[0, 1] > 0.4


def test_the_planted_signal_can_be_computed_from_the_candles(market):
    for pair in PAIRS:
        seen = expected_return(log_returns(market, pair), market.parameters.strength)
        assert np.corrcoef(seen[200:], market.planted_signal(pair)[201:])[0, 1] > 0.999


def test_returns_follow_the_planted_rule():
    noise = np.random.default_rng(1).normal(0, 0.01, 3000)
    returns, expected = planted_returns(noise, 0.15)
    assert np.allclose(expected, expected_return(returns, 0.15), rtol=0, atol=1e-10)
    assert np.array_equal(returns[1:], noise[1:] + expected[:-1])


def test_the_planted_signal_does_not_depend_on_later_returns():
    returns = np.random.default_rng(0).normal(0, 0.01, 400)
    changed = returns.copy()
    changed[300:] *= 5
    assert np.array_equal(expected_return(returns, 0.1)[:300], expected_return(changed, 0.1)[:300])
    assert not np.array_equal(expected_return(returns, 0.1)[300:], expected_return(changed, 0.1)[300:])


def test_the_true_information_coefficient_is_what_the_signal_earns_on_average(market):
    claimed, earned = [], []
    for seed in range(6):
        one = GeneratedMarket(replace(market.parameters, seed=seed))
        for pair in PAIRS:
            price = np.log(one.history(pair).base.close)
            forward = price[24:] - price[:-24]
            claimed.append(one.true_information_coefficient(pair, 24))
            earned.append(np.corrcoef(one.planted_signal(pair)[:-24], forward)[0, 1])
    assert all(0.08 < value < 0.15 for value in claimed)
    # 24 samples with an error of about 0.03 each, half of it shared between pairs.
    assert abs(np.mean(earned) - np.mean(claimed)) < 0.03


def test_nothing_can_be_forecast_without_a_planted_component(market):
    blank = GeneratedMarket(replace(market.parameters, strength=0.0))
    momentum = [np.corrcoef(r[:-1], r[1:])[0, 1] for r in (log_returns(blank, pair) for pair in PAIRS)]
    assert abs(np.mean(momentum)) < 0.02
    assert not blank.planted_signal(PAIRS[0]).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"days": 0}, "days: 0 is not valid"),
        ({"pairs": ()}, "pairs: empty; name at least one"),
        ({"pairs": ("BTC/USDT", "BTC/USDT")}, "names a pair twice"),
        ({"pairs": ("BTC/USDT", "ETH/USDT:USDT")}, "mixes spot and futures"),
        ({"pairs": ("BTCUSDT",)}, "pair 'BTCUSDT' is not a pair name; write one like BTC/USDT"),
        ({"timeframe": "7m"}, "timeframe: '7m' does not divide a day"),
        ({"start": datetime(2025, 1, 1, 3, tzinfo=UTC)}, "is not midnight UTC"),
        ({"strength": 0.5}, r"strength: 0.5 is outside \[0, 0.15\]"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_rule(change, message):
    with pytest.raises(SettingsError, match=message):
        MarketParameters(**change)


def test_an_unknown_pair_is_an_error_that_lists_the_known_ones(market):
    with pytest.raises(SettingsError, match="no pair XRP/USDT; it has BTC/USDT, ETH/USDT, SOL/USDT, DOGE/USDT"):
        market.history("XRP/USDT")


def test_a_coin_that_is_not_known_gets_a_price(small_market):
    history = GeneratedMarket(MarketParameters(pairs=("FOO/USDT", "ETH/BTC"), days=2)).history
    assert history("FOO/USDT").base.close.min() > 0
    assert 0.01 < history("ETH/BTC").base.close[0] < 0.2


def test_a_written_market_is_read_back_as_it_was(tmp_path):
    market = GeneratedMarket(MarketParameters(pairs=("BTC/USDT",), days=3))
    market.write(tmp_path, ("5m", "1h"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["BTC_USDT-1h.feather", "BTC_USDT-5m.feather"]
    read = CandleStore(tmp_path).history("BTC/USDT")
    assert np.array_equal(np.stack(list(read.base.columns())), columns(market, "BTC/USDT"))


def test_a_written_futures_market_has_mark_prices_and_funding_rates(tmp_path):
    market = GeneratedMarket(MarketParameters(pairs=("BTC/USDT:USDT",), days=3))
    market.write(tmp_path, ("5m",))
    assert sorted(path.name for path in (tmp_path / "futures").iterdir()) == [
        "BTC_USDT_USDT-1h-funding_rate.feather",
        "BTC_USDT_USDT-1h-mark.feather",
        "BTC_USDT_USDT-5m-futures.feather",
    ]
    read = CandleStore(tmp_path, "futures").history("BTC/USDT:USDT")
    assert len(read.mark) == 72
    assert len(read.funding.rate) == 9
    assert np.array_equal(read.funding.rate, market.history("BTC/USDT:USDT").funding.rate)
