"""FreqAI's prediction cache of one identifier, written so that a reader never sees half a file."""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freqai_ext.errors import WalkforwardError
from freqai_ext.models._prediction_origin import write_json
from freqai_ext.walkforward.windows import Window

if TYPE_CHECKING:
    from pandas import DataFrame

STAGING = ".walkforward"


class PredictionCache:
    """The files in ``<userdir>/models/<identifier>`` from which FreqAI takes predictions instead of training.

    FreqAI writes these files in place and rewrites some at each training, so processes do not share the folder:
    each trains under a private identifier inside it (:meth:`staging`), and finished windows are moved over
    (:meth:`publish`).

    Parameters
    ----------
    config
        A Freqtrade configuration with ``user_data_dir`` and ``freqai.identifier``.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.identifier = str(config["freqai"]["identifier"])
        self.folder = Path(config["user_data_dir"]) / "models" / self.identifier

    @property
    def predictions_folder(self) -> Path:
        """The folder of prediction files."""
        return self.folder / "backtesting_predictions"

    def path(self, window: Window) -> Path:
        """Return the prediction file of a window."""
        return self.predictions_folder / f"{window.name}_prediction.feather"

    def read(self, window: Window) -> "DataFrame | None":
        """Return a window's predictions, or ``None`` where FreqAI could not use them.

        It needs a readable file with dates, and the model's metadata beside it. A run of Freqtrade that was killed
        can leave half a file, on which the next one would fail.
        """
        from pandas import read_feather
        from pyarrow import ArrowException

        metadata = self.folder / window.folder / f"{window.name}_metadata.json"
        try:
            predictions = read_feather(self.path(window))
            known = json.loads(metadata.read_text())
        except (OSError, ValueError, ArrowException):
            return None
        usable = "date" in predictions and "training_features_list" in known
        return predictions if usable else None

    def holds(self, window: Window, dates: Any) -> bool:
        """Return whether the window's predictions cover its candles, whose opening times are in ``dates``."""
        from pandas import Timestamp

        predictions = self.read(window)
        start, stop = (Timestamp(stamp, unit="s", tz="UTC") for stamp in (window.start, window.stop))
        candles = int(((dates >= start) & (dates < stop)).sum())
        return predictions is not None and len(predictions) == candles

    def forget(self, window: Window) -> None:
        """Remove a window's prediction file, if there is one."""
        self.path(window).unlink(missing_ok=True)

    @contextmanager
    def staging(self) -> Iterator[str]:
        """Give the identifier of a private folder for one process; the folder is removed at the end."""
        name = f"{STAGING}/{uuid.uuid4().hex}"
        try:
            yield f"{self.identifier}/{name}"
        finally:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def publish(self, window: Window, staged: "PredictionCache") -> None:
        """Move a finished window from a staging folder to this one; the prediction file comes last."""
        source, target = staged.folder / window.folder, self.folder / window.folder
        _point_metadata_to(target, source / f"{window.name}_metadata.json")
        for path in sorted(source.rglob("*")):
            if path.is_file():
                _move(path, target / path.relative_to(source))
        _move(staged.path(window), self.path(window))

    def record_models(self, windows: Iterable[Window]) -> None:
        """Enter the newest saved model of each pair in FreqAI's pair dictionary, as training in place would have."""
        saved = [window for window in windows if any((self.folder / window.folder).glob(f"{window.name}_model.*"))]
        if not saved:
            return
        path = self.folder / "pair_dictionary.json"
        known = json.loads(path.read_text()) if path.is_file() else {}
        for window in sorted(saved):
            known[window.pair] = {
                "model_filename": window.name,
                "trained_timestamp": window.start,
                "data_path": str(self.folder / window.folder),
                "extras": {},
            }
        write_json(path, known)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other walk-forward runs out of this folder, and clear away what a killed one has left."""
        from filelock import FileLock, Timeout

        staging = self.folder / STAGING
        staging.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f"{STAGING}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise WalkforwardError(
                f"{self.folder}: another walk-forward run is writing here; wait for it, or choose another "
                "freqai.identifier"
            ) from None
        try:
            for abandoned in staging.iterdir():
                shutil.rmtree(abandoned, ignore_errors=True)
            yield
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            lock.release()


def _point_metadata_to(folder: Path, path: Path) -> None:
    metadata = json.loads(path.read_text())
    path.write_text(json.dumps({**metadata, "data_path": str(folder)}))


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)
