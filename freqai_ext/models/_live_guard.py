"""What keeps a live bot predicting: other origins set aside, damaged models replaced, a training thread that lives on.

- At the first candle the origin of what lies in the folder is compared (:mod:`freqai_ext.models._live_origin`).
- A model that cannot be loaded, was trained for other features or targets, or fails at its first forecasts gives way
  within the same candle: to the model before it, if that is whole and of the same origin, else the pair trains at once.
- FreqAI's training thread ends at any fault outside a training; here it goes on. Its queue looks at its head alone;
  here a head that is not due makes room for the next pair, and a pair that comes back to the whitelist is queued again.
- A full disk costs the new model, not the bot: the former model goes on, and training is tried again later.
"""

import errno
import logging
import shutil
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freqtrade.enums import RunMode

from freqai_ext.errors import FreqaiExtError
from freqai_ext.lifecycle import Complaints, check_metadata, read_metadata, recover, remedy, set_aside
from freqai_ext.models._backtest_files import BacktestFiles
from freqai_ext.models._durable_drawer import make_durable
from freqai_ext.models._live_origin import STAMP, activate_live_origin, is_stamped, load_anew, stamp
from freqai_ext.models._prediction_origin import Origin, code_origin, live_settings, some

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel as _Base
    from freqtrade.strategy import IStrategy
    from pandas import DataFrame
else:
    _Base = object

logger = logging.getLogger(__name__)

_LIVE = (RunMode.DRY_RUN, RunMode.LIVE)
_DISK_ERRORS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM))
_FIRST_WAIT_S = 60.0
_LONGEST_WAIT_S = 3600.0


class UnusableModelError(FreqaiExtError):
    """A stored model fits neither the strategy nor the model class."""


