"""The replay exchange on real candles."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from freqai_ext.replay import CandleStore, ReplayedExchange, SettableClock

pytestmark = pytest.mark.realdata

AT = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)
NOW_MS = int(AT.timestamp() * 1000)


@pytest.fixture(scope="module")
def market():
    beside = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("FREQAI_EXT_DATA", beside)) / "market"
    if not folder.is_dir():
        pytest.skip(f"no real candles in {folder}; name their place in FREQAI_EXT_DATA")
    return folder


@pytest.mark.parametrize(("interval", "timeframe"), [("5", "5m"), ("15", "15m"), ("60", "1h"), ("240", "4h")])
def test_served_candles_are_the_stored_ones_of_each_timeframe(market, interval, timeframe):
    store = CandleStore(market / "binance")
    exchange = ReplayedExchange(store, SettableClock(NOW_MS), pairs=("BTC/USDT",))
    params = {"category": "spot", "symbol": "BTCUSDT", "interval": interval, "limit": "1000"}
    rows = json.loads(exchange.answer("kline", params))["result"]["list"][1:]
    served = np.array([[float(value) for value in row[:6]] for row in rows[::-1]])
    stored = store.candles("BTC/USDT", timeframe)
    stop = int(np.searchsorted(stored.open_ms, NOW_MS, side="right")) - 1
    expected = np.stack([stored.open_ms.astype(float), *stored.columns()], axis=1)[max(stop - 999, 0) : stop]
    np.testing.assert_allclose(served, expected, rtol=1e-9)


def test_stored_longer_timeframes_agree_with_those_made(market, caplog):
    store = CandleStore(market / "binance", "futures")
    for pair in store.pairs():
        store.history(pair)
    assert caplog.records == []


def test_real_funding_rates_are_served(market):
    store = CandleStore(market / "bybit", "futures")
    exchange = ReplayedExchange(store, SettableClock(NOW_MS), pairs=("BTC/USDT:USDT",))
    rows = json.loads(exchange.answer("funding/history", {"category": "linear", "symbol": "BTCUSDT"}))["result"]["list"]
    funding = store.history("BTC/USDT:USDT").funding
    past = funding.rate[funding.time_ms <= NOW_MS]
    assert [float(row["fundingRate"]) for row in rows] == past[::-1].tolist()[:200]
