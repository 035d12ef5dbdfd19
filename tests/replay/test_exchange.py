import json
import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import MarketDataError
from freqai_ext.replay import FundingRates, PairHistory, ReplayedExchange, SettableClock, exchange_config
from freqai_ext.replay.ohlcv import Candles

START_MS = 1_736_121_600_000
STEP_MS = 300_000
PRICES = ("open", "high", "low", "close")
HOUR_MS = 3_600_000
BTC = {"category": "spot", "symbol": "BTCUSDT"}
LINEAR = {"category": "linear", "symbol": "BTCUSDT"}


@pytest.fixture
def at(listed_source, flat_history):
    """Return an exchange of one pair whose clock stands ``ms`` after the first candle."""

    def build(ms=288 * STEP_MS, history=flat_history, trading_mode="spot"):
        return ReplayedExchange(listed_source(history, trading_mode=trading_mode), SettableClock(START_MS + ms))

    return build


def ask(exchange, path, **params):
    return json.loads(exchange.answer(path, {name: str(value) for name, value in params.items()}))


def result(exchange, path, **params):
    answer = ask(exchange, path, **params)
    assert answer["retCode"] == 0, answer
    return answer["result"]


def opens(exchange, **params):
    return [int(row[0]) for row in result(exchange, "kline", **(BTC | {"interval": 5} | params))["list"]]


def test_klines_come_newest_first_with_the_candle_in_progress(at):
    times = opens(at(100 * STEP_MS + 1_000))
    assert times == [START_MS + row * STEP_MS for row in range(100, -1, -1)]


def test_without_a_limit_200_rows_are_served_and_at_most_1000(at):
    assert len(opens(at(800 * STEP_MS))) == 200
    assert len(opens(at(800 * STEP_MS), limit=5000)) == 801


def test_start_alone_gives_the_oldest_rows_from_the_candle_that_contains_it(at):
    times = opens(at(), start=START_MS + 10 * STEP_MS + 7, limit=3)
    assert times == [START_MS + row * STEP_MS for row in (12, 11, 10)]


def test_end_gives_the_newest_rows_up_to_it(at):
    assert opens(at(), end=START_MS + 10 * STEP_MS, limit=2) == [START_MS + row * STEP_MS for row in (10, 9)]


def test_start_and_end_together_give_the_newest_rows_between_them(at):
    times = opens(at(), start=START_MS, end=START_MS + 50 * STEP_MS, limit=2)
    assert times == [START_MS + row * STEP_MS for row in (50, 49)]


def test_a_start_in_the_future_gives_no_rows(at):
    assert opens(at(), start=START_MS + 400 * STEP_MS) == []


def test_closed_candles_are_served_exactly_as_they_are(at, flat_history):
    rows = result(at(), "kline", **BTC, interval=5, limit=200)["list"][1:]
    served = np.array([[float(value) for value in row[1:6]] for row in rows[::-1]])
    expected = np.stack(list(flat_history.base.columns()), axis=1)[288 - 199 : 288]
    assert np.array_equal(served, expected)


