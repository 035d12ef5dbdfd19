"""The markets behind the features: nothing of the future, and the same for the same seed."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.sandbox.candle_market import CandleMarket
from freqai_ext.guardian.sandbox.synthetic_market import SyntheticMarket

START = pd.Timestamp("2025-01-06", tz="UTC")
NOON_S = (START + pd.Timedelta(hours=60)).timestamp()


def store(folder, name, minutes=5, days=4, start=START, price=100.0):
    count = days * 1440 // minutes
    draw = np.random.default_rng(1)
    close = price * np.exp(np.cumsum(draw.normal(0, 0.002, count)))
    frame = pd.DataFrame(
        {
            "date": pd.date_range(start, periods=count, freq=f"{minutes}min").as_unit("ms"),
            "open": close,
            "high": close * 1.002,
            "low": close * 0.998,
            "close": close,
            "volume": draw.uniform(1, 9, count),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_feather(folder / name)
    return frame


def test_rows_are_made_of_the_last_24_hours_that_have_closed(tmp_path):
    frame = store(tmp_path, "BTC_USDT-5m.feather")
    (row,) = CandleMarket(tmp_path, (), 7).rows(NOON_S + 10)
    closed = frame[frame["date"] + pd.Timedelta("5min") <= pd.Timestamp(NOON_S + 10, unit="s", tz="UTC")]
    day = closed.iloc[-288:]
    assert row.symbol == "BTCUSDT"
    assert row.last == closed["close"].iloc[-1]
    assert row.change_pct == pytest.approx((closed["close"].iloc[-1] / closed["close"].iloc[-289] - 1) * 100)
    assert (row.high, row.low) == (day["high"].max(), day["low"].min())
    assert row.turnover == pytest.approx((day["close"] * day["volume"]).sum())
    hourly = closed.set_index("date")["close"].resample("1h").last()
    assert row.hourly.close.tolist() == hourly.tolist()
    assert (row.hourly.hour * 3_600).tolist() == [opened.timestamp() for opened in hourly.index]


@pytest.mark.parametrize("offset_s", [0, 1, 299, 1_800])
def test_candles_that_have_not_closed_change_nothing(tmp_path, offset_s):
    frame = store(tmp_path / "a", "BTC_USDT-5m.feather")
    now = pd.Timestamp(NOON_S + offset_s, unit="s", tz="UTC")
    later = frame["date"] + pd.Timedelta("5min") > now
    frame.loc[later, ["open", "high", "low", "close", "volume"]] *= 1_000.0
    (tmp_path / "b").mkdir()
    frame.to_feather(tmp_path / "b" / "BTC_USDT-5m.feather")
    (seen,), (planted,) = (CandleMarket(tmp_path / name, (), 7).rows(now.timestamp()) for name in "ab")
    assert {key: value for key, value in vars(seen).items() if key != "hourly"} == {
        key: value for key, value in vars(planted).items() if key != "hourly"
    }
    assert seen.hourly.close.tolist() == planted.hourly.close.tolist()
    assert seen.hourly.volume.tolist() == planted.hourly.volume.tolist()


def test_the_shortest_timeframe_counts_and_futures_stand_in_for_spot(tmp_path):
    store(tmp_path / "futures", "ETH_USDT_USDT-1h-futures.feather", 60, price=10.0)
    store(tmp_path / "futures", "ETH_USDT_USDT-15m-futures.feather", 15, price=20.0)
    store(tmp_path / "futures", "ETH_USDT_USDT-4h-futures.feather", 240, price=90.0)
    (row,) = CandleMarket(tmp_path, (), 7).rows(NOON_S)
    assert (row.symbol, 15 < row.last < 30, len(row.hourly)) == ("ETHUSDT", True, 60)


def test_the_first_day_has_no_change_and_before_the_first_candle_there_is_no_row(tmp_path):
    store(tmp_path, "BTC_USDT-5m.feather")
    market = CandleMarket(tmp_path, (), 7)
    assert market.rows(START.timestamp()) == []
    (row,) = market.rows(START.timestamp() + 3_600)
    assert row.change_pct is None
    assert len(row.hourly) == 1


def test_a_pair_that_ended_a_day_before_the_others_is_gone(tmp_path):
    store(tmp_path, "BTC_USDT-5m.feather", days=6)
    store(tmp_path, "OLD_USDT-5m.feather", days=3)
    market = CandleMarket(tmp_path, ("OLDUSDT", "BTCUSDT"), 7)
    end_s = (START + pd.Timedelta(days=3)).timestamp()
    assert [row.symbol for row in market.rows(end_s + 43_200)] == ["OLDUSDT", "BTCUSDT"]
    assert [row.symbol for row in market.rows(end_s + 86_400)] == ["BTCUSDT"]


def test_where_candles_end_the_market_stands_still(tmp_path):
    frame = store(tmp_path, "BTC_USDT-5m.feather")
    (row,) = CandleMarket(tmp_path, (), 7).rows(NOON_S + 1e8)
    assert row.last == frame["close"].iloc[-1]
    assert len(row.hourly) == 96


def test_missing_candles_are_named(tmp_path):
    with pytest.raises(GuardianDataError, match=r"has no candles of a pair against USDT, such as BTC_USDT-5m\.feather"):
        CandleMarket(tmp_path / "none", (), 7)
    store(tmp_path, "BTC_USDT-5m.feather")
    with pytest.raises(GuardianDataError, match="has no candles of ETHUSDT; it has BTCUSDT"):
        CandleMarket(tmp_path, ("ETHUSDT",), 7)
    (tmp_path / "SOL_USDT-5m.feather").write_bytes(b"no feather")
    with pytest.raises(GuardianDataError, match=r"SOL_USDT-5m\.feather: cannot be read as candles"):
        CandleMarket(tmp_path, (), 7).rows(NOON_S)


def test_a_synthetic_market_is_the_same_for_the_same_seed():
    first, again, other = (SyntheticMarket(("BTCUSDT", "ANYUSDT"), seed).rows(NOON_S) for seed in (7, 7, 8))
    assert [row.last for row in first] == [row.last for row in again]
    assert first[0].last != other[0].last
    assert len({row.last for row in first}) == 2


def test_a_synthetic_row_agrees_with_itself_and_with_later_ones():
    market = SyntheticMarket(("BTCUSDT",), 7)
    hour_s = NOON_S // 3_600 * 3_600
    (row,), (later,) = market.rows(hour_s), market.rows(hour_s + 86_400)
    assert row.low <= row.last <= row.high
    assert row.bid < row.last < row.ask
    assert row.last == pytest.approx(row.hourly.close[-1])
    assert np.all(row.hourly.low <= row.hourly.close)
    assert np.all(row.hourly.close <= row.hourly.high)
    assert len(row.hourly) == 31 * 24
    assert row.hourly.hour.tolist() == list(range(int(hour_s // 3_600) - 31 * 24, int(hour_s // 3_600)))
    assert later.change_pct == pytest.approx((later.last / row.last - 1) * 100)
    assert later.hourly.close[:-24] == pytest.approx(row.hourly.close[24:])
