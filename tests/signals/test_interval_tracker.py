import json

import numpy as np
import pandas as pd
import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.signals.interval_tracker import REMEMBERED_ROWS, SAVED_ROWS, Bands, IntervalTracker
from freqai_ext.uncertainty import AdaptiveConformalSettings

CANDLE_NS = 300 * 1_000_000_000
START_NS = pd.Timestamp("2025-01-01", tz="UTC").value
HORIZON = 12
TRAINED = 600
NORMAL_80 = 1.2815515655446004


def made_at_of(start: int, stop: int) -> np.ndarray:
    return START_NS + CANDLE_NS * np.arange(start, stop)


def bands_of(start: int, stop: int, scale: float | np.ndarray = 1.0, half_width: float = 0.0) -> Bands:
    made_at, ends = made_at_of(start, stop), np.full(stop - start, half_width)
    return Bands(made_at, made_at + HORIZON * CANDLE_NS, -ends, ends, np.broadcast_to(scale, stop - start).copy())


def outcomes_of(values: np.ndarray, start: int = 0) -> pd.Series:
    return pd.Series(values, index=pd.DatetimeIndex(made_at_of(start, start + len(values)), tz="UTC"))


def shocks(rows: int = 4000, seed: int = 0, change_at: int = 2000, change: float = 3.0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=rows)
    values[change_at:] *= change
    return values


def trained_tracker(values: np.ndarray, coverage: float = 0.8) -> IntervalTracker:
    settings = AdaptiveConformalSettings(coverage=coverage, step_sizes=(0.002, 0.005, 0.01))
    tracker = IntervalTracker(settings, int(made_at_of(TRAINED - 1, TRAINED)[0]))
    tracker.learn(bands_of(0, TRAINED - HORIZON), values[: TRAINED - HORIZON])
    return tracker


def share_held(found, values: np.ndarray) -> float:
    return float(np.mean((found.lower <= values) & (values <= found.upper)))


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_intervals_hold_the_promised_share_before_and_after_a_regime_change(coverage):
    values = shocks()
    found = trained_tracker(values, coverage).intervals(bands_of(TRAINED, 4000), outcomes_of(values))
    inside = (found.lower <= values[TRAINED:]) & (values[TRAINED:] <= found.upper)
    before, during, after = inside[: 2000 - TRAINED], inside[2000 - TRAINED : 2060 - TRAINED], inside[2600 - TRAINED :]
    assert abs(before.mean() - coverage) < 0.03
    assert abs(after.mean() - coverage) < 0.03
    # The change does cost some; a test that did not see this would see nothing.
    assert during.mean() < coverage - 0.1


def test_a_scale_that_foresees_the_regime_keeps_coverage_through_it():
    values = shocks()
    scale = np.where(np.arange(TRAINED, 4000) < 2000, 1.0, 3.0)
    found = trained_tracker(values).intervals(bands_of(TRAINED, 4000, scale), outcomes_of(values))
    assert abs(share_held(found, values[TRAINED:]) - 0.8) < 0.02
    widths = found.upper - found.lower
    assert widths[1500:1800].mean() == pytest.approx(3.0 * widths[1000:1300].mean(), rel=0.1)


def test_quantile_bands_too_wide_are_narrowed_and_too_narrow_widened():
    values = shocks(change=1.0)
    for half_width in (0.3, 2.5):
        tracker = IntervalTracker(AdaptiveConformalSettings(), int(made_at_of(TRAINED - 1, TRAINED)[0]))
        tracker.learn(bands_of(0, TRAINED - HORIZON, half_width=half_width), values[: TRAINED - HORIZON])
        found = tracker.intervals(bands_of(TRAINED, 4000, half_width=half_width), outcomes_of(values))
        assert abs(share_held(found, values[TRAINED:]) - 0.8) < 0.02


def test_the_same_question_gets_the_same_answer_and_teaches_nothing():
    values = shocks()
    tracker = trained_tracker(values)
    first = tracker.intervals(bands_of(TRAINED, 2500), outcomes_of(values))
    state = json.dumps(tracker.state())
    again = tracker.intervals(bands_of(TRAINED, 2500), outcomes_of(values))
    np.testing.assert_array_equal(again.lower, first.lower)
    np.testing.assert_array_equal(again.upper, first.upper)
    assert json.dumps(tracker.state()) == state
    part = tracker.intervals(bands_of(1000, 1100), outcomes_of(values))
    np.testing.assert_array_equal(part.upper, first.upper[1000 - TRAINED : 1100 - TRAINED])


def test_one_by_one_equals_all_at_once():
    values = shocks()
    whole = trained_tracker(values).intervals(bands_of(TRAINED, 1000), outcomes_of(values))
    tracker = trained_tracker(values)
    for row in range(TRAINED, 1000):
        # Live: only the outcomes that are known at the row's close, and only the latest of them.
        known = outcomes_of(values[row - 40 : row - HORIZON + 1], row - 40)
        single = tracker.intervals(bands_of(row, row + 1), known)
        assert single.upper[0] == whole.upper[row - TRAINED]


def test_outcomes_that_are_not_yet_known_change_nothing():
    values = shocks(change_at=900)
    whole = trained_tracker(values).intervals(bands_of(TRAINED, 1200), outcomes_of(values))
    changed = values.copy()
    changed[900 - HORIZON + 1 :] = 1e6
    other = trained_tracker(values).intervals(bands_of(TRAINED, 1200), outcomes_of(changed))
    np.testing.assert_array_equal(other.upper[: 901 - TRAINED], whole.upper[: 901 - TRAINED])
    assert other.upper[901 - TRAINED] != whole.upper[901 - TRAINED]


