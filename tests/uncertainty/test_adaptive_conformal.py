import json
import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import SettingsError
from freqai_ext.uncertainty import (
    AdaptiveConformal,
    AdaptiveConformalSettings,
    Forecasts,
    Intervals,
    SplitConformal,
)

CANDLE = pd.Timedelta("5min")
HORIZON = 24


def forecasts_of(rows: int, horizon: int | Sequence[int] = HORIZON, scale: float | np.ndarray = 1.0) -> Forecasts:
    made_at = pd.date_range("2025-01-01 00:05", periods=rows, freq=CANDLE, tz="UTC")
    return Forecasts(made_at, made_at + CANDLE * np.broadcast_to(horizon, rows), np.zeros(rows), np.zeros(rows), scale)


def part_of(forecasts: Forecasts, rows: slice) -> Forecasts:
    return Forecasts(
        forecasts.made_at[rows],
        forecasts.known_at[rows],
        forecasts.lower[rows],
        forecasts.upper[rows],
        forecasts.scale[rows],
    )


def answered(forecasts: Forecasts, outcome: np.ndarray) -> pd.Series:
    return pd.Series(outcome, index=forecasts.made_at)


def adaptive(*step_sizes: float, memory_rows: int = 500, coverage: float = 0.8) -> AdaptiveConformal:
    return AdaptiveConformal(
        AdaptiveConformalSettings(coverage=coverage, step_sizes=step_sizes or (0.01,), memory_rows=memory_rows)
    )


def share_covered(intervals: Intervals, outcome: np.ndarray, rows: slice) -> float:
    return float(np.mean((intervals.lower <= outcome)[rows] & (outcome <= intervals.upper)[rows]))


def as_json(conformal: AdaptiveConformal) -> str:
    return json.dumps(conformal.state(), allow_nan=False)


def test_one_step_size_is_the_textbook_recursion_with_late_answers() -> None:
    rng = np.random.default_rng(0)
    errors = np.abs(rng.standard_t(3, 900)) * np.where(np.arange(900) < 500, 1.0, 4.0)
    step, memory, delay = 0.03, 100, 7
    rate, margins = 0.2, np.full(900, np.nan)
    for row in range(900):
        known = row - delay
        if known >= 0 and np.isfinite(margins[known]):
            rate = min(max(rate + step * (0.2 - (errors[known] > margins[known])), 1 / 101), 100 / 101)
        recent = np.sort(errors[max(0, known + 1 - memory) : max(0, known + 1)])
        if recent.size >= 4:
            rank = math.ceil((recent.size + 1) * (1.0 - rate) - 1e-9)
            margins[row] = recent[min(rank, recent.size) - 1]
    forecasts = forecasts_of(900, delay)
    got = adaptive(step, memory_rows=memory).intervals(forecasts, answered(forecasts, errors))
    np.testing.assert_array_equal(got.upper, margins)
    np.testing.assert_array_equal(got.lower, -margins)


def test_after_a_shift_coverage_returns_while_split_conformal_stays_wrong() -> None:
    rng = np.random.default_rng(1)
    outcome = rng.standard_normal(8_000) * np.where(np.arange(8_000) < 4_000, 1.0, 3.0)
    forecasts, after = forecasts_of(8_000), slice(4_500, None)
    fixed = SplitConformal.fit(np.zeros(4_000), outcome[:4_000], 0.8).intervals(np.zeros(8_000))
    assert share_covered(fixed, outcome, after) < 0.4
    for steps in [(0.01,), (0.002, 0.005, 0.01, 0.02)]:
        intervals = adaptive(*steps).intervals(forecasts, answered(forecasts, outcome))
        assert share_covered(intervals, outcome, after) == pytest.approx(0.8, abs=0.02)


def test_under_a_lasting_drift_steps_hold_the_coverage_that_memory_alone_loses() -> None:
    rng = np.random.default_rng(2)
    outcome = rng.standard_normal(6_000) * np.exp(0.002 * np.arange(6_000))
    forecasts, late = forecasts_of(6_000), slice(1_000, None)
    still = adaptive(1e-9).intervals(forecasts, answered(forecasts, outcome))
    assert share_covered(still, outcome, late) < 0.7
    for steps in [(0.01,), (0.002, 0.005, 0.01)]:
        moving = adaptive(*steps).intervals(forecasts, answered(forecasts, outcome))
        assert share_covered(moving, outcome, late) == pytest.approx(0.8, abs=0.03)


