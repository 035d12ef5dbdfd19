"""Intervals of a live bot's models, kept beside them so that a restart loses nothing they have learnt."""

import json
import logging
from pathlib import Path

import orjson

from freqai_ext._files import write_atomically
from freqai_ext.errors import SettingsError
from freqai_ext.models._trained_signal import TrainedSignal

logger = logging.getLogger(__name__)


def interval_path(folder: Path, model_filename: str) -> Path:
    """Return where the intervals of a model are kept."""
    return folder / f"{model_filename}_intervals.json"


def save_intervals(trained: TrainedSignal, pair: str, folder: Path, model_filename: str) -> None:
    """Write a pair's intervals as they are now. A disk that is full costs a warning, not a candle."""
    path = interval_path(folder, model_filename)
    try:
        write_atomically(path, orjson.dumps(trained.signal.interval_state(pair)).decode())
    except OSError as error:
        logger.warning(
            "%s: the intervals could not be kept (%s); a restart would begin with those of training.", path, error
        )


def restore_intervals(trained: TrainedSignal, pair: str, folder: Path, model_filename: str) -> None:
    """Go on from what was kept, once for each time that the model was loaded from disk."""
    if pair in trained.restored:
        return
    trained.restored.add(pair)
    path = interval_path(folder, model_filename)
    if not path.is_file():
        return
    try:
        trained.signal.restore_intervals(pair, json.loads(path.read_text()))
    except (OSError, ValueError, SettingsError) as error:
        logger.warning("%s: not readable (%s); the intervals begin with those of training.", path, error)
