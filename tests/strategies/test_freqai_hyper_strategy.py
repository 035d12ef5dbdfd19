"""Targets, entries and exits of ``FreqaiHyperStrategy``, for longs and their mirror image, shorts."""

import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.labels import forward_return, mean_forward_return
from freqai_ext.models.CatboostClassifier import CatboostClassifier
from freqai_ext.models.CatboostRegressor import CatboostRegressor

METADATA = {"pair": "ETH/USDT"}
OPPOSITE = {"long": "short", "short": "long"}

GOOD = {
    "close": 100.0,
    "volume": 5.0,
    "do_predict": 1,
    "&-return_12": 0.0,
    "p_up_return_12": 0.1,
    "p_down_return_12": 0.1,
    "ev_bps_return_12": -20.0,
    "confidence_return_12": 0.0,
    "&-return_24": 0.0040,
    "&-return_24_lo": -0.0050,
    "&-return_24_hi": 0.0130,
    "p_up_return_24": 0.50,
    "p_down_return_24": 0.20,
    "ev_bps_return_24": 20.0,
    "confidence_return_24": 0.3,
}
"""A candle to go long on over 24 candles, and not over 12; the round-trip cost is 20 bps."""


def frame(*changes):
    return pd.DataFrame([{**GOOD, **change} for change in changes or ({},)])


def mirrored(candles):
    """Return the candles that say of shorts what ``candles`` say of longs."""
    flipped = {}
    for horizon in (12, 24):
        target, up, down = f"&-return_{horizon}", f"p_up_return_{horizon}", f"p_down_return_{horizon}"
        ev = f"ev_bps_return_{horizon}"
        flipped |= {target: -candles[target], up: candles[down], down: candles[up], ev: -candles[ev] - 40.0}
    low, high = candles["&-return_24_lo"], candles["&-return_24_hi"]
    return candles.assign(**flipped, **{"&-return_24_lo": -high, "&-return_24_hi": -low})


def marks(candles, column):
    return candles[column].eq(1).tolist() if column in candles else [False] * len(candles)


def entries(strategy, candles, side="long"):
    return marks(strategy.populate_entry_trend(candles.copy(), METADATA), f"enter_{side}")


def exits(strategy, candles, side="long"):
    return marks(strategy.populate_exit_trend(candles.copy(), METADATA), f"exit_{side}")


@pytest.mark.parametrize(
    ("label", "expected"), [("forward_return", forward_return), ("mean_forward_return", mean_forward_return)]
)
def test_the_returns_over_all_horizons_are_trained_together(make_hyper_strategy, make_candles, label, expected):
    candles = make_candles()
    targets = make_hyper_strategy(hyper={"label": label}).set_freqai_targets(candles.copy(), METADATA)
    assert [name for name in targets if name.startswith("&")] == ["&-return_12", "&-return_24", "&-return_48"]
    for horizon in (12, 24, 48):
        np.testing.assert_array_equal(targets[f"&-return_{horizon}"], expected(candles, horizon, "5m").values)
        assert targets[f"&-return_{horizon}"].isna().sum() == horizon


def test_a_model_of_one_target_gets_the_first_horizon_and_is_traded_on_it(make_hyper_strategy, make_candles, caplog):
    strategy = make_hyper_strategy(model_class=CatboostRegressor)
    targets = strategy.set_freqai_targets(make_candles(), METADATA)
    assert [name for name in targets if name.startswith("&")] == ["&-return_12"]
    assert strategy.horizon_candles == 12
    with caplog.at_level(logging.INFO):
        strategy.ft_load_hyper_params()
    assert "CatboostRegressor learns one target, so &-return_12 it is." in caplog.messages
    assert strategy.horizon.optimize is False


def test_a_classifier_is_refused(make_hyper_strategy, make_candles):
    strategy = make_hyper_strategy(model_class=CatboostClassifier)
    with pytest.raises(
        OperationalException, match="CatboostClassifier learns classes, and FreqaiHyperStrategy bets on"
    ):
        strategy.set_freqai_targets(make_candles(), METADATA)


