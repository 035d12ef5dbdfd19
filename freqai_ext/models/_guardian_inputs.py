"""What of Guardian goes into a backtest's predictions: settings, and how much had been recorded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from freqai_ext.guardian import GuardianSettings, recorded_state


def guardian_inputs(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what predictions depend on, empty where Guardian gives the model nothing.

    A history that has grown up to the end of the backtest, or a trade journal that has, gives other predictions.

    Parameters
    ----------
    config
        The merged configuration; its section ``freqai_ext.guardian`` need not be valid.
    """
    settings = _read(config)
    if settings is None:
        return {}
    found: dict[str, Any] = {}
    if settings.features.enabled:
        found["features"] = [
            settings.features.max_age_min,
            *recorded_state(database_of(settings, config), _end_s(config)),
        ]
    trades = settings.trades
    if trades.data_dir is not None:
        journals = sorted((trades.data_dir.expanduser() / "pnl").glob("*.jsonl"))
        found["trades"] = [
            trades.features,
            trades.meta_label,
            trades.network,
            *(f"{journal.name} {journal.stat().st_size}" for journal in journals),
        ]
    return found


def guardian_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings among them, which are all that counts while the bot itself goes on recording."""
    settings = _read(config)
    if settings is None:
        return {}
    found: dict[str, Any] = {}
    if settings.features.enabled:
        found["features"] = settings.features.max_age_min
    trades = settings.trades
    if trades.data_dir is not None:
        found["trades"] = [trades.features, trades.meta_label, trades.network]
    return found


def _read(config: Mapping[str, Any]) -> GuardianSettings | None:
    try:
        return GuardianSettings.model_validate((config.get("freqai_ext") or {}).get("guardian", {}))
    except ValidationError:
        # The error is raised when the settings are loaded.
        return None


def database_of(settings: GuardianSettings, config: Mapping[str, Any]) -> Path:
    """Return the SQLite file of the journal and the feature history."""
    return settings.database or Path(config["user_data_dir"]) / "guardian" / "guardian.sqlite"


def _end_s(config: Mapping[str, Any]) -> float:
    from freqtrade.configuration import TimeRange

    end_s = TimeRange.parse_timerange(config.get("timerange")).stopts
    return float(end_s) if end_s else float("inf")
