from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from freqai_ext.replay import Candles, GeneratedMarket, MarketParameters, PairHistory

START_MS = int(datetime(2025, 1, 6, tzinfo=UTC).timestamp() * 1000)
STEP_MS = 300_000


class ListedSource:
    """Histories held in memory."""

    def __init__(self, *histories, trading_mode="spot"):
        self.trading_mode = trading_mode
        self._histories = {history.pair: history for history in histories}

    def pairs(self):
        return tuple(self._histories)

    def history(self, pair):
        return self._histories[pair]


def random_candles(count, seed=0, *, start_ms=START_MS, step_ms=STEP_MS, timeframe="5m"):
    """Return consistent candles on a grid of cents."""
    random = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(random.normal(0, 0.004, count))), 2)
    opened = np.concatenate([[100.0], close[:-1]])
    high = np.round(np.maximum(opened, close) + random.random(count), 2)
    low = np.round(np.minimum(opened, close) - random.random(count), 2)
    volume = np.round(random.random(count) * 50 + 1, 3)
    return Candles(timeframe, start_ms + step_ms * np.arange(count), opened, high, low, close, volume)


@pytest.fixture
def listed_source():
    return ListedSource


@pytest.fixture
def make_candles():
    return random_candles


@pytest.fixture
def candle_frame():
    """Two days of 5m candles as Freqtrade stores them."""
    return random_candles(2 * 288).to_frame()


@pytest.fixture
def store_candles(tmp_path):
    """Write a frame as a Freqtrade data file and return the directory."""

    def write(frame, name="BTC_USDT-5m.feather"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_feather(path)
        return tmp_path / "data"

    return write


@pytest.fixture(scope="session")
def small_market():
    return GeneratedMarket(MarketParameters(pairs=("BTC/USDT", "ETH/USDT"), days=10))


@pytest.fixture
def flat_history():
    """One pair whose candles are easy to read."""
    candles = random_candles(3 * 288)
    return PairHistory("BTC/USDT", candles)


@pytest.fixture
def moment():
    return lambda text: pd.Timestamp(text, tz="UTC")
