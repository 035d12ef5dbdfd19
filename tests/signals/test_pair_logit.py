import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from freqai_ext.signals.pair_logit import MAX_LOGIT, PairLogit

INTERCEPT_SD = 2.0


def sample(rows: int = 2000, seed: int = 0, pairs: int = 3, shifts=(0.0, 0.0, 0.0)):
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(rows, 2))
    pair = generator.integers(pairs, size=rows)
    odds = 0.4 + inputs @ np.array([1.2, -0.7]) + np.asarray(shifts)[pair]
    outcome = (generator.random(rows) < 1.0 / (1.0 + np.exp(-odds))).astype(float)
    return inputs, pair, outcome, generator.uniform(0.2, 1.0, rows)


def fit(inputs, pair, outcome, weight, **given):
    return PairLogit.fit(
        inputs, pair, outcome, weight, **{"pairs": 3, "slope_mean": 0.0, "slope_sd": 1.0, "shift_sd": 0.1, **given}
    )


@pytest.mark.parametrize(("slope_sd", "shift_sd"), [(1.0, 0.1), (0.05, 1.0), (100.0, 1e-3)])
def test_coefficients_are_those_of_a_ridge_logistic_regression(slope_sd, shift_sd):
    inputs, pair, outcome, weight = sample(shifts=(0.0, 0.5, -0.5))
    # A normal prior is a ridge penalty on columns measured in units of its deviation.
    sd = np.array([INTERCEPT_SD, slope_sd, slope_sd, *[shift_sd] * 3])
    columns = np.column_stack([np.ones(len(inputs)), inputs, np.eye(3)[pair]]) * sd
    ridge = LogisticRegression(C=1.0, fit_intercept=False, solver="newton-cholesky", tol=1e-12, max_iter=500)
    expected = ridge.fit(columns, outcome, weight).coef_[0] * sd
    found = fit(inputs, pair, outcome, weight, slope_sd=slope_sd, shift_sd=shift_sd)
    np.testing.assert_allclose([found.intercept, *found.slopes, *found.shift], expected, atol=1e-6)


def test_with_weak_priors_it_is_the_plain_logistic_regression():
    inputs, pair, outcome, weight = sample(20_000)
    plain = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(inputs, outcome, weight)
    found = fit(inputs, pair, outcome, weight, slope_sd=100.0, shift_sd=1e-3)
    np.testing.assert_allclose(found.slopes, plain.coef_[0], atol=1e-3)
    assert found.intercept == pytest.approx(plain.intercept_[0], abs=1e-3)


def test_without_rows_the_priors_stand():
    found = fit(np.empty((0, 2)), np.empty(0, dtype=np.intp), np.empty(0), np.empty(0), slope_mean=[1.7, -1.7])
    assert found.intercept == 0.0
    assert found.slopes.tolist() == [1.7, -1.7]
    assert found.shift.tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(found.covariance, np.diag([INTERCEPT_SD**2, 1.0, 1.0]))


def test_a_few_rows_move_the_slopes_only_a_little_from_their_prior():
    inputs, pair, outcome, weight = sample(5)
    found = fit(inputs, pair, outcome, weight, slope_mean=3.0, slope_sd=0.05)
    np.testing.assert_allclose(found.slopes, 3.0, atol=0.05)


def test_each_pair_gets_its_own_shift_as_far_as_its_rows_support_it():
    inputs, pair, outcome, weight = sample(20_000, shifts=(0.0, 1.0, -1.0))
    loose, tight = (fit(inputs, pair, outcome, weight, shift_sd=sd) for sd in (2.0, 0.02))
    np.testing.assert_allclose(loose.shift - loose.shift.mean(), [0.0, 1.0, -1.0], atol=0.15)
    assert 0.0 < tight.shift[1] < loose.shift[1]
    assert loose.shift[2] < tight.shift[2] < 0.0
    ahead = [loose.predict(np.zeros((1, 2)), number)[0] for number in range(3)]
    assert ahead[1] > ahead[0] > ahead[2]


def test_a_pair_that_was_not_there_has_no_shift():
    inputs, pair, outcome, weight = sample(shifts=(0.0, 1.0, -1.0))
    found = fit(inputs, pair, outcome, weight)
    assert found.log_odds(np.zeros((1, 2)), -1)[0] == found.intercept
    assert found.log_odds(np.zeros((1, 2)), 1)[0] == found.intercept + found.shift[1]


