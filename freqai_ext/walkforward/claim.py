"""Which strategy, model and settings the predictions of an identifier come from.

FreqAI takes a cached prediction for granted when its name and length fit. The record written here lets a walk-forward
run refuse a cache that was made with something else.
"""

import hashlib
import json
from typing import Any

from freqai_ext.errors import SettingsError
from freqai_ext.walkforward.cache import PredictionCache, write_json

RECORD = "freqai_ext_walkforward.json"

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
        "freqai_ext.guardian",
        "freqai_ext.lifecycle",
        "freqai_ext.news",
    }
)


def claim(cache: PredictionCache, config: dict[str, Any]) -> None:
    """Record that ``cache`` holds the predictions of ``config``.

    Call it with the configuration as it was read: loading a model fills defaults in.

    Raises
    ------
    SettingsError
        When the cache holds predictions of another strategy, model or settings, or of unknown ones.
    """
    known, origin = _known(cache), prediction_origin(config)
    if any(cache.predictions_folder.glob("*_prediction.feather")):
        _require_same(cache, known, origin)
    write_json(cache.folder / RECORD, origin)


def _require_same(cache: PredictionCache, known: dict[str, str], origin: dict[str, str]) -> None:
    remedy = f"choose another freqai.identifier, or delete {cache.predictions_folder}"
    if not known:
        raise SettingsError(
            f"freqai.identifier: {cache.identifier!r} holds predictions, and nothing says which model and settings "
            f"made them; {remedy}"
        )
    differing = [key for key in sorted(origin.keys() | known.keys()) if origin.get(key) != known.get(key)]
    if differing:
        described = ", ".join(
            key if "." in key else f"{key} ({known.get(key)}, now {origin.get(key)})" for key in differing
        )
        raise SettingsError(
            f"freqai.identifier: {cache.identifier!r} holds predictions made with another {described}, and FreqAI "
            f"would take them for this run's; {remedy}"
        )


def prediction_origin(config: dict[str, Any]) -> dict[str, str]:
    """Return what determines the predictions of ``config``: names as they are, settings as hashes by path."""
    names = {key: str(config.get(key)) for key in ("strategy", "freqaimodel", "timeframe", "trading_mode")}
    settings = {
        f"{section}.{key}": value
        for section in ("freqai", "freqai_ext")
        for key, value in config.get(section, {}).items()
    }
    return names | {path: _digest(value) for path, value in settings.items() if path not in _WITHOUT_EFFECT}


def _known(cache: PredictionCache) -> dict[str, str]:
    try:
        known = json.loads((cache.folder / RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
