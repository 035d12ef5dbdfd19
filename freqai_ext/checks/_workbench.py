"""A FreqAI model on a bench: trained and asked for predictions as FreqAI does, without a bot."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.tensorboard.base_tensorboard import BaseTensorboardLogger

from freqai_ext._services.scratch import scratch_folder
from freqai_ext.models._kind import model_task, takes_several_targets

PAIR = "BTC/USDT"
FEATURES = tuple(f"%-f{number}" for number in range(6))
LABEL_HORIZON_CANDLES = 24
CANDLE = pd.Timedelta("5min")
DEFAULT_TRAINING_PARAMETERS = MappingProxyType({"n_estimators": 40})


@dataclass(frozen=True)
class Prediction:
    """What a model returned: one row per row asked for, and FreqAI's ``do_predict`` (1 = trust)."""

    frame: pd.DataFrame
    do_predict: npt.NDArray[np.int_]

    @property
    def numbers(self) -> npt.NDArray[np.float64]:
        """The numeric prediction columns, shape (rows, columns)."""
        return self.frame.select_dtypes("number").to_numpy(dtype=float)


class Workbench:
    """One model instance in a directory of its own.

    A model that looks back is told of the candles before those it is asked about, by ``remember_context(pair, frame)``
    before each training and prediction, as the bot has them at hand.

    Parameters
    ----------
    model_class
        A subclass of ``IFreqaiModel``.
    folder
        Stands for Freqtrade's user directory.
    freqai
        Changes to the ``freqai`` section of the configuration.
    declares_returns
        Whether labels of numbers are declared to be returns: the paths of the example's candles do not give them.
    """

    def __init__(
        self, model_class: type, folder: Path, freqai: Mapping[str, Any] | None = None, *, declares_returns: bool = True
    ) -> None:
        self._declares_returns = declares_returns
        self.config = _config(folder, freqai or {})
        self.model: Any = self._new(model_class)
        self.kitchen: Any = None
        self._known = pd.DataFrame()

    def train(
        self, frame: pd.DataFrame, stamp: int = 1_700_000_000, weights: npt.NDArray[np.float64] | None = None
    ) -> "Workbench":
        """Train on every row of ``frame`` and keep the model as FreqAI does after a training.

        ``weights``, one per row, stand for FreqAI's own, which ``weight_factor`` turns on.
        """
        dk = FreqaiDataKitchen(self.config, False, PAIR)
        if weights is not None:
            given = weights
            dk.set_weights_higher_recent = lambda count: given[-count:].copy()
        dk.set_paths(PAIR, stamp)
        dk.set_new_model_names(PAIR, stamp)
        dk.find_features(frame)
        self.model.class_names = class_names(frame)
        if self._declares_returns and hasattr(self.model, "return_targets"):
            numbers = frame[[name for name in label_columns(frame) if pd.api.types.is_numeric_dtype(frame[name])]]
            self.model.return_targets = [name for name in numbers if not numbers[name].dropna().isin((0, 1)).all()]
        dk.get_unique_classes_from_labels(frame)
        self.model.dk = self.kitchen = dk
        self._remember(frame)
        self.model.model = self.model.train(frame, PAIR, dk)
        self.model.dd.model_dictionary[PAIR] = self.model.model
        return self

    def predict(self, frame: pd.DataFrame, before: pd.DataFrame | None = None) -> Prediction:
        """Return the predictions for every row of ``frame``.

        The candles known before it are those of ``before``, by default all that the bench has seen.
        """
        known = self._known if before is None else before
        earlier = known[known["date"] < frame["date"].iloc[0]] if len(known) else known
        self._remember(pd.concat([earlier, frame], ignore_index=True))
        predictions, do_predict = self.model.predict(frame.copy(), self.kitchen)
        return Prediction(predictions.reset_index(drop=True), np.asarray(do_predict))

    def save_and_reload(self) -> None:
        """Write the model to disk as FreqAI does, and load it into a new instance, as after a restart."""
        before, trained = self.model, self.kitchen
        before.dd.save_data(before.model, PAIR, trained)
        self.model = self._new(type(before))
        self.model.class_names = before.class_names
        self.model.dd.pair_dict = before.dd.pair_dict
        fresh = FreqaiDataKitchen(self.config, False, PAIR)
        fresh.data_path, fresh.model_filename = trained.data_path, trained.model_filename
        self.model.dk = self.kitchen = fresh
        self.model.model = self.model.dd.load_data(PAIR, fresh)

    def _remember(self, frame: pd.DataFrame) -> None:
        self._known = frame
        remember_context = getattr(self.model, "remember_context", None)
        if remember_context is not None:
            remember_context(PAIR, frame.copy())

    def _new(self, model_class: type) -> Any:
        model: Any = model_class(config=self.config)
        model.live = False
        model.tb_logger = BaseTensorboardLogger(self.config["user_data_dir"], False)
        model.dd.set_pair_dict_info({"pair": PAIR})
        return model