def pull_of_rows_and_prior(found, inputs, pair, outcome, weight, slope_mean, slope_sd):
    """Return the slope of the log posterior, 0 at its maximum, in units of its curvature."""
    chance = expit(found.intercept + found.shift[pair] + inputs @ found.slopes)
    pull = inputs.T @ (weight * (outcome - chance)) - (found.slopes - slope_mean) / slope_sd**2
    return pull * np.diag(found.covariance)[1:]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_separable_classes_converge_to_finite_coefficients(scale):
    inputs = np.linspace(-1.0, 1.0, 400)[:, None] * scale
    outcome, pair = (inputs[:, 0] > 0.0).astype(float), np.zeros(400, dtype=np.intp)
    found = fit(inputs, pair, outcome, np.ones(400), pairs=1, slope_sd=5.0)
    assert 0.0 < found.slopes[0] < 100.0
    np.testing.assert_allclose(
        pull_of_rows_and_prior(found, inputs, pair, outcome, np.ones(400), 0.0, 5.0), 0.0, atol=1e-6
    )


@pytest.mark.parametrize("seed", range(20))
def test_wild_inputs_far_from_the_prior_converge(seed):
    generator = np.random.default_rng(seed)
    inputs = np.column_stack([generator.standard_t(2, 500), np.exp(3.0 * generator.normal(size=500))])
    pair, outcome, weight = generator.integers(3, size=500), (inputs[:, 0] < 0.0).astype(float), np.full(500, 0.1)
    prior = np.array([1.7, -1.7])
    found = fit(inputs, pair, outcome, weight, slope_mean=prior, slope_sd=0.7)
    np.testing.assert_allclose(pull_of_rows_and_prior(found, inputs, pair, outcome, weight, prior, 0.7), 0.0, atol=1e-6)


@pytest.mark.parametrize("happened", [0.0, 1.0])
def test_one_class_only_gives_a_probability_near_it_and_within_bounds(happened):
    inputs, pair, _, weight = sample(300)
    found = fit(inputs, pair, np.full(300, happened), weight)
    chance = found.predict(inputs, 0)
    assert (np.abs(chance - happened) < 0.35).all()
    assert (np.abs(chance.mean() - happened) < 0.05).all()
    assert ((chance > 0.0) & (chance < 1.0)).all()


def test_huge_inputs_neither_overflow_nor_leave_the_bounds():
    inputs = np.array([[1e6, -1e6], [-1e6, 1e6], [0.0, 1.0], [1.0, 0.0]])
    found = fit(inputs, np.zeros(4, dtype=np.intp), np.array([1.0, 0.0, 1.0, 0.0]), np.ones(4), slope_mean=1.7)
    assert np.abs(found.log_odds(inputs, 0)).max() <= MAX_LOGIT
    assert np.isfinite(found.covariance).all()


def test_the_band_contains_the_probability_and_narrows_with_rows():
    widths = []
    for rows in (100, 10_000):
        inputs, pair, outcome, weight = sample(rows)
        found = fit(inputs, pair, outcome, weight)
        band = found.band(inputs[:50], 1, 1.28)
        chance = found.predict(inputs[:50], 1)
        assert (band[:, 0] < chance).all()
        assert (chance < band[:, 1]).all()
        assert (found.band(inputs[:50], 1, 0.0) == chance[:, None]).all()
        widths.append(np.ptp(band, axis=1).mean())
    assert widths[1] < 0.5 * widths[0]


def test_the_band_holds_the_true_probability_about_as_often_as_promised():
    at = np.array([[0.5, -0.5]])
    truth = 1.0 / (1.0 + np.exp(-(0.4 + 0.6 + 0.35)))
    held = 0
    for seed in range(200):
        inputs, pair, outcome, _ = sample(400, seed)
        low, high = fit(inputs, pair, outcome, np.ones(400), slope_sd=5.0).band(at, -1, 1.28155)[0]
        held += low <= truth <= high
    assert 0.72 <= held / 200 <= 0.92


def test_a_row_without_inputs_has_no_probability_and_the_others_keep_theirs():
    inputs, pair, outcome, weight = sample(300)
    found = fit(inputs, pair, outcome, weight)
    asked = inputs[:3].copy()
    asked[1] = np.nan
    assert np.isnan(found.predict(asked, 0)).tolist() == [False, True, False]
    assert np.isnan(found.band(asked, 0, 1.0)).any(axis=1).tolist() == [False, True, False]
