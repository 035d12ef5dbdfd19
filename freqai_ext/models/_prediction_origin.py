"""Backtest predictions kept apart by what made them.

FreqAI stores the predictions of a backtest under ``<userdir>/models/<identifier>`` and takes them for granted when
their name and length fit: run another model, strategy, setting or data directory under the same identifier, and it
trades on the old predictions. Here the folder carries a record of their origin: the settings, the code that makes
features, targets and model, and the candles. When the origin changes, what is there is set aside under ``origins/``,
and what that folder holds of the new origin is brought back. Nothing is lost and nothing is mixed up.

The predictions of a live bot have a record of their own, see :mod:`freqai_ext.models._live_origin`.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freqai_ext import __version__
from freqai_ext._files import write_atomically
from freqai_ext.models._candle_record import CandleFiles
from freqai_ext.models._code_digest import class_digest, strategy_digest
from freqai_ext.models._guardian_inputs import guardian_inputs, guardian_settings

if TYPE_CHECKING:
    from freqtrade.strategy import IStrategy

logger = logging.getLogger(__name__)

RECORD = "freqai_ext_origin.json"
SHELF = "origins"
CANDLES = "candles"

Origin = dict[str, Any]
"""Names as they are, settings and code as digests, candles as segments."""

_PREDICTIONS = "backtesting_predictions"
_SUFFIX = "_prediction.feather"

# Settings that change no prediction.
_WITHOUT_EFFECT = frozenset(
    {
        "freqai.activate_tensorboard",
        "freqai.data_kitchen_thread_count",
        "freqai.expiration_hours",
        "freqai.feature_parameters.plot_feature_importances",
        "freqai.identifier",
        "freqai.live_retrain_hours",
        "freqai.original_identifier",
        "freqai.purge_old_models",
        "freqai.save_backtest_models",
        "freqai.wait_for_training_iteration_on_reload",
        "freqai.write_metrics_to_disk",
        "freqai_ext.hybrid",
        "freqai_ext.hyper.kelly_fraction",
        "freqai_ext.hyper.max_stake_share",
        "freqai_ext.hyper.prediction_sets",
        "freqai_ext.lifecycle",
        "freqai_ext.news",
        "freqai_ext.strategy.leverage",
        "freqai_ext.strategy.max_slippage_ratio",
    }
)


def prediction_origin(config: Mapping[str, Any]) -> dict[str, str]:
    """Return which settings determine the predictions of ``config``: names as they are, settings as hashes by path.

    Call it before a model is loaded from ``config``: loading fills defaults in.
    """
    settings = _settings(config)
    if ((config.get("freqai_ext") or {}).get("signal") or {}).get("panel"):
        settings |= {
            f"exchange.{name}": sorted(config.get("exchange", {}).get(name, ()))
            for name in ("pair_whitelist", "pair_blacklist")
        }
    settings["freqai_ext.guardian"] = guardian_inputs(config)
    return _names(config) | _digests(settings)


def live_settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Return which settings determine what the forecasts of a live bot mean; see :func:`prediction_origin`.

    When to train, how long a model serves and which pairs are traded do not, nor over how many candles statistics go:
    only whether there are any. What Guardian has recorded meanwhile does not either.
    """
    settings = _settings(config)
    settings.pop("freqai.backtest_period_days", None)
    settings["freqai.fit_live_predictions_candles"] = bool(settings.get("freqai.fit_live_predictions_candles"))
    settings["freqai_ext.guardian"] = guardian_settings(config)
    return _names(config) | {"exchange": str(config.get("exchange", {}).get("name"))} | _digests(settings)


def code_origin(strategy: "IStrategy", model_class: type) -> dict[str, str]:
    """Return the digests of the code that makes features, targets and, where it is the user's own, the model."""
    return {"strategy code": strategy_digest(strategy), "model code": class_digest(model_class)}


def _names(config: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(config.get(key)) for key in ("strategy", "freqaimodel", "timeframe", "trading_mode")}


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{section}.{key}": _with_effect(f"{section}.{key}", value)
        for section in ("freqai", "freqai_ext")
        for key, value in (config.get(section) or {}).items()
    }


def _digests(settings: Mapping[str, Any]) -> dict[str, str]:
    return {path: digest(value) for path, value in settings.items() if path not in _WITHOUT_EFFECT and value != {}}


def _with_effect(path: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: each for key, each in value.items() if f"{path}.{key}" not in _WITHOUT_EFFECT}


def activate_backtest(config: Mapping[str, Any], settings: Origin, strategy: "IStrategy", model_class: type) -> None:
    """Make the folder of ``config`` hold predictions of this backtest's origin only.

    Parameters
    ----------
    config
        Freqtrade's configuration.
    settings
        From :func:`prediction_origin`.
    strategy, model_class
        As they were loaded.
    """
    folder = Path(config["user_data_dir"]) / "models" / str(config["freqai"].get("identifier"))
    origin = settings | code_origin(strategy, model_class) | {"freqai_ext": __version__}
    activate_origin(folder, origin, CandleFiles(config, strategy))


