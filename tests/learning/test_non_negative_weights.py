"""Weights of forecasts, against a general solver."""

import numpy as np
import pytest
from scipy.optimize import minimize

from freqai_ext.learning.non_negative_weights import pooling_weights, shrinking_weights

ROWS = 300


def forecasts(members: int, seed: int):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=ROWS)
    scales = rng.uniform(0.3, 3.0, members)
    return scales * (truth[:, None] + rng.normal(size=(ROWS, members))), truth, rng.uniform(0.1, 2.0, ROWS)


@pytest.mark.parametrize("members", [1, 2, 5])
@pytest.mark.parametrize("seed", range(6))
def test_shrinking_weights_are_the_constrained_optimum(members, seed):
    columns, truth, weight = forecasts(members, seed)
    scaled = weight * ROWS / weight.sum()
    prior = np.mean(scaled * truth**2) * members**2

    def loss(shares):
        fit = np.sum(scaled * (columns @ shares - truth) ** 2)
        return (fit + prior * np.sum((shares - shares.mean()) ** 2)) / ROWS

    sum_below_one = {"type": "ineq", "fun": lambda shares: 1.0 - shares.sum()}
    start, bounds = np.full(members, 0.5 / members), [(0.0, 1.0)] * members
    oracle = minimize(loss, start, bounds=bounds, constraints=[sum_below_one], method="SLSQP", tol=1e-12)
    found = shrinking_weights(columns, truth, weight)
    assert (found >= 0.0).all()
    assert found.sum() <= 1.0 + 1e-9
    assert loss(found) <= oracle.fun + 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_pooling_weights_are_the_constrained_optimum(seed):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.05, 0.95, ROWS)
    outcome, weight = (rng.random(ROWS) < truth).astype(float), rng.uniform(0.1, 2.0, ROWS)
    chances = np.clip(truth[:, None] + 0.2 * rng.normal(size=(ROWS, 3)), 0.02, 0.98)
    scaled = weight * ROWS / weight.sum()

    def loss(shares):
        pooled = chances @ shares
        fit = -np.sum(scaled * np.log(np.where(outcome == 1.0, pooled, 1.0 - pooled)))
        return (fit - np.sum(np.log(shares))) / ROWS

    sum_is_one = {"type": "eq", "fun": lambda shares: shares.sum() - 1.0}
    start, bounds = np.full(3, 1 / 3), [(1e-6, 1.0)] * 3
    oracle = minimize(loss, start, bounds=bounds, constraints=[sum_is_one], method="SLSQP", tol=1e-12)
    found = pooling_weights(chances, outcome, weight)
    assert found.sum() == pytest.approx(1.0)
    assert loss(found) <= oracle.fun + 1e-6


def test_the_scale_of_the_row_weights_does_not_matter():
    columns, truth, weight = forecasts(3, 0)
    np.testing.assert_allclose(
        shrinking_weights(columns, truth, weight), shrinking_weights(columns, truth, 50.0 * weight)
    )


def test_one_good_forecast_gets_all_the_weight_and_a_doubled_one_half():
    truth = np.random.default_rng(0).normal(size=ROWS)
    weight = np.ones(ROWS)
    assert shrinking_weights(truth[:, None], truth, weight) == pytest.approx([1.0])
    assert shrinking_weights(2.0 * truth[:, None], truth, weight) == pytest.approx([0.5])


def test_forecasts_without_size_or_labels_of_zero_give_finite_weights():
    weight = np.ones(ROWS)
    truth = np.random.default_rng(0).normal(size=ROWS)
    silent = shrinking_weights(np.zeros((ROWS, 2)), truth, weight)
    assert np.isfinite(silent).all()
    assert silent.sum() <= 1.0 + 1e-9
    assert shrinking_weights(truth[:, None], np.zeros(ROWS), weight).tolist() == [0.0]


def test_a_certain_forecast_that_fails_costs_its_member_the_weight_and_no_infinity():
    outcome = np.array([1.0] * 150 + [0.0] * 150)
    certain = np.where(np.arange(ROWS) % 10 == 0, 1.0 - outcome, outcome)
    sure_and_wrong = 1.0 - outcome
    shares = pooling_weights(np.column_stack([certain, np.full(ROWS, 0.5), sure_and_wrong]), outcome, np.ones(ROWS))
    assert np.isfinite(shares).all()
    assert shares[2] < 0.15
