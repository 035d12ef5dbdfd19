import numpy as np
import pytest

from freqai_ext.errors import ReplayError
from freqai_ext.replay import FundingRates, PairHistory, RedatedSource

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
NOW_MS = 1_795_000_000_123


def history(make_candles, days, pair="BTC/USDT"):
    return PairHistory(pair, make_candles(days * 288))


def test_now_lies_inside_the_tape_with_the_history_asked_for(listed_source, make_candles):
    source = listed_source(history(make_candles, 40))
    base = RedatedSource(source, NOW_MS, 20 * DAY_MS).history("BTC/USDT").base
    behind = NOW_MS - base.open_ms[0]
    assert 20 * DAY_MS <= behind < 27 * DAY_MS
    assert base.end_ms > NOW_MS


def test_candles_move_by_whole_weeks(listed_source, make_candles):
    original = history(make_candles, 40)
    moved = RedatedSource(listed_source(original), NOW_MS, 20 * DAY_MS).history("BTC/USDT").base
    assert {int(shift) % WEEK_MS for shift in moved.open_ms - original.base.open_ms} == {0}
    assert np.array_equal(moved.close, original.base.close)


def test_a_short_tape_moves_by_whole_days(listed_source, make_candles):
    original = history(make_candles, 4)
    moved = RedatedSource(listed_source(original), NOW_MS, 2 * DAY_MS).history("BTC/USDT").base
    assert (moved.open_ms[0] - original.base.open_ms[0]) % DAY_MS == 0
    assert moved.end_ms > NOW_MS


def test_half_of_the_tape_lies_behind_now_by_default(listed_source, make_candles):
    base = RedatedSource(listed_source(history(make_candles, 60)), NOW_MS).history("BTC/USDT").base
    assert 30 <= (NOW_MS - base.open_ms[0]) / DAY_MS < 37


def test_a_tape_that_is_too_short_is_an_error(listed_source, make_candles):
    with pytest.raises(ReplayError, match=r"span 4\.0 days, too few for 6\.0 days of history .* or --end loop"):
        RedatedSource(listed_source(history(make_candles, 4)), NOW_MS, 6 * DAY_MS)


def test_a_loop_goes_on_for_a_year_without_gaps_and_jumps(listed_source, make_candles):
    original = history(make_candles, 24)
    base = RedatedSource(listed_source(original), NOW_MS, 10 * DAY_MS, end="loop").history("BTC/USDT").base
    assert base.end_ms > NOW_MS + 365 * DAY_MS
    assert set(np.diff(base.open_ms)) == {300_000}
    assert NOW_MS - base.open_ms[0] >= 10 * DAY_MS
    steps = np.abs(np.diff(np.log(base.close)))
    assert steps.max() <= np.abs(np.diff(np.log(original.base.close))).max() * 1.01
    assert (base.high >= np.maximum(base.open, base.close)).all()
    assert (base.low <= np.minimum(base.open, base.close)).all()


def test_a_loop_repeats_funding_rates(listed_source, make_candles):
    times = make_candles(14 * 288).open_ms[::96]
    perpetual = PairHistory(
        "BTC/USDT:USDT", make_candles(14 * 288), funding=FundingRates(times, np.arange(len(times)) / 1e6)
    )
    moved = RedatedSource(listed_source(perpetual, trading_mode="futures"), NOW_MS, 7 * DAY_MS, end="loop")
    funding = moved.history("BTC/USDT:USDT").funding
    assert set(np.diff(funding.time_ms)) == {8 * 3_600_000}
    assert np.array_equal(funding.rate[:42], funding.rate[42:84])


def test_all_pairs_move_together(listed_source, make_candles):
    late = PairHistory("ETH/USDT", make_candles(38 * 288)[288:])
    moved = RedatedSource(listed_source(history(make_candles, 40), late), NOW_MS, 10 * DAY_MS)
    first = [moved.history(pair).base.open_ms[0] for pair in ("BTC/USDT", "ETH/USDT")]
    assert first[1] - first[0] == DAY_MS
