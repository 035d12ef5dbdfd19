"""A stretch of candles to compute features on: the latest stored ones, or generated ones where any is missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from freqai_ext._services.scratch import scratch_folder
from freqai_ext.doctor.candles import load_candles, needed_pairs, needed_timeframes, startup_candles, warm_up
from freqai_ext.labels import timeframe_to_timedelta

# Rows after the warm-up, of the longest timeframe; and days, so that features of the weekday change.
_CANDLES = 200
_DAYS = pd.Timedelta(days=8)
_GENERATED_END = pd.Timestamp("2026-01-01", tz="UTC")


@dataclass(frozen=True)
class SampleCandles:
    """Candles for a trial.

    Parameters
    ----------
    config
        Configuration of a backtest over the stretch, for Freqtrade's data provider.
    origin
        Where the candles come from, for messages.
    days
        How many days they span after the warm-up.
    """

    config: dict[str, Any]
    origin: str
    days: float


@contextmanager
def sample_candles(config: dict[str, Any]) -> Iterator[SampleCandles]:
    """Provide a stretch of candles of all pairs and timeframes, as long as the context lasts."""
    from freqtrade.enums import RunMode

    pairs, timeframes = needed_pairs(config), needed_timeframes(config)
    span = max(_DAYS, *(timeframe_to_timedelta(timeframe) * _CANDLES for timeframe in timeframes))
    sample = {**deepcopy(config), "runmode": RunMode.BACKTEST, "timeframe": timeframes[0]}
    sample["startup_candle_count"] = startup_candles(config)
    # FreqAI's data provider loads this many days more, which nothing here needs.
    sample["freqai"]["train_period_days"] = 0
    ends = [_last_date(config, pair, timeframe) for pair in pairs for timeframe in timeframes]
    stored_ends = [end for end in ends if end is not None]
    with scratch_folder() as scratch:
        if len(stored_ends) == len(ends):
            end, origin = min(stored_ends), f"the stored candles to {min(stored_ends):%F %H:%M}"
        else:
            end, origin = _GENERATED_END, "generated candles, as not all that it needs are stored"
            sample["datadir"], sample["dataformat_ohlcv"] = scratch, "feather"
            start = end - span - max(warm_up(config, timeframe) for timeframe in timeframes)
            _store_generated(sample, pairs, timeframes, start, end)
        sample["timerange"] = f"{(end - span).timestamp():.0f}-{end.timestamp():.0f}"
        yield SampleCandles(sample, origin, span / pd.Timedelta(days=1))


def random_walk(start: pd.Timestamp, end: pd.Timestamp, timeframe: str, seed: int) -> pd.DataFrame:
    """Return plausible candles from ``start`` to ``end``: a geometric random walk, its volume tied to its range.

    They show whether features can be computed, not whether a model is any good.
    """
    rng = np.random.default_rng(seed)
    step = timeframe_to_timedelta(timeframe)
    dates = pd.date_range(start.floor(step), end, freq=step, inclusive="left")
    volatility = 0.001 * np.sqrt(step / pd.Timedelta("5min"))
    path = np.cumsum(rng.normal(0.0, volatility, (dates.size, 4)).ravel()).reshape(-1, 4)
    prices = 100.0 * np.exp(path)
    return pd.DataFrame(
        {
            "date": dates,
            "open": prices[:, 0],
            "high": prices.max(axis=1),
            "low": prices.min(axis=1),
            "close": prices[:, 3],
            "volume": rng.lognormal(size=dates.size) * (1.0 + np.ptp(path, axis=1) / volatility),
        }
    )


def _last_date(config: dict[str, Any], pair: str, timeframe: str) -> pd.Timestamp | None:
    candles = load_candles(config, pair, timeframe)
    return None if candles.empty else pd.Timestamp(candles["date"].iloc[-1])


def _store_generated(
    config: dict[str, Any], pairs: list[str], timeframes: list[str], start: pd.Timestamp, end: pd.Timestamp
) -> None:
    from freqtrade.data.history import get_datahandler

    handler = get_datahandler(config["datadir"], "feather")
    (config["datadir"] / "futures").mkdir()
    for seed, pair in enumerate(pairs):
        for timeframe in timeframes:
            handler.ohlcv_store(pair, timeframe, random_walk(start, end, timeframe, seed), config["candle_type_def"])
