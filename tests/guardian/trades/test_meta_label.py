import numpy as np
import pandas as pd
import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.guardian.trades import enough, entry_outcomes, payoff, pays_label

HOUR_S = 3600.0


def label(trades, dates, symbol="BTC/USDT"):
    return pays_label(trades, dates, HOUR_S, symbol)


def test_the_parts_of_a_position_are_one_outcome_known_with_the_last(trade, start_s):
    parts = [
        trade(2.0, 100.0, opened_h=0.0, quantity=1.0, closes_position=False),
        trade(5.0, -20.0, opened_h=0.0, quantity=3.0),
    ]
    (outcome,) = entry_outcomes(parts)
    assert (outcome.entered_at_s, outcome.known_at_s) == (start_s, start_s + 5.0 * HOUR_S)
    assert outcome.entry_value == 400.0
    assert outcome.return_bps == pytest.approx(10.0)
    assert outcome.pays
    assert entry_outcomes(parts[:1]) == ()


def test_a_return_of_nothing_does_not_pay(trade):
    assert not entry_outcomes([trade(2.0, 0.0)])[0].pays


def test_the_label_stands_on_the_last_candle_closed_by_the_entry(trade, dates, start_s):
    trades = [trade(8.5, 50.0, opened_h=3.0), trade(9.0, -50.0, opened_h=4.999)]
    labels = label(trades, dates(8))
    # Row 2 closes at 3 h, row 3 at 4 h.
    expected = [np.nan, np.nan, 1.0, 0.0] + [np.nan] * 4
    np.testing.assert_array_equal(labels.values.to_numpy(), expected)
    assert (labels.name, labels.values.name) == ("guardian_pays", "guardian_pays")
    closes = dates(8) + pd.Timedelta("1h")
    known = closes.copy()
    known[2], known[3] = closes[7] + pd.Timedelta("30min"), closes[7] + pd.Timedelta("1h")
    assert labels.known_at.tolist() == known.tolist()
    assert labels.horizon_candles == 6


def test_an_entry_without_a_candle_just_before_it_is_left_out(trade, dates):
    outside = [trade(2.0, opened_h=0.5), trade(20.0, opened_h=9.5)]
    assert label(outside, dates(8)).values.isna().all()
    with_gap = dates(8).drop([3, 4]).reset_index(drop=True)
    assert label([trade(9.0, opened_h=5.5)], with_gap).values.isna().all()
    assert label([trade(9.0, opened_h=3.5)], with_gap).values[2] == 1.0


def test_of_several_entries_at_one_candle_the_larger_value_decides(trade, dates):
    won, lost = trade(2.2, 40.0, opened_h=2.1, quantity=1.0), trade(2.6, -40.0, opened_h=2.5, quantity=3.0)
    assert label([won, lost], dates(8)).values[1] == 0.0
    assert label([trade(2.2, 40.0, opened_h=2.1, quantity=3.0), lost], dates(8)).values[1] == 1.0


def test_other_pairs_and_no_trades_give_no_labels(trade, dates):
    labels = label([trade(5.0, opened_h=3.0)], dates(8), "ETH/USDT")
    assert labels.values.isna().all()
    assert not labels.known_at.isna().any()
    assert labels.horizon_candles == 1
    assert label([], dates(0)).values.empty


def test_labels_known_at_a_time_do_not_change_with_later_trades(random_trades, dates, start_s):
    trades = sorted(random_trades(5), key=lambda one: one.known_at_s)
    whole = label(trades, dates(260))
    assert whole.values.notna().sum() > 20
    for hours in (50, 120, 200):
        now = pd.Timestamp(start_s + hours * HOUR_S, unit="s", tz="UTC")
        early = label([one for one in trades if one.known_at_s <= now.timestamp()], dates(260))
        rows = whole.values.notna() & (whole.known_at <= now)
        pd.testing.assert_series_equal(early.values[rows], whole.values[rows])
        assert (early.known_at[early.values.notna()] <= now).all()


def test_too_few_positions_are_an_error_that_names_both_numbers(trade):
    trades = [trade(float(hour)) for hour in range(1, 12)]
    enough(trades, 11)
    parts = [trade(20.0, opened_h=12.0, closes_position=False)]
    with pytest.raises(SettingsError) as caught:
        enough(trades + parts, 12)
    assert str(caught.value) == (
        "freqai_ext.guardian.trades.min_trades: meta_label needs 12 closed trades of Guardian's in the training "
        "window, and there are 11; train on a longer window, wait for more trades, or set "
        "freqai_ext.guardian.trades.meta_label to false"
    )


def test_the_pay_off_is_a_shrunk_mean_of_wins_and_of_losses(trade):
    trades = [trade(float(hour), 100.0) for hour in range(30)] + [trade(40.0 + hour, -40.0) for hour in range(10)]
    result = payoff(trades)
    mean_size = (30 * 100.0 + 10 * 40.0) / 40
    assert result.trades == 40
    assert result.win_bps == pytest.approx((3000.0 + 10 * mean_size) / 40)
    assert result.loss_bps == pytest.approx((400.0 + 10 * mean_size) / 20)
    assert result.ev_bps(0.75) == pytest.approx(0.75 * result.win_bps - 0.25 * result.loss_bps)


def test_one_wild_trade_does_not_make_the_pay_off(trade):
    assert payoff([trade(1.0, 1e9)]).win_bps == pytest.approx(2000.0)


def test_without_trades_the_pay_off_is_nothing():
    result = payoff([])
    assert (result.win_bps, result.loss_bps, result.trades) == (0.0, 0.0, 0)
