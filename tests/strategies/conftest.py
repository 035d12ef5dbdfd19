"""Strategies on candles without a bot: the data provider and FreqAI are small stand-ins."""

import copy
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from freqai_ext.models.CatboostRegressor import CatboostRegressor
from freqai_ext.models.CatboostRegressorMultiTarget import CatboostRegressorMultiTarget
from freqai_ext.strategies.FreqAIExampleStrategy import FreqAIExampleStrategy
from freqai_ext.strategies.FreqaiHyperStrategy import FreqaiHyperStrategy

REFERENCE = "BTC/USDT"

PARAMETERS = {
    "entry_expected_return": 0.0015,
    "entry_max_stoploss_risk": 0.2,
    "entry_rsi_guard": 85,
    "entry_needs_trend": False,
    "exit_expected_return": -0.0005,
    "exit_after_horizons": 2.0,
}
"""The values that the tests reckon with, whatever the defaults are."""


class Provider:
    """Freqtrade's data provider, holding one frame per pair."""

    def __init__(self) -> None:
        self.candles: dict[str, pd.DataFrame] = {}
        self.analyzed: dict[str, pd.DataFrame] = {}

    def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
        return self.candles.get(pair, pd.DataFrame(columns=["date", "close"])).copy()

    def get_analyzed_dataframe(self, pair: str, timeframe: str) -> tuple[pd.DataFrame, None]:
        return self.analyzed.get(pair, pd.DataFrame()), None


def make_candles(rows: int = 400, seed: int = 0, start: str = "2025-01-01") -> pd.DataFrame:
    """Return a random walk of 5m candles."""
    generator = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(0.002 * generator.normal(size=rows)))
    opening = np.concatenate(([100.0], close[:-1]))
    spread = np.abs(0.001 * generator.normal(size=(2, rows)))
    return pd.DataFrame(
        {
            "date": pd.date_range(start, periods=rows, freq="5min", tz="UTC"),
            "open": opening,
            "high": np.maximum(opening, close) * (1 + spread[0]),
            "low": np.minimum(opening, close) * (1 - spread[1]),
            "close": close,
            "volume": generator.lognormal(3.0, 1.0, rows),
        }
    )


def make_config(trading_mode: str = "spot", corr_pairs: tuple[str, ...] = (REFERENCE,), **ext: Any) -> dict[str, Any]:
    """Return what the strategy reads of a configuration; keywords are sections of ``freqai_ext``."""
    return {
        "trading_mode": trading_mode,
        "timeframe": "5m",
        "freqai_ext": ext,
        "freqai": {
            "feature_parameters": {
                "include_corr_pairlist": list(corr_pairs),
                "indicator_periods_candles": [10, 20],
                "label_period_candles": 12,
            }
        },
    }


def model_of(model_class: type) -> Any:
    """Return an instance that knows its class only, as much as the choice of targets may look at."""
    model: Any = model_class.__new__(model_class)
    model.class_names = []
    return model


def make_strategy(
    trading_mode: str = "spot",
    corr_pairs: tuple[str, ...] = (REFERENCE,),
    model_class: type = CatboostRegressor,
    **ext: Any,
) -> FreqAIExampleStrategy:
    """Return a strategy whose provider has candles of the reference pair."""
    strategy = FreqAIExampleStrategy(make_config(trading_mode, corr_pairs, **ext))
    strategy.dp = Provider()
    strategy.dp.candles[REFERENCE] = make_candles(seed=99)
    strategy.freqai = model_of(model_class)
    strategy.freqai.dd = SimpleNamespace(historic_data={}, history_lock=threading.Lock())
    for name, value in PARAMETERS.items():
        # The class owns the parameters: a test that changes one must not change it for all.
        parameter = copy.copy(getattr(strategy, name))
        parameter.value = value
        setattr(strategy, name, parameter)
    return strategy


@pytest.fixture(scope="session", name="make_strategy")
def _make_strategy() -> Callable[..., FreqAIExampleStrategy]:
    return make_strategy


@pytest.fixture
def strategy() -> FreqAIExampleStrategy:
    return make_strategy()


HYPER_PARAMETERS = {
    "horizon": 24,
    "prediction_set": "own",
    "min_probability": 0.35,
    "min_ev_bps": 5,
    "min_confidence": 0.1,
    "interval_rule": "off",
    "max_interval_loss_bps": 100,
    "exit_rule": "odds_turned",
    "exit_probability": 0.3,
    "exit_expected_bps": -5,
    "exit_interval_loss_bps": 200,
    "exit_after_horizons": 1.0,
}
"""The values that the tests of ``FreqaiHyperStrategy`` reckon with."""


def make_hyper_strategy(
    trading_mode: str = "futures",
    model_class: type = CatboostRegressorMultiTarget,
    parameters: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    **ext: Any,
) -> FreqaiHyperStrategy:
    """Return a ``FreqaiHyperStrategy``; ``parameters`` and keys of ``config`` replace what the tests reckon with."""
    strategy = FreqaiHyperStrategy({**make_config(trading_mode, **ext), **(config or {})})
    strategy.dp = Provider()
    strategy.dp.candles[REFERENCE] = make_candles(seed=99)
    strategy.freqai = model_of(model_class)
    for name, value in {**HYPER_PARAMETERS, **(parameters or {})}.items():
        parameter = copy.copy(getattr(strategy, name))
        parameter.value = value
        setattr(strategy, name, parameter)
    return strategy


@pytest.fixture(scope="session", name="make_hyper_strategy")
def _make_hyper_strategy() -> Callable[..., FreqaiHyperStrategy]:
    return make_hyper_strategy


@pytest.fixture(scope="session", name="make_candles")
def _make_candles() -> Callable[..., pd.DataFrame]:
    return make_candles


@pytest.fixture(scope="session", name="make_config")
def _make_config() -> Callable[..., dict[str, Any]]:
    return make_config


@pytest.fixture(scope="session", name="model_of")
def _model_of() -> Callable[[type], Any]:
    return model_of
