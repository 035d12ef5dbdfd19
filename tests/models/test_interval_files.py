"""Intervals survive a restart, and no file can stop a bot."""

import errno
import json
import logging
import os
import re
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from freqai_ext.learning.design import Design
from freqai_ext.learning.learners import learner
from freqai_ext.lifecycle import Complaints
from freqai_ext.models._interval_files import interval_path, predict_on_kept, restore_intervals, save_intervals
from freqai_ext.models._trained_signal import TrainedSignal
from freqai_ext.pipeline import QuietPipeline
from freqai_ext.signals import Question, SignalSettings, Target, TrainingSet, fit_signal

CANDLE_NS = 300 * 1_000_000_000
TRAINED, ROWS = 200, 300
PAIR, MODEL = "A/USDT", "cb_a_1735689600"

generator = np.random.default_rng(0)
MATRIX = generator.normal(size=(ROWS, 2)).astype(np.float32)
RETURNS = 0.004 * (MATRIX[:, 0] + generator.normal(size=ROWS))
MADE_AT = CANDLE_NS * (1 + np.arange(ROWS))


@pytest.fixture
def trained() -> TrainedSignal:
    design = Design(MATRIX[:TRAINED], ("a", "b"), np.zeros(TRAINED, dtype=np.intp))
    target = Target("&-roi", "continuous", RETURNS[:TRAINED], 1, MADE_AT[:TRAINED] + CANDLE_NS)
    training = TrainingSet(
        design,
        (PAIR,),
        np.zeros(TRAINED, dtype=np.intp),
        MADE_AT[:TRAINED],
        np.full(TRAINED, 0.004),
        np.ones(TRAINED),
        (target,),
        CANDLE_NS,
    )
    signal = fit_signal({"&-roi": learner("linear", {})}, training, SignalSettings(intervals="residuals"))
    return TrainedSignal(
        signal=signal,
        labels=["&-roi"],
        classes={},
        features=["a", "b"],
        pooled=False,
        pair_codes=None,
        pipeline=QuietPipeline([]),
        history_rows=0,
    )


def uppers(trained: TrainedSignal, start: int, stop: int) -> np.ndarray:
    """Return the upper ends for rows whose outcomes are ten times what was seen in training."""
    return trained.signal.predict(question(start, stop))["&-roi"].upper


def question(start: int, stop: int) -> Question:
    design = Design(MATRIX, ("a", "b"), np.zeros(ROWS, dtype=np.intp))
    outcomes = pd.Series(10.0 * RETURNS, index=pd.DatetimeIndex(MADE_AT, tz="UTC"))
    rows = np.arange(start, stop)
    return Question(design, rows, PAIR, MADE_AT[rows], np.full(len(rows), 0.004), {"&-roi": outcomes})


def complaints() -> Complaints:
    return Complaints(logging.getLogger("freqai_ext"))


def copy_of(trained: TrainedSignal) -> TrainedSignal:
    return cloudpickle.loads(cloudpickle.dumps(trained))


def test_a_restarted_bot_goes_on_where_it_stopped(trained, tmp_path: Path):
    restarted, forgetful = copy_of(trained), copy_of(trained)
    uppers(trained, TRAINED, 260)
    save_intervals(trained, PAIR, tmp_path, MODEL, complaints())
    restore_intervals(restarted, PAIR, tmp_path, MODEL)
    went_on = uppers(trained, 260, ROWS)
    np.testing.assert_array_equal(uppers(restarted, 260, ROWS), went_on)
    assert (uppers(forgetful, 260, ROWS) != went_on).all()


def test_the_file_lies_beside_the_model_and_is_json(trained, tmp_path: Path):
    save_intervals(trained, PAIR, tmp_path, MODEL, complaints())
    path = interval_path(tmp_path, MODEL)
    assert [each.name for each in tmp_path.iterdir()] == [path.name] == [f"{MODEL}_intervals.json"]
    assert list(json.loads(path.read_text())) == ["&-roi"]


