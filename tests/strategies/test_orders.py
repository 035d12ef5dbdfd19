"""The last word before an order: slippage, faults, leverage."""

import logging

import pandas as pd
import pytest

PAIR = "ETH/USDT"


def confirm(strategy, rate, side="long", pair=PAIR):
    return strategy.confirm_trade_entry(pair, "limit", 1.0, rate, "GTC", None, "expected_rise", side)


@pytest.fixture
def at_100(strategy):
    """A strategy whose newest close is 100."""
    strategy.dp.analyzed[PAIR] = pd.DataFrame({"close": [50.0, 100.0]})
    return strategy


@pytest.mark.parametrize(
    ("rate", "side", "allowed"),
    [
        (100.0, "long", True),
        (100.29, "long", True),
        (100.31, "long", False),
        (90.0, "long", True),
        (99.71, "short", True),
        (99.69, "short", False),
        (110.0, "short", True),
    ],
)
def test_an_entry_that_has_run_away_is_denied(at_100, rate, side, allowed):
    assert confirm(at_100, rate, side) is allowed


def test_a_denial_says_why(at_100, caplog):
    with caplog.at_level(logging.INFO):
        assert confirm(at_100, 101.0) is False
    assert caplog.messages == ["ETH/USDT: long entry at 101.0 denied, 1.00 % worse than the close"]


def test_the_limit_is_a_setting(make_strategy):
    strategy = make_strategy(strategy={"max_slippage_ratio": 0.05})
    strategy.dp.analyzed[PAIR] = pd.DataFrame({"close": [100.0]})
    assert confirm(strategy, 104.0) is True
    assert confirm(strategy, 106.0) is False


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("close", [100.0, float("nan")])
def test_an_unknown_rate_or_close_is_denied(strategy, side, close):
    strategy.dp.analyzed[PAIR] = pd.DataFrame({"close": [close]})
    assert confirm(strategy, float("nan"), side) is False


@pytest.mark.parametrize(
    "candles",
    [
        pd.DataFrame(),
        pd.DataFrame({"close": []}),
        pd.DataFrame({"open": [1.0]}),
        pd.DataFrame({"close": ["x"]}),
        pd.DataFrame({"close": [0.0]}),
        None,
    ],
    ids=["no frame", "no candle", "no close", "no number", "worthless", "nothing"],
)
def test_without_a_usable_close_the_entry_is_denied_and_the_fault_logged(strategy, caplog, candles):
    strategy.dp.analyzed[PAIR] = candles
    assert confirm(strategy, 100.0) is False
    assert "cannot check the slippage of the entry at 100.0; denied" in caplog.text


def test_a_fault_of_the_data_provider_denies_the_entry(strategy, caplog):
    """Freqtrade takes an exception here for consent."""

    def fail(pair, timeframe):
        raise RuntimeError("no candles today")

    strategy.dp.get_analyzed_dataframe = fail
    assert confirm(strategy, 100.0) is False
    assert "no candles today" in caplog.text


def test_without_a_data_provider_the_entry_is_denied(strategy):
    strategy.dp = None
    assert confirm(strategy, 100.0) is False


@pytest.mark.parametrize(("configured", "allowed", "used"), [(1.0, 20.0, 1.0), (3.0, 20.0, 3.0), (5.0, 2.5, 2.5)])
def test_leverage_is_as_configured_up_to_what_the_exchange_allows(make_strategy, configured, allowed, used):
    strategy = make_strategy("futures", strategy={"leverage": configured})
    assert strategy.leverage(PAIR, None, 100.0, 1.0, allowed, None, "long") == used