class LiveGuard(BacktestFiles, _Base):
    """Guards the files and the training thread of a live bot; place it before a FreqAI base class."""

    def prepare_folder(self, config: Mapping[str, Any]) -> None:
        """Mend the identifier's folder; called before FreqAI reads it and before it fills defaults into ``config``."""
        self._live_settings = live_settings(config)
        self._live_origin: Origin | None = None
        folder = Path(config["user_data_dir"]) / "models" / str(config["freqai"].get("identifier"))
        if config.get("runmode") in _LIVE:
            activate_live_origin(folder, self._live_settings)
        if folder.is_dir():
            recover(folder)

    def guard_drawer(self) -> None:
        """Guard what FreqAI reads and writes from now on; called when the drawer is there."""
        self.complaints = Complaints(logger)
        self._swap_lock = threading.RLock()
        self._from_disk: set[str] = set()
        self._unusable: set[Path] = set()
        self._waits: dict[str, tuple[float, float]] = {}
        #: Whether no training can succeed before the strategy is corrected and the bot started again.
        self.gives_up_training = False
        self._scan_thread: threading.Thread | None = None
        self._freqai_load, self._freqai_info_of = self.dd.load_data, self.dd.get_pair_dict_info
        make_durable(self.dd, self.complaints, self._swap_lock)
        self.dd.load_data = self._load_usable
        self.dd.get_pair_dict_info = self._pair_info

    def start_live(
        self, dataframe: "DataFrame", metadata: dict[str, Any], strategy: "IStrategy", dk: "FreqaiDataKitchen"
    ) -> "FreqaiDataKitchen":
        """Predict one pair's newest candle, as FreqAI does, on forecasts and models of this origin."""
        self._activate(strategy)
        if metadata["pair"] not in self.train_queue and not self.gives_up_training:
            self.train_queue.append(metadata["pair"])
        return super().start_live(dataframe, metadata, strategy, dk)

    def build_strategy_return_arrays(
        self, dataframe: "DataFrame", dk: "FreqaiDataKitchen", pair: str, trained_timestamp: int
    ) -> None:
        """Predict the newest candles, as FreqAI does; a model from disk that cannot do it gives way."""
        while pair in self._from_disk:
            try:
                _require_same_columns(dataframe, dk)
                super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)
            except Exception as error:
                self._give_way(pair, error)
                self.model = self.dd.load_data(pair, dk)
                if self.model is None:
                    self.dd.return_null_values_to_strategy(dataframe, dk)
                    return
            else:
                return
        super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)

    def extract_data_and_train_model(
        self,
        new_trained_timerange: Any,
        pair: str,
        strategy: "IStrategy",
        dk: "FreqaiDataKitchen",
        *args: Any,
        **kw: Any,
    ) -> None:
        """Train one pair, as FreqAI does; what cannot be saved leaves the former model in service."""
        self._activate(strategy)
        if self._live_origin is not None:
            dk.data[STAMP] = stamp(self._live_origin, pair, int(new_trained_timerange.stopts))
        before = dict(self.dd.pair_dict[pair])
        try:
            super().extract_data_and_train_model(new_trained_timerange, pair, strategy, dk, *args, **kw)
        except Exception as error:
            entry = self.dd.pair_dict[pair]
            if entry["data_path"] == before["data_path"]:
                # FreqAI has noted the training already, and would not train again before the next one is due.
                entry["trained_timestamp"] = before["trained_timestamp"]
                if Path(dk.data_path) != Path(before["data_path"]):
                    shutil.rmtree(dk.data_path, ignore_errors=True)
            if not isinstance(error, OSError) or error.errno not in _DISK_ERRORS:
                raise
            minutes = self._wait_longer(pair) / 60
            self.complaints.warn(
                f"Training {pair}",
                f"the new model cannot be saved ({error}); {remedy(error)}. The former model goes on; the next "
                f"attempt is in {minutes:.0f} minutes.",
            )
        else:
            self._from_disk.discard(pair)
            self._waits.pop(pair, None)
            self.complaints.over(f"Training {pair}")

    def _start_scanning(self, *args: Any, **kw: Any) -> None:
        self._scan_thread = threading.current_thread()
        while not self._stop_event.is_set():
            try:
                super()._start_scanning(*args, **kw)
            except Exception as error:
                hint = f" {remedy(error)}." if isinstance(error, OSError) else ""
                self.complaints.warn(
                    "The training thread", f"goes on after {type(error).__name__}: {error}.{hint}", trace=error
                )
                self.train_queue.rotate(-1)
            else:
                return

    def _activate(self, strategy: "IStrategy") -> None:
        if self._live_origin is None and getattr(self, "live", False):
            origin = self._live_settings | code_origin(strategy, type(self))
            if activate_live_origin(Path(self.full_path), origin):
                load_anew(self)
            self._live_origin = origin

    def _load_usable(self, coin: str, dk: "FreqaiDataKitchen") -> Any:
        """Load a pair's model, as FreqAI does; one that is not usable gives way."""
        if not dk.live:
            return self._freqai_load(coin, dk)
        drawer = self.dd
        with self._swap_lock:
            if coin in drawer.model_dictionary and coin in drawer.meta_data_dictionary:
                return self._freqai_load(coin, dk)
            while drawer.pair_dict[coin]["model_filename"]:
                try:
                    model = self._freqai_load(coin, dk)
                    self._require_usable(model, coin, dk)
                except Exception as error:
                    self._give_way(coin, error)
                    continue
                # FreqAI would read these files again for each candle.
                drawer.meta_data_dictionary[coin] = {
                    "metadata": dk.data,
                    "feature_pipeline": dk.feature_pipeline,
                    "label_pipeline": dk.label_pipeline,
                }
                self._from_disk.add(coin)
                return model
            return None

    def _require_usable(self, model: Any, pair: str, dk: "FreqaiDataKitchen") -> None:
        check_metadata(dk.data)
        if self._live_origin is not None and not is_stamped(dk.data, self._live_origin, pair):
            raise UnusableModelError("it was trained under another model, strategy or setting")
        if not self.is_own_model(model):
            raise TypeError(f"a {type(model).__name__} is no model of {type(self).__name__}")
        if not all(hasattr(pipeline, "transform") for pipeline in (dk.feature_pipeline, dk.label_pipeline)):
            raise TypeError("its pipelines are none")

    def _give_way(self, pair: str, error: Exception) -> None:
        """Put the model before a pair's unusable one in its place, or none, which trains the pair at once."""
        drawer = self.dd
        for held in (drawer.model_dictionary, drawer.meta_data_dictionary):
            held.pop(pair, None)
        self._from_disk.discard(pair)
        folder = Path(drawer.pair_dict[pair]["data_path"])
        self._unusable.add(folder)
        where = str(folder)
        # A model of another origin may belong to a backtest, and one that cannot be opened may be whole.
        if not isinstance(error, UnusableModelError | OSError) and folder.is_relative_to(self.full_path):
            with suppress(OSError):
                where = f"{folder.name}, now in {set_aside(Path(self.full_path), folder).parent}"
        former = self._former_model(pair)
        drawer.pair_dict[pair].update(former or drawer.empty_pair_dict)
        drawer.save_drawer_to_disk()
        with suppress(ValueError):
            self.train_queue.remove(pair)
        self.train_queue.appendleft(pair)
        logger.warning(
            "%s: the model in %s cannot be used (%s: %s); %s.",
            pair,
            where,
            type(error).__name__,
            error,
            f"the one before it serves, {former['model_filename']}" if former else "the pair trains again now",
        )

    def _former_model(self, pair: str) -> dict[str, Any] | None:
        root, coin = Path(self.full_path), pair.split("/")[0]
        found = []
        for folder in root.glob(f"sub-train-{coin}_*"):
            for path in folder.glob("*_metadata.json") if folder not in self._unusable else ():
                try:
                    metadata = read_metadata(path)
                except (OSError, FreqaiExtError):
                    continue
                if self._live_origin is not None and is_stamped(metadata, self._live_origin, pair):
                    found.append((metadata[STAMP]["trained_s"], folder, metadata["model_filename"]))
        if not found:
            return None
        trained_s, folder, name = max(found)
        return {"model_filename": name, "trained_timestamp": trained_s, "data_path": str(folder)}

    def _pair_info(self, pair: str, *args: Any, **kw: Any) -> tuple[str, int]:
        """Return what FreqAI asks of a pair; to the training thread a pair that waits was trained just now."""
        name, trained_s = self._freqai_info_of(pair, *args, **kw)
        if threading.current_thread() is not self._scan_thread:
            return name, trained_s
        if self._is_due(pair, trained_s):
            return name, trained_s
        waiting = [each for each in list(self.train_queue)[1:] if self._is_due(each, self._freqai_info_of(each)[1])]
        self.train_queue.rotate(-self.train_queue.index(waiting[0]) if waiting else -1)
        return name, int(time.time()) if self._waits_until(pair) else trained_s

    def _is_due(self, pair: str, trained_s: int) -> bool:
        if self._waits_until(pair):
            return False
        hours = float(self.freqai_info.get("live_retrain_hours", 0))
        return trained_s == 0 or (time.time() - trained_s) / 3600 > hours

    def _waits_until(self, pair: str) -> bool:
        until_s, _ = self._waits.get(pair, (0.0, 0.0))
        return time.time() < until_s

    def _wait_longer(self, pair: str) -> float:
        _, last_s = self._waits.get(pair, (0.0, 0.0))
        wait_s = min(2 * last_s or _FIRST_WAIT_S, _LONGEST_WAIT_S)
        self._waits[pair] = (time.time() + wait_s, wait_s)
        return wait_s


def _require_same_columns(dataframe: "DataFrame", dk: "FreqaiDataKitchen") -> None:
    """Raise where the strategy now gives other features or targets than those that a model was trained for."""
    for kind, mark, trained in (
        ("features", "%", dk.data["training_features_list"]),
        ("targets", "&", dk.data["label_list"]),
    ):
        now = {column for column in dataframe.columns if mark in column}
        if differing := sorted(now ^ set(trained)):
            raise UnusableModelError(f"it was trained for other {kind}: {some(differing)}")
