"""What the trainings were given and kept, and how long they took."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

import pandas as pd

from freqai_ext.walkforward import Window
from freqai_ext.walkforward.diagnostics import WindowRecord


@dataclass(frozen=True)
class StepLoss:
    """Rows and columns that a step removed, mean per training; a negative number were added."""

    step: str
    rows: float
    columns: float


@dataclass(frozen=True)
class Training:
    """One training, as ``WindowRecord`` has it."""

    pair: str
    start: str
    train_seconds: float
    predict_seconds: float
    predicted_rows: int
    rows_given: int
    rows_whole: int | None
    rows_into_pipeline: int | None
    rows_trained: int | None
    columns_given: int
    columns_trained: int | None
    steps: tuple[StepLoss, ...]


@dataclass(frozen=True)
class TrainingReport:
    """All recorded trainings of a contender.

    Attributes
    ----------
    recorded
        Their number; windows that were trained without ``freqai-ext`` have no record.
    train_seconds, train_seconds_longest, train_seconds_total
        Wall time per training, mean and longest, and of all together.
    predict_ms_per_1000_rows
        Wall time of predicting a window, by row.
    steps
        Where rows and columns were lost, in order: ``missing values``, what the model left out itself (its test rows,
        rows without weight), then the steps of the feature pipeline.
    """

    recorded: int
    train_seconds: float
    train_seconds_longest: float
    train_seconds_total: float
    predict_ms_per_1000_rows: float
    rows_given: float
    rows_trained: float
    columns_given: float
    columns_trained: float
    steps: tuple[StepLoss, ...]
    trainings: tuple[Training, ...]


def summarise_trainings(records: Mapping[Window, WindowRecord]) -> TrainingReport | None:
    """Return the report of the recorded trainings; ``None`` without any."""
    if not records:
        return None
    trainings = tuple(_training(window, record) for window, record in sorted(records.items()))
    predicted = sum(each.predicted_rows for each in trainings)
    predict_seconds = sum(each.predict_seconds for each in trainings)
    return TrainingReport(
        recorded=len(trainings),
        train_seconds=fmean(each.train_seconds for each in trainings),
        train_seconds_longest=max(each.train_seconds for each in trainings),
        train_seconds_total=sum(each.train_seconds for each in trainings),
        predict_ms_per_1000_rows=1e6 * predict_seconds / predicted if predicted else float("nan"),
        rows_given=fmean(each.rows_given for each in trainings),
        rows_trained=_mean(each.rows_trained for each in trainings),
        columns_given=fmean(each.columns_given for each in trainings),
        columns_trained=_mean(each.columns_trained for each in trainings),
        steps=_mean_losses(trainings),
        trainings=trainings,
    )


def _training(window: Window, record: WindowRecord) -> Training:
    losses = []
    rows = record.rows_given
    if record.rows_whole is not None:
        losses.append(StepLoss("missing values", rows - record.rows_whole, 0))
        rows = record.rows_whole
    if record.steps:
        first = record.steps[0]
        losses.append(StepLoss("left out by the model", rows - first.rows_in, record.columns_given - first.columns_in))
    losses += [
        StepLoss(each.step, each.rows_in - each.rows_out, each.columns_in - each.columns_out) for each in record.steps
    ]
    return Training(
        pair=window.pair,
        start=pd.Timestamp(window.start, unit="s", tz="UTC").strftime("%Y-%m-%d %H:%M"),
        train_seconds=record.train_seconds,
        predict_seconds=record.predict_seconds,
        predicted_rows=record.predicted_rows,
        rows_given=record.rows_given,
        rows_whole=record.rows_whole,
        rows_into_pipeline=record.steps[0].rows_in if record.steps else None,
        rows_trained=record.rows_trained,
        columns_given=record.columns_given,
        columns_trained=record.columns_trained,
        steps=tuple(losses),
    )


def _mean_losses(trainings: Iterable[Training]) -> tuple[StepLoss, ...]:
    by_step: dict[str, list[StepLoss]] = {}
    for training in trainings:
        for loss in training.steps:
            by_step.setdefault(loss.step, []).append(loss)
    return tuple(
        StepLoss(step, fmean(each.rows for each in losses), fmean(each.columns for each in losses))
        for step, losses in by_step.items()
    )


def _mean(values: Iterable[int | None]) -> float:
    known = [value for value in values if value is not None]
    return fmean(known) if known else float("nan")
