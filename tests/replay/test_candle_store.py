import logging

import numpy as np
import pandas as pd
import pytest

from freqai_ext.errors import MarketDataError
from freqai_ext.replay import CandleStore, GeneratedMarket, MarketParameters


def broken(frame, column, row, value):
    frame = frame.copy()
    frame.loc[row, column] = value
    return frame


def test_candles_are_read_back_as_stored(store_candles, candle_frame):
    store = CandleStore(store_candles(candle_frame))
    assert store.pairs() == ("BTC/USDT",)
    pd.testing.assert_frame_equal(store.history("BTC/USDT").base.to_frame(), candle_frame)


def test_longer_timeframes_are_made_as_pandas_makes_them(store_candles, candle_frame):
    made = CandleStore(store_candles(candle_frame)).history("BTC/USDT").candles("1h").to_frame()
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    expected = candle_frame.resample("1h", on="date").agg(rules).reset_index()
    pd.testing.assert_frame_equal(made, expected, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: f.iloc[:0], "has no candles; delete the file and download it again"),
        (lambda f: pd.concat([f.iloc[:6], f.iloc[5:]]), "2025-01-06 00:25 UTC appears twice"),
        (lambda f: f.iloc[[0, 2, 1, 3]], "2025-01-06 00:05 UTC comes after 2025-01-06 00:10 UTC"),
        (lambda f: broken(f, "close", 7, np.nan), "candle of 2025-01-06 00:35 UTC has a price or volume that is not a"),
        (lambda f: broken(f, "high", 3, 1.0), "candle of 2025-01-06 00:15 UTC has a high below its low, open or close"),
        (lambda f: broken(f, "low", 3, 900.0), "candle of 2025-01-06 00:15 UTC has a high below its low, open or"),
        (lambda f: broken(f, "low", 4, -1.0), "candle of 2025-01-06 00:20 UTC has a price that is not positive"),
        (lambda f: broken(f, "volume", 2, -1.0), "candle of 2025-01-06 00:10 UTC has a negative volume"),
        (
            lambda f: f.drop(index=[10, 11]),
            "2 candles are missing from 2025-01-06 00:50 UTC; download it again, or fill",
        ),
        (lambda f: f.drop(columns="volume"), "has no column volume"),
        (lambda f: f.assign(close="dear"), "the column close does not hold numbers; download it again"),
        (lambda f: f.assign(volume=[[1.0]] * len(f)), "the column volume does not hold numbers; download it again"),
        (lambda f: f.assign(date=f["date"] - pd.Timedelta(days=36500)), "is no date of a market; download it again"),
        (lambda f: f.assign(date=f["date"].dt.tz_localize(None)), "the column date has no time zone"),
        (lambda f: f.assign(date=f["date"] + pd.Timedelta("1min")), "2025-01-06 00:01 UTC is not the start of a 5m"),
    ],
)
def test_a_bad_file_is_named_with_the_first_bad_date_and_the_remedy(store_candles, candle_frame, break_it, message):
    folder = store_candles(break_it(candle_frame).reset_index(drop=True))
    with pytest.raises(MarketDataError) as caught:
        CandleStore(folder).history("BTC/USDT")
    assert message in str(caught.value)
    assert str(folder / "BTC_USDT-5m.feather") in str(caught.value)


def test_a_file_that_is_no_feather_file_is_named(store_candles, candle_frame):
    folder = store_candles(candle_frame)
    (folder / "BTC_USDT-5m.feather").write_bytes(b"nonsense")
    with pytest.raises(MarketDataError, match=r"BTC_USDT-5m\.feather: not a readable feather file"):
        CandleStore(folder).history("BTC/USDT")


@pytest.mark.parametrize("name", ["5m-futures", "1h-mark", "1h-funding_rate"])
def test_damaged_bytes_are_an_error_that_names_the_file_and_the_remedy(name, tmp_path):
    GeneratedMarket(MarketParameters(pairs=("BTC/USDT:USDT",), days=2)).write(tmp_path, ("5m",))
    path = tmp_path / "futures" / f"BTC_USDT_USDT-{name}.feather"
    whole = path.read_bytes()
    random = np.random.default_rng(3)
    messages = []
    for attempt in range(60):
        damaged = bytearray(whole if attempt % 3 else whole[: random.integers(len(whole))])
        # The description of the columns stands at the end.
        for place in random.integers(max(len(damaged) - 900, 0), len(damaged), 8):
            damaged[place] = random.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            CandleStore(tmp_path, "futures", fill_gaps=attempt % 2 == 0).history("BTC/USDT:USDT")
        except MarketDataError as error:
            messages.append(str(error))
    assert len(messages) > 30
    assert [one for one in messages if str(path) not in one] == []
    assert [one for one in messages if "download it again" not in one and "or download again" not in one] == []


