"""One expected return from whatever a model predicts."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.labels import LabelSettings
from freqai_ext.strategies._forecast import expected_return, stoploss_risk

SETTINGS = LabelSettings(buy_threshold=0.01, sell_threshold=-0.02)


def predictions(**columns):
    return pd.DataFrame(columns, index=[5, 6, 7])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        pytest.param({"&-roi": [0.01, -0.02, 0.0], "&-buy": [1.0, 1.0, 1.0]}, [0.01, -0.02, 0.0], id="return"),
        pytest.param(
            {"&-direction": ["up"] * 3, "up": [0.5, 0.0, 1.0], "flat": [0.5, 0.0, 0.0], "down": [0.0, 1.0, 0.0]},
            [0.005, -0.02, 0.01],
            id="direction",
        ),
        pytest.param(
            {"buy_yes": [1.0, 0.5, 0.0], "buy_no": [0.0, 0.5, 1.0], "sell_yes": [0.0, 0.5, 1.0]},
            [0.01, -0.005, -0.02],
            id="hit classes",
        ),
        pytest.param({"buy_yes": [1.0, 0.5, 0.0]}, [0.01, 0.005, 0.0], id="one hit class"),
        pytest.param({"&-buy": [1.0, 0.5, 0.0], "&-sell": [0.0, 0.5, 1.0]}, [0.01, -0.005, -0.02], id="hit numbers"),
        pytest.param({"&-sell": [0.0, 0.5, 1.0]}, [0.0, -0.01, -0.02], id="one hit number"),
        pytest.param({"&-stoploss": [1.0, 1.0, 1.0]}, [0.0, 0.0, 0.0], id="nothing to gain from"),
    ],
)
def test_the_expected_return_follows_the_predictions(columns, expected):
    forecast = expected_return(predictions(**columns), SETTINGS)
    np.testing.assert_allclose(forecast, expected)
    assert list(forecast.index) == [5, 6, 7]


@pytest.mark.parametrize("label", ["&-roi", "&-direction", "&-buy"])
def test_before_the_first_training_nothing_is_expected(label):
    """FreqAI then returns the label columns filled with the integer 0, and no class columns."""
    null = predictions(**{label: 0, f"{label}_mean": 0, f"{label}_std": 0, "do_predict": 0})
    np.testing.assert_array_equal(expected_return(null, SETTINGS), [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(stoploss_risk(null), [0.0, 0.0, 0.0])


def test_without_predictions_nothing_is_expected():
    np.testing.assert_array_equal(expected_return(predictions(close=[1.0, 2.0, 3.0]), SETTINGS), [0.0, 0.0, 0.0])


@pytest.mark.parametrize("column", ["&-roi", "up", "buy_yes", "&-buy"])
def test_rows_without_a_prediction_expect_nothing(column):
    """As FreqAI leaves candles that it cannot match to its history of predictions."""
    forecast = expected_return(predictions(**{column: [np.nan, 1.0, np.nan]}), SETTINGS)
    assert list(forecast.eq(0.0)) == [True, False, True]


@pytest.mark.parametrize(
    ("columns", "risk"),
    [
        ({"stoploss_yes": [0.1, np.nan, 1.0], "&-stoploss": ["stoploss_no"] * 3}, [0.1, 0.0, 1.0]),
        ({"&-stoploss": [-0.2, 0.5, 1.3]}, [0.0, 0.5, 1.0]),
        ({"&-roi": [-1.0, -1.0, -1.0]}, [0.0, 0.0, 0.0]),
    ],
)
def test_the_stoploss_risk_is_a_probability(columns, risk):
    np.testing.assert_allclose(stoploss_risk(predictions(**columns)), risk)
