import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from freqai_ext.errors import SettingsError
from freqai_ext.uncertainty import (
    CALIBRATIONS,
    BetaCalibration,
    Calibration,
    IsotonicCalibration,
    PlattCalibration,
    TemperatureCalibration,
    calibration_from_state,
)

GRID = np.linspace(0.0, 1.0, 101)
every_kind = pytest.mark.parametrize("kind", CALIBRATIONS)


def draw(rows: int, truth: Calibration, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return forecasts, and outcomes whose true probability is ``truth`` of the forecast."""
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.02, 0.98, rows)
    return probability, (rng.random(rows) < truth.predict(probability)).astype(float)


def log_loss(probability: np.ndarray, outcome: np.ndarray) -> float:
    return float(-np.mean(outcome * np.log(probability) + (1.0 - outcome) * np.log1p(-probability)))


@st.composite
def forecasts_and_outcomes(draw_from: st.DrawFn) -> tuple[list[float], list[int], list[float]]:
    rows = draw_from(st.integers(0, 40))
    probability = st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.5, 1.0]))
    return (
        draw_from(st.lists(probability, min_size=rows, max_size=rows)),
        draw_from(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)),
        draw_from(st.lists(st.floats(0.0, 100.0), min_size=rows, max_size=rows)),
    )


@every_kind
@settings(max_examples=30, deadline=None)
@given(rows=forecasts_and_outcomes())
def test_any_fit_is_monotone_bounded_and_survives_json(
    kind: type[Calibration], rows: tuple[list[float], list[int], list[float]]
) -> None:
    fitted = kind.fit(*rows)
    calibrated = fitted.predict(GRID)
    assert (np.diff(calibrated) >= 0.0).all()
    assert calibrated.min() >= 1e-6
    assert calibrated.max() <= 1.0 - 1e-6
    restored = calibration_from_state(json.loads(json.dumps(fitted.state())))
    assert restored == fitted
    np.testing.assert_array_equal(restored.predict(GRID), calibrated)


@every_kind
def test_no_rows_and_no_fit_leave_probabilities_as_they_are(kind: type[Calibration]) -> None:
    inside = np.clip(GRID, 1e-6, 1.0 - 1e-6)
    np.testing.assert_allclose(kind().predict(GRID), inside, rtol=1e-9)
    np.testing.assert_allclose(kind.fit([], []).predict(GRID), inside, rtol=1e-9)


@pytest.mark.parametrize("kind", [PlattCalibration, BetaCalibration, IsotonicCalibration])
def test_one_class_moves_probabilities_towards_it_the_more_rows_there_are(kind: type[Calibration]) -> None:
    at_half = [float(kind.fit(np.full(rows, 0.5), np.ones(rows)).predict(0.5)) for rows in (0, 1, 5, 50, 500)]
    assert at_half[0] == pytest.approx(0.5)
    assert at_half == sorted(at_half)
    assert at_half[1] < 0.72
    assert 0.9 < at_half[3] < 0.995
    against = float(kind.fit(np.full(50, 0.5), np.zeros(50)).predict(0.5))
    assert against == pytest.approx(1.0 - at_half[3], abs=1e-6)


def test_temperature_keeps_one_half_whatever_the_base_rate() -> None:
    fitted = TemperatureCalibration.fit(np.full(50, 0.5), np.ones(50))
    assert float(fitted.predict(0.5)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "truth",
    [
        TemperatureCalibration(temperature=2.5),
        PlattCalibration(slope=0.4, intercept=-0.7),
        BetaCalibration(a=0.5, b=1.8, c=0.3),
        IsotonicCalibration(knots=(0.0, 0.4, 0.6, 1.0), levels=(0.2, 0.3, 0.7, 0.75)),
    ],
    ids=lambda truth: type(truth).__name__,
)
def test_a_distortion_of_its_own_kind_is_undone(truth: Calibration) -> None:
    fitted = type(truth).fit(*draw(40_000, truth))
    inner = GRID[5:-5]
    np.testing.assert_allclose(fitted.predict(inner), truth.predict(inner), atol=0.06)
    probability, outcome = draw(20_000, truth, seed=1)
    assert log_loss(fitted.predict(probability), outcome) < log_loss(probability, outcome)


def test_platt_with_many_rows_is_logistic_regression_on_log_odds() -> None:
    probability, outcome = draw(40_000, PlattCalibration(slope=0.4, intercept=-0.7))
    oracle = LogisticRegression(C=np.inf, tol=1e-8).fit(logit(probability)[:, None], outcome)
    fitted = PlattCalibration.fit(probability, outcome)
    assert fitted.slope == pytest.approx(oracle.coef_[0, 0], abs=1e-3)
    assert fitted.intercept == pytest.approx(oracle.intercept_[0], abs=1e-3)


def test_platt_on_few_rows_balances_the_pull_of_data_and_prior() -> None:
    probability, outcome = draw(12, PlattCalibration(intercept=0.5))
    weight = np.linspace(0.5, 1.5, 12)
    fitted = PlattCalibration.fit(probability, outcome, weight)
    missing = weight * (outcome - expit(fitted.slope * logit(probability) + fitted.intercept))
    assert fitted.slope - 1.0 == pytest.approx(missing @ logit(probability), abs=1e-5)
    assert fitted.intercept == pytest.approx(missing.sum(), abs=1e-5)


def test_isotonic_is_the_max_min_formula_on_rows_and_prior() -> None:
    rng = np.random.default_rng(3)
    probability, outcome = rng.permutation(np.linspace(0.011, 0.987, 30)), rng.integers(0, 2, 30).astype(float)
    prior = np.linspace(0.0, 1.0, 21)
    order = np.argsort(np.concatenate([probability, prior]))
    places = np.concatenate([probability, prior])[order]
    truth = np.concatenate([outcome, prior])[order]
    expected = [
        max(min(truth[first : last + 1].mean() for last in range(row, 51)) for first in range(row + 1))
        for row in range(51)
    ]
    fitted = IsotonicCalibration.fit(probability, outcome)
    np.testing.assert_allclose(fitted.predict(places), np.clip(expected, 1e-6, 1.0 - 1e-6), atol=2e-5)


@every_kind
def test_forecasts_that_point_the_wrong_way_become_flat_not_inverted(kind: type[Calibration]) -> None:
    probability, outcome = draw(4_000, TemperatureCalibration())
    calibrated = kind.fit(probability, 1.0 - outcome).predict(GRID[5:-5])
    assert calibrated.min() > 0.4
    assert calibrated.max() < 0.6


@every_kind
def test_rows_of_weight_zero_have_no_effect_and_only_ratios_of_weights_matter(kind: type[Calibration]) -> None:
    probability, outcome = draw(200, PlattCalibration(slope=0.5))
    weight = np.random.default_rng(5).uniform(0.5, 2.0, 200)
    fitted = kind.fit(probability, outcome, weight).predict(GRID)
    half = np.concatenate([7.0 * weight, np.zeros(200)])
    doubled = kind.fit(np.tile(probability, 2), np.concatenate([outcome, 1.0 - outcome]), half).predict(GRID)
    np.testing.assert_allclose(doubled, fitted, atol=1e-6)
    assert np.abs(kind.fit(probability, outcome).predict(GRID) - fitted).max() > 1e-4


@every_kind
def test_a_missing_probability_stays_missing_and_the_shape_stays(kind: type[Calibration]) -> None:
    calibrated = kind().predict([[np.nan, 0.25], [0.5, 1.0]])
    np.testing.assert_allclose(calibrated, [[np.nan, 0.25], [0.5, 1.0 - 1e-6]])


@pytest.mark.parametrize(
    ("probability", "outcome", "weight", "message"),
    [
        ([0.5, 1.2], [0, 1], None, r"probability: some lie outside \[0, 1\]; give the logistic of a raw margin"),
        ([0.5, np.nan], [0, 1], None, "probability: some are missing; fit on the rows that have a forecast"),
        ([0.5, 0.5], [0, np.nan], None, "outcome: some are neither 0 nor 1; fit on the rows whose outcome is known"),
        ([0.5, 0.5], [0, 1], [1, -1], "sample_weight: some are negative or not finite; give weights of at least 0"),
        ([0.5, 0.5], [0], None, r"have the shapes \(2,\), \(1,\) and \(2,\); give one of each per row"),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused(
    probability: list[float], outcome: list[float], weight: list[float] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PlattCalibration.fit(probability, outcome, weight)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            {"kind": "Pickle"},
            "calibration state.kind: 'Pickle' is not valid; it must be one of TemperatureCalibration,",
        ),
        ({"kind": "PlattCalibration", "slope": 1.0}, "PlattCalibration.intercept: missing; the state is not complete"),
        (
            {"kind": "PlattCalibration", "slope": -1.0, "intercept": 0.0},
            "PlattCalibration.slope: -1.0 is not valid; input should be greater than or equal to 0",
        ),
        (
            {"kind": "IsotonicCalibration", "knots": [0.0, 1.0], "levels": [0.7, 0.2]},
            "IsotonicCalibration: the object given is not valid; levels must lie in",
        ),
    ],
)
def test_a_state_that_is_damaged_is_refused(state: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        calibration_from_state(state)


def test_the_state_of_another_kind_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"PlattCalibration\.kind: 'BetaCalibration' is not valid; give a state of"):
        PlattCalibration.from_state(BetaCalibration().state())
