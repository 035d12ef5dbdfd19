"""Candles for the tests of labels."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

CandleMaker = Callable[..., pd.DataFrame]


def _candles_of(closes, highs=None, lows=None, opens=None) -> pd.DataFrame:
    closes = np.asarray(closes, float)
    return pd.DataFrame(
        {
            "date": pd.date_range("2025-01-01", periods=len(closes), freq="5min", tz="UTC"),
            "open": closes if opens is None else opens,
            "high": closes if highs is None else highs,
            "low": closes if lows is None else lows,
            "close": closes,
        }
    )


def _random_candles(seed: int, rows: int = 60, gap_share: float = 0.2) -> pd.DataFrame:
    """Random walk of closes with some candles left out; prices jump between candles, so many open beyond the last."""
    generator = np.random.default_rng(seed)
    closes = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.01, rows)))
    highs, lows = closes * generator.uniform(1.0, 1.01, rows), closes / generator.uniform(1.0, 1.01, rows)
    candles = _candles_of(closes, highs, lows, generator.uniform(lows, highs))
    return candles[generator.random(rows) > gap_share]


@pytest.fixture(scope="session")
def candles_of() -> CandleMaker:
    return _candles_of


@pytest.fixture(scope="session")
def random_candles() -> CandleMaker:
    return _random_candles
