"""Forecasts and models of a live bot kept apart by what made them.

FreqAI takes up whatever lies under the bot's identifier: restarted with another model, target or feature it fails on
the old model, or on columns that the old forecasts lack, until the next retraining or for ever. Here the folder carries
a record of the origin of the live forecasts, and each model the digest of its own. What is of another origin is set
aside under ``origins/``, and comes back with that origin; the bot trains again at once.

The origin is made of the settings that change what a forecast means, and of the code that makes features and targets.
A restart keeps it, and so does a change of exit rules, stakes or the times of training.
"""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freqai_ext.lifecycle import HISTORY, backup_of, recover
from freqai_ext.models._prediction_origin import (
    SHELF,
    Origin,
    backtest_folders,
    changes,
    digest,
    locked,
    recorded,
    shelf_name,
    some,
    write_json,
)

if TYPE_CHECKING:
    from freqtrade.freqai.freqai_interface import IFreqaiModel

logger = logging.getLogger(__name__)

LIVE_RECORD = "freqai_ext_live_origin.json"
STAMP = "freqai_ext_origin"
"""Key in a model's metadata, see :func:`stamp`."""

_STATE = (HISTORY, "pair_dictionary.json", "global_metadata.json")
_MODELS = "sub-train-*"
# Known once the strategy is loaded, which is after FreqAI has read the folder.
_CODE = ("strategy code", "model code")


def activate_live_origin(folder: Path, origin: Origin) -> bool:
    """Make ``folder`` hold live forecasts and models of ``origin`` only; return whether files were moved.

    Without a record, what is there was made by a bot without one: models are set aside, since nothing says what made
    them, and their forecasts with them. Forecasts alone are kept.

    Parameters
    ----------
    folder
        ``<userdir>/models/<identifier>``.
    origin
        From :func:`~freqai_ext.models._prediction_origin.live_settings`, with the digests of the code where they are
        known; until then they are not compared.
    """
    with locked(folder):
        path = folder / LIVE_RECORD
        known, moved = recorded(path), False
        if not known and next(_live_files(folder, models_only=True), None):
            reason = "of unknown origin, such as an earlier version or another model"
            moved = _exchange(folder, known, origin, reason)
        elif known and (changed := _changes(known, origin)):
            moved = _exchange(folder, known, origin, f"of another origin ({some(changed)})")
        now = recorded(path) | origin if moved else known | origin
        if recorded(path) != now:
            write_json(path, now)
    return moved


def load_anew(model: "IFreqaiModel") -> None:
    """Have a model's drawer forget what it holds and read what now lies in its folder, as at a start."""
    drawer = model.dd
    recover(Path(model.full_path))
    pairs = list(drawer.pair_dict)
    for held in (
        drawer.pair_dict,
        drawer.model_dictionary,
        drawer.meta_data_dictionary,
        drawer.historic_predictions,
        drawer.model_return_values,
    ):
        held.clear()
    drawer.load_drawer_from_disk()
    drawer.load_historic_predictions_from_disk()
    for pair in pairs:
        drawer.set_pair_dict_info({"pair": pair})
    model.metadata = drawer.load_global_metadata_from_disk()


def stamp(origin: Mapping[str, Any], pair: str, trained_s: int) -> dict[str, Any]:
    """Return what a model's metadata say of its origin: digest, pair, and end of the training window in UTC seconds."""
    return {"origin": digest(dict(origin)), "pair": pair, "trained_s": trained_s}


def is_stamped(metadata: Mapping[str, Any], origin: Mapping[str, Any], pair: str) -> bool:
    """Return whether a model of these metadata was trained for a pair under an origin."""
    found = metadata.get(STAMP)
    return isinstance(found, dict) and (found.get("origin"), found.get("pair")) == (digest(dict(origin)), pair)


def _changes(known: Origin, origin: Origin) -> list[str]:
    return [key for key in changes(known, origin) if key not in _CODE or (key in known and key in origin)]


def _exchange(folder: Path, known: Origin, origin: Origin, reason: str) -> bool:
    shelf = folder / SHELF / f"live-{shelf_name(known)}"
    kept = next(_kept(folder, origin, shelf), None)
    files = list(_live_files(folder))
    _move(files, folder, shelf)
    write_json(shelf / LIVE_RECORD, known)
    (folder / LIVE_RECORD).unlink(missing_ok=True)
    if kept is not None:
        _move(list(_live_files(kept)), kept, folder)
        (kept / LIVE_RECORD).replace(folder / LIVE_RECORD)
    if files:
        logger.warning(
            "Forecasts and models in %s are %s. They were set aside in %s; %s.",
            folder,
            reason,
            shelf,
            "the bot begins without and trains now" if kept is None else f"those of this origin are back from {kept}",
        )
    return True


def _kept(folder: Path, origin: Origin, current: Path) -> Iterator[Path]:
    """Yield folders of what was set aside of ``origin``, the last first."""
    records = folder.glob(f"{SHELF}/live-*/{LIVE_RECORD}")
    for record in sorted(records, key=lambda path: -path.stat().st_mtime):
        known = recorded(record)
        if known and record.parent != current and not _changes(known, origin):
            yield record.parent


def _live_files(folder: Path, *, models_only: bool = False) -> Iterator[Path]:
    """Yield the files and model folders of a live bot; those of stored backtests stay with their predictions."""
    backtests = backtest_folders(folder)
    yield from (path for path in folder.glob(_MODELS) if path.name not in backtests)
    if not models_only:
        for name in _STATE:
            yield from (path for path in (folder / name, backup_of(folder / name)) if path.is_file())


def _move(paths: list[Path], source: Path, target: Path) -> None:
    for path in paths:
        destination = target / path.relative_to(source)
        destination.parent.mkdir(parents=True, exist_ok=True)
        if destination.is_dir():
            # Set aside before under the same name: another state of the same origin.
            destination.rename(destination.with_name(f"{destination.name}.{destination.stat().st_mtime_ns}"))
        path.replace(destination)
