import json
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binom

from freqai_ext.errors import SettingsError
from freqai_ext.uncertainty import (
    QuantileConformal,
    SplitConformal,
    conformal_quantile,
    conformity_scores,
)


@given(
    scores=st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=60),
    percent=st.integers(1, 99),
)
@example(scores=[float(score) for score in range(24)], percent=28)
def test_the_quantile_is_the_smallest_score_that_enough_scores_do_not_exceed(scores: list[float], percent: int) -> None:
    quantile = conformal_quantile(scores, percent / 100)
    enough = [score for score in scores if 100 * sum(other <= score for other in scores) >= percent * (len(scores) + 1)]
    assert quantile == (min(enough) if enough else math.inf)


@pytest.mark.parametrize("seed", range(5))
def test_split_conformal_covers_exchangeable_data_within_binomial_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    misses, rounds = 0, 600
    for _ in range(rounds):
        scale = rng.uniform(0.5, 3.0, 20)
        outcome = scale * rng.standard_t(3, 20)
        fitted = SplitConformal.fit(np.zeros(19), outcome[:19], 0.8, scale[:19])
        new = fitted.intervals([0.0], scale[19:])
        misses += not new.lower[0] <= outcome[19] <= new.upper[0]
    # 19 rows: the coverage is exactly 16/20.
    assert binom.ppf(1e-4, rounds, 0.2) <= misses <= binom.ppf(1.0 - 1e-4, rounds, 0.2)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.1), (-9.0, 9.0), (0.5, 1.5)], ids=["narrow", "wide", "shifted"])
def test_wrong_quantiles_are_moved_until_they_cover(low: float, high: float) -> None:
    rng = np.random.default_rng(1)
    noise = rng.uniform(0.5, 2.0, 20_000)
    outcome = noise * rng.standard_normal(20_000)
    fitted = QuantileConformal.fit(low * noise[:10_000], high * noise[:10_000], outcome[:10_000], 0.8)
    new = fitted.intervals(low * noise[10_000:], high * noise[10_000:])
    covered = np.mean((new.lower <= outcome[10_000:]) & (outcome[10_000:] <= new.upper))
    assert covered == pytest.approx(0.8, abs=0.02)


def test_a_band_that_was_too_wide_gets_a_negative_margin_and_ends_that_cross_become_their_middle() -> None:
    fitted = QuantileConformal.fit(np.full(99, -9.0), np.full(99, 9.0), np.linspace(-1.0, 1.0, 99), 0.8)
    assert fitted.margin == pytest.approx(-8.2, abs=0.05)
    crossed = fitted.intervals([1.0], [3.0])
    assert (crossed.lower[0], crossed.upper[0]) == (2.0, 2.0)


def test_scores_are_distances_outside_the_band_in_units_of_scale() -> None:
    np.testing.assert_allclose(conformity_scores([0, 0, 0], [2, 2, 2], [-1, 0.5, 5], [1, 0.5, 2]), [1, -1, 1.5])


def test_fitted_conformal_objects_survive_json() -> None:
    rng = np.random.default_rng(2)
    split = SplitConformal.fit(np.zeros(50), rng.standard_normal(50), 0.9)
    quantile = QuantileConformal.fit(np.zeros(50), np.ones(50), rng.standard_normal(50), 0.9)
    assert SplitConformal.from_state(json.loads(json.dumps(split.state()))) == split
    assert QuantileConformal.from_state(json.loads(json.dumps(quantile.state()))) == quantile
    with pytest.raises(SettingsError, match=r"SplitConformal\.kind: 'QuantileConformal' is not valid"):
        SplitConformal.from_state(quantile.state())


def test_the_fewest_rows_for_a_finite_interval_are_named_and_suffice() -> None:
    with pytest.raises(ValueError, match=r"3 rows are too few for a coverage of 0\.8; give at least 4, or lower it"):
        SplitConformal.fit([0, 0, 0], [1, 2, 3], 0.8)
    assert SplitConformal.fit([0, 0, 0, 0], [1, 2, 3, -4], 0.8).quantile == 4.0


def test_missing_outcomes_bad_scales_and_bad_coverages_are_refused() -> None:
    with pytest.raises(ValueError, match="scores: some are missing; give the scores of rows whose outcome is known"):
        SplitConformal.fit([0.0] * 9, [np.nan] * 9, 0.8)
    with pytest.raises(ValueError, match=r"scale: some are not positive and finite; give e\.g\. the volatility"):
        SplitConformal.fit([0.0] * 9, [1.0] * 9, 0.8, scale=0.0)
    with pytest.raises(ValueError, match=r"coverage: 80 is not valid; it must lie between 0 and 1"):
        conformal_quantile([1.0], 80)
