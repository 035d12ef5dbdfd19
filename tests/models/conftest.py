"""A live model of ours with files on disk, restarted as often as a test likes, without a bot around it."""

import shutil
import warnings
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.tensorboard.base_tensorboard import BaseTensorboardLogger

from freqai_ext.checks._workbench import PAIR, _config, example_frame
from freqai_ext.models.CatboostRegressor import CatboostRegressor

OLD, NEW = 1_700_000_000, 1_700_003_600
"""When the two models of :func:`trained` were trained, UTC seconds."""


class Strategy:
    """The hooks alone, of which the digest of the code is made."""

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs): ...
    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs): ...
    def feature_engineering_standard(self, dataframe, metadata, **kwargs): ...
    def set_freqai_targets(self, dataframe, metadata, **kwargs): ...
    def populate_indicators(self, dataframe, metadata):
        return self.freqai.start(dataframe, metadata, self)


class LiveModel:
    """One identifier's folder and the model that is running on it."""

    def __init__(self, userdir: Path, **freqai: Any) -> None:
        self.userdir = userdir
        self.freqai = {"live_retrain_hours": 4, "purge_old_models": 2, **freqai}
        self.model: Any = None
        self.frame = example_frame(CatboostRegressor, rows=150)
        self.restart()

    @property
    def folder(self) -> Path:
        return self.userdir / "models" / "check"

    def restart(self, model_class: type = CatboostRegressor, strategy: Any = None, **freqai: Any) -> Any:
        """Load the model again, as the bot does at its start, and let it see the strategy."""
        self.freqai |= freqai
        self.config = _config(self.userdir, self.freqai) | {"runmode": RunMode.DRY_RUN, "trading_mode": "spot"}
        self.config |= {"freqaimodel": model_class.__name__, "strategy": "Strategy"}
        self.model = model_class(config=self.config)
        self.model.live = True
        self.model.tb_logger = BaseTensorboardLogger(self.userdir, False)
        self.model.train_queue = deque([PAIR, "ETH/USDT"])
        self.model._activate(strategy or Strategy())
        self.model.dd.set_pair_dict_info({"pair": PAIR})
        return self.model

    def kitchen(self) -> Any:
        dk = FreqaiDataKitchen(self.config, True, PAIR)
        dk.set_paths(PAIR, 0)
        self.model.dk = dk
        return dk

    def train(self, stamp: int) -> Any:
        """Train and save the pair's model through the method that the training thread calls."""
        model, dk = self.model, self.kitchen()
        dk.use_strategy_to_populate_indicators = lambda *args, **kwargs: self.frame.copy()
        model.dd.get_base_and_corr_dataframes = lambda *args: ({}, {})
        span = SimpleNamespace(startts=0, stopts=stamp, startdt=pd.Timestamp(0, tz="UTC"))
        model.extract_data_and_train_model(span, PAIR, None, dk, None)
        return model.dd.model_dictionary.get(PAIR)

    def load(self) -> tuple[Any, Any]:
        """Return the model that serves the pair, and the data kitchen that it was loaded into."""
        dk = self.kitchen()
        dk.find_labels(self.frame)
        self.model.model = self.model.dd.load_data(PAIR, dk)
        return self.model.model, dk

    def forecast(self, rows: int | None = None, frame: pd.DataFrame | None = None) -> pd.DataFrame:
        """Predict the newest candle as the bot does; return what the strategy gets."""
        loaded, dk = self.load()
        asked = (self.frame if frame is None else frame).iloc[: rows or 150].copy()
        dk.find_labels(asked)
        if loaded is None:
            self.model.dd.return_null_values_to_strategy(asked, dk)
        else:
            trained_s = self.model.dd.pair_dict[PAIR]["trained_timestamp"]
            with warnings.catch_warnings():
                # Freqtrade's own.
                warnings.filterwarnings("ignore", "Series.values returning an ndarray that drops timezone")
                self.model.build_strategy_return_arrays(asked, dk, PAIR, trained_s)
        result: pd.DataFrame = dk.return_dataframe
        return result


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user directory with two models of one pair and their forecasts, as a bot has left it."""
    bot = LiveModel(tmp_path_factory.mktemp("trained"))
    for stamp in (OLD, NEW):
        bot.train(stamp)
    bot.forecast()
    bot.model.dd.save_historic_predictions_to_disk()
    return bot.userdir


@pytest.fixture
def bot(trained: Path, tmp_path: Path) -> LiveModel:
    """A bot that is started on a copy of it."""
    shutil.copytree(trained / "models", tmp_path / "models")
    for path in (tmp_path / "models" / "check").glob("pair_dictionary*"):
        path.write_text(path.read_text().replace(str(trained), str(tmp_path)))
    return LiveModel(tmp_path)
