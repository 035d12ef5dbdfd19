"""Candles for the tests of features."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freqai_ext.features import (
    calendar_features,
    cross_asset_features,
    lookback_features,
    period_features,
)

CandleMaker = Callable[..., pd.DataFrame]


def _make_candles(seed: int = 0, rows: int = 400, still_share: float = 0.1, start: str = "2025-01-01") -> pd.DataFrame:
    """Random walk whose candles are the high and low of eight steps; some candles do not move and have no volume."""
    generator = np.random.default_rng(seed)
    steps = generator.normal(0.0, 0.001, (rows, 8))
    still = generator.random(rows) < still_share
    steps[still] = 0.0
    path = np.log(100.0) + np.cumsum(steps.ravel()).reshape(rows, 8)
    opening = np.concatenate(([np.log(100.0)], path[:-1, -1]))
    high, low = np.maximum(path.max(axis=1), opening), np.minimum(path.min(axis=1), opening)
    return pd.DataFrame(
        {
            "date": pd.date_range(start, periods=rows, freq="5min", tz="UTC"),
            "open": np.exp(opening),
            "high": np.exp(high),
            "low": np.exp(low),
            "close": np.exp(path[:, -1]),
            "volume": np.where(still, 0.0, generator.lognormal(3.0, 1.0, rows)),
        }
    )


def _all_features(
    candles: pd.DataFrame,
    reference: pd.DataFrame,
    periods: tuple[int, ...] = (5, 14),
    lookbacks: tuple[int, ...] = (6, 13, 24),
) -> pd.DataFrame:
    frames = [period_features(candles, period).add_suffix(f"-{period}") for period in periods]
    frames.append(lookback_features(candles, lookbacks))
    frames.append(calendar_features(candles))
    frames.append(cross_asset_features(candles, reference, (6, 24)))
    return pd.concat(frames, axis=1)


@pytest.fixture(scope="session")
def make_candles() -> CandleMaker:
    return _make_candles


@pytest.fixture(scope="session")
def all_features() -> Callable[..., pd.DataFrame]:
    return _all_features


@pytest.fixture(scope="session")
def real_candles() -> Callable[[str], pd.DataFrame]:
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("FREQAI_EXT_DATA", beside)) / "market" / "binance"

    def load(pair: str) -> pd.DataFrame:
        file = folder / f"{pair}-5m.feather"
        if not file.exists():
            pytest.skip(f"no real candles: {file} does not exist; set FREQAI_EXT_DATA")
        return pd.read_feather(file)

    return load
