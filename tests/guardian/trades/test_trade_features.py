import numpy as np
import pandas as pd
import pytest

from freqai_ext.guardian.trades import trade_columns

HOUR_S = 3600.0
NAMES = ("recent_return_bps", "hit_rate", "holding_log", "slippage_bps", "count_30d_log", "recency")


def columns(trades, dates, symbol="BTC/USDT", candle_s=HOUR_S):
    return trade_columns(trades, dates, candle_s, symbol)


def test_the_columns_are_the_same_with_and_without_trades_and_neutral_without(dates, trade):
    none = columns([], dates(5))
    assert list(none) == [f"guardian-trades_{scope}{name}" for scope in ("", "market_") for name in NAMES]
    assert list(columns([trade(1.0)], dates(5))) == list(none)
    assert (none == 0.0).all(axis=None)


def test_a_trade_is_known_at_the_first_candle_that_closes_with_or_after_its_exit(dates, trade):
    at_close = columns([trade(3.0)], dates(6))["guardian-trades_count_30d_log"]
    just_after = columns([trade(3.0 + 1e-6)], dates(6))["guardian-trades_count_30d_log"]
    # The candle of row 2 opens at 2 h and closes at 3 h.
    assert (at_close > 0.0).tolist() == [False, False, True, True, True, True]
    assert (just_after > 0.0).tolist() == [False, False, False, True, True, True]


def test_a_trade_that_was_written_down_late_is_known_late(dates, trade, start_s):
    late = trade(1.0, recorded_at_s=start_s + 4.0 * HOUR_S)
    assert (columns([late], dates(6))["guardian-trades_recency"] > 0.0).tolist() == [False] * 3 + [True] * 3


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_trade_of_later_changes_nothing_earlier(dates, trade, random_trades, seed):
    trades, known = random_trades(seed), dates(240)
    before = columns(trades, known)
    after = columns([*trades, trade(100.5, 1e6, opened_h=1.0)], known)
    pd.testing.assert_frame_equal(after.iloc[:100], before.iloc[:100], check_exact=True)
    assert (after.iloc[100] != before.iloc[100]).sum() >= 8


@pytest.mark.parametrize("seed", range(4))
def test_cutting_off_the_trades_not_yet_known_changes_nothing(dates, random_trades, start_s, seed):
    trades, known = random_trades(seed), dates(240)
    whole = columns(trades, known)
    for row in (0, 10, 57, 133, 239):
        close_s = start_s + HOUR_S * (row + 1)
        cut = columns([one for one in trades if one.known_at_s <= close_s], known.iloc[: row + 1])
        pd.testing.assert_frame_equal(cut, whole.iloc[: row + 1], check_exact=True)


def test_the_order_of_the_trades_does_not_matter(dates, random_trades):
    trades = random_trades(3)
    pd.testing.assert_frame_equal(columns(trades[::-1], dates(240)), columns(trades, dates(240)), check_exact=True)


def test_values_are_shrunk_means_of_the_last_trades(dates, trade):
    trades = [trade(float(hour), -5_000.0, slippage_bps=2.0) for hour in range(1, 4)]
    trades += [trade(float(hour), 60.0, opened_h=hour - 2.0) for hour in range(4, 14)]
    last = columns(trades, dates(13)).iloc[-1]
    early = columns(trades, dates(13)).iloc[2]
    assert early["guardian-trades_recent_return_bps"] == pytest.approx(-3_000.0 / 8.0)
    assert early["guardian-trades_slippage_bps"] == pytest.approx(6.0 / 8.0)
    assert early["guardian-trades_hit_rate"] == pytest.approx(1.0 / 5.0 - 0.5)
    assert last["guardian-trades_recent_return_bps"] == pytest.approx(600.0 / 15.0)
    assert last["guardian-trades_hit_rate"] == pytest.approx(11.0 / 15.0 - 0.5)
    assert last["guardian-trades_holding_log"] == pytest.approx(10.0 * np.log(121.0) / 15.0)
    assert last["guardian-trades_slippage_bps"] == 0.0
    assert last["guardian-trades_count_30d_log"] == pytest.approx(np.log(14.0))
    assert last["guardian-trades_recency"] == 1.0


def test_old_trades_are_forgotten(dates, trade):
    frame = columns([trade(1.0, 60.0)], dates(100, freq="1D"), candle_s=24 * HOUR_S)
    day = {days: frame.iloc[days].filter(like="guardian-trades_") for days in (0, 3, 20, 60, 99)}
    assert day[3]["guardian-trades_recency"] == pytest.approx(1.0 - (4.0 * 24.0 - 1.0) / (7.0 * 24.0))
    assert day[20]["guardian-trades_recency"] == 0.0
    assert day[20]["guardian-trades_count_30d_log"] == pytest.approx(np.log(2.0))
    assert day[60]["guardian-trades_count_30d_log"] == 0.0
    assert day[60]["guardian-trades_recent_return_bps"] == pytest.approx(10.0)
    assert (day[99] == 0.0).all()


def test_the_market_columns_hold_the_trades_of_all_pairs(dates, trade):
    trades = [trade(1.0, 60.0), trade(1.5, -30.0, symbol="ETHUSDT")]
    frame = columns(trades, dates(4), "BTC/USDT:USDT")
    assert frame["guardian-trades_recent_return_bps"].iloc[-1] == pytest.approx(10.0)
    assert frame["guardian-trades_market_recent_return_bps"].iloc[-1] == pytest.approx(30.0 / 7.0)
    assert columns(trades, dates(4), "XRPUSDT").iloc[-1].filter(regex="trades_(?!market)").eq(0.0).all()


def test_the_index_and_the_unit_of_the_dates_are_the_callers(random_trades, dates):
    trades, known = random_trades(1), dates(50)
    expected = columns(trades, known)
    assert expected.dtypes.eq(np.float64).all()
    for other in (known.dt.as_unit("ms"), known.astype(object), known.dt.tz_convert("Asia/Tokyo")):
        pd.testing.assert_frame_equal(columns(trades, other), expected, check_exact=True)
    shifted = known.set_axis(range(100, 150))
    assert list(columns(trades, shifted).index) == list(range(100, 150))
    assert columns(trades, known.iloc[:0]).shape == (0, 12)


def test_columns_are_finite_whatever_the_trades_returned(dates, trade):
    trades = [trade(1.0, 1e58, slippage_bps=1e18), trade(1.0, -1e4, opened_h=-1e6)]
    assert np.isfinite(columns(trades, dates(5))).all(axis=None)


def test_trades_long_forgotten_leave_no_trace(dates, trade, random_trades):
    late = dates(24 * 100).iloc[24 * 95 :]
    recent = [trade(24.0 * 94 + hour / 3.0, 10.0 + hour / 7.0, slippage_bps=hour / 9.0) for hour in range(100)]
    expected = columns(recent, late)
    assert expected.ne(0.0).all(axis=None)
    old = [one for one in random_trades(2) if one.known_at_s < one.closed_at_s + 1e5][:60]
    pd.testing.assert_frame_equal(columns([*old, *recent], late), expected, check_exact=True)
