"""What each training of a walk-forward run was given, what it learnt from, and how long it took.

The record of a window lies beside its metadata, as ``<window>_evaluation.json``. It is taken down by watching FreqAI's
calls; predictions are the same with and without it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from freqai_ext.models._prediction_origin import write_json
from freqai_ext.walkforward.feature_importance import feature_importance
from freqai_ext.walkforward.windows import Window

if TYPE_CHECKING:
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
    from freqtrade.freqai.freqai_interface import IFreqaiModel

VERSION = 1


@dataclass(frozen=True)
class StepRecord:
    """What one step of the feature pipeline made of the training rows and columns."""

    step: str
    rows_in: int
    rows_out: int
    columns_in: int
    columns_out: int


@dataclass(frozen=True)
class WindowRecord:
    """One training and the prediction made with it.

    Attributes
    ----------
    train_seconds, predict_seconds
        Wall time.
    predicted_rows
        Number of candles predicted.
    rows_given
        Candles of the training window.
    rows_whole
        Those without a missing feature or label, as FreqAI filters them; ``None`` where the model does not filter.
    columns_given
        Features of the strategy.
    steps
        Of the feature pipeline, in order; empty where the model took over what was trained for another pair.
    importance
        Share of each feature that mattered; empty where the model does not tell.
    """

    train_seconds: float
    predict_seconds: float
    predicted_rows: int
    rows_given: int
    rows_whole: int | None
    columns_given: int
    steps: tuple[StepRecord, ...] = ()
    importance: dict[str, float] = field(default_factory=dict)

    @property
    def rows_trained(self) -> int | None:
        """Rows that came out of the pipeline, those of all pairs where they are learnt from together."""
        return self.steps[-1].rows_out if self.steps else None

    @property
    def columns_trained(self) -> int | None:
        """Columns that came out of the pipeline."""
        return self.steps[-1].columns_out if self.steps else None


def record_path(folder: Path, window: Window) -> Path:
    """Return where the record of a window lies in the folder of an identifier."""
    return folder / window.folder / f"{window.name}_evaluation.json"


def write_record(folder: Path, window: Window, record: WindowRecord) -> None:
    """Write the record of a window into the folder of an identifier."""
    write_json(record_path(folder, window), {"version": VERSION, **asdict(record)})


def read_record(folder: Path, window: Window) -> WindowRecord | None:
    """Return the record of a window, or ``None`` where there is none that can be read.

    Windows that a plain ``freqtrade backtesting`` has trained have none.
    """
    try:
        content = json.loads(record_path(folder, window).read_text())
        if content.pop("version") != VERSION:
            return None
        steps = tuple(StepRecord(**step) for step in content.pop("steps"))
        return WindowRecord(**content, steps=steps)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


class TrainingRecorder:
    """Watches a FreqAI model and its data kitchen, by wrapping methods of the *instances*."""

    def __init__(self) -> None:
        self._pipeline: Any = None
        self._rows_whole: int | None = None
        self._steps: list[StepRecord] = []
        self._columns: Sequence[str] = ()
        self._forget()

    def attach_to(self, model: "IFreqaiModel") -> None:
        """Watch a model's trainings and predictions."""
        train, predict, define = model.train, model.predict, model.define_data_pipeline

        def train_recorded(unfiltered: Any, pair: str, dk: "FreqaiDataKitchen", *args: Any, **kwargs: Any) -> Any:
            self._forget()
            self._rows_given, self._columns_given = len(unfiltered), len(dk.training_features_list)
            started = perf_counter()
            try:
                trained = train(unfiltered, pair, dk, *args, **kwargs)
            finally:
                self._release()
            self._train_seconds = perf_counter() - started
            return trained

        def predict_recorded(unfiltered: Any, *args: Any, **kwargs: Any) -> Any:
            started = perf_counter()
            predictions = predict(unfiltered, *args, **kwargs)
            self._predict_seconds, self._predicted_rows = perf_counter() - started, len(unfiltered)
            return predictions

        def define_recorded(*args: Any, **kwargs: Any) -> Any:
            pipeline = define(*args, **kwargs)
            self._watch_pipeline(pipeline)
            return pipeline

        model.train, model.predict, model.define_data_pipeline = train_recorded, predict_recorded, define_recorded

    def watch(self, dk: "FreqaiDataKitchen") -> None:
        """Watch how a data kitchen filters training rows."""
        filter_features = dk.filter_features

        def filter_recorded(*args: Any, **kwargs: Any) -> Any:
            features, labels = filter_features(*args, **kwargs)
            # FreqAI gives labels back for training only.
            if np.ndim(labels) == 2 and len(labels) == len(features):
                self._rows_whole = len(features)
            return features, labels

        dk.filter_features = filter_recorded

    def record(self, trained: Any) -> WindowRecord:
        """Return the record of the last training and prediction.

        Parameters
        ----------
        trained
            What was trained.
        """
        return WindowRecord(
            train_seconds=round(self._train_seconds, 4),
            predict_seconds=round(self._predict_seconds, 4),
            predicted_rows=self._predicted_rows,
            rows_given=self._rows_given,
            rows_whole=self._rows_whole,
            columns_given=self._columns_given,
            steps=tuple(self._steps),
            importance={
                name: float(f"{share:.5g}") for name, share in feature_importance(trained, self._columns).items()
            },
        )

    def _forget(self) -> None:
        self._train_seconds = self._predict_seconds = 0.0
        self._predicted_rows = self._rows_given = self._columns_given = 0
        self._rows_whole = None
        self._steps, self._columns = [], ()

    def _watch_pipeline(self, pipeline: Any) -> None:
        fit_transform = pipeline.fit_transform

        def fit_recorded(X: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N803
            self._steps = []
            with _watched_steps(pipeline, self._steps):
                fitted = fit_transform(X, *args, **kwargs)
            if not self._steps:
                rows, columns = np.shape(X)
                self._steps = [StepRecord("none", rows, rows, columns, columns)]
            self._columns = [str(name) for name in getattr(fitted[0], "columns", ())]
            return fitted

        self._release()
        pipeline.fit_transform = fit_recorded
        self._pipeline = pipeline

    def _release(self) -> None:
        """Leave no wrapper on a pipeline, which FreqAI may pickle with the model."""
        if self._pipeline is not None:
            vars(self._pipeline).pop("fit_transform", None)
        self._pipeline = None


@contextmanager
def _watched_steps(pipeline: Any, records: list[StepRecord]) -> Iterator[None]:
    steps = list(pipeline.steps)
    for name, step in steps:
        step.fit_transform = _recorded(str(name), step.fit_transform, records)
    try:
        yield
    finally:
        for _, step in steps:
            vars(step).pop("fit_transform", None)


def _recorded(name: str, fit_transform: Callable[..., Any], records: list[StepRecord]) -> Callable[..., Any]:
    def recorded(X: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N803
        before = np.shape(X)
        fitted = fit_transform(X, *args, **kwargs)
        after = np.shape(fitted[0])
        records.append(StepRecord(name, before[0], after[0], before[1], after[1]))
        return fitted

    return recorded
