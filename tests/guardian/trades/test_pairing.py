import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.guardian.trades import pair


def only(pairing):
    (trade,) = pairing.trades
    return trade


def test_a_round_trip_pays_the_fees_of_both_sides(fill, start_s):
    bought = fill("buy", 0, 100.0, 1.0, 0.001, "base")
    sold = fill("sell", 5400, 102.0, 0.999, 0.101898)
    trade = only(pair([bought, sold]))
    assert (trade.symbol, trade.opened_at_s, trade.closed_at_s) == ("BTCUSDT", start_s, start_s + 5400)
    assert (trade.entry_price, trade.exit_price, trade.quantity) == pytest.approx((100.0, 102.0, 0.999))
    assert trade.return_bps == pytest.approx(((0.999 * 102.0 - 0.101898) / 100.0 - 1.0) * 1e4)
    assert trade.fees_quote == pytest.approx(0.1 + 0.101898)
    assert trade.holding_min == 90.0
    assert trade.closes_position
    assert trade.slippage_bps is None


def test_buys_are_averaged_by_quantity_and_the_first_one_opens(fill, start_s):
    trade = only(pair([fill("buy", 0, 100.0, 1.0), fill("buy", 600, 130.0, 2.0), fill("sell", 900, 126.0, 3.0)]))
    assert trade.entry_price == pytest.approx(120.0)
    assert trade.return_bps == pytest.approx(500.0)
    assert trade.opened_at_s == start_s


def test_partial_sells_are_trades_of_one_position(fill, start_s):
    fills = [
        fill("buy", 0, 100.0, 2.0, 0.2),
        fill("sell", 600, 110.0, 1.0, 0.11, order="a"),
        fill("sell", 1200, 90.0, 1.0, 0.09, order="b"),
    ]
    first, second = pair(fills).trades
    assert (first.closes_position, second.closes_position) == (False, True)
    assert first.opened_at_s == second.opened_at_s == start_s
    assert first.return_bps == pytest.approx((109.89 / 100.1 - 1.0) * 1e4)
    assert second.return_bps == pytest.approx((89.91 / 100.1 - 1.0) * 1e4)
    assert first.fees_quote + second.fees_quote == pytest.approx(0.4)


def test_fills_of_one_order_within_a_minute_are_one_trade(fill, start_s):
    fills = [
        fill("buy", 0, 100.0, 2.0),
        fill("sell", 61, 101.0, 0.5, order="a"),
        fill("sell", 120, 103.0, 1.5, order="a"),
        fill("buy", 200, 100.0, 2.0),
        fill("sell", 300, 101.0, 0.5, order="b"),
        fill("sell", 301, 103.0, 1.5, order="b"),
    ]
    whole, part, rest = pair(fills).trades
    assert whole.exit_price == pytest.approx(102.5)
    assert (whole.quantity, whole.closed_at_s) == (2.0, start_s + 120)
    # The minute ends with 300 s, so these are two: at a candle's close then, the second was not known.
    assert (part.quantity, rest.quantity) == (0.5, 1.5)


def test_a_remainder_of_dust_closes_the_position_and_does_not_age_the_next(fill, start_s):
    fills = [
        fill("buy", 0, 100.0, 1.0),
        fill("sell", 600, 101.0, 0.995, order="a"),
        fill("sell", 700, 101.0, 0.005, order="b"),
        fill("buy", 7200, 50.0, 1.0),
        fill("sell", 7800, 51.0, 1.0, order="c"),
    ]
    pairing = pair(fills)
    first, second = pairing.trades
    assert first.closes_position
    assert second.opened_at_s == start_s + 7200
    assert second.return_bps == pytest.approx(200.0)
    assert pairing.sells_without_position == 1
    assert pairing.open_positions == ()


def test_a_remainder_too_small_to_be_sold_is_dust_where_a_larger_one_is_a_position(fill):
    def remaining(quantity, price):
        fills = [fill("buy", 0, price, quantity), fill("sell", 600, price, 0.95 * quantity)]
        return pair(fills).open_positions

    assert remaining(1.0, 90.0) == ()
    assert remaining(1.0, 110.0) == ("BTCUSDT",)


