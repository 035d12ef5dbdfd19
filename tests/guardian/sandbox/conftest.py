import json

import numpy as np
import pytest

from freqai_ext.guardian.sandbox import GuardianState, Hourly, MarketRow, SandboxSettings

NOW_S = 1_795_216_651.0


class SetClock:
    """A clock that a test moves."""

    def __init__(self, now_s=NOW_S):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


class ListedMarket:
    """A market of rows that a test names; ``asked`` are the times at which it was looked at."""

    def __init__(self, rows):
        self.listed = rows
        self.asked = []

    def rows(self, now_s):
        self.asked.append(now_s)
        return self.listed


class TalkedTo:
    """A state and shorthand to talk to it as a client would, without a server."""

    def __init__(self, clock, rows, **settings):
        self.clock = clock
        self.market = None if rows is None else ListedMarket(rows)
        self.state = GuardianState(SandboxSettings(**settings), clock, self.market)

    def get(self, route, headers=(), **query):
        answer = getattr(self.state, route)(dict(headers), **query)
        return answer.status, json.loads(answer.body) if answer.media_type == "application/json" else answer.body

    def push(self, content, headers=()):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        answer = self.state.push({"content-type": "application/json"} | dict(headers), body)
        return answer.status, json.loads(answer.body) if answer.media_type == "application/json" else answer.body

    def stored(self, symbol="BTCUSDT"):
        return self.get("predictions")[1]["pairs"].get(symbol)

    def scanned(self, **query):
        status, answer = self.get("features", **query)
        assert status == 200, answer
        return {pair["symbol"]: pair for pair in reversed(answer["pairs"])}


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def guardian_of(clock):
    """Return a Guardian without a server: ``guardian_of(rows=None, **settings)``."""

    def make(rows=None, **settings):
        return TalkedTo(clock, rows, **settings)

    return make


@pytest.fixture
def row_of():
    """Return a row of the market in which most filters of the scan are passed."""

    def make(symbol="BTCUSDT", change_pct=2.0, *, rising=True, turnover=5e7, hours=80, **changes):
        closes = 100.0 * np.exp(np.linspace(0, 0.05 if rising else -0.05, hours))
        newest = int(NOW_S // 3_600)
        opened = np.arange(newest - hours, newest)
        hourly = Hourly(opened, closes * 1.01, closes * 0.99, closes, np.full(hours, 10.0))
        values = {"last": 100.0, "high": 103.0, "low": 97.0, "volume": turnover / 100.0}
        book = {"bid": 99.99, "ask": 100.01, "bid_size": 3.0, "ask_size": 1.0}
        values |= {"change_pct": change_pct, "turnover": turnover, "hourly": hourly}
        return MarketRow(symbol, **{**values, **book, **changes})

    return make