@contextmanager
def workbench(model_class: type, freqai: Mapping[str, Any] | None = None) -> Iterator[Workbench]:
    """Give a workbench in a temporary directory."""
    with scratch_folder() as folder:
        yield Workbench(model_class, folder, freqai)


def example_frame(
    model_class: type, rows: int = 400, seed: int = 0, sign: float = 1.0, after: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return candles with features and the labels that the model learns, the first feature being the signal.

    The label follows ``sign`` times the first feature, with a little noise, so that a model that learns anything
    learns this. It is of the size of a return, about 1 %, and the candles move by about as much in 24 of them; their
    path does not tell the label. Classes are named as our strategies name them. The candles follow those of ``after``.
    """
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(rows, len(FEATURES)))
    signal = sign * features[:, 0] + 0.1 * generator.normal(size=rows)
    start = pd.Timestamp("2025-01-01", tz="UTC") if after is None else after["date"].iloc[-1] + CANDLE
    first = 100.0 if after is None else float(after["close"].iloc[-1])
    path = first * np.exp(np.concatenate([[0.0], np.cumsum(0.002 * generator.normal(size=rows))]))
    opened, close = path[:-1], path[1:]
    wicks = np.exp(0.001 * np.abs(generator.normal(size=(2, rows))))
    candles = {
        "date": pd.date_range(start, periods=rows, freq=CANDLE),
        "open": opened,
        "high": np.maximum(opened, close) * wicks[0],
        "low": np.minimum(opened, close) / wicks[1],
        "close": close,
        "volume": 10.0 * np.exp(generator.normal(size=rows)),
    }
    frame = pd.DataFrame(candles | dict(zip(FEATURES, features.T, strict=True)))
    return pd.concat([frame, _labels(model_class, signal)], axis=1)


def label_columns(frame: pd.DataFrame) -> list[str]:
    """Return the label columns of a frame."""
    return [column for column in frame.columns if str(column).startswith("&")]


def class_names(frame: pd.DataFrame) -> list[str]:
    """Return the classes of all string labels of a frame."""
    return [name for names in classes_by_label(frame).values() for name in names]


def classes_by_label(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Return the classes of each string label of a frame."""
    strings = [column for column in label_columns(frame) if not pd.api.types.is_numeric_dtype(frame[column])]
    return {column: sorted(frame[column].dropna().unique()) for column in strings}


def _labels(model_class: type, signal: npt.NDArray[np.float64]) -> pd.DataFrame:
    if model_task(model_class) == "regression":
        labels = {"&-roi": 0.01 * signal, "&-buy": (signal > 0).astype(float)}
    else:
        labels = {
            "&-direction": np.select([signal < -0.5, signal > 0.5], ["down", "up"], "flat"),
            "&-sell": np.where(signal < 0, "sell_yes", "sell_no"),
        }
    wanted = 2 if takes_several_targets(model_class) else 1
    return pd.DataFrame(dict(list(labels.items())[:wanted]))


def _config(folder: Path, freqai: Mapping[str, Any]) -> dict[str, Any]:
    feature_parameters = {
        "include_timeframes": ["5m"],
        "include_corr_pairlist": [],
        "label_period_candles": LABEL_HORIZON_CANDLES,
        "include_shifted_candles": 0,
        "indicator_periods_candles": [10],
        "weight_factor": 0,
        "shuffle_after_split": False,
        "buffer_train_data_candles": 0,
        **freqai.get("feature_parameters", {}),
    }
    config_file = folder / "config.json"
    config_file.write_text("{}")
    return {
        "user_data_dir": folder,
        "config_files": [str(config_file)],
        "datadir": folder,
        "timeframe": "5m",
        "timerange": "20250101-20250201",
        "exchange": {"name": "bybit", "pair_whitelist": [PAIR]},
        "stake_currency": "USDT",
        "freqai_ext": freqai.get("freqai_ext", {}),
        "freqai": {
            "enabled": True,
            "identifier": "check",
            "train_period_days": 15,
            "backtest_period_days": 7,
            "activate_tensorboard": False,
            "data_split_parameters": {"test_size": 0.1, "shuffle": False},
            "model_training_parameters": dict(DEFAULT_TRAINING_PARAMETERS),
            **{key: value for key, value in freqai.items() if key not in ("feature_parameters", "freqai_ext")},
            "feature_parameters": feature_parameters,
        },
    }
