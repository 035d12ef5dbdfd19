"""Intervals of a live bot's models, kept beside them so that a restart loses nothing they have learnt."""

import logging
from collections.abc import Mapping
from pathlib import Path

import orjson

from freqai_ext._files import replace_atomically
from freqai_ext._services.strict_json import decode
from freqai_ext.errors import SettingsError
from freqai_ext.lifecycle import Complaints, remedy
from freqai_ext.models._trained_signal import TrainedSignal
from freqai_ext.signals import Question, TargetForecast

logger = logging.getLogger(__name__)


def interval_path(folder: Path, model_filename: str) -> Path:
    """Return where the intervals of a model are kept."""
    return folder / f"{model_filename}_intervals.json"


def save_intervals(
    trained: TrainedSignal, pair: str, folder: Path, model_filename: str, complaints: Complaints
) -> None:
    """Write a pair's intervals as they are now. A disk that is full costs a warning, not a candle."""
    subject = f"Intervals of {pair}"
    try:
        content = orjson.dumps(trained.signal.interval_state(pair))
        replace_atomically(interval_path(folder, model_filename), lambda file: file.write(content))
    except OSError as error:
        complaints.warn(
            subject, f"could not be kept ({error}); {remedy(error)}. A restart would begin with those of training."
        )
    else:
        complaints.over(subject)


def predict_on_kept(
    trained: TrainedSignal, question: Question, pair: str, folder: Path, model_filename: str
) -> Mapping[str, TargetForecast]:
    """Return the forecasts of a signal whose intervals go on from what was kept.

    What was kept may be readable and still hold a time or a score that no forecast can be made of; the intervals then
    begin with those of training.
    """
    path, fresh = interval_path(folder, model_filename), trained.signal.interval_state(pair)
    if not restore_intervals(trained, pair, folder, model_filename):
        return trained.signal.predict(question)
    try:
        return trained.signal.predict(question)
    except Exception as error:
        logger.warning("%s: not usable (%s); the intervals begin with those of training.", path, error)
        trained.signal.restore_intervals(pair, fresh)
        return trained.signal.predict(question)


def restore_intervals(trained: TrainedSignal, pair: str, folder: Path, model_filename: str) -> bool:
    """Go on from what was kept, once for each time that the model was loaded from disk; return whether it was done."""
    if pair in trained.restored:
        return False
    trained.restored.add(pair)
    path = interval_path(folder, model_filename)
    if not path.is_file():
        return False
    try:
        state = decode(path.read_bytes(), "the file", error=SettingsError, remedy="it is not used")
        trained.signal.restore_intervals(pair, state)  # type: ignore[arg-type]
    except Exception as error:
        # Numbers and nesting of a damaged file can fail in many ways; none of them may cost a candle.
        logger.warning("%s: not readable (%s); the intervals begin with those of training.", path, error)
        return False
    return True
