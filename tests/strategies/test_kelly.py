"""The Kelly share: what the formula says, what caps it, and when it is nothing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.strategies._kelly import kelly_share

INTERVAL, ODDS = (-90.0, 110.0), (0.40, 0.25)


def test_of_the_odds_it_is_the_share_that_maximises_the_expected_logarithm():
    win, lose = ODDS
    shares = np.linspace(0.0, 0.9, 90_001)
    growth = win * np.log1p(shares) + lose * np.log1p(-shares)
    assert kelly_share(10.0, interval_bps=None, odds=ODDS) == pytest.approx(shares[growth.argmax()], abs=1e-4)


def test_of_the_return_it_is_the_mean_over_the_second_moment_of_a_laplace_distribution():
    wide = (-8000.0, 9000.0)
    scale = 0.85 / math.log(5.0)
    expected = 0.05 / (2.0 * scale**2 + 0.05**2)
    assert kelly_share(500.0, interval_bps=wide, odds=None, coverage=0.8) == pytest.approx(expected)


def test_the_laplace_scale_gives_the_interval_its_coverage():
    draws = np.random.default_rng(1).laplace(0.0, 0.85 / math.log(5.0), 200_000)
    assert np.mean(np.abs(draws) < 0.85) == pytest.approx(0.8, abs=0.005)


def test_it_is_the_smaller_of_the_two_and_at_most_the_whole():
    assert kelly_share(10.0, interval_bps=INTERVAL, odds=None) == 1.0
    assert kelly_share(10.0, interval_bps=INTERVAL, odds=ODDS) == pytest.approx(0.15 / 0.65)
    assert kelly_share(10.0, interval_bps=(-9000.0, 9000.0), odds=ODDS) < 0.01


@pytest.mark.parametrize(
    ("ev_bps", "interval", "odds"),
    [
        (0.0, INTERVAL, ODDS),
        (-5.0, INTERVAL, ODDS),
        (math.nan, INTERVAL, ODDS),
        (10.0, (5.0, 5.0), ODDS),
        (10.0, (math.nan, 5.0), ODDS),
        (10.0, INTERVAL, (0.3, 0.3)),
        (10.0, INTERVAL, (math.nan, 0.2)),
        (10.0, INTERVAL, (0.0, 0.0)),
    ],
)
def test_a_bet_that_is_not_good_or_not_known_gets_nothing(ev_bps, interval, odds):
    assert kelly_share(ev_bps, interval_bps=interval, odds=odds) == 0.0


def test_without_any_measure_of_risk_it_refuses():
    with pytest.raises(ValueError, match="neither interval_bps nor odds are given"):
        kelly_share(10.0, interval_bps=None, odds=None)


@settings(max_examples=200, deadline=None)
@given(
    ev=st.floats(-500, 500),
    low=st.floats(-2000, 500),
    width=st.floats(0, 4000),
    win=st.floats(0, 1),
    lose=st.floats(0, 1),
)
def test_it_is_a_share(ev, low, width, win, lose):
    assert 0.0 <= kelly_share(ev, interval_bps=(low, low + width), odds=(win, lose)) <= 1.0
