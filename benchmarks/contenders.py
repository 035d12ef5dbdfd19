"""The models that are compared, each in a user directory with the same strategy and configuration."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqai_ext.replay import ReplayExchange
from freqai_ext.scaffold import init_userdir

STOCK = "stock LightGBMRegressor"

_TIMED_MODEL = '''"""{class_name}, with the time spent in training and predicting written to a file."""

import json
import time
from pathlib import Path

from {module} import {class_name}


class {timed_name}({class_name}):
    def start_backtesting(self, *args, **kwargs):
        done = super().start_backtesting(*args, **kwargs)
        Path(self.config["benchmark_times"]).write_text(json.dumps(self._spent))
        return done

    def fit(self, *args, **kwargs):
        return self._timed("fit", super().fit, *args, **kwargs)

    def predict(self, *args, **kwargs):
        return self._timed("predict", super().predict, *args, **kwargs)

    def _timed(self, name, method, *args, **kwargs):
        spent = self.__dict__.setdefault("_spent", {{}}).setdefault(name, {{"calls": 0, "wall_s": 0.0, "cpu_s": 0.0}})
        wall, cpu = time.perf_counter(), time.process_time()
        result = method(*args, **kwargs)
        spent["calls"] += 1
        spent["wall_s"] += time.perf_counter() - wall
        spent["cpu_s"] += time.process_time() - cpu
        return result
'''


@dataclass(frozen=True)
class Contender:
    """A model class and what its configuration adds."""

    label: str
    module: str
    settings: Mapping[str, Any]

    @property
    def class_name(self) -> str:
        """Name of the model class, for ``--freqaimodel``."""
        return self.module.rpartition(".")[2]

    @property
    def timed_name(self) -> str:
        """Name of the subclass that measures itself."""
        return f"Timed{self.class_name}"

    @property
    def key(self) -> str:
        """Name for files and identifiers."""
        return self.label.replace(" ", "_").replace("(", "").replace(")", "")


CONTENDERS = (
    Contender(STOCK, "freqtrade.freqai.prediction_models.LightGBMRegressor", {}),
    Contender("CatboostRegressor", "freqai_ext.models.CatboostRegressor", {}),
    Contender(
        "CustomRegressor (lightgbm)",
        "freqai_ext.models.CustomRegressor",
        {"freqai_ext": {"custom_regressor": {"backend": "lightgbm"}}},
    ),
)


@dataclass(frozen=True)
class Setup:
    """What all contenders have in common.

    Parameters
    ----------
    folder
        Scratch folder; the user directory and the configurations are written into it.
    datadir
        Candles.
    timerange
        The backtested time, ``YYYYMMDD-YYYYMMDD``.
    """

    folder: Path
    datadir: Path
    pairs: Sequence[str]
    timerange: str
    trees: int
    train_days: int
    window_days: int

    @property
    def userdir(self) -> Path:
        """The user directory."""
        return self.folder / "user_data"

    @property
    def models_folder(self) -> Path:
        """The folder of the timed models, for ``--freqaimodel-path``."""
        return self.folder / "timed_models"

    def prepare(self) -> None:
        """Write the user directory and the timed models."""
        init_userdir(self.userdir)
        self.models_folder.mkdir()
        for contender in CONTENDERS:
            names = {"class_name": contender.class_name, "timed_name": contender.timed_name}
            path = self.models_folder / f"{contender.timed_name}.py"
            path.write_text(_TIMED_MODEL.format(module=contender.module, **names))

    def write_config(
        self, contender: Contender, identifier: str, exchange: ReplayExchange | None = None, **freqai: Any
    ) -> Path:
        """Write the configuration of one run and return its path; the times go beside it, see :func:`times_path`."""
        path = self.folder / f"{identifier}.json"
        config: dict[str, Any] = json.loads((self.userdir / "config_freqai_ext.json").read_text())
        config["exchange"]["pair_whitelist"] = list(self.pairs)
        if exchange is not None:
            config |= exchange.exchange_config(self.pairs)
        config["freqai"] |= {
            "identifier": identifier,
            "train_period_days": self.train_days,
            "backtest_period_days": self.window_days,
            "data_kitchen_thread_count": 1,
            "model_training_parameters": {
                "n_estimators": self.trees,
                "learning_rate": 0.05,
                "random_state": 1,
                "n_jobs": 1,
                "verbosity": -1,
            },
            **freqai,
        }
        config["freqai"]["feature_parameters"]["include_corr_pairlist"] = [self.pairs[0]]
        config["freqai_ext"]["features"]["reference_pair"] = self.pairs[0]
        config["freqai_ext"]["strategy"]["targets"] = ["roi"]
        for section, settings in contender.settings.items():
            config[section] |= settings
        path.write_text(json.dumps(config | {"benchmark_times": str(times_path(path))}, indent=1))
        return path


def times_path(config: Path) -> Path:
    """Return where a timed model of this configuration writes its times."""
    return config.with_suffix(".times.json")
