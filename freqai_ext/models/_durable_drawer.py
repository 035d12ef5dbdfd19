"""Atomic writes of what FreqAI's data drawer writes in place.

Each file is written beside the old one and renamed, then written once more as a backup, so that a crash leaves one of
them whole. A full disk costs a warning, where FreqAI's training thread would end or a candle be lost.
"""

from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, BinaryIO

from freqai_ext.lifecycle import Complaints, remedy, save_with_backup, sync_folder

if TYPE_CHECKING:
    from freqtrade.freqai.data_drawer import FreqaiDataDrawer


def make_durable(drawer: "FreqaiDataDrawer", complaints: Complaints, swap_lock: RLock) -> None:
    """Have ``drawer`` write by rename. Nothing but this instance changes.

    Parameters
    ----------
    swap_lock
        Held while a new model takes the place of the old one, of which a reader must not see half.
    """
    unsynced: list[Path] = []
    save_data = drawer.save_data

    def save_history() -> None:
        _save(complaints, drawer.historic_predictions_path, lambda: _pickled(dict(drawer.historic_predictions)))

    def save_drawer() -> None:
        # The entry of a model must not reach the disk before the model does.
        while unsynced:
            try:
                sync_folder(unsynced.pop())
            except OSError as error:
                complaints.warn(
                    str(drawer.pair_dictionary_path),
                    f"is not saved, since the model is not on the disk ({error}); {remedy(error)}. A restart would "
                    "begin with the model before it.",
                )
                return
        save_json(drawer.pair_dictionary_path, drawer.pair_dict)

    def save_metrics() -> None:
        save_json(drawer.metric_tracker_path, drawer.metric_tracker)

    def save_global_metadata(metadata: dict[str, Any]) -> None:
        save_json(drawer.global_metadata_path, metadata)

    def save_json(path: Path, content: Any) -> None:
        with drawer.save_lock:
            _save(complaints, path, lambda: _json(content, drawer.np_encoder))

    def save_model(model: Any, coin: str, dk: Any) -> None:
        with swap_lock:
            unsynced[:] = [Path(dk.data_path)]
            try:
                save_data(model, coin, dk)
            finally:
                unsynced.clear()

    drawer.save_historic_predictions_to_disk = save_history
    drawer.save_drawer_to_disk = save_drawer
    drawer.save_metric_tracker_to_disk = save_metrics
    drawer.save_global_metadata_to_disk = save_global_metadata
    drawer.save_data = save_model


def _save(complaints: Complaints, path: Path, content: Callable[[], Callable[[BinaryIO], object]]) -> None:
    try:
        save_with_backup(path, content())
    except OSError as error:
        complaints.warn(
            str(path), f"cannot be saved ({error}); {remedy(error)}. A restart would begin with older data."
        )
    except (TypeError, ValueError) as error:
        complaints.warn(str(path), f"cannot be saved ({error}). A restart would begin with older data.")
    else:
        complaints.over(str(path))


def _pickled(content: Any) -> Callable[[BinaryIO], object]:
    import cloudpickle

    return lambda file: cloudpickle.dump(content, file, protocol=cloudpickle.DEFAULT_PROTOCOL)


def _json(content: Any, default: Callable[[Any], Any]) -> Callable[[BinaryIO], object]:
    import rapidjson

    # As FreqAI writes it, and reads it.
    text = rapidjson.dumps(content, default=default, number_mode=rapidjson.NM_NATIVE)
    return lambda file: file.write(text.encode("utf-8"))
