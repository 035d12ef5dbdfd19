"""A strategy's targets on generated candles, which show what the targets are, whatever the market did."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from freqai_ext.labels import timeframe_to_timedelta

if TYPE_CHECKING:
    from freqtrade.strategy import IStrategy

_CANDLES = ("open", "high", "low", "close", "volume")
_LEAST_ROWS, _ROWS_PER_HORIZON = 2000, 5
# Volatility per candle as a power of ten: from calm to wild, so that every threshold that makes sense is reached.
_CALM, _WILD = -3.7, -1.7
_REGIME_ROWS = 50


@dataclass(frozen=True, eq=False)
class TargetTrial:
    """What ``set_freqai_targets`` makes of generated candles.

    Attributes
    ----------
    candles
        The candles.
    labels
        Its columns with ``&``, as FreqAI names them; none where it failed.
    failure
        Why it failed, such as ``"KeyError: 'atr'"``; empty where it did not.
    """

    candles: pd.DataFrame
    labels: pd.DataFrame
    failure: str = ""


def try_targets(
    strategy: "IStrategy", pair: str, frame: pd.DataFrame, timeframe: str, horizon_candles: int
) -> TargetTrial:
    """Return the strategy's targets on generated candles, the same ones in every process, window and pair.

    Targets that need more than candles get the last rows of ``frame``, with generated prices in place of its own.

    Parameters
    ----------
    frame
        Candles with features, as FreqAI trains on them.
    horizon_candles
        ``label_period_candles``; many times as many candles are generated.
    """
    rows = max(_LEAST_ROWS, _ROWS_PER_HORIZON * horizon_candles)
    candles = generated_candles(timeframe, rows)
    trial = targets_on(strategy, pair, candles)
    if not trial.failure and trial.labels.notna().any(axis=None):
        return trial
    features = frame.loc[:, [name for name in frame.columns if "&" not in str(name)]].tail(rows).reset_index(drop=True)
    features[list(_CANDLES)] = candles[list(_CANDLES)].head(len(features)).to_numpy()
    second = targets_on(strategy, pair, features)
    return trial if second.failure else second


def generated_candles(timeframe: str, rows: int) -> pd.DataFrame:
    """Return candles of a random walk in prices around 100 that is calm and wild by turns."""
    generator = np.random.default_rng(0)
    regimes = 10.0 ** generator.uniform(_CALM, _WILD, size=-(-rows // _REGIME_ROWS))
    volatility = np.repeat(regimes, _REGIME_ROWS)[:rows]
    steps = generator.normal(size=(rows, 4)) * volatility[:, None] / 2.0
    # Prices end where they begin, far above 1: a price or a difference of prices cannot pass for a ratio.
    steps -= steps.mean()
    prices = 100.0 * np.exp(np.cumsum(steps.ravel()).reshape(rows, 4))
    return pd.DataFrame(
        {
            "date": pd.date_range("2020-01-01", periods=rows, freq=timeframe_to_timedelta(timeframe), tz="UTC"),
            "open": prices[:, 0],
            "high": prices.max(axis=1),
            "low": prices.min(axis=1),
            "close": prices[:, 3],
            "volume": 1000.0 * generator.lognormal(size=rows),
        }
    )


def targets_on(strategy: "IStrategy", pair: str, candles: pd.DataFrame) -> TargetTrial:
    """Return the strategy's targets on given candles, or why it sets none."""
    try:
        labelled: Any = strategy.set_freqai_targets(candles.copy(), metadata={"pair": pair})
        labels = labelled.loc[:, [name for name in labelled.columns if "&" in str(name)]]
        labels = labels.set_axis(labels.columns.str.replace(":", ""), axis=1)
        if len(labels) != len(candles):
            return TargetTrial(candles, pd.DataFrame(), "it returns other rows than it was given")
    except Exception as error:
        return TargetTrial(candles, pd.DataFrame(), f"{type(error).__name__}: {error}")
    return TargetTrial(candles, labels)
