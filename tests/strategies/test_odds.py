"""What a model's columns are taken to say, and what is made of columns that are not there."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.strategies._odds import prediction_columns, read_odds

SEVERAL = {
    "do_predict": [1.0, 0.0],
    "&-return_12": [0.0010, 0.0],
    "&-return_24": [0.0030, -0.0030],
    "&-return_24_mean": [9.0, 9.0],
    "&-return_24_lo": [-0.0040, -0.0100],
    "&-return_24_hi": [0.0100, 0.0040],
    "p_up_return_24": [0.45, 0.20],
    "p_down_return_24": [0.20, 0.45],
    "ev_bps_return_24": [10.0, -50.0],
    "confidence_return_24": [0.3, 0.3],
    "p_up": [0.9, 0.9],
    "p_down": [0.8, 0.8],
    "ev_bps": [77.0, 77.0],
    "confidence": [0.7, 0.7],
}


def odds_of(columns=SEVERAL, horizon=24, cost_bps=20.0, prefix=""):
    return read_odds(pd.DataFrame(columns), horizon, cost_bps, prefix)


def test_the_columns_of_the_horizon_are_read_and_not_those_of_the_first_target():
    odds = odds_of()
    assert odds.trusted.tolist() == [True, False]
    assert odds.expected_bps.tolist() == pytest.approx([30.0, -30.0])
    assert odds.low_bps.tolist() == pytest.approx([-40.0, -100.0])
    assert odds.high_bps.tolist() == pytest.approx([100.0, 40.0])
    assert odds.p_up.tolist() == [0.45, 0.20]
    assert odds.p_down.tolist() == [0.20, 0.45]
    assert odds.confidence.tolist() == [0.3, 0.3]
    assert odds.ev_bps.tolist() == [10.0, -50.0]
    assert odds.knows_probability
    assert odds.knows_interval


def test_a_short_is_worth_what_the_mirrored_forecast_is_worth_to_a_long():
    odds = odds_of()
    assert odds.short_ev_bps.tolist() == pytest.approx([-50.0, 10.0])
    long, short = odds.of("long"), odds.of("short")
    for name in ("ev_bps", "hold_bps", "p_win", "p_lose", "worst_bps", "best_bps"):
        assert getattr(short, name)[1] == pytest.approx(getattr(long, name)[0]), name


def test_a_model_of_a_single_return_writes_names_without_a_suffix():
    single = {name: values for name, values in SEVERAL.items() if "return_12" not in name and "_return_24" not in name}
    single |= {name: SEVERAL[name] for name in ("&-return_24", "&-return_24_lo", "&-return_24_hi")}
    odds = odds_of(single)
    assert odds.p_up.tolist() == [0.9, 0.9]
    assert odds.ev_bps.tolist() == [77.0, 77.0]
    assert odds.knows_probability


def test_plain_names_are_not_taken_for_a_horizon_that_has_no_odds_of_its_own():
    odds = odds_of(horizon=12)
    assert not odds.knows_probability
    assert odds.p_up.isna().all()
    assert odds.ev_bps.tolist() == pytest.approx([-10.0, -20.0])


def test_without_odds_the_expected_value_is_the_forecast_less_the_cost():
    odds = odds_of({"do_predict": [1, 1], "&-return_24": [0.005, -0.005]})
    assert odds.ev_bps.tolist() == pytest.approx([30.0, -70.0])
    assert odds.short_ev_bps.tolist() == pytest.approx([-70.0, 30.0])
    assert not odds.knows_probability
    assert not odds.knows_interval


@pytest.mark.parametrize(
    "columns", [{"close": [1.0, 1.0]}, {"do_predict": [1, 1]}, {"do_predict": [1, 1], "&-return_24": [np.nan, np.nan]}]
)
def test_without_a_forecast_nothing_is_trusted(columns):
    odds = odds_of(columns)
    assert odds.trusted.tolist() == [False, False]
    assert odds.ev_bps.isna().all()


def test_a_prefix_chooses_another_set_of_columns():
    mixed = pd.DataFrame(SEVERAL).assign(do_predict=0)
    other = pd.DataFrame(SEVERAL).add_prefix("small@").assign(**{"small@p_up_return_24": [0.6, 0.6]})
    odds = odds_of(pd.concat([mixed, other], axis=1), prefix="small@")
    assert odds.trusted.tolist() == [True, False]
    assert odds.p_up.tolist() == [0.6, 0.6]


def test_every_column_that_is_read_is_among_those_that_a_prediction_set_is_asked_for():
    names = prediction_columns(24)
    read = {name for name in SEVERAL if "return_12" not in name and not name.endswith("_mean")} - {"do_predict"}
    assert read == set(names)
