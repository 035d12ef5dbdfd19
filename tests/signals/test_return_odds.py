import numpy as np
import pytest
from scipy.stats import norm

from freqai_ext.signals.return_odds import ReturnOdds
from freqai_ext.validation import expected_calibration_error

COST = 0.002


def sample(rows: int = 20_000, seed: int = 0, errors: str = "normal"):
    """Return forecasts in units of the scale, outcomes and scales of a market whose volatility moves."""
    generator = np.random.default_rng(seed)
    scale = 0.004 * np.exp(0.5 * generator.normal(size=rows))
    forecast = 0.3 * generator.normal(size=rows)
    shock = generator.normal(size=rows) if errors == "normal" else generator.standard_t(4, rows) / np.sqrt(2.0)
    return forecast, scale * (forecast + shock), scale


def fit(forecast, outcome, scale, cost=COST, weight=1.0):
    rows = len(forecast)
    pair = np.zeros(rows, dtype=np.intp)
    return ReturnOdds.fit(forecast, outcome, scale, pair, np.full(rows, weight), pairs=1, cost=cost)


NOTHING = np.empty(0)


@pytest.mark.parametrize("errors", ["normal", "fat"])
def test_probabilities_of_new_rows_are_calibrated(errors):
    odds = fit(*sample(errors=errors))
    forecast, outcome, scale = sample(seed=1, errors=errors)
    up, down, above = odds.predict(forecast, scale, 0, COST)
    for happened, chance in ((outcome > COST, up), (outcome < -COST, down), (outcome > 0.0, above)):
        assert expected_calibration_error(happened.astype(float), chance, binning="equal_count") < 0.02
        assert np.ptp(chance) > 0.3


def test_before_any_row_the_odds_are_about_those_of_normal_errors():
    odds = fit(NOTHING, NOTHING, NOTHING)
    forecast, scale = np.linspace(-1.5, 1.5, 31), np.full(31, 0.004)
    up, down, above = odds.predict(forecast, scale, 0, COST)
    np.testing.assert_allclose(up, norm.cdf(forecast - 0.5), atol=0.01)
    np.testing.assert_allclose(down, norm.cdf(-forecast - 0.5), atol=0.01)
    np.testing.assert_allclose(above, norm.cdf(forecast), atol=0.01)


def test_a_mirrored_market_has_mirrored_odds():
    forecast, outcome, scale = sample(4000)
    up, down, above = fit(forecast, outcome, scale).predict(forecast, scale, 0, COST)
    mirrored_up, mirrored_down, mirrored_above = fit(-forecast, -outcome, scale).predict(-forecast, scale, 0, COST)
    np.testing.assert_allclose(mirrored_up, down, atol=1e-9)
    np.testing.assert_allclose(mirrored_down, up, atol=1e-9)
    np.testing.assert_allclose(mirrored_above, 1.0 - above, atol=1e-9)


def test_a_higher_forecast_makes_up_more_and_down_less_likely():
    odds = fit(*sample(2000))
    up, down, above = odds.predict(np.linspace(-1.0, 1.0, 50), np.full(50, 0.004), 0, COST)
    assert (np.diff(up) > 0.0).all()
    assert (np.diff(down) < 0.0).all()
    assert (np.diff(above) > 0.0).all()


def test_a_higher_cost_and_a_calmer_market_make_both_moves_less_likely():
    odds = fit(*sample(2000))
    costs = [odds.predict(np.zeros(1), np.full(1, 0.004), 0, cost)[:2] for cost in (0.0005, 0.001, 0.002, 0.004)]
    assert (np.diff(np.ravel([up for up, _ in costs])) < 0.0).all()
    assert (np.diff(np.ravel([down for _, down in costs])) < 0.0).all()
    up, down, _ = odds.predict(np.zeros(4), np.array([0.001, 0.002, 0.004, 0.008]), 0, COST)
    assert (np.diff(up) > 0.0).all()
    assert (np.diff(down) > 0.0).all()


def test_without_costs_one_of_up_and_down_happens():
    odds = fit(*sample(2000), cost=0.0)
    up, down, above = odds.predict(np.linspace(-1.0, 1.0, 9), np.full(9, 0.004), 0, 0.0)
    np.testing.assert_allclose(up + down, 1.0, atol=1e-6)
    np.testing.assert_allclose(up, above, atol=1e-6)


def test_rows_that_are_worth_little_leave_more_to_the_prior():
    forecast, outcome, scale = sample(400)
    backwards = -forecast
    much, little = (fit(backwards, outcome, scale, weight=weight) for weight in (1.0, 0.01))
    assert much.sign.slopes[0] < little.sign.slopes[0] < 1.7


def test_a_flat_market_with_huge_costs_gives_no_warning_and_no_chance():
    forecast, scale = np.zeros(200), np.full(200, 1e-6)
    odds = fit(forecast, np.zeros(200), scale, cost=0.01)
    up, down, _ = odds.predict(forecast, scale, 0, 0.01)
    assert max(up.max(), down.max()) < 1e-5


def test_a_row_without_a_scale_has_no_odds():
    odds = fit(*sample(500))
    up, down, _ = odds.predict(np.array([0.1, np.nan]), np.array([0.004, np.nan]), 0, COST)
    assert np.isnan(up).tolist() == np.isnan(down).tolist() == [False, True]