@pytest.mark.parametrize(("interval", "timeframe"), [("15", "15m"), ("60", "1h"), ("240", "4h"), ("D", "1d")])
def test_the_candle_in_progress_of_a_longer_timeframe_joins_what_has_passed(at, flat_history, interval, timeframe):
    exchange = at(250 * STEP_MS)
    opened, first, high, low, close, volume = (
        float(value) for value in result(exchange, "kline", **BTC, interval=interval)["list"][0][:6]
    )
    row = int((opened - START_MS) // STEP_MS)
    so_far = flat_history.base[row:250]
    # The candle that begins just now has a price, its open, and no volume yet.
    price = flat_history.base.open[250]
    if len(so_far):
        assert (first, close) == (so_far.open[0], price)
        assert high == max(so_far.high.max(), price)
        assert low == min(so_far.low.min(), price)
    assert volume == pytest.approx(so_far.volume.sum())


def test_at_the_end_of_the_tape_every_candle_is_complete(at, flat_history):
    exchange = at(3 * 288 * STEP_MS)
    day = result(exchange, "kline", **BTC, interval="D")["list"]
    assert len(day) == 3
    assert float(day[0][5]) == pytest.approx(flat_history.base.volume[2 * 288 :].sum())


@given(
    st.integers(0, 287),
    st.floats(0, 0.999),
    st.sampled_from(
        [
            ("kline", BTC | {"interval": "5"}),
            ("kline", BTC | {"interval": "60", "limit": "1000"}),
            ("kline", BTC | {"interval": "D"}),
            ("tickers", BTC),
            ("orderbook", BTC | {"limit": "50"}),
            ("recent-trade", BTC),
            ("instruments-info", {"category": "spot"}),
        ]
    ),
)
@settings(max_examples=150, deadline=None)
def test_nothing_served_depends_on_candles_that_begin_later(at_row, row, elapsed, request_made):
    path, params = request_made
    now_ms = int((row + elapsed) * STEP_MS)
    real, other = at_row(row, now_ms)
    assert real.answer(path, params) == other.answer(path, params)


@pytest.fixture(scope="module")
def at_row(request):
    """Return two exchanges at the same time whose candles differ after it; and a check that they do differ."""
    random = np.random.default_rng(3)
    count = 2 * 288
    close = np.round(100 * np.exp(np.cumsum(random.normal(0, 0.004, count))), 2)
    opened = np.concatenate([[100.0], close[:-1]])
    base = Candles(
        "5m",
        START_MS + STEP_MS * np.arange(count),
        opened,
        np.maximum(opened, close) + 0.5,
        np.minimum(opened, close) - 0.5,
        close,
        random.random(count) * 50,
    )

    def build(row, now_ms):
        later = np.arange(count) > row
        columns = [np.where(later, column * 1.7 + 0.00123, column) for column in base.columns()]
        changed = Candles("5m", base.open_ms, *columns)
        return tuple(
            ReplayedExchange(_Source(PairHistory("BTC/USDT", candles, tick=0.01)), SettableClock(START_MS + now_ms))
            for candles in (base, changed)
        )

    return build


class _Source:
    trading_mode = "spot"

    def __init__(self, history):
        self._history = history

    def pairs(self):
        return (self._history.pair,)

    def history(self, _):
        return self._history


def test_the_look_ahead_test_would_notice_a_changed_candle_in_progress(at_row):
    real, other = at_row(99, 100 * STEP_MS + 1)
    assert real.answer("tickers", BTC) != other.answer("tickers", BTC)


@given(st.integers(0, 287), st.floats(0, 0.999))
@settings(max_examples=100, deadline=None)
def test_prices_stay_inside_the_candle_in_progress(at_row, row, elapsed):
    exchange, _ = at_row(row, int((row + elapsed) * STEP_MS))
    price = float(json.loads(exchange.answer("tickers", BTC))["result"]["list"][0]["lastPrice"])
    base = exchange._instruments["BTCUSDT"].tape.base
    assert base.low[row] <= price <= base.high[row]


def test_the_first_move_in_a_candle_says_nothing_about_its_close(at, make_candles):
    history = PairHistory("BTC/USDT", make_candles(2000, seed=5))
    exchange = at(history=history)
    tape = exchange._instruments["BTCUSDT"].tape
    rises = [tape.price(START_MS + row * STEP_MS + 50_000) > history.base.open[row] for row in range(2000)]
    closes_up = history.base.close > history.base.open
    assert abs(np.corrcoef(rises, closes_up)[0, 1]) < 0.08


@given(st.integers(0, 287), st.floats(0, 0.999), st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_the_order_book_surrounds_the_price_on_whole_ticks(at_row, row, elapsed, depth):
    exchange, _ = at_row(row, int((row + elapsed) * STEP_MS))
    book = json.loads(exchange.answer("orderbook", BTC | {"limit": str(depth)}))["result"]
    price = float(json.loads(exchange.answer("tickers", BTC))["result"]["list"][0]["lastPrice"])
    bids, asks = ([float(level[0]) for level in book[side]] for side in "ba")
    assert len(bids) == len(asks) == depth
    assert bids[0] <= price <= asks[0]
    assert bids[0] < asks[0]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert all(round(value * 100, 6) == int(round(value * 100, 6)) for value in bids + asks)
    assert all(float(level[1]) > 0 for side in "ba" for level in book[side])


def test_the_order_book_is_deeper_when_the_market_is_busier(at, flat_history):
    busy = replace(flat_history, base=replace(flat_history.base, volume=flat_history.base.volume * 10))
    sizes = [float(result(at(history=h), "orderbook", **BTC)["b"][0][1]) for h in (flat_history, busy)]
    assert sizes[1] == pytest.approx(10 * sizes[0], rel=0.01)


def test_the_ticker_tells_the_last_24_hours(at, flat_history):
    ticker = result(at(400 * STEP_MS), "tickers", **BTC)["list"][0]
    day = flat_history.base[400 - 288 : 400]
    assert float(ticker["volume24h"]) == pytest.approx(day.volume.sum())
    assert float(ticker["prevPrice24h"]) == day.open[0]
    assert float(ticker["highPrice24h"]) == max(day.high.max(), flat_history.base.open[400])


def test_an_unknown_symbol_category_or_interval_is_refused_as_bybit_does(at):
    for params in ({"symbol": "FOOUSDT"}, {"symbol": "BTCUSDT", "category": "linear"}):
        answer = ask(at(), "kline", interval=5, **params)
        assert (answer["retCode"], answer["retMsg"]) == (10001, "Not supported symbols")
    assert ask(at(), "kline", **BTC, interval=7)["retCode"] == 10001
    answer = ask(at(), "kline", **BTC, interval=5, limit="many")
    assert "limit 'many' is not a whole number" in answer["retMsg"]


def test_a_timeframe_shorter_than_the_tape_is_refused_and_logged(at, caplog):
    assert ask(at(), "kline", **BTC, interval=1)["retCode"] == 10001
    assert "BTC/USDT: no 1m candles; the shortest timeframe at hand is 5m" in caplog.text


def test_an_unserved_path_is_refused_and_logged_once(at, caplog):
    exchange = at()
    for _ in range(3):
        assert json.loads(exchange.unserved("GET", "/v5/order/create"))["retCode"] == 10001
    assert caplog.text.count("/v5/order/create is not served") == 1


def test_after_the_end_of_the_tape_requests_are_refused_and_logged_once(at, caplog):
    exchange = at(3 * 288 * STEP_MS + 1)
    for _ in range(2):
        answer = ask(exchange, "orderbook", **BTC)
        assert answer["retCode"] == 10002
        assert "the tape of BTCUSDT has ended" in answer["retMsg"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert result(exchange, "tickers", category="spot")["list"] == []


def test_a_pair_is_listed_when_its_first_candle_begins(at, flat_history):
    perpetual = replace(flat_history, pair="BTC/USDT:USDT")
    before, after = at(-1, perpetual, "futures"), at(0, perpetual, "futures")
    for exchange, status in ((before, "PreLaunch"), (after, "Trading")):
        linear = {"category": "linear"}
        listed = result(exchange, "instruments-info", **linear)["list"]
        early = result(exchange, "instruments-info", **linear, status="PreLaunch")["list"]
        assert [entry["status"] for entry in listed + early] == [status]
        assert bool(early) == (status == "PreLaunch")
    assert ask(before, "kline", **LINEAR, interval=5)["retCode"] == 10001


def test_a_pair_is_delisted_when_its_candles_end_and_others_go_on(listed_source, make_candles):
    gone = PairHistory("ETH/USDT", make_candles(100))
    source = listed_source(PairHistory("BTC/USDT", make_candles(300)), gone)
    now = START_MS + 200 * STEP_MS
    exchange = ReplayedExchange(source, SettableClock(now))
    eth = {"category": "spot", "symbol": "ETHUSDT"}
    assert [one["symbol"] for one in result(exchange, "instruments-info", category="spot")["list"]] == ["BTCUSDT"]
    assert [one["symbol"] for one in result(exchange, "tickers", category="spot")["list"]] == ["BTCUSDT"]
    for path in ("orderbook", "recent-trade", "tickers"):
        assert ask(exchange, path, **eth)["retMsg"] == "Not supported symbols"
    # What is past stays known, for downloads.
    rows = result(exchange, "kline", **eth, interval=5, limit=1000)["list"]
    assert [int(row[0]) for row in rows[::99]] == [gone.base.open_ms[99], gone.base.open_ms[0]]
    kept = ReplayedExchange(source, SettableClock(now), keep_listed=True)
    listed = result(kept, "instruments-info", category="spot")["list"]
    assert [(one["symbol"], one["status"]) for one in listed] == [("BTCUSDT", "Trading"), ("ETHUSDT", "Trading")]


@pytest.mark.parametrize(
    ("pair", "price", "step", "smallest"),
    [
        ("ETH/USDT", 3000.0, 1e-5, 5.0),
        ("ETH/BTC", 0.05, 1e-5, 8.1e-5),
        ("SOL/BTC", 0.0024, 1e-4, 8.1e-5),
        ("DOGE/BTC", 2.2e-6, 1e-1, 8.1e-5),
        ("SOL/ETH", 0.05, 1e-4, 0.0016),
        # A currency that is not known is worth what bitcoin's price in it says.
        ("BTC/TRY", 2_480_000.0, 1e-6, 200.0),
        ("ETH/BTC:BTC", 0.05, 1e-5, 8.1e-5),
    ],
)
def test_the_smallest_order_is_worth_a_few_dollars_in_any_quote_currency(
    pair, price, step, smallest, listed_source, make_candles
):
    candles = make_candles(10)
    scaled = replace(candles, **{name: getattr(candles, name) * price / candles.close[0] for name in PRICES})
    mode = "futures" if ":" in pair else "spot"
    source = listed_source(PairHistory(pair, scaled, tick=price * 1e-5), trading_mode=mode)
    exchange = ReplayedExchange(source, SettableClock(START_MS))
    (entry,) = result(exchange, "instruments-info", category=exchange.category)["list"]
    lot = entry["lotSizeFilter"]
    assert float(lot["minOrderQty"]) == pytest.approx(step)
    assert float(lot["minOrderAmt" if mode == "spot" else "minNotionalValue"]) == pytest.approx(smallest)


def test_symbols_have_letters_and_digits_only_and_coins_keep_their_names(listed_source, make_candles):
    pairs = ("kPEPE/USDC:USDC", "XYZ-NVDA/USDC:USDC", "XYZ-PLTR/USDC:USDC", "1000SHIB/USDC:USDC")
    source = listed_source(*(PairHistory(pair, make_candles(10)) for pair in pairs), trading_mode="futures")
    exchange = ReplayedExchange(source, SettableClock(START_MS))
    listed = result(exchange, "instruments-info", category="linear")["list"]
    assert [one["symbol"] for one in listed] == ["kPEPEUSDC", "XYZNVDAUSDC", "XYZPLTRUSDC", "1000SHIBUSDC"]
    assert [one["baseCoin"] for one in listed] == ["kPEPE", "XYZ-NVDA", "XYZ-PLTR", "1000SHIB"]
    assert result(exchange, "kline", category="linear", symbol="XYZPLTRUSDC", interval=5)["list"]
    names = exchange_config("http://127.0.0.1:1", pairs[:1], "futures", "USDC", served=pairs)
    coins = names["exchange"]["ccxt_config"]["commonCurrencies"]
    assert (coins["KPEPE"], coins["XYZ-NVDA"], coins["USDC"]) == ("kPEPE", "XYZ-NVDA", "USDC")


def test_two_pairs_of_one_symbol_are_an_error(listed_source, make_candles):
    source = listed_source(PairHistory("A-B/USDT", make_candles(10)), PairHistory("AB/USDT", make_candles(10)))
    with pytest.raises(MarketDataError, match="A-B/USDT, AB/USDT: have the same symbol on the replay exchange; serve"):
        ReplayedExchange(source, SettableClock(START_MS))


def test_instruments_are_paged(listed_source, make_candles):
    histories = [PairHistory(f"C{number}/USDT:USDT", make_candles(10)) for number in range(5)]
    exchange = ReplayedExchange(listed_source(*histories, trading_mode="futures"), SettableClock(START_MS))
    names, cursor = [], ""
    for _ in range(3):
        page = result(exchange, "instruments-info", category="linear", limit=2, cursor=cursor)
        names += [entry["symbol"] for entry in page["list"]]
        cursor = page["nextPageCursor"]
    assert names == [f"C{number}USDT" for number in range(5)]
    assert cursor == ""


def test_funding_payments_are_served_when_they_are_past(at, flat_history):
    times = START_MS + 8 * HOUR_MS * np.arange(9)
    funding = FundingRates(times, np.arange(9) / 1e4)
    exchange = at(17 * HOUR_MS, replace(flat_history, pair="BTC/USDT:USDT", funding=funding), "futures")
    rows = result(exchange, "funding/history", **LINEAR)["list"]
    assert [(int(row["fundingRateTimestamp"]), row["fundingRate"]) for row in rows] == [
        (times[2], "0.0002"),
        (times[1], "0.0001"),
        (times[0], "0"),
    ]
    window = result(exchange, "funding/history", **LINEAR, startTime=times[1], endTime=times[1])["list"]
    assert [int(row["fundingRateTimestamp"]) for row in window] == [times[1]]
    assert result(exchange, "tickers", **LINEAR)["list"][0]["fundingRate"] == "0.0002"


def test_the_mark_price_comes_from_its_own_candles(at, flat_history):
    hourly = flat_history.base.resampled("1h")
    mark = replace(hourly, close=hourly.close * 1.01, high=hourly.high * 1.01)
    exchange = at(24 * HOUR_MS, replace(flat_history, pair="BTC/USDT:USDT", mark=mark), "futures")
    rows = result(exchange, "mark-price-kline", **LINEAR, interval=60)["list"]
    assert float(rows[1][4]) == mark.close[23]
    assert len(rows[1]) == 5
    assert float(result(exchange, "kline", **LINEAR, interval=60)["list"][1][4]) == hourly.close[23]


def test_leverage_falls_with_the_size_of_the_position(at, flat_history):
    exchange = at(history=replace(flat_history, pair="BTC/USDT:USDT"), trading_mode="futures")
    tiers = result(exchange, "risk-limit", category="linear")["list"]
    leverage = [float(tier["maxLeverage"]) for tier in tiers]
    assert leverage == sorted(leverage, reverse=True)
    assert [tier["id"] for tier in tiers] == [1, 2, 3, 4]


def test_the_time_is_that_of_the_clock(at):
    exchange = at(12_345)
    answer = ask(exchange, "time")
    assert answer["time"] == START_MS + 12_345
    exchange.clock.set(START_MS + 99_000)
    assert result(exchange, "time")["timeSecond"] == str((START_MS + 99_000) // 1000)
