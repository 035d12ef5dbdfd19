import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import httpx
import pytest

from freqai_ext.errors import MarketDataError, ReplayError
from freqai_ext.replay import ReplayExchange, ReplaySettings

MOMENT = datetime(2025, 1, 4, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def running():
    with ReplayExchange(ReplaySettings(days=6, clock="sim", now=MOMENT)) as exchange:
        yield exchange


def test_it_serves_the_generated_market_over_http(running):
    assert running.pairs == ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
    assert running.span == (datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 7, tzinfo=UTC))
    params = {"category": "spot", "symbol": "BTCUSDT", "interval": "60", "limit": 2}
    answer = httpx.get(f"{running.url}/v5/market/kline", params=params).json()
    assert answer["retCode"] == 0
    assert int(answer["result"]["list"][0][0]) == int(MOMENT.timestamp() * 1000)


def test_its_clock_can_be_set(running):
    later = datetime(2025, 1, 5, tzinfo=UTC)
    running.set_clock(later)
    assert running.clock() == later
    running.set_clock(MOMENT)


def test_its_health_counts_requests(running):
    before = running.health()["requests"].get("time", 0)
    httpx.get(f"{running.url}/v5/market/time")
    assert running.health()["requests"]["time"] == before + 1
    assert running.health()["status"] == "ok"


def test_paths_that_are_not_served_answer_like_bybit(running):
    assert httpx.post(f"{running.url}/v5/order/create").json()["retCode"] == 10001


def test_the_configuration_points_to_it_and_nowhere_else(running):
    config = running.exchange_config(["BTC/USDT"])
    exchange = config["exchange"]
    assert config["trading_mode"] == "spot"
    assert config["stake_currency"] == "USDT"
    assert exchange["name"] == "bybit"
    assert exchange["enable_ws"] is False
    assert set(exchange["ccxt_config"]["urls"]["api"].values()) == {running.url}
    assert exchange["pair_whitelist"] == ["BTC/USDT"]
    assert exchange["key"] == exchange["secret"] == ""


def test_ccxt_runs_on_it_unchanged(running):
    ccxt = pytest.importorskip("ccxt")
    bybit = ccxt.bybit(running.exchange_config()["exchange"]["ccxt_config"])
    assert set(bybit.load_markets()) == set(running.pairs)
    assert bybit.fetch_time() == int(MOMENT.timestamp() * 1000)
    candles = bybit.fetch_ohlcv("BTC/USDT", "5m", limit=10)
    assert [row[0] for row in candles] == [int(MOMENT.timestamp() * 1000) - 300_000 * k for k in range(9, -1, -1)]
    book, ticker = bybit.fetch_order_book("BTC/USDT"), bybit.fetch_ticker("BTC/USDT")
    assert book["bids"][0][0] <= ticker["last"] <= book["asks"][0][0]
    with pytest.raises(ccxt.BadRequest, match="is not served"):
        bybit.public_get_v5_market_delivery_price({"category": "linear"})


def test_ccxt_reads_futures(tmp_path):
    ccxt = pytest.importorskip("ccxt")
    settings = ReplaySettings(days=3, trading_mode="futures", pairs=("BTC/USDT:USDT", "ETH/USDT:USDT"), clock="sim")
    with ReplayExchange(settings) as exchange:
        bybit = ccxt.bybit(exchange.exchange_config()["exchange"]["ccxt_config"])
        bybit.load_markets()
        pair = "BTC/USDT:USDT"
        assert bybit.market(pair)["swap"]
        assert len(bybit.fetch_leverage_tiers()[pair]) == 4
        assert len(bybit.fetch_funding_rate_history(pair)) == 9
        assert len(bybit.fetch_ohlcv(pair, "1h", params={"price": "mark"})) == 72


def test_a_port_in_use_is_named_with_the_remedy(running):
    port = int(running.url.rpartition(":")[2])
    with pytest.raises(ReplayError, match=rf"cannot listen on 127\.0\.0\.1:{port} .* choose another, 0 for a free one"):
        ReplayExchange(ReplaySettings(days=2, clock="sim"), port=port).start()


def test_bad_candles_are_reported_to_the_one_who_starts_it(tmp_path):
    with pytest.raises(MarketDataError, match="no such directory"):
        ReplayExchange(ReplaySettings(data=tmp_path / "nowhere")).start()


def test_the_wall_clock_cannot_be_set():
    with ReplayExchange(ReplaySettings(days=30)) as exchange:
        assert abs((exchange.clock() - datetime.now(UTC)).total_seconds()) < 5
        first, last = exchange.span
        assert first < datetime.now(UTC) < last
        with pytest.raises(ReplayError, match=r"the clock is the wall's.*use ReplaySettings\(clock='sim'\)"):
            exchange.set_clock(MOMENT)


def test_a_stopped_exchange_frees_its_port_and_says_that_it_is_not_running():
    exchange = ReplayExchange(ReplaySettings(days=2, clock="sim"))
    exchange.start()
    port = int(exchange.url.rpartition(":")[2])
    exchange.stop()
    exchange.stop()
    with pytest.raises(ReplayError, match="replay exchange: not running; use it in a with statement"):
        _ = exchange.url
    assert _closed(port)


def test_the_server_ends_when_its_parent_is_killed():
    code = (
        "import time\n"
        "from freqai_ext.replay import ReplayExchange, ReplaySettings\n"
        "exchange = ReplayExchange(ReplaySettings(days=2, clock='sim'))\n"
        "exchange.start()\n"
        "print(exchange.url, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        port = int(parent.stdout.readline().rpartition(":")[2])
        assert not _closed(port)
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not _closed(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _closed(port)


def _closed(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
