"""A small market, a strategy and models on which walk-forward runs take seconds."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from freqai_ext.replay import GeneratedMarket, MarketParameters
from freqai_ext.walkforward import backtesting_config

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
        return dataframe.assign(**{"%-hour": dataframe["date"].dt.hour})

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        return dataframe.assign(**{"&-return": dataframe["close"].shift(-6) / dataframe["close"] - 1})

    def populate_indicators(self, dataframe, metadata):
        return self.freqai.start(dataframe, metadata, self)

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[(dataframe["do_predict"] == 1) & (dataframe["&-return"] > 0.0005), "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[(dataframe["do_predict"] == 1) & (dataframe["&-return"] < 0), "exit_long"] = 1
        return dataframe


class ForgetfulStrategy(SmallStrategy):
    def populate_indicators(self, dataframe, metadata):
        return dataframe


class BrokenStrategy(SmallStrategy):
    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        raise LookupError("no such feature")
"""

MODELS = '''
from freqtrade.freqai.base_models.BaseRegressionModel import BaseRegressionModel
from sklearn.linear_model import Ridge


class RidgeModel(BaseRegressionModel):
    def fit(self, data_dictionary, dk, **kwargs):
        return Ridge().fit(data_dictionary["train_features"], data_dictionary["train_labels"])


class FailingModel(RidgeModel):
    """Fails in one window of one pair."""

    def fit(self, data_dictionary, dk, **kwargs):
        if dk.model_filename == "cb_eth_1736035200":
            raise ArithmeticError("the sums do not add up")
        return super().fit(data_dictionary, dk)


class KilledModel(RidgeModel):
    def fit(self, data_dictionary, dk, **kwargs):
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)


class SlowModel(RidgeModel):
    def fit(self, data_dictionary, dk, **kwargs):
        import time

        time.sleep(1.5)
        return super().fit(data_dictionary, dk)
'''


@dataclass
class Backtest:
    """A user directory with candles, and the options of a backtest in it."""

    userdir: Path
    datadir: Path
    config: dict[str, Any] = field(default_factory=dict)

    def options(
        self, strategy: str = "SmallStrategy", model: str = "RidgeModel", timerange: str = TIMERANGE
    ) -> list[str]:
        """Write the configuration and return the options of ``freqtrade backtesting``."""
        path = self.userdir / "config.json"
        path.write_text(json.dumps(self.config))
        names = ["--strategy", strategy, "--freqaimodel", model, "--timerange", timerange]
        return ["-c", str(path), "--userdir", str(self.userdir), "--datadir", str(self.datadir), *names]

    def load(self, *names: str, **named: str) -> dict[str, Any]:
        """Return the configuration as Freqtrade reads it."""
        return backtesting_config(self.options(*names, **named))

    def predictions(self) -> dict[str, bytes]:
        """Return the prediction files of the identifier."""
        folder = self.userdir / "models" / self.config["freqai"]["identifier"] / "backtesting_predictions"
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}


@pytest.fixture(scope="session")
def datadir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    GeneratedMarket(MarketParameters(pairs=PAIRS, days=7)).write(folder, ["5m", "15m"])
    return folder


@pytest.fixture
def make_backtest(tmp_path: Path, datadir: Path) -> Callable[..., Backtest]:
    def make(**freqai: Any) -> Backtest:
        userdir = tmp_path / "user_data"
        for folder, name, text in (("strategies", "Small", STRATEGY), ("freqaimodels", "Models", MODELS)):
            (userdir / folder).mkdir(parents=True, exist_ok=True)
            (userdir / folder / f"{name}.py").write_text(text)
        return Backtest(userdir, datadir, _config(freqai))

    return make


@pytest.fixture
def backtest(make_backtest: Callable[..., Backtest]) -> Backtest:
    return make_backtest()


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