def test_a_good_bet_is_entered_and_tagged(make_hyper_strategy):
    strategy = make_hyper_strategy()
    entered = strategy.populate_entry_trend(frame(), METADATA)
    assert (entered.loc[0, "enter_long"], entered.loc[0, "enter_short"]) == (1, 0)
    assert entered.loc[0, "enter_tag"] == "odds_up"
    fallen = strategy.populate_entry_trend(mirrored(frame()), METADATA)
    assert (fallen.loc[0, "enter_long"], fallen.loc[0, "enter_short"]) == (0, 1)
    assert fallen.loc[0, "enter_tag"] == "odds_down"


@pytest.mark.parametrize(
    "change",
    [
        {"do_predict": 0},
        {"do_predict": 2},
        {"volume": 0.0},
        {"ev_bps_return_24": 5.0},
        {"ev_bps_return_24": np.nan},
        {"p_up_return_24": 0.34},
        {"p_up_return_24": np.nan},
        {"confidence_return_24": 0.09},
        {"confidence_return_24": np.nan},
        {"&-return_24": np.nan},
    ],
    ids=lambda change: " ".join(f"{key}={value}" for key, value in change.items()),
)
def test_each_condition_alone_keeps_the_strategy_out(make_hyper_strategy, change):
    strategy = make_hyper_strategy()
    assert entries(strategy, frame({}, change)) == [True, False]
    assert entries(strategy, mirrored(frame({}, change)), "short") == [True, False]


def test_the_horizon_chooses_whose_odds_count(make_hyper_strategy):
    assert entries(make_hyper_strategy(), frame()) == [True]
    assert entries(make_hyper_strategy(parameters={"horizon": 12}), frame()) == [False]


@pytest.mark.parametrize(
    ("rule", "worst", "enters"),
    [
        ("off", -0.0500, True),
        ("loss_bounded", -0.0101, False),
        ("loss_bounded", -0.0099, True),
        ("clears_cost", 0.0019, False),
        ("clears_cost", 0.0021, True),
        ("clears_cost", np.nan, False),
    ],
)
def test_the_interval_rule_bounds_the_worse_end(make_hyper_strategy, rule, worst, enters):
    strategy = make_hyper_strategy(parameters={"interval_rule": rule})
    candles = frame({"&-return_24_lo": worst})
    assert entries(strategy, candles) == [enters]
    assert entries(strategy, mirrored(candles), "short") == [enters]


@pytest.mark.parametrize("columns", [[], ["&-return_24", "&-return_48", "do_predict"]])
def test_before_the_first_training_nothing_is_entered_and_nothing_breaks(make_hyper_strategy, columns, caplog):
    strategy = make_hyper_strategy()
    untrained = pd.DataFrame({"close": [1.0, 2.0], "volume": [3.0, 3.0], **{name: [0, 0] for name in columns}})
    with caplog.at_level(logging.INFO):
        for side in ("long", "short"):
            assert entries(strategy, untrained, side) == exits(strategy, untrained, side) == [False, False]
    assert not any("No probabilities" in message for message in caplog.messages)


def test_spot_never_goes_short(make_hyper_strategy):
    spot = make_hyper_strategy("spot")
    assert spot.can_short is False
    assert "enter_short" not in spot.populate_entry_trend(mirrored(frame()), METADATA)
    assert "exit_short" not in spot.populate_exit_trend(mirrored(frame()), METADATA)


def plain(*forecasts):
    """Return the candles of a stock model: targets alone."""
    return pd.DataFrame({"close": 100.0, "volume": 5.0, "do_predict": 1, "&-return_24": list(forecasts)})


def test_a_model_without_odds_is_followed_by_its_expected_value_and_the_log_says_so_once(make_hyper_strategy, caplog):
    strategy = make_hyper_strategy(parameters={"interval_rule": "clears_cost"})
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            assert entries(strategy, plain(0.0026, 0.0024, -0.0026)) == [True, False, False]
            assert entries(strategy, plain(0.0026, -0.0024, -0.0026), "short") == [False, False, True]
    message = (
        "No probabilities of &-return_24 from CatboostRegressorMultiTarget: entries go by the expected return less "
        "20 bps of costs."
    )
    assert caplog.messages.count(message) == 1


