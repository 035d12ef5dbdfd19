"""Journals and candle caches as Guardian writes them, with made-up trades."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from freqai_ext.guardian.trades import ClosedTrade, Fee, Fill

START_S = 1_767_225_600.0  # 2026-01-01 00:00 UTC


def _line(**fields):
    """A fill as Guardian writes it; fields given as ``None`` are null, as ``...`` left out."""
    record = {
        "ts": 1795195649321,
        "symbol": "LINKUSDT",
        "side": "Sell",
        "orderId": "1900000728",
        "orderLinkId": "AI-000728",
        "execPrice": 22.0,
        "execQty": 3.5,
        "execFee": 0.077,
        "execTime": "1795195649201",
        "category": "spot",
        "feeCurrency": "USDT",
        **fields,
    }
    return json.dumps({name: value for name, value in record.items() if value is not ...})


def _fill(side, at_s, price, quantity, fee=0.0, coin="quote", *, symbol="BTCUSDT", order=None, recorded_at_s=None):
    return Fill(symbol, side, START_S + at_s, price, quantity, Fee(fee, coin), recorded_at_s, order)


def _trade(closed_h, return_bps=50.0, *, opened_h=None, symbol="BTCUSDT", price=100.0, quantity=1.0, **fields):
    opened_h = closed_h - 1.0 if opened_h is None else opened_h
    trade = ClosedTrade(
        symbol=symbol,
        opened_at_s=START_S + 3600.0 * opened_h,
        closed_at_s=START_S + 3600.0 * closed_h,
        quantity=quantity,
        entry_price=price,
        exit_price=price * (1.0 + return_bps / 1e4),
        fees_quote=0.0,
        return_bps=return_bps,
        holding_min=60.0 * (closed_h - opened_h),
    )
    return replace(trade, **fields)


def _random_trades(seed, count=80, symbols=("BTCUSDT", "ETHUSDT")):
    generator = np.random.default_rng(seed)
    trades = []
    for _ in range(count):
        closed_h = float(generator.uniform(0.0, 240.0))
        slippage_bps = None if generator.random() < 0.3 else float(generator.normal(0.0, 5.0))
        late_s = None if generator.random() < 0.5 else START_S + 3600.0 * (closed_h + generator.uniform(0.0, 3.0))
        trades.append(
            _trade(
                closed_h,
                float(generator.normal(0.0, 100.0)),
                opened_h=closed_h - float(generator.uniform(0.1, 9.0)),
                symbol=str(generator.choice(symbols)),
                slippage_bps=slippage_bps,
                recorded_at_s=late_s,
            )
        )
    return trades


def _dates(count, freq="1h"):
    return pd.Series(pd.date_range(pd.Timestamp(START_S, unit="s", tz="UTC"), periods=count, freq=freq))


@pytest.fixture(scope="session")
def line() -> Callable[..., str]:
    return _line


@pytest.fixture(scope="session")
def fill() -> Callable[..., Fill]:
    return _fill


@pytest.fixture(scope="session")
def trade() -> Callable[..., ClosedTrade]:
    return _trade


@pytest.fixture(scope="session")
def random_trades() -> Callable[..., list[ClosedTrade]]:
    return _random_trades


@pytest.fixture(scope="session")
def dates() -> Callable[..., pd.Series]:
    return _dates


@pytest.fixture(scope="session")
def start_s() -> float:
    return START_S


@pytest.fixture
def journal(tmp_path) -> Callable[..., object]:
    """Write lines as ``pnl/<name>`` and return its path."""

    def write(*lines, name="executions.mainnet.jsonl", end="\n"):
        path = tmp_path / "pnl" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\n".join(one if isinstance(one, bytes) else one.encode() for one in lines) + end.encode())
        return path

    return write