@pytest.mark.parametrize("pair", ["kPEPE/USDC:USDC", "XYZ-NVDA/USDC:USDC", "A.B/USDC:USDC", "@107/USDC:USDC"])
def test_candles_are_found_by_the_name_under_which_freqtrade_files_them(pair, tmp_path):
    GeneratedMarket(MarketParameters(pairs=(pair,), days=2)).write(tmp_path, ("5m",))
    store = CandleStore(tmp_path, "futures")
    assert store.has(pair)
    assert store.history(pair).pair == pair
    assert store.pairs() == (pair.replace("A.B", "A_B").replace("@", "_"),)


def test_filled_gaps_repeat_the_last_close_with_no_volume(store_candles, candle_frame):
    folder = store_candles(candle_frame.drop(index=[10, 11]).reset_index(drop=True))
    filled = CandleStore(folder, fill_gaps=True).history("BTC/USDT").base.to_frame()
    assert len(filled) == len(candle_frame)
    gap = filled.iloc[10:12]
    assert (gap[["open", "high", "low", "close"]] == candle_frame.loc[9, "close"]).all(axis=None)
    assert (gap["volume"] == 0).all()
    kept = [row for row in range(len(candle_frame)) if row not in (10, 11)]
    pd.testing.assert_frame_equal(filled.iloc[kept], candle_frame.iloc[kept])


def test_a_missing_pair_is_an_error_that_lists_what_is_there(store_candles, candle_frame):
    with pytest.raises(MarketDataError, match=r"no spot candles of ETH/USDT; it holds BTC/USDT; run freqtrade"):
        CandleStore(store_candles(candle_frame)).history("ETH/USDT")


def test_a_timeframe_that_cannot_be_made_is_an_error(store_candles, candle_frame):
    with pytest.raises(MarketDataError, match=r"BTC_USDT-1m\.feather: no such file, and the stored 5m cannot be split"):
        CandleStore(store_candles(candle_frame), timeframes=["1m", "1h"]).history("BTC/USDT")


def test_a_missing_directory_is_an_error(tmp_path):
    with pytest.raises(MarketDataError, match="no such directory; give a Freqtrade data directory"):
        CandleStore(tmp_path / "nowhere")


def test_a_directory_of_the_other_trading_mode_says_so(store_candles, candle_frame):
    with pytest.raises(MarketDataError, match=r"no futures candles .* use the trading mode spot"):
        CandleStore(store_candles(candle_frame), "futures")


def test_the_longest_timeframe_that_makes_all_needed_ones_is_read(store_candles, make_candles):
    for timeframe, step in (("5m", 300_000), ("15m", 900_000), ("1h", 3_600_000)):
        candles = make_candles(48, step_ms=step, timeframe=timeframe)
        folder = store_candles(candles.to_frame(), f"BTC_USDT-{timeframe}.feather")
    assert CandleStore(folder, timeframes=["30m", "1h"]).history("BTC/USDT").base.timeframe == "15m"
    assert CandleStore(folder).history("BTC/USDT").base.timeframe == "5m"


def test_a_longer_timeframe_serves_what_lies_before_the_shortest_one(store_candles, make_candles):
    whole = make_candles(4 * 288)
    store_candles(whole[2 * 288 :].to_frame())
    folder = store_candles(whole.resampled("1h").to_frame(), "BTC_USDT-1h.feather")
    history = CandleStore(folder).history("BTC/USDT")
    expected = whole.resampled("1h").to_frame()
    pd.testing.assert_frame_equal(history.candles("1h").to_frame(), expected, rtol=1e-12)
    assert len(history.candles("15m")) == 2 * 96


def test_a_longer_timeframe_that_disagrees_is_left_out_with_a_warning(store_candles, make_candles, caplog):
    whole = make_candles(4 * 288)
    store_candles(whole[288:].to_frame())
    wrong = whole.resampled("1h").to_frame()
    wrong[["open", "high", "low", "close"]] *= 1.01
    folder = store_candles(wrong, "BTC_USDT-1h.feather")
    with caplog.at_level(logging.WARNING):
        history = CandleStore(folder).history("BTC/USDT")
    assert len(history.candles("1h")) == 3 * 24
    assert "BTC_USDT-1h.feather: differs from the 5m candles of the same time" in caplog.text


@pytest.mark.parametrize("column", ["open", "funding_rate"])
@pytest.mark.parametrize("timeframe", ["1h", "8h"])
def test_funding_rates_are_read_from_new_and_old_files(store_candles, candle_frame, column, timeframe):
    store_candles(candle_frame, "futures/BTC_USDT_USDT-5m-futures.feather")
    date = pd.date_range("2025-01-06", periods=6, freq="8h", tz="UTC")
    frame = pd.DataFrame({"date": date, column: np.arange(6) / 1e4})
    folder = store_candles(frame, f"futures/BTC_USDT_USDT-{timeframe}-funding_rate.feather")
    funding = CandleStore(folder, "futures").history("BTC/USDT:USDT").funding
    assert funding.rate.tolist() == (np.arange(6) / 1e4).tolist()


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_dates_of_every_unit_give_the_same_candles(store_candles, candle_frame, unit):
    folder = store_candles(candle_frame.assign(date=candle_frame["date"].dt.as_unit(unit)))
    pd.testing.assert_frame_equal(CandleStore(folder).history("BTC/USDT").base.to_frame(), candle_frame)