@pytest.mark.parametrize("rule", ["odds_turned", "expectation_gone", "interval_loss"])
def test_a_model_without_odds_is_left_when_the_expectation_is_gone(make_hyper_strategy, rule):
    strategy = make_hyper_strategy(parameters={"exit_rule": rule})
    left = strategy.populate_exit_trend(plain(-0.0006, -0.0004, 0.0006), METADATA)
    assert left["exit_long"].tolist() == [1, 0, 0]
    assert left["exit_short"].tolist() == [0, 0, 1]
    assert left["exit_tag"].tolist() == ["expectation_gone", None, "expectation_gone"]


def test_a_horizon_that_the_model_does_not_give_is_not_entered(make_hyper_strategy, caplog):
    strategy = make_hyper_strategy(parameters={"horizon": 48})
    with caplog.at_level(logging.INFO):
        assert entries(strategy, frame()) == [False]
    assert (
        "No column &-return_48 from CatboostRegressorMultiTarget, so no entries over that horizon." in caplog.messages
    )


@pytest.mark.parametrize(
    ("rule", "change", "leaves"),
    [
        ("odds_turned", {"p_up_return_24": 0.30, "p_down_return_24": 0.31}, True),
        ("odds_turned", {"p_up_return_24": 0.31, "p_down_return_24": 0.31}, False),
        ("odds_turned", {"p_up_return_24": 0.10, "p_down_return_24": 0.29}, False),
        ("odds_turned", {"p_up_return_24": 0.30, "p_down_return_24": 0.31, "do_predict": 0}, False),
        ("odds_turned", {"p_up_return_24": 0.30, "p_down_return_24": 0.31, "volume": 0.0}, False),
        ("expectation_gone", {"&-return_24": -0.0006}, True),
        ("expectation_gone", {"&-return_24": -0.0004}, False),
        ("interval_loss", {"&-return_24_lo": -0.0201}, True),
        ("interval_loss", {"&-return_24_lo": -0.0199}, False),
        ("horizon", {"p_up_return_24": 0.0, "p_down_return_24": 1.0, "&-return_24": -0.05}, False),
    ],
)
def test_the_exit_rule_ends_the_bet(make_hyper_strategy, rule, change, leaves):
    strategy = make_hyper_strategy(parameters={"exit_rule": rule})
    candles = frame(change)
    assert exits(strategy, candles) == [leaves]
    assert exits(strategy, mirrored(candles), "short") == [leaves]
    if leaves:
        assert strategy.populate_exit_trend(candles, METADATA).loc[0, "exit_tag"] == rule


CANDLES = st.lists(
    st.fixed_dictionaries(
        {
            "do_predict": st.sampled_from([0, 1, 2]),
            "volume": st.sampled_from([0.0, 3.0]),
            "&-return_24": st.integers(-100, 100).map(lambda bps: bps / 1e4),
            "&-return_24_lo": st.integers(-300, 40).map(lambda bps: bps / 1e4),
            "&-return_24_hi": st.integers(-40, 300).map(lambda bps: bps / 1e4),
            "p_up_return_24": st.integers(0, 20).map(lambda part: part / 20),
            "p_down_return_24": st.integers(0, 20).map(lambda part: part / 20),
            "confidence_return_24": st.integers(0, 10).map(lambda part: part / 10),
        }
    ),
    min_size=1,
    max_size=15,
).map(lambda rows: frame(*({**row, "ev_bps_return_24": row["&-return_24"] * 1e4 - 20.0} for row in rows)))


