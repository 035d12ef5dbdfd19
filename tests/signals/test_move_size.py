import numpy as np
import pytest

from freqai_ext.signals.move_size import MoveSize


def sample(rows: int = 8000, seed: int = 0, exponents=(0.7, 0.2)) -> tuple[np.ndarray, np.ndarray]:
    """Return two volatilities and outcomes whose size is 3 times a product of them."""
    generator = np.random.default_rng(seed)
    terms = 0.002 * np.exp(0.5 * generator.normal(size=(rows, 2)))
    return terms, 3.0 * np.exp(np.log(terms) @ np.asarray(exponents)) * generator.normal(size=rows)


def test_exponents_and_size_are_learnt():
    terms, outcome = sample()
    found = MoveSize.fit(terms, outcome, np.ones(len(outcome)))
    np.testing.assert_allclose(found.exponents, [0.7, 0.2], atol=0.07)
    later, truth = sample(seed=1)
    scaled = truth / found.predict(later)
    assert np.sqrt(np.mean(scaled**2)) == pytest.approx(1.0, abs=0.05)
    calm = later[:, 0] < np.median(later[:, 0])
    assert np.std(scaled[calm]) == pytest.approx(np.std(scaled[~calm]), rel=0.06)


def test_outcomes_in_units_of_their_size_have_a_root_mean_square_of_one():
    terms, outcome = sample(500)
    found = MoveSize.fit(terms, outcome, np.ones(500))
    assert np.sqrt(np.mean((outcome / found.predict(terms)) ** 2)) == pytest.approx(1.0)


def test_few_rows_leave_equal_shares():
    terms, outcome = sample(20)
    found = MoveSize.fit(terms, outcome, np.full(20, 1 / 24))
    np.testing.assert_allclose(found.exponents, 0.5, atol=0.05)


def test_without_rows_the_size_is_the_geometric_mean_of_the_volatilities():
    found = MoveSize.fit(np.empty((0, 2)), np.empty(0), np.empty(0))
    np.testing.assert_allclose(found.predict(np.array([[0.002, 0.008]])), 0.004)


def test_one_volatility_that_never_changes_gives_the_size_of_the_outcomes():
    outcome = 0.01 * np.random.default_rng(0).normal(size=2000)
    found = MoveSize.fit(np.full((2000, 1), 0.002), outcome, np.ones(2000))
    np.testing.assert_allclose(found.predict(np.full((3, 1), 0.002)), 0.01, rtol=0.05)


def test_the_unit_of_outcomes_scales_the_size_and_nothing_else():
    terms, outcome = sample(500)
    once, larger = (MoveSize.fit(terms, unit * outcome, np.ones(500)) for unit in (1.0, 100.0))
    np.testing.assert_allclose(larger.exponents, once.exponents)
    assert larger.factor == pytest.approx(100.0 * once.factor)


def test_outcomes_of_exactly_nothing_do_not_spoil_the_exponents():
    terms, outcome = sample()
    still = np.where(np.arange(len(outcome)) % 10 == 0, 0.0, outcome)
    found = MoveSize.fit(terms, still, np.ones(len(outcome)))
    np.testing.assert_allclose(found.exponents, [0.7, 0.2], atol=0.15)


def test_a_row_without_a_volatility_has_no_size():
    terms, outcome = sample(500)
    found = MoveSize.fit(terms, outcome, np.ones(500))
    asked = terms[:3].copy()
    asked[1, 1] = np.nan
    assert np.isnan(found.predict(asked)).tolist() == [False, True, False]
