import numpy as np
import pandas as pd
import pytest

from freqai_ext.strategies._guardian_odds import newest_forecast


def predictions(**newest):
    """Return two candles of which the first must not matter."""
    older = dict.fromkeys(newest, 0.999)
    return pd.DataFrame([older, newest])


SINGLE = {"&-return_12": 0.002, "p_up": 0.44, "ev_bps": 3.5, "confidence": 0.2, "do_predict": 1}


def test_the_newest_candle_of_a_model_of_one_return_is_read():
    found = newest_forecast(predictions(**SINGLE), 12, 300.0, "long_pays", 20.0)
    assert (found.probability, found.ev_bps, found.confidence) == (0.44, 3.5, 0.2)
    assert found.horizon_min == 60.0
    assert found.trusted


def test_the_asked_horizon_of_several_is_read():
    several = SINGLE | {"p_up_return_48": 0.51, "ev_bps_return_48": 20.0, "confidence_return_48": 0.4}
    found = newest_forecast(predictions(**several), 48, 300.0, "long_pays", 20.0)
    assert (found.probability, found.ev_bps, found.confidence, found.horizon_min) == (0.51, 20.0, 0.4, 240.0)


@pytest.mark.parametrize(("ev_bps", "chance"), [(5.0, 0.6), (-19.0, 0.6), (-20.0, 0.4), (-40.0, 0.4)])
def test_the_chance_that_the_price_rises_follows_from_confidence_and_the_sign_of_what_is_expected(ev_bps, chance):
    found = newest_forecast(predictions(**SINGLE | {"ev_bps": ev_bps}), 12, 300.0, "price_up", 20.0)
    assert found.probability == pytest.approx(chance)
    assert found.ev_bps == ev_bps


@pytest.mark.parametrize("missing", ["p_up", "ev_bps"])
def test_a_model_without_odds_says_nothing(missing):
    columns = {name: value for name, value in SINGLE.items() if name != missing}
    assert newest_forecast(predictions(**columns), 12, 300.0, "long_pays", 20.0) is None


@pytest.mark.parametrize("do_predict", [0, 2, -1, np.nan, None])
def test_a_row_that_the_model_does_not_stand_by_is_not_trusted(do_predict):
    assert not newest_forecast(predictions(**SINGLE | {"do_predict": do_predict}), 12, 300.0, "long_pays", 20.0).trusted


@pytest.mark.parametrize("odd", [None, np.nan, "x", np.inf])
def test_values_that_are_no_numbers_are_passed_on_as_such(odd):
    found = newest_forecast(predictions(**SINGLE | {"p_up": odd, "confidence": odd}), 12, 300.0, "long_pays", 20.0)
    assert not np.isfinite(found.probability)
    assert found.confidence is None or np.isinf(found.confidence)
