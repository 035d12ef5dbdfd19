"""Recovery of the folder in which FreqAI keeps an identifier's predictions and models.

FreqAI writes these files in place and does not start on one that a crash or a full disk has cut, though a whole copy
lies beside it. :func:`recover` runs before FreqAI reads anything: what is damaged is moved to
``lifecycle/corrupt/<time>/``, never deleted, and replaced by its backup where that is whole; else FreqAI begins
without. :func:`save_with_backup` writes so that a crash damages neither.
"""

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from freqai_ext._files import replace_atomically
from freqai_ext.errors import FreqaiExtError

logger = logging.getLogger(__name__)

HISTORY = "historic_predictions.pkl"
CORRUPT = Path("lifecycle") / "corrupt"

_LARGEST_INTEGER = 2**63
_LATEST_S = 2**33


class DamagedFileError(FreqaiExtError):
    """A file holds something else than it should."""


@dataclass(frozen=True)
class Damage:
    """A damaged file that was found.

    Attributes
    ----------
    path
        Where it lay.
    reason
        What is wrong with it.
    aside
        Where it lies now.
    restored
        Whether its backup has taken its place.
    """

    path: Path
    reason: str
    aside: Path
    restored: bool


def recover(folder: Path) -> tuple[Damage, ...]:
    """Set aside what is damaged in ``<userdir>/models/<identifier>`` and restore it from its backup, with a log line.

    Pickles are loaded to check them, as FreqAI is about to do itself: only call this for a folder that it will open.
    """
    checks = {name: check for name, check in _CHECKS.items() if os.path.lexists(folder / name)}
    return tuple(damage for name, check in checks.items() if (damage := _recover_file(folder, name, check)))


def _recover_file(folder: Path, name: str, check: Callable[[Path], None]) -> Damage | None:
    path = folder / name
    reason = _reason(path, check)
    if reason is None:
        return None
    aside = set_aside(folder, path)
    backup = backup_of(path)
    restored = backup.is_file() and _reason(backup, check) is None and _restore(backup, path)
    logger.warning(
        "%s is damaged (%s). It was set aside in %s; %s.",
        path,
        reason,
        aside.parent,
        f"its backup {backup.name} has taken its place" if restored else "FreqAI begins without it",
    )
    return Damage(path, reason, aside, restored)


def _restore(backup: Path, path: Path) -> bool:
    try:
        _copy(backup, path)
    except OSError as error:
        logger.warning("%s cannot be restored from %s (%s); copy it yourself.", path, backup.name, error)
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    def write(file: BinaryIO) -> None:
        with source.open("rb") as content:
            shutil.copyfileobj(content, file)

    replace_atomically(target, write)


def _reason(path: Path, check: Callable[[Path], None]) -> str | None:
    try:
        if not path.is_file():
            raise DamagedFileError("no regular file")
        check(path)
    except PermissionError:
        # Not damaged; FreqAI's own error says what is to be done.
        return None
    except Exception as error:
        # A pickle that is not one can raise anything.
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return None


def set_aside(folder: Path, path: Path) -> Path:
    """Move a file or folder inside an identifier's folder to ``lifecycle/corrupt/<time>/``; return where it is now."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    for number in range(1_000):
        target = folder / CORRUPT / (f"{stamp}-{number}" if number else stamp) / path.relative_to(folder)
        if not os.path.lexists(target):
            break
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)
    return target


def backup_of(path: Path) -> Path:
    """Return the backup of a file, named as FreqAI names that of its predictions."""
    return path.with_name(f"{path.stem}.backup{path.suffix}")


def save_with_backup(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file, and then the same as its backup; at any time one of the two is whole.

    Raises
    ------
    OSError
        If the file cannot be written; the old one stays.
    """
    replace_atomically(path, write)
    _copy(path, backup_of(path))


def sync_folder(folder: Path) -> None:
    """Have the disk hold every file of a folder, so that nothing that is written later can refer to half a file."""
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata of a model.

    Raises
    ------
    OSError
        If the file cannot be read.
    DamagedFileError
        If FreqAI could make nothing of it.
    """
    try:
        # FreqAI lets statistics of a model be NaN.
        metadata = json.loads(path.read_bytes(), parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"no JSON ({error})") from error
    return check_metadata(metadata)


def check_metadata(metadata: object) -> dict[str, Any]:
    """Return the metadata of a model if features and targets stand in it, else raise :class:`DamagedFileError`."""
    if not isinstance(metadata, dict):
        raise DamagedFileError(f"a {type(metadata).__name__} in place of metadata")
    for name in ("training_features_list", "label_list"):
        names = metadata.get(name)
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise DamagedFileError(f"no {name}")
    return metadata


def _check_predictions(path: Path) -> None:
    import cloudpickle
    from pandas import DataFrame

    with path.open("rb") as file:
        predictions = cloudpickle.load(file)
    if not isinstance(predictions, dict):
        raise DamagedFileError(f"a {type(predictions).__name__} in place of the predictions of each pair")
    for pair, frame in predictions.items():
        if not isinstance(pair, str) or not isinstance(frame, DataFrame) or "date_pred" not in frame:
            raise DamagedFileError(f"no predictions of {pair!r}")


def _check_pair_dictionary(path: Path) -> None:
    for pair, entry in _json_object(path).items():
        if not isinstance(entry, Mapping):
            raise DamagedFileError(f"no entry of {pair}")
        texts = (entry.get("model_filename"), entry.get("data_path"))
        trained_s = entry.get("trained_timestamp")
        if not all(isinstance(each, str) for each in texts) or not _is_time(trained_s):
            raise DamagedFileError(f"the entry of {pair} is not complete")


def _check_global_metadata(path: Path) -> None:
    started_s = _json_object(path).get("start_dry_live_date", 0)
    if not _is_time(started_s):
        raise DamagedFileError(f"start_dry_live_date is {started_s!r}")


def _check_metrics(path: Path) -> None:
    for pair, metrics in _json_object(path).items():
        series = metrics.values() if isinstance(metrics, Mapping) else [None]
        if not all(
            isinstance(each, Mapping) and all(isinstance(each.get(key), list) for key in ("timestamp", "value"))
            for each in series
        ):
            raise DamagedFileError(f"no metrics of {pair}")


def _json_object(path: Path) -> dict[str, Any]:
    def refuse(word: str) -> Any:
        raise DamagedFileError(f"{word} is no number in JSON")

    content = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse, parse_int=_integer)
    if not isinstance(content, dict):
        raise DamagedFileError(f"a {type(content).__name__} in place of an object")
    return content


def _integer(text: str) -> int:
    # FreqAI's parser refuses longer ones.
    if len(text) > 20 or abs(number := int(text)) >= _LARGEST_INTEGER:
        raise DamagedFileError(f"the number {text[:20]} is too large")
    return number


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LATEST_S


_CHECKS: dict[str, Callable[[Path], None]] = {
    HISTORY: _check_predictions,
    "pair_dictionary.json": _check_pair_dictionary,
    "global_metadata.json": _check_global_metadata,
    "metric_tracker.json": _check_metrics,
}