def test_rows_inside_the_training_get_its_last_margin_and_teach_nothing():
    values = shocks()
    tracker = trained_tracker(values)
    state = json.dumps(tracker.state())
    found = tracker.intervals(bands_of(0, TRAINED), outcomes_of(values))
    assert len(set(found.upper.tolist())) == 1
    # The 80 % quantile of the size of normal errors.
    assert found.upper[0] == pytest.approx(NORMAL_80, rel=0.15)
    assert json.dumps(tracker.state()) == state


def test_rows_in_the_training_and_after_it_may_be_asked_together():
    values = shocks()
    together = trained_tracker(values).intervals(bands_of(0, 900), outcomes_of(values))
    apart = trained_tracker(values).intervals(bands_of(TRAINED, 900), outcomes_of(values))
    np.testing.assert_array_equal(together.upper[TRAINED:], apart.upper)


def test_before_any_error_is_seen_errors_are_taken_for_normal():
    for settings, margin in (
        (AdaptiveConformalSettings(), NORMAL_80),
        (AdaptiveConformalSettings(coverage=0.9), 1.645),
    ):
        tracker = IntervalTracker(settings, 0)
        tracker.learn(bands_of(0, 0), np.empty(0))
        found = tracker.intervals(bands_of(0, 3, scale=2.0), outcomes_of(np.empty(0)))
        np.testing.assert_allclose(found.upper, 2.0 * margin, rtol=1e-3)
        np.testing.assert_allclose(found.lower, -2.0 * margin, rtol=1e-3)


def test_a_row_without_a_scale_has_no_interval_and_the_others_are_not_touched():
    values = shocks()
    scale = np.ones(300)
    scale[100] = np.nan
    found = trained_tracker(values).intervals(bands_of(TRAINED, 900, scale), outcomes_of(values))
    assert np.flatnonzero(np.isnan(found.upper)).tolist() == [100]
    assert np.flatnonzero(np.isnan(found.lower)).tolist() == [100]


@pytest.mark.parametrize("stop", [TRAINED, 900, 2000])
def test_a_saved_state_goes_on_as_if_nothing_had_happened(stop):
    values = shocks()
    tracker = trained_tracker(values)
    if stop > TRAINED:
        tracker.intervals(bands_of(TRAINED, stop), outcomes_of(values))
    restored = IntervalTracker.from_state(json.loads(json.dumps(tracker.state(), allow_nan=False)))
    assert restored.trained_until_ns == tracker.trained_until_ns
    # A restarted bot asks for its newest candles again, and goes on.
    begin = max(stop - SAVED_ROWS, TRAINED)
    went_on, started_again = (
        each.intervals(bands_of(begin, 2400), outcomes_of(values)) for each in (tracker, restored)
    )
    np.testing.assert_array_equal(started_again.upper, went_on.upper)
    assert restored.state() == tracker.state()


def test_what_is_saved_and_remembered_is_bounded():
    values = shocks(rows=4000, change=1.0)
    tracker = trained_tracker(values)
    for start in (TRAINED, 2000, 3000):
        tracker.intervals(bands_of(start, start + 1000), outcomes_of(values))
    asked = tracker.intervals(bands_of(4000 - REMEMBERED_ROWS, 4000), outcomes_of(values))
    assert len(asked.upper) == REMEMBERED_ROWS
    assert len(tracker.state()["issued"]) == SAVED_ROWS
    assert [int(stamp) for stamp in tracker.state()["issued"]] == made_at_of(4000 - SAVED_ROWS, 4000).tolist()


def test_more_rows_than_are_remembered_are_answered_at_once():
    values = shocks(rows=TRAINED + REMEMBERED_ROWS + 500, change=1.0)
    tracker = trained_tracker(values)
    bands = bands_of(TRAINED, len(values))
    first = tracker.intervals(bands, outcomes_of(values))
    again = tracker.intervals(bands, outcomes_of(values))
    np.testing.assert_array_equal(again.upper[500:], first.upper[500:])
    # Forgotten rows are treated like those of the training.
    assert set(again.upper[:500].tolist()) == set(
        trained_tracker(values).intervals(bands_of(0, 1), outcomes_of(values)).upper
    )
    assert share_held(first, values[TRAINED:]) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: [],
        lambda state: None,
        lambda state: {},
        lambda state: {**state, "conformal": {}},
        lambda state: {**state, "first_margin": None},
        lambda state: {**state, "first_margin": float("nan")},
        lambda state: {**state, "issued": []},
        lambda state: {**state, "issued": {"yesterday": 1.0}},
        lambda state: {**state, "issued": {"1735689600000000000": float("inf")}},
        lambda state: {**state, "trained_until_ns": "never"},
    ],
)
def test_a_state_that_is_not_readable_is_refused(spoil):
    state = trained_tracker(shocks()).state()
    with pytest.raises(SettingsError):
        IntervalTracker.from_state(spoil(state))


def test_the_message_of_a_state_without_a_value_says_what_to_do():
    state = trained_tracker(shocks()).state()
    del state["first_margin"]
    with pytest.raises(SettingsError, match=r"saved intervals: not readable \('first_margin'\); remove the file"):
        IntervalTracker.from_state(state)