def test_a_sell_of_what_was_never_bought_is_counted_and_makes_no_trade(fill):
    pairing = pair([fill("sell", 0, 100.0, 1.0), fill("buy", 60, 100.0, 1.0), fill("sell", 120, 100.0, 3.0)])
    trade = only(pairing)
    assert trade.quantity == pytest.approx(1.0)
    assert trade.return_bps == pytest.approx(0.0)
    assert (pairing.sells_without_position, pairing.sells_beyond_position) == (1, 1)


def test_a_rebate_adds_to_the_return(fill):
    trade = only(pair([fill("buy", 0, 100.0, 1.0, -0.1), fill("sell", 60, 100.0, 1.0, -0.1)]))
    assert trade.return_bps == pytest.approx((100.1 / 99.9 - 1.0) * 1e4)
    assert trade.fees_quote == pytest.approx(-0.2)


def test_symbols_do_not_mix_and_order_in_the_file_does_not_matter(fill):
    fills = [
        fill("sell", 300, 110.0, 1.0),
        fill("buy", 0, 100.0, 1.0),
        fill("sell", 200, 9.0, 1.0, symbol="ETHUSDT"),
        fill("buy", 100, 10.0, 1.0, symbol="ETHUSDT"),
    ]
    assert [(trade.symbol, round(trade.return_bps)) for trade in pair(fills).trades] == [
        ("ETHUSDT", -1000),
        ("BTCUSDT", 1000),
    ]


def test_a_trade_is_not_known_before_all_of_its_fills_are_written_down(fill, start_s):
    late = start_s + 9000
    trade = only(pair([fill("buy", 0, 100.0, 1.0, recorded_at_s=late), fill("sell", 600, 101.0, 1.0)]))
    assert (trade.closed_at_s, trade.known_at_s) == (start_s + 600, late)


moves = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell"]),
        st.integers(0, 40),
        st.floats(50.0, 150.0),
        st.floats(0.1, 3.0),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from(["BTCUSDT", "ETHUSDT"]),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(moves, st.integers(0, 20))
def test_the_trades_known_at_a_candle_close_are_those_of_the_fills_known_by_then(fill, start_s, moves, minute):
    fills = [
        fill(side, 20.0 * step, price, quantity, 0.05, symbol=symbol, order=order)
        for side, step, price, quantity, order, symbol in moves
    ]
    close_s = start_s + 60.0 * minute
    known = [trade for trade in pair(fills).trades if trade.known_at_s <= close_s]
    assert list(pair([one for one in fills if one.time_s <= close_s]).trades) == known


whole_moves = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.floats(50.0, 150.0), st.integers(1, 3)), max_size=30
)


@settings(max_examples=100, deadline=None)
@given(whole_moves)
def test_gains_are_those_of_average_cost(fill, moves):
    """Whole coins leave no dust, so that plain book-keeping tells the same."""
    fee, held, cost, gain = 0.05, 0, 0.0, 0.0
    for side, price, quantity in moves:
        if side == "buy":
            held, cost = held + quantity, cost + price * quantity + fee
        elif held:
            sold = min(held, quantity)
            gain += (price * quantity - fee) * sold / quantity - cost * sold / held
            held, cost = held - sold, cost * (1 - sold / held)
    fills = [fill(side, 3600.0 * hour, price, quantity, fee) for hour, (side, price, quantity) in enumerate(moves)]
    pairing = pair(fills)
    gains = [one.quantity * (one.exit_price - one.entry_price) - one.fees_quote for one in pairing.trades]
    assert sum(gains) == pytest.approx(gain, abs=1e-7)
    assert bool(pairing.open_positions) == (held > 0)
    for trade, own in zip(pairing.trades, gains, strict=True):
        assert np.sign(round(own, 9)) == np.sign(round(trade.return_bps, 6))
