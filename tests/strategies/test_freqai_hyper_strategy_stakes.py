"""Stakes of ``FreqaiHyperStrategy``: a capped fraction of the Kelly stake, and none in doubt."""

import logging

import pandas as pd
import pytest

PAIR = "ETH/USDT"
KELLY = 0.15 / 0.65
"""Of the candle below; the interval alone would ask for more."""

CANDLE = {
    "bet_ev_bps": 10.0,
    "bet_short_ev_bps": -50.0,
    "bet_low_bps": -90.0,
    "bet_high_bps": 110.0,
    "bet_p_up": 0.40,
    "bet_p_down": 0.25,
    "bet_knows_probability": 1,
    "bet_knows_interval": 1,
}
SHORT = {
    "bet_ev_bps": -50.0,
    "bet_short_ev_bps": 10.0,
    "bet_low_bps": -110.0,
    "bet_high_bps": 90.0,
    "bet_p_up": 0.25,
    "bet_p_down": 0.40,
}


def stake(
    strategy, *, proposed=900.0, least=10.0, available=1000.0, leverage=1.0, tag="odds_up", side="long", **candle
):
    strategy.dp.analyzed[PAIR] = pd.DataFrame([{**CANDLE, "bet_ev_bps": 1e6}, {**CANDLE, **candle}])
    return strategy.custom_stake_amount(PAIR, None, 100.0, proposed, least, available, leverage, tag, side)


def test_the_stake_is_the_fraction_of_the_kelly_stake_of_the_newest_candle(make_hyper_strategy):
    assert stake(make_hyper_strategy()) == pytest.approx(0.25 * KELLY * 1000.0)
    assert stake(make_hyper_strategy(hyper={"kelly_fraction": 0.5})) == pytest.approx(0.5 * KELLY * 1000.0)


def test_a_short_is_staked_as_the_mirrored_long(make_hyper_strategy):
    strategy = make_hyper_strategy()
    assert stake(strategy, side="short", tag="odds_down", **SHORT) == pytest.approx(stake(strategy))
    assert stake(strategy, side="short", tag="odds_down") == 0.0


def test_leverage_divides_the_stake_because_kelly_speaks_of_the_position(make_hyper_strategy):
    strategy = make_hyper_strategy()
    assert stake(strategy, leverage=3.0) == pytest.approx(stake(strategy) / 3.0)


@pytest.mark.parametrize(
    ("hyper", "words", "expected"),
    [
        ({"kelly_fraction": 1.0, "max_stake_share": 0.2}, {}, 200.0),
        ({}, {"proposed": 20.0}, 20.0),
        ({}, {"available": 100.0, "least": 1.0}, 25.0 * KELLY),
        ({"kelly_fraction": None}, {}, 300.0),
        ({"kelly_fraction": None}, {"proposed": 120.0}, 120.0),
        ({}, {"bet_knows_probability": 0, "bet_knows_interval": 0}, 300.0),
        ({}, {"bet_knows_probability": 0, "bet_p_up": float("nan")}, 250.0),
        ({}, {"bet_knows_interval": 0, "bet_low_bps": float("nan")}, 250.0 * KELLY),
    ],
)
def test_caps_and_what_is_not_known_are_minded(make_hyper_strategy, hyper, words, expected):
    assert stake(make_hyper_strategy(hyper=hyper), **words) == pytest.approx(expected)


@pytest.mark.parametrize(
    "words",
    [
        {"bet_ev_bps": 0.0},
        {"bet_ev_bps": float("nan")},
        {"bet_p_up": 0.25},
        {"bet_p_up": float("nan")},
        {"least": 60.0},
        {"available": 0.0, "least": None},
    ],
)
def test_a_bet_without_value_or_below_the_least_stake_is_not_made(make_hyper_strategy, words):
    assert stake(make_hyper_strategy(), **words) == 0.0


def test_an_exchange_without_a_least_stake_takes_any(make_hyper_strategy):
    assert stake(make_hyper_strategy(), least=None) == pytest.approx(250.0 * KELLY)


def test_a_fault_denies_the_entry_because_freqtrade_would_bet_the_proposed_stake(make_hyper_strategy, caplog):
    strategy = make_hyper_strategy()
    with caplog.at_level(logging.ERROR):
        assert strategy.custom_stake_amount(PAIR, None, 100.0, 900.0, 10.0, 1000.0, 1.0, "odds_up", "long") == 0.0
    assert caplog.messages == ["ETH/USDT: cannot judge the stake of the long entry; denied"]


def test_an_entry_that_the_operator_forces_keeps_its_stake(make_hyper_strategy):
    assert stake(make_hyper_strategy(), tag="force_entry") == 900.0
    assert stake(make_hyper_strategy(), tag=None) == 900.0