def test_the_best_step_size_gains_the_weight() -> None:
    rng = np.random.default_rng(3)
    outcome = rng.standard_normal(6_000)
    forecasts = forecasts_of(6_000, 1)
    conformal = adaptive(0.001, 0.5)
    intervals = conformal.intervals(forecasts, answered(forecasts, outcome))
    calm, wild = conformal.weights
    assert calm > 0.9
    assert calm + wild == pytest.approx(1.0)
    assert share_covered(intervals, outcome, slice(1_000, None)) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("steps", [(0.02,), (0.005, 0.02)], ids=["ACI", "AgACI"])
def test_an_outcome_has_no_influence_before_it_is_known_and_has_it_then(steps: tuple[float, ...]) -> None:
    rng = np.random.default_rng(4)
    rows, cut = 400, 250
    horizon = rng.integers(1, 40, rows)
    horizon[cut - 10] = 10
    outcome = rng.standard_normal(rows)
    forecasts = forecasts_of(rows, horizon)
    unknown = forecasts.known_at > forecasts.made_at[cut]
    original = adaptive(*steps).intervals(forecasts, answered(forecasts, outcome))
    for future in (np.nan, 1e9, 0.0):
        changed = adaptive(*steps).intervals(forecasts, answered(forecasts, np.where(unknown, future, outcome)))
        np.testing.assert_array_equal(changed.upper[: cut + 1], original.upper[: cut + 1])
    just_known = np.flatnonzero(forecasts.known_at == forecasts.made_at[cut])
    leaked = outcome.copy()
    leaked[just_known] = np.where(np.abs(outcome[just_known]) > 1.0, 0.0, 1e9)
    changed = adaptive(*steps).intervals(forecasts, answered(forecasts, leaked))
    np.testing.assert_array_equal(changed.upper[:cut], original.upper[:cut])
    assert (changed.upper[cut:] != original.upper[cut:]).any()


@settings(max_examples=25, deadline=None)
@given(cuts=st.sets(st.integers(1, 199), max_size=12), seed=st.integers(0, 2**32 - 1), restart=st.booleans())
def test_a_history_in_batches_with_restarts_is_the_history_row_by_row(cuts: set[int], seed: int, restart: bool) -> None:
    rng = np.random.default_rng(seed)
    forecasts = forecasts_of(200, rng.integers(1, 40, 200), scale=rng.uniform(0.5, 2.0, 200))
    outcomes = answered(forecasts, np.where(rng.random(200) < 0.9, rng.standard_t(2, 200), np.nan))
    one_by_one, batched = adaptive(0.01, 0.05, memory_rows=60), adaptive(0.01, 0.05, memory_rows=60)
    single = [one_by_one.intervals(part_of(forecasts, slice(row, row + 1)), outcomes) for row in range(200)]
    edges = [0, *sorted(cuts), 200]
    parts = []
    for first, last in pairwise(edges):
        if restart:
            batched = AdaptiveConformal.from_state(json.loads(as_json(batched)))
        parts.append(batched.intervals(part_of(forecasts, slice(first, last)), outcomes))
    for end in ("lower", "upper"):
        expected = np.concatenate([getattr(row, end) for row in single])
        np.testing.assert_array_equal(np.concatenate([getattr(part, end) for part in parts]), expected)
        assert np.isfinite(expected).any()
    assert as_json(batched) == as_json(one_by_one)


def test_an_outcome_on_the_end_of_the_interval_is_covered() -> None:
    forecasts = forecasts_of(20, 1)
    conformal = adaptive(0.01)
    conformal.seed(np.ones(20))
    conformal.intervals(forecasts, answered(forecasts, np.ones(20)))
    assert conformal.miss_rates[0] == pytest.approx(0.2 + 19 * 0.01 * 0.2)


def test_intervals_stay_finite_when_everything_misses() -> None:
    outcome = 2.0 ** np.arange(300)
    forecasts = forecasts_of(300, 1)
    conformal = adaptive(0.2, memory_rows=50)
    intervals = conformal.intervals(forecasts, answered(forecasts, outcome))
    assert conformal.miss_rates == (1 / 51,)
    np.testing.assert_array_equal(intervals.upper[100:], outcome[99:-1])


