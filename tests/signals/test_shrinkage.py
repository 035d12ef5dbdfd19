import numpy as np
import pytest

from freqai_ext.signals.shrinkage import LARGEST_FACTOR, PRIOR_MEAN, PRIOR_SD, learn_shrinkage

ROWS = 2000
ONES = np.ones(ROWS)
EACH = np.arange(ROWS)


def forecasts_and_labels(slope: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    forecast = generator.normal(size=ROWS)
    return forecast, slope * forecast + generator.normal(size=ROWS)


def overlapping_noise(seed: int, horizon: int, rows: int, forecast_memory: float) -> tuple[np.ndarray, np.ndarray]:
    """Return slow forecasts and sums of ``horizon`` future steps, which know nothing of each other."""
    generator = np.random.default_rng(seed)
    label = np.convolve(generator.normal(size=rows + horizon - 1), np.ones(horizon) / np.sqrt(horizon), mode="valid")
    forecast = np.empty(rows)
    forecast[0] = generator.normal()
    shocks = generator.normal(size=rows) * np.sqrt(1.0 - forecast_memory**2)
    for row in range(1, rows):
        forecast[row] = forecast_memory * forecast[row - 1] + shocks[row]
    return forecast, label


def test_the_slope_is_that_of_a_regression_through_the_origin():
    forecast, label = forecasts_and_labels(0.3)
    found = learn_shrinkage(forecast, label, ONES, EACH, 0.0)
    expected = np.linalg.lstsq(forecast[:, None], label, rcond=None)[0][0]
    assert found.slope == pytest.approx(expected, rel=1e-12)
    # Where each row is a period of its own the error is the usual one, 1 / sqrt(rows) here.
    assert found.slope_error == pytest.approx(1.0 / np.sqrt(ROWS), rel=0.1)


def test_slope_and_prior_count_by_their_certainty():
    forecast, label = forecasts_and_labels(0.3)
    found = learn_shrinkage(forecast, label, ONES, EACH // 100, 0.0)
    weights = np.array([1.0 / found.slope_error**2, 1.0 / PRIOR_SD**2])
    assert found.factor == pytest.approx(weights @ [found.slope, PRIOR_MEAN] / weights.sum())
    assert found.slope < found.factor < PRIOR_MEAN


@pytest.mark.parametrize(("slope", "expected"), [(-0.5, 0.05), (0.0, 0.05), (1.3, 1.3), (3.0, LARGEST_FACTOR)])
def test_the_factor_follows_a_certain_slope_within_its_limits(slope, expected):
    forecast, label = forecasts_and_labels(slope)
    assert learn_shrinkage(forecast, label, ONES, EACH, 0.05).factor == pytest.approx(expected, abs=0.05)


def test_the_least_factor_is_kept_where_forecasts_are_surely_wrong():
    forecast, label = forecasts_and_labels(-1.0)
    assert learn_shrinkage(forecast, label, ONES, EACH, 0.05).factor == 0.05
    assert learn_shrinkage(forecast, label, ONES, EACH, 0.0).factor == 0.0


@pytest.mark.parametrize("rows", [0, 50])
def test_no_forecast_at_all_is_believed_the_least(rows):
    found = learn_shrinkage(np.zeros(rows), np.ones(rows), np.ones(rows), np.arange(rows), 0.05)
    assert (found.factor, found.slope, found.slope_error) == (0.05, 0.0, np.inf)


def test_one_period_tells_nothing_and_leaves_the_prior():
    forecast, label = forecasts_and_labels(1.5)
    found = learn_shrinkage(forecast, label, ONES, np.zeros(ROWS, dtype=np.int64), 0.05)
    assert (found.factor, found.slope_error) == (PRIOR_MEAN, np.inf)
    assert learn_shrinkage(forecast, label, ONES, np.zeros(ROWS, dtype=np.int64), 0.7).factor == 0.7


def test_a_perfect_forecast_is_believed_without_an_error_of_zero_failing():
    forecast, _ = forecasts_and_labels(1.0)
    assert learn_shrinkage(forecast, 1.2 * forecast, ONES, EACH, 0.0).factor == pytest.approx(1.2)


def test_units_of_label_and_weight_and_names_of_periods_play_no_part():
    forecast, label = forecasts_and_labels(0.3)
    once = learn_shrinkage(forecast, label, ONES, EACH // 50, 0.0)
    other = learn_shrinkage(0.002 * forecast, 0.002 * label, 7.0 * ONES, 20_000 - 3 * (EACH // 50), 0.0)
    assert other.factor == pytest.approx(once.factor, rel=1e-12)


def test_pairs_that_move_together_are_not_more_certain_than_one():
    forecast, label = forecasts_and_labels(0.3)
    alone = learn_shrinkage(forecast, label, ONES, EACH // 50, 0.0)
    together = learn_shrinkage(np.tile(forecast, 5), np.tile(label, 5), np.ones(5 * ROWS), np.tile(EACH // 50, 5), 0.0)
    assert together.slope_error == pytest.approx(alone.slope_error)
    assert together.factor == pytest.approx(alone.factor)


def test_rows_without_weight_make_no_difference():
    forecast, label = forecasts_and_labels(0.3)
    weight = np.where(EACH % 2 == 0, 1.0, 0.0)
    spoilt = np.where(weight > 0.0, label, -50.0)
    once, other = (learn_shrinkage(forecast, each, weight, EACH // 50, 0.0) for each in (label, spoilt))
    assert other == once


def test_the_standard_error_is_not_too_small_where_labels_overlap_and_forecasts_are_slow():
    slopes, errors = [], []
    for seed in range(200):
        forecast, label = overlapping_noise(seed, 12, ROWS, 0.97)
        found = learn_shrinkage(forecast, label, ONES, EACH // 100, 0.0)
        slopes.append(found.slope)
        errors.append(found.slope_error)
    assert np.std(slopes) < 1.2 * np.mean(errors)


def test_noise_as_large_as_the_labels_is_hardly_believed():
    factors = []
    for seed in range(200):
        forecast, label = overlapping_noise(seed, 12, 4000, 0.5)
        factors.append(learn_shrinkage(forecast, label, np.ones(4000), np.arange(4000) // 100, 0.05).factor)
    assert np.mean(factors) < 0.08
    assert np.quantile(factors, 0.95) < 0.15


def test_the_factor_errs_less_than_the_slope_alone_and_the_prior_alone():
    generator = np.random.default_rng(0)
    errors = []
    for seed in range(300):
        truth = float(np.clip(generator.normal(PRIOR_MEAN, PRIOR_SD), 0.0, LARGEST_FACTOR))
        noise, label = overlapping_noise(seed, 12, ROWS, 0.9)
        forecast = 0.2 * noise
        found = learn_shrinkage(forecast, truth * forecast + label, ONES, EACH // 100, 0.0)
        errors.append([found.factor - truth, found.slope - truth, PRIOR_MEAN - truth])
    factor, slope, prior = np.mean(np.square(errors), axis=0)
    assert factor < 0.9 * prior < slope
