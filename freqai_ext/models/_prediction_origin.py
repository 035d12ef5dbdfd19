"""Backtest predictions kept apart by what made them.

FreqAI stores the predictions of a backtest under ``<userdir>/models/<identifier>`` and takes them for granted when
their name and length fit: run another model, strategy or setting under the same identifier, and it trades on the old
predictions. Here the folder carries a record of their origin. When the origin changes, what is there is set aside under
``origins/``, and what that folder holds of the new origin is brought back. Nothing is lost and nothing is mixed up.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqai_ext._files import write_atomically
from freqai_ext.models._guardian_inputs import guardian_inputs

logger = logging.getLogger(__name__)

RECORD = "freqai_ext_origin.json"
SHELF = "origins"

_PREDICTIONS = "backtesting_predictions"
_SUFFIX = "_prediction.feather"

# Settings that change no prediction.
_WITHOUT_EFFECT = frozenset(
    {
        "freqai.activate_tensorboard",
        "freqai.data_kitchen_thread_count",
        "freqai.expiration_hours",
        "freqai.identifier",
        "freqai.live_retrain_hours",
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
    """Return what determines the predictions of ``config``: names as they are, settings as hashes by path.

    Call it before a model is loaded from ``config``: loading fills defaults in.
    """
    names = {key: str(config.get(key)) for key in ("strategy", "freqaimodel", "timeframe", "trading_mode")}
    settings = {
        f"{section}.{key}": _with_effect(f"{section}.{key}", value)
        for section in ("freqai", "freqai_ext")
        for key, value in config.get(section, {}).items()
    }
    if config.get("freqai_ext", {}).get("signal", {}).get("panel"):
        settings |= {
            f"exchange.{name}": sorted(config.get("exchange", {}).get(name, ()))
            for name in ("pair_whitelist", "pair_blacklist")
        }
    settings["freqai_ext.guardian"] = guardian_inputs(config)
    return names | {
        path: _digest(value) for path, value in settings.items() if path not in _WITHOUT_EFFECT and value != {}
    }


def _with_effect(path: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: each for key, each in value.items() if f"{path}.{key}" not in _WITHOUT_EFFECT}


def activate_origin(folder: Path, origin: dict[str, str]) -> None:
    """Make ``folder`` hold predictions of ``origin`` only.

    Parameters
    ----------
    folder
        ``<userdir>/models/<identifier>``.
    origin
        From :func:`prediction_origin`.
    """
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{RECORD}.lock"):
        known = _recorded(folder)
        if known == origin:
            return
        shelf = folder / SHELF / _name(known)
        if shelved := list(_windows(folder)):
            logger.info("Predictions in %s were made by something else; they are kept in %s.", folder, shelf)
        for window in shelved:
            window.move(folder, shelf, prediction_first=True)
        for window in list(_windows(folder / SHELF / _name(origin))):
            window.move(folder / SHELF / _name(origin), folder, prediction_first=False)
        write_json(folder / RECORD, origin)


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


def _recorded(folder: Path) -> dict[str, str]:
    try:
        known = json.loads((folder / RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _name(origin: Mapping[str, str]) -> str:
    return f"{origin['freqaimodel']}-{_digest(dict(origin))}" if "freqaimodel" in origin else "unknown"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
