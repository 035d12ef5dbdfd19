"""Which columns speak of which target."""

import pandas as pd
import pytest

from freqai_ext.config import ExtSettings
from freqai_ext.evaluation.columns import OddsColumns, target_columns
from freqai_ext.evaluation.forecasts import Forecasts

NUMBERS = [0.1, -0.2, 0.3]


def columns_of(predicted, actual, settings=None, returns=None):
    rows = pd.DataFrame({name: [0.5] * 3 for name in predicted})
    forecasts = Forecasts(rows, pd.DataFrame(actual), pd.DataFrame(index=range(3)), (), (), {}, returns=returns)
    return target_columns(forecasts, settings or ExtSettings())


def test_one_return_has_the_plain_odds_and_its_interval():
    (found,) = columns_of(["&-r", "&-r_lo", "&-r_hi", "p_up", "ev_bps"], {"&-r": NUMBERS})
    assert (found.kind, found.lower, found.upper) == ("number", "&-r_lo", "&-r_hi")
    assert found.odds == OddsColumns("p_up", None, "ev_bps")


def test_of_several_returns_each_has_its_own_odds():
    first, second = columns_of(
        ["&-r_6", "&-r_12", "p_up", "p_up_r_6", "p_up_r_12"], {"&-r_6": NUMBERS, "&-r_12": NUMBERS}
    )
    assert (first.odds.p_up, second.odds.p_up) == ("p_up_r_6", "p_up_r_12")


def test_plain_odds_belong_to_the_first_return_or_the_one_that_is_set():
    predicted, actual = ["&-a", "&-b", "p_up"], {"&-a": NUMBERS, "&-b": NUMBERS}
    assert [each.odds.p_up for each in columns_of(predicted, actual)] == ["p_up", None]
    settings = ExtSettings.model_validate({"signal": {"return_targets": ["&-b"]}})
    assert [each.odds.p_up for each in columns_of(predicted, actual, settings)] == [None, "p_up"]


def test_what_is_no_return_has_no_odds_and_no_bets():
    predicted, actual = ["&-score", "&-roi", "p_up", "ev_bps"], {"&-score": NUMBERS, "&-roi": NUMBERS}
    score, roi = columns_of(predicted, actual, returns=("&-roi",))
    assert (score.odds, score.is_return) == (OddsColumns(None, None, None), False)
    assert (roi.odds, roi.is_return) == (OddsColumns("p_up", None, "ev_bps"), True)


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [([0.0, 1.0, None], "event", ()), (["up", "down", None], "classes", ("down", "up")), (NUMBERS, "number", ())],
)
def test_the_kind_is_read_off_the_outcomes(values, kind, classes):
    (found,) = columns_of(["&-x", "&-x_lo", "up", "down"], {"&-x": values})
    assert (found.kind, found.classes, found.lower) == (kind, classes, None)


def test_a_target_that_was_not_forecast_is_left_out():
    assert columns_of(["&-other"], {"&-r": NUMBERS}) == ()
