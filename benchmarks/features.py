"""Time of the example strategy's feature set on one pair and timeframe.

Run ``python -m benchmarks.features [--data DIR] [--pair ETH/USDT] [--reference BTC/USDT]``. Without ``--data``, a
Freqtrade data directory with feather files, it takes as many candles of a random walk.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from freqai_ext.features import (
    DEFAULT_CROSS_ASSET_WINDOWS,
    DEFAULT_LOOKBACKS,
    FAMILIES,
    Candles,
    calendar_features,
    cross_asset_features,
    lookback_features,
    period_features,
)
from freqai_ext.features.cross_asset import reference_close

ROWS = 52_128
PERIODS = (14, 48)
REPEATS = 5


def main() -> None:
    """Print the best of several runs for each family and for the whole set."""
    parser = argparse.ArgumentParser(description="Time the feature families.")
    parser.add_argument("--data", type=Path, help="Freqtrade data directory with feather files")
    parser.add_argument("--pair", default="ETH/USDT")
    parser.add_argument("--reference", default="BTC/USDT")
    arguments = parser.parse_args()
    candles = load(arguments.data, arguments.pair, seed=0)
    reference = load(arguments.data, arguments.reference, seed=1)

    print(f"{len(candles):,} candles, periods {PERIODS}, lookbacks {DEFAULT_LOOKBACKS}; best of {REPEATS}")
    windows = {"period": PERIODS, "lookback": DEFAULT_LOOKBACKS, "standard": DEFAULT_CROSS_ASSET_WINDOWS}
    for family in FAMILIES.values():
        sets = [(window,) for window in PERIODS] if family.kind == "period" else [windows[family.kind]]

        def compute(family=family, sets=sets) -> int:
            view = Candles(candles, reference_close(candles, reference))
            return sum(len(family.columns(view, chosen)) for chosen in sets)

        print(f"{family.name:22} {compute():3} columns {best_ms(compute):8.1f} ms")

    def everything() -> int:
        frames = [period_features(candles, period) for period in PERIODS]
        frames += [lookback_features(candles), calendar_features(candles), cross_asset_features(candles, reference)]
        return sum(frame.shape[1] for frame in frames)

    print(f"{'whole set':22} {everything():3} columns {best_ms(everything):8.1f} ms")


def load(data: Path | None, pair: str, seed: int) -> pd.DataFrame:
    """Return 5m candles of ``pair`` from ``data``, or of a random walk."""
    if data is not None:
        return pd.read_feather(data / f"{pair.replace('/', '_')}-5m.feather")
    generator = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.002, ROWS)))
    opening = np.concatenate(([100.0], close[:-1]))
    reach = np.abs(generator.normal(0.0, 0.001, (2, ROWS)))
    return pd.DataFrame(
        {
            "date": pd.date_range("2025-01-01", periods=ROWS, freq="5min", tz="UTC"),
            "open": opening,
            "high": np.maximum(opening, close) * (1.0 + reach[0]),
            "low": np.minimum(opening, close) * (1.0 - reach[1]),
            "close": close,
            "volume": generator.lognormal(3.0, 1.0, ROWS),
        }
    )


def best_ms(compute: Callable[[], object]) -> float:
    """Return the shortest of several runs in milliseconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        compute()
        times.append(time.perf_counter() - start)
    return 1000.0 * min(times)


if __name__ == "__main__":
    main()