def activate_origin(folder: Path, origin: Origin, candles: CandleFiles | None = None) -> None:
    """Make ``folder`` hold predictions of ``origin`` only.

    Parameters
    ----------
    folder
        ``<userdir>/models/<identifier>``.
    origin
        What determines them, but for the candles.
    candles
        What they are made of.
    """
    with locked(folder):
        known = recorded(folder / RECORD)
        changed = _changed(known, origin, candles)
        if changed:
            _exchange(folder, known, origin, candles, changed)
            known = recorded(folder / RECORD)
        found = {} if candles is None else {CANDLES: candles.added_to(known.get(CANDLES, {}))}
        if known != origin | found:
            write_json(folder / RECORD, origin | found)


def _exchange(folder: Path, known: Origin, origin: Origin, candles: CandleFiles | None, changed: list[str]) -> None:
    """Set aside what is in ``folder``, and bring back what was set aside of ``origin``; leave a record that fits."""
    shelf = folder / SHELF / shelf_name(known)
    if shelved := list(_windows(folder)):
        logger.info(
            "Predictions in %s were made by something else (%s); they are kept in %s.", folder, some(changed), shelf
        )
        write_json(shelf / RECORD, known)
    for window in shelved:
        window.move(folder, shelf, prediction_first=True)
    for record in sorted(folder.glob(f"{SHELF}/*/{RECORD}")):
        kept = recorded(record)
        if record.parent != shelf and not _changed(kept, origin, candles):
            for window in list(_windows(record.parent)):
                window.move(record.parent, folder, prediction_first=False)
            record.unlink()
            for emptied in (record.parent / _PREDICTIONS, record.parent):
                with suppress(OSError):
                    emptied.rmdir()
            write_json(folder / RECORD, kept)
            return
    write_json(folder / RECORD, origin)


def _changed(known: Origin, origin: Origin, candles: CandleFiles | None) -> list[str]:
    """Return what is not as recorded: settings by path, code, or a file of candles."""
    segments = known.get(CANDLES, {})
    changed = changes({key: value for key, value in known.items() if key != CANDLES}, origin)
    if changed or candles is None:
        return changed
    file = candles.differ_from(segments) if isinstance(segments, dict) else "candles"
    return [f"candles of {file}"] if file else []


def changes(known: Mapping[str, Any], origin: Mapping[str, Any]) -> list[str]:
    """Return the keys that two origins differ in."""
    return [key for key in dict.fromkeys([*origin, *known]) if known.get(key) != origin.get(key)]


def some(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from moving files in a folder, which is made where it is missing."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{RECORD}.lock"):
        yield


def write_json(path: Path, content: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(content, indent=1) + "\n")


@dataclass(frozen=True)
class _StoredWindow:
    """One pair's window in an identifier's folder: its prediction file, and the folder of its metadata and model."""

    prediction: Path
    metadata_folder: Path | None

    def move(self, source: Path, target: Path, *, prediction_first: bool) -> None:
        """Move both; FreqAI fails on a prediction without metadata, so that is never seen."""
        paths = [self.prediction, *([self.metadata_folder] if self.metadata_folder else [])]
        for path in paths if prediction_first else reversed(paths):
            destination = target / path.relative_to(source)
            destination.parent.mkdir(parents=True, exist_ok=True)
            if destination.is_dir():
                shutil.rmtree(destination)
            path.replace(destination)


def _windows(folder: Path) -> Iterator[_StoredWindow]:
    for prediction in sorted((folder / _PREDICTIONS).glob(f"*{_SUFFIX}")):
        # cb_btc_1740787200_prediction.feather belongs to sub-train-BTC_1740787200.
        _, _, coin_and_stamp = prediction.name.removesuffix(_SUFFIX).partition("_")
        coin, _, stamp = coin_and_stamp.rpartition("_")
        matching = [
            path for path in folder.glob(f"sub-train-*_{stamp}") if path.name.lower() == f"sub-train-{coin}_{stamp}"
        ]
        yield _StoredWindow(prediction, matching[0] if matching else None)


def backtest_folders(folder: Path) -> set[str]:
    """Return the names of the model folders that belong to stored backtest predictions."""
    return {each.metadata_folder.name for each in _windows(folder) if each.metadata_folder}


def recorded(path: Path) -> Origin:
    """Return the origin in a record; empty where there is none that can be read."""
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def shelf_name(origin: Mapping[str, Any]) -> str:
    """Return the name of the folder in which files of an origin are set aside."""
    return f"{origin['freqaimodel']}-{digest(dict(origin))}" if "freqaimodel" in origin else "unknown"


def digest(value: Any) -> str:
    """Return a short digest of a value that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