@settings(max_examples=60, deadline=None)
@given(
    candles=CANDLES,
    interval=st.sampled_from(["off", "loss_bounded", "clears_cost"]),
    leave=st.sampled_from(["odds_turned", "expectation_gone", "interval_loss", "horizon"]),
)
def test_shorts_mirror_longs_and_no_candle_is_entered_both_ways_or_without_trust(
    make_hyper_strategy, candles, interval, leave
):
    strategy = make_hyper_strategy(parameters={"interval_rule": interval, "exit_rule": leave, "min_ev_bps": 0})
    for side in ("long", "short"):
        assert entries(strategy, candles, side) == entries(strategy, mirrored(candles), OPPOSITE[side])
        assert exits(strategy, candles, side) == exits(strategy, mirrored(candles), OPPOSITE[side])
    long, short = (np.array(entries(strategy, candles, side)) for side in ("long", "short"))
    assert not (long & short).any()
    assert not (long | short)[candles["do_predict"].ne(1) | candles["volume"].eq(0)].any()


NOW = datetime(2025, 1, 2, tzinfo=UTC)


def leave(strategy, candles_held, ev_bps, *, trusted=1, is_short=False):
    """Ask ``custom_exit`` about a trade that has lasted ``candles_held`` candles; the horizon is 24."""
    side = "bet_short_ev_bps" if is_short else "bet_ev_bps"
    newest = {"bet_ev_bps": -99.0, "bet_short_ev_bps": -99.0, side: ev_bps, "bet_trusted": trusted}
    strategy.dp.analyzed["ETH/USDT"] = pd.DataFrame([{**newest, side: 999.0}, newest])
    trade = SimpleNamespace(open_date_utc=NOW - timedelta(minutes=5 * candles_held), is_short=is_short)
    return strategy.custom_exit("ETH/USDT", trade, NOW, 100.0, 0.0)


@pytest.mark.parametrize("is_short", [False, True])
@pytest.mark.parametrize(
    ("candles_held", "ev_bps", "trusted", "reason"),
    [
        (23, -50.0, 1, None),
        (24, 5.0, 1, "horizon_passed"),
        (24, 6.0, 1, None),
        (24, 6.0, 0, "horizon_passed"),
        (24, np.nan, 1, "horizon_passed"),
    ],
)
def test_after_the_horizon_only_a_new_call_keeps_the_position(
    make_hyper_strategy, candles_held, ev_bps, trusted, reason, is_short
):
    strategy = make_hyper_strategy()
    assert leave(strategy, candles_held, ev_bps, trusted=trusted, is_short=is_short) == reason


def test_the_rule_horizon_leaves_then_whatever_is_expected(make_hyper_strategy):
    strategy = make_hyper_strategy(parameters={"exit_rule": "horizon", "exit_after_horizons": 2.0})
    assert leave(strategy, 47, 500.0) is None
    assert leave(strategy, 48, 500.0) == "horizon_passed"


def test_without_candles_the_horizon_says_nothing(make_hyper_strategy):
    trade = SimpleNamespace(open_date_utc=NOW - timedelta(days=9), is_short=False)
    assert make_hyper_strategy().custom_exit("ETH/USDT", trade, NOW, 100.0, 0.0) is None


def test_an_entry_that_has_run_away_is_denied(make_hyper_strategy):
    strategy = make_hyper_strategy()
    strategy.dp.analyzed["ETH/USDT"] = pd.DataFrame({"close": [100.0]})
    for rate, allowed in ((100.2, True), (100.4, False)):
        assert strategy.confirm_trade_entry("ETH/USDT", "limit", 1.0, rate, "GTC", NOW, "odds_up", "long") is allowed
    strategy.dp.analyzed.clear()
    assert strategy.confirm_trade_entry("ETH/USDT", "limit", 1.0, 100.0, "GTC", NOW, "odds_up", "long") is False


def test_everything_plotted_is_in_the_analysed_candles(make_hyper_strategy):
    strategy = make_hyper_strategy()
    analysed = strategy.populate_exit_trend(strategy.populate_entry_trend(frame(), METADATA), METADATA)
    plotted = set(strategy.plot_config["main_plot"]).union(*strategy.plot_config["subplots"].values())
    assert len(plotted) == 8
    assert plotted <= set(analysed.columns)
    assert analysed.loc[0, "bet_low_price"] == pytest.approx(99.5)
    assert analysed.loc[0, "bet_high_price"] == pytest.approx(101.3)
