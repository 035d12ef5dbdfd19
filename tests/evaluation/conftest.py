"""A small market, a strategy and models on which an evaluation takes seconds."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from freqai_ext.evaluation import Contender, Entrant, prepare_entrants
from freqai_ext.replay import GeneratedMarket, MarketParameters

PAIRS = ("BTC/USDT", "ETH/USDT")
TIMERANGE = "20250104-20250107"

STRATEGY = """
from freqtrade.strategy import IStrategy


class SmallStrategy(IStrategy):
    timeframe = "5m"
    minimal_roi = {"0": 0.01}
    stoploss = -0.05
    startup_candle_count = 20
    process_only_new_candles = True

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        return dataframe.assign(**{"%-return-period": dataframe["close"].pct_change(period)})

    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
        return dataframe.assign(**{"%-smooth": dataframe["close"] / dataframe["close"].ewm(span=50).mean()})

    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        return dataframe.assign(**{"%-hour": dataframe["date"].dt.hour, "%-constant": 1.0})

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        return dataframe.assign(**{"&-return": dataframe["close"].shift(-6) / dataframe["close"] - 1})

    def populate_indicators(self, dataframe, metadata):
        return self.freqai.start(dataframe, metadata, self)

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe


class FeatureTargetStrategy(SmallStrategy):
    '''Makes its target of a feature.'''

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        return dataframe.assign(**{"&-return": dataframe["%-hour"] * 0.0 + dataframe["close"].pct_change(6).shift(-6)})


class DirectionStrategy(SmallStrategy):
    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        self.freqai.class_names = ["down", "up"]
        rises = dataframe["close"].shift(-6) > dataframe["close"]
        known = dataframe["close"].shift(-6).notna()
        return dataframe.assign(**{"&-direction": rises.map({True: "up", False: "down"}).where(known)})
"""

MODELS = '''
import numpy as np
from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge


class RidgeModel(BaseRegressionModel):
    def fit(self, data_dictionary, dk, **kwargs):
        return Ridge().fit(data_dictionary["train_features"], data_dictionary["train_labels"])


class ForestModel(BaseRegressionModel):
    def fit(self, data_dictionary, dk, **kwargs):
        forest = RandomForestRegressor(5, max_depth=4, random_state=1)
        return forest.fit(data_dictionary["train_features"], data_dictionary["train_labels"].iloc[:, 0])


class OddsModel(RidgeModel):
    """Gives odds and an interval beside its forecast, and does not trust every tenth row."""

    def predict(self, unfiltered_df, dk, **kwargs):
        predictions, trusted = super().predict(unfiltered_df, dk, **kwargs)
        forecast = predictions["&-return"]
        chance = 1 / (1 + np.exp(-forecast * 100))
        extra = {"&-return_lo": forecast - 0.01, "&-return_hi": forecast + 0.01, "p_up": chance * 0.9}
        extra |= {"p_down": (1 - chance) * 0.9, "ev_bps": forecast * 1e4 - 20, "confidence": abs(2 * chance - 1)}
        trusted = np.where(np.arange(len(predictions)) % 10 == 0, 0, trusted)
        return predictions.assign(**extra), trusted


class FailingModel(RidgeModel):
    """Fails in one window of one pair."""

    def fit(self, data_dictionary, dk, **kwargs):
        if dk.model_filename == "cb_eth_1736035200":
            raise ArithmeticError("the sums do not <add> up")
        return super().fit(data_dictionary, dk)


class MostlyFailingModel(RidgeModel):
    """Can be trained in one window of one pair only."""

    def fit(self, data_dictionary, dk, **kwargs):
        if dk.model_filename != "cb_eth_1736035200":
            raise ArithmeticError("the sums do not add up")
        return super().fit(data_dictionary, dk)


class HopelessModel(RidgeModel):
    def fit(self, data_dictionary, dk, **kwargs):
        raise ArithmeticError("nothing adds up")


class SlowModel(RidgeModel):
    def fit(self, data_dictionary, dk, **kwargs):
        import time

        time.sleep(1.5)
        return super().fit(data_dictionary, dk)
'''


@dataclass
class Place:
    """A user directory with candles, and the options of an evaluation in it."""

    userdir: Path
    datadir: Path
    config: dict[str, Any] = field(default_factory=dict)

    def options(self, strategy: str = "SmallStrategy", timerange: str = TIMERANGE) -> list[str]:
        """Write the configuration and return the options of ``freqtrade backtesting``."""
        path = self.userdir / "config.json"
        path.write_text(json.dumps(self.config))
        names = ["--strategy", strategy, "--timerange", timerange]
        return ["-c", str(path), "--userdir", str(self.userdir), "--datadir", str(self.datadir), *names]

    def entrants(self, *models: str, strategy: str = "SmallStrategy") -> tuple[Entrant, ...]:
        """Return contenders without settings of their own."""
        return prepare_entrants(self.options(strategy), [Contender(name, name) for name in models])


@pytest.fixture(scope="session")
def datadir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    GeneratedMarket(MarketParameters(pairs=PAIRS, days=7)).write(folder, ["5m", "15m"])
    return folder


@pytest.fixture(scope="session")
def make_place(datadir: Path) -> Callable[..., Place]:
    def make(folder: Path, **freqai: Any) -> Place:
        userdir = folder / "user_data"
        for name, file, text in (("strategies", "Small", STRATEGY), ("freqaimodels", "Models", MODELS)):
            (userdir / name).mkdir(parents=True, exist_ok=True)
            (userdir / name / f"{file}.py").write_text(text)
        return Place(userdir, datadir, _config(freqai))

    return make


@pytest.fixture
def place(make_place: Callable[..., Place], tmp_path: Path) -> Place:
    return make_place(tmp_path)


def _config(freqai: dict[str, Any]) -> dict[str, Any]:
    prices = {"price_side": "same", "use_order_book": False}
    return {
        "dry_run": True,
        "dry_run_wallet": 1000,
        "stake_currency": "USDT",
        "stake_amount": 100,
        "max_open_trades": 2,
        "fee": 0.0,
        "entry_pricing": prices,
        "exit_pricing": prices,
        "exchange": {"name": "bybit", "pair_whitelist": list(PAIRS)},
        "pairlists": [{"method": "StaticPairList"}],
        "freqai": {
            "enabled": True,
            "identifier": "small",
            "train_period_days": 2,
            "backtest_period_days": 1,
            "live_retrain_hours": 1,
            "activate_tensorboard": False,
            "feature_parameters": {
                "include_timeframes": ["5m", "15m"],
                "include_corr_pairlist": ["BTC/USDT"],
                "label_period_candles": 6,
                "include_shifted_candles": 1,
                "indicator_periods_candles": [6, 12],
            },
            "data_split_parameters": {"test_size": 0.1, "shuffle": False},
            "model_training_parameters": {},
            **freqai,
        },
    }