def test_without_errors_there_is_no_interval_until_seeded() -> None:
    forecasts = forecasts_of(10, 2)
    outcomes = answered(forecasts, np.arange(10.0))
    started = adaptive().intervals(forecasts, outcomes)
    # Four outcomes are the fewest for 80 %, and the fourth is known two candles after its forecast.
    np.testing.assert_array_equal(np.isfinite(started.upper), [False] * 5 + [True] * 5)
    seeded = adaptive()
    seeded.seed([4.0, 1.0, 3.0, 2.0])
    assert seeded.intervals(part_of(forecasts, slice(0, 1)), outcomes).upper[0] == 4.0


def test_bands_are_widened_in_units_of_scale_and_rows_without_a_band_teach_nothing() -> None:
    made_at = pd.date_range("2025-01-01", periods=3, freq=CANDLE, tz="UTC")
    forecasts = Forecasts(made_at, made_at + CANDLE, [-1.0, np.nan, -3.0], [2.0, np.nan, 1.0], [1.0, 1.0, 0.5])
    conformal = adaptive()
    conformal.seed([1.0] * 9)
    intervals = conformal.intervals(forecasts, pd.Series(0.0, index=made_at))
    np.testing.assert_array_equal(intervals.lower, [-2.0, np.nan, -3.5])
    np.testing.assert_array_equal(intervals.upper, [3.0, np.nan, 1.5])
    assert (conformal.pending_rows, conformal.unanswered_rows) == (1, 0)
    assert len(conformal.state()["scores"]) == 10


def test_a_due_forecast_without_an_outcome_is_dropped_and_counted() -> None:
    forecasts = forecasts_of(30, 5)
    conformal = adaptive()
    conformal.intervals(forecasts, answered(forecasts, np.where(np.arange(30) < 10, 1.0, np.nan)))
    assert conformal.unanswered_rows == 15
    assert conformal.pending_rows == 5
    assert conformal.last_made_at == forecasts.made_at[-1]


def test_repeated_forecasts_are_refused() -> None:
    forecasts = forecasts_of(5)
    conformal = adaptive()
    conformal.intervals(forecasts, answered(forecasts, np.zeros(5)))
    with pytest.raises(ValueError, match=r"made_at: 2025-01-01 00:25:00\+00:00 is not after the last forecast"):
        conformal.intervals(part_of(forecasts, slice(4, 5)), answered(forecasts, np.zeros(5)))


def test_times_that_cannot_be_are_refused() -> None:
    made_at = pd.date_range("2025-01-01", periods=2, freq=CANDLE, tz="UTC")
    with pytest.raises(ValueError, match="known_at: some are not after made_at; a forecast is made before its outcome"):
        Forecasts(made_at, made_at, [0, 0], [0, 0])
    with pytest.raises(ValueError, match="made_at: not increasing; sort the forecasts by time and give each once"):
        Forecasts(made_at[::-1], made_at + CANDLE, [0, 0], [0, 0])
    with pytest.raises(ValueError, match="made_at: times have no zone; localise them to UTC"):
        Forecasts(made_at.tz_localize(None), made_at + CANDLE, [0, 0], [0, 0])
    with pytest.raises(ValueError, match="have 2, 2, 1 and 2 rows; give one of each per forecast"):
        Forecasts(made_at, made_at + CANDLE, [0], [0, 0])
    with pytest.raises(ValueError, match=r"outcomes\.index: times repeat; give one outcome per forecast"):
        adaptive().intervals(Forecasts(made_at, made_at + CANDLE, [0, 0], [0, 0]), pd.Series(0.0, made_at[[0, 0]]))


def test_scores_that_are_not_numbers_cannot_seed() -> None:
    with pytest.raises(ValueError, match="scores: some are not finite; give the scores of rows whose outcome is known"):
        adaptive().seed([1.0, np.nan])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"miss_rates": [0.1, 0.2]}, "must have one value per step size, 1"),
        ({"miss_rates": [1.5]}, r"AdaptiveState\.miss_rates\.0: 1\.5 is not valid; input should be less than 1"),
        ({"scores": [float("nan")]}, r"AdaptiveState\.scores\.0: nan is not valid; input should be a finite number"),
        ({"kind": "Other"}, r"AdaptiveState\.kind: 'Other' is not valid; give a state of AdaptiveState"),
        ({"surprise": 1}, r"AdaptiveState\.surprise: unknown setting"),
    ],
)
def test_a_damaged_state_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        AdaptiveConformal.from_state({**adaptive().state(), **change})
