import numpy as np
import pandas as pd
import pytest

from freqai_ext.strategies._guardian_odds import EVENTS, count_passing, newest_forecast, trained_horizons


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


def stored_predictions(rows=400):
    draw = np.random.default_rng(3)
    columns = {"date": pd.date_range("2025-03-01", periods=rows, freq="1h", tz="UTC")}
    for horizon in (12, 48):
        columns |= {
            f"p_up_return_{horizon}": draw.uniform(0.3, 0.7, rows),
            f"p_up_return_{horizon}_mean": 0.0,
            f"ev_bps_return_{horizon}": draw.normal(0.0, 20.0, rows),
            f"confidence_return_{horizon}": draw.uniform(0.0, 0.3, rows),
        }
    return pd.DataFrame(columns).assign(do_predict=draw.integers(0, 3, rows))


@pytest.mark.parametrize("horizon", [12, 48])
@pytest.mark.parametrize("event", EVENTS)
def test_what_passes_is_what_would_have_been_sent_of_each_candle(horizon, event):
    predictions = stored_predictions()
    sent = [newest_forecast(predictions.iloc[: row + 1], horizon, 3_600.0, event, 20.0) for row in range(400)]
    days = {row // 24 for row, one in enumerate(sent) if one.trusted and one.probability >= 0.52 and one.ev_bps >= 12.0}
    trusted = [one for one in sent if one.trusted]
    found = count_passing(predictions, horizon, event, 20.0, buy_threshold=0.52, min_ev_bps=12.0)
    assert 0 < found.passing < found.trusted == len(trusted) < 400
    assert found.highest_probability == pytest.approx(max(one.probability for one in trusted))
    assert found.highest_ev_bps == max(one.ev_bps for one in trusted)
    assert found.probable == sum(one.probability >= 0.52 for one in trusted)
    assert found.worthwhile == sum(one.ev_bps >= 12.0 for one in trusted)
    assert found.passing == sum(one.probability >= 0.52 and one.ev_bps >= 12.0 for one in trusted)
    assert found.days == len(days)


def test_odds_without_a_name_are_those_of_the_only_horizon_and_others_have_none():
    predictions = stored_predictions()
    assert trained_horizons(predictions) == (12, 48)
    limits = {"buy_threshold": 0.52, "min_ev_bps": 12.0}
    assert count_passing(predictions, 24, "long_pays", 20.0, **limits) is None
    mixed = predictions.assign(p_up=0.9, ev_bps=90.0, confidence=0.9)
    assert newest_forecast(mixed, 24, 3_600.0, "long_pays", 20.0) is None
    assert count_passing(mixed, 24, "long_pays", 20.0, **limits) is None
    single = predictions.rename(columns=lambda name: name.replace("_return_12", ""))[["p_up", "ev_bps", "do_predict"]]
    single = single.assign(confidence=0.1, date=predictions["date"])
    assert trained_horizons(single) == ()
    assert count_passing(single, 12, "long_pays", 20.0, **limits).passing > 0
    nothing = count_passing(single.assign(do_predict=0), 12, "price_up", 20.0, **limits)
    assert (nothing.trusted, nothing.passing, nothing.days) == (0, 0, 0)