def test_what_was_kept_is_read_once_for_each_time_that_a_model_is_loaded(trained, tmp_path: Path):
    other = copy_of(trained)
    save_intervals(trained, PAIR, tmp_path, MODEL, complaints())
    restore_intervals(trained, PAIR, tmp_path, MODEL)
    uppers(other, TRAINED, 260)
    save_intervals(other, PAIR, tmp_path, MODEL, complaints())
    before = trained.signal.interval_state(PAIR)
    restore_intervals(trained, PAIR, tmp_path, MODEL)
    assert trained.signal.interval_state(PAIR) == before
    loaded = copy_of(trained)
    restore_intervals(loaded, PAIR, tmp_path, MODEL)
    assert loaded.signal.interval_state(PAIR) == other.signal.interval_state(PAIR)


def test_without_a_file_the_intervals_are_those_of_training(trained, tmp_path: Path, caplog):
    before = trained.signal.interval_state(PAIR)
    restore_intervals(trained, PAIR, tmp_path, MODEL)
    assert trained.signal.interval_state(PAIR) == before
    assert caplog.records == []


HUGE = "1" + 400 * "0"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"x"', '{"&-roi": {}}', '{"&-roi": null}', "\udcff", "\0\0\0", HUGE, f'{{"&-roi": {HUGE}}}']
    + [depth * "[" for depth in (500, 200_000)]
    + [depth * '{"a":' + "1" + depth * "}" for depth in (500, 200_000)],
    ids=range(15),
)
def test_a_file_that_is_not_readable_costs_a_warning_and_no_forecast(trained, tmp_path: Path, caplog, text):
    before = trained.signal.interval_state(PAIR)
    path = interval_path(tmp_path, MODEL)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with caplog.at_level(logging.WARNING):
        restore_intervals(trained, PAIR, tmp_path, MODEL)
        restore_intervals(trained, PAIR, tmp_path, MODEL)
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert "the intervals begin with those of training" in record.getMessage()
    assert trained.signal.interval_state(PAIR) == before


@pytest.mark.parametrize("number", [HUGE, "-" + HUGE, "1" + 30 * "0", "-1e308", "9223372036854775807"])
def test_numbers_of_a_damaged_file_cost_no_forecast(trained, tmp_path: Path, number):
    """Each number of a whole file is replaced: what passes the checks must still give a forecast."""
    copy, path = copy_of(trained), interval_path(tmp_path, MODEL)
    save_intervals(trained, PAIR, tmp_path, MODEL, complaints())
    whole = path.read_text()
    numbers = list(re.finditer(r"(?<=[:,\[])-?\d+(?:\.\d+)?(?:e-?\d+)?(?=[,}\]])", whole))
    assert len(numbers) > 20
    for match in [*numbers[:60], *numbers[-20:]]:
        path.write_text(whole[: match.start()] + number + whole[match.end() :])
        with np.errstate(over="ignore"):
            forecasts = predict_on_kept(copy_of(copy), question(TRAINED, TRAINED + 3), PAIR, tmp_path, MODEL)
        assert len(forecasts["&-roi"].upper) == 3, match


def test_a_folder_that_cannot_be_written_costs_few_warnings_and_no_candle(trained, tmp_path: Path, caplog):
    loud = complaints()
    with caplog.at_level(logging.INFO):
        for _ in range(9):
            save_intervals(trained, PAIR, tmp_path / "gone", MODEL, loud)
        (tmp_path / "gone").mkdir()
        save_intervals(trained, PAIR, tmp_path / "gone", MODEL, loud)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 5
    assert messages[0].startswith(f"Intervals of {PAIR}: could not be kept ([Errno 2]")
    assert "A restart would begin with those of training." in messages[0]
    assert messages[3].endswith("(seen 8 times)")
    assert messages[4] == f"Intervals of {PAIR}: works again after 9 failures."


def test_a_full_disk_is_named_with_its_remedy(trained, tmp_path: Path, caplog, monkeypatch):
    def no_space(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with caplog.at_level(logging.WARNING):
        save_intervals(trained, PAIR, tmp_path, MODEL, complaints())
    assert "free some space on the disk" in caplog.text
    assert list(tmp_path.iterdir()) == []
