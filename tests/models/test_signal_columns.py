"""Names and values of the columns that a strategy sees."""

import numpy as np
import pandas as pd
import pytest

from freqai_ext.learning.design import Design
from freqai_ext.learning.learners import learner
from freqai_ext.models._signal_columns import log_shares_beyond_costs, odds_columns, prediction_frame
from freqai_ext.signals import Question, Signal, SignalSettings, Target, TrainingSet, fit_signal

CANDLE_NS = 300 * 1_000_000_000
ROWS = 300


def market() -> tuple[Design, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(ROWS, 2)).astype(np.float32)
    returns = 0.004 * (matrix[:, 0] + generator.normal(size=ROWS))
    return Design(matrix, ("a", "b"), np.zeros(ROWS, dtype=np.intp)), returns, CANDLE_NS * (1 + np.arange(ROWS))


def fitted(*names: str, **settings) -> Signal:
    """Learn the targets, whose names say what they are."""
    design, returns, made_at = market()
    labels = {"&-up": returns > 0.0, "&way=down": returns < -0.002, "&way=up": returns > 0.002}
    labels["&way=flat"] = np.abs(returns) <= 0.002
    targets = tuple(
        Target(
            name,
            "binary" if name in labels else "continuous",
            np.asarray(labels.get(name, returns), dtype=float),
            1,
            made_at + CANDLE_NS,
            is_return=True,
        )
        for name in names
    )
    training = TrainingSet(
        design, ("A/USDT",), np.zeros(ROWS, dtype=np.intp), made_at, np.full(ROWS, 0.004), np.ones(ROWS), targets,
        CANDLE_NS,
    )  # fmt: skip
    line = learner("linear", {})
    return fit_signal(
        dict.fromkeys(names, line), training, SignalSettings.model_validate({"calibration": "platt", **settings})
    )


def asked(signal: Signal, volatility: np.ndarray):
    design, _, made_at = market()
    rows = np.arange(len(volatility))
    return signal.predict(Question(design, rows, "A/USDT", made_at[rows], volatility, {}))


USUAL = np.full(5, 0.004)


def test_one_return_has_its_odds_without_a_suffix():
    assert odds_columns(["&-roi"]) == {
        "&-roi": {"p_up": "p_up", "p_down": "p_down", "ev_bps": "ev_bps", "confidence": "confidence"}
    }
    assert odds_columns([]) == {}


@pytest.mark.parametrize(
    ("label", "column"),
    [("&-return_12", "p_up_return_12"), ("&return", "p_up_return"), ("&s-close", "p_up_s-close")],
)
def test_several_returns_have_their_name_behind_their_odds(label, column):
    assert odds_columns([label, "&-other"])[label]["p_up"] == column


def test_columns_of_one_return_are_given():
    signal = fitted("&-roi")
    frame, whole = prediction_frame(["&-roi"], {}, signal, asked(signal, USUAL))
    columns = ["&-roi_lo", "&-roi_hi", "p_up", "p_down", "ev_bps", "confidence"]
    assert list(frame) == ["&-roi", *columns]
    assert whole.all()
    assert (frame["&-roi_lo"] < frame["&-roi"]).all()
    assert (frame["&-roi"] < frame["&-roi_hi"]).all()


def test_with_several_returns_the_first_one_named_is_the_one_without_a_suffix():
    labels = ["&-return_12", "&-up", "&-return_48"]
    signal = fitted(*labels, return_targets=("&-return_48", "&-return_12"))
    forecasts = asked(signal, USUAL)
    frame, _ = prediction_frame(labels, {}, signal, forecasts)
    named = [
        odds + end for odds in ("p_up", "p_down", "ev_bps", "confidence") for end in ("", "_return_12", "_return_48")
    ]
    assert set(frame) == {*labels, *(label + end for label in labels for end in ("_lo", "_hi")), *named}
    for odds in ("p_up", "p_down", "ev_bps", "confidence"):
        np.testing.assert_array_equal(frame[odds], getattr(forecasts["&-return_48"].odds, odds))
        np.testing.assert_array_equal(frame[f"{odds}_return_48"], frame[odds])
        np.testing.assert_array_equal(frame[f"{odds}_return_12"], getattr(forecasts["&-return_12"].odds, odds))
    assert "p_up_up" not in frame


def test_a_model_without_returns_has_no_odds():
    signal = fitted("&-up")
    frame, _ = prediction_frame(["&-up"], {}, signal, asked(signal, USUAL))
    assert list(frame) == ["&-up", "&-up_lo", "&-up_hi"]


def test_what_could_not_be_forecast_is_zero_and_told():
    signal = fitted("&-roi", "&-up")
    volatility = np.array([0.004, np.nan, 0.004, np.nan, 0.004])
    frame, whole = prediction_frame(["&-roi", "&-up"], {}, signal, asked(signal, volatility))
    assert whole.tolist() == [True, False, True, False, True]
    assert (frame.loc[~whole] == 0.0).all(axis=None)
    undisturbed, _ = prediction_frame(["&-roi", "&-up"], {}, signal, asked(signal, USUAL))
    pd.testing.assert_frame_equal(frame.loc[whole], undisturbed.loc[whole])


def test_no_rows_give_an_empty_frame_with_all_columns():
    signal = fitted("&-roi")
    frame, whole = prediction_frame(["&-roi"], {}, signal, asked(signal, np.empty(0)))
    assert frame.shape == (0, 7)
    assert whole.shape == (0,)


def test_classes_get_probabilities_that_add_up_and_the_likeliest_is_the_label():
    classes = {"&way": ("down", "flat", "up")}
    signal = fitted("&way=down", "&way=flat", "&way=up")
    frame, whole = prediction_frame(["&way"], classes, signal, asked(signal, np.full(50, 0.004)))
    assert whole.all()
    assert list(frame) == ["&way", "down", "flat", "up"]
    np.testing.assert_allclose(frame[["down", "flat", "up"]].sum(axis=1), 1.0)
    assert (frame["&way"] == frame[["down", "flat", "up"]].idxmax(axis=1)).all()
    assert frame["&way"].nunique() > 1


def test_a_row_without_a_forecast_keeps_a_class_name_and_has_no_chances():
    classes = {"&way": ("down", "up")}
    signal = fitted("&way=down", "&way=up", "&-roi")
    frame, whole = prediction_frame(["&way", "&-roi"], classes, signal, asked(signal, np.array([0.004, np.nan])))
    assert whole.tolist() == [True, False]
    assert frame.loc[1, ["down", "up", "&-roi", "p_up"]].tolist() == [0.0] * 4
    assert frame.loc[1, "&way"] in ("down", "up")


def test_one_line_says_how_many_forecasts_lie_beyond_the_costs(caplog):
    caplog.set_level("INFO")
    frame = pd.DataFrame(
        {
            "do_predict": [1, 1, 1, 1, 0],
            "ev_bps": [5.0, -15.0, -45.0, -20.0, 99.0],
            "p_up": [0.6, 0.3, 0.1, 0.2, 0.9],
            "p_down": [0.1, 0.3, 0.4, 0.2, 0.0],
        }
    )
    # FreqAI's statistics of each column.
    frame = frame.assign(**{f"{name}_{kind}": 0.0 for name in ("ev_bps", "p_up", "p_down") for kind in ("mean", "std")})
    assert log_shares_beyond_costs(frame, "BTC/USDT", 20.0)
    (line,) = caplog.messages
    assert line.startswith(
        "BTC/USDT: beyond the round-trip cost of 20 bps lie, of the return: 50.0 % of the forecasts, and p_up or "
        "p_down above 0.5 in 25.0 %. Forecasts are as small as what is known"
    )
    assert "freqai_ext.signal.forecast_scale to 'raw'" in line


def test_each_of_several_returns_has_its_share(caplog):
    caplog.set_level("INFO")
    odds = {"ev_bps": [5.0], "p_up": [0.6], "p_down": [0.1]}
    others = {f"{name}_return_48": values for name, values in odds.items()}
    first = {f"{name}_return_12": [-20.0 if name == "ev_bps" else 0.1] for name in odds}
    assert log_shares_beyond_costs(pd.DataFrame({"do_predict": [1], **odds, **first, **others}), "A/USDT", 20.0)
    assert (
        "of return_12: 0.0 % of the forecasts, and p_up or p_down above 0.5 in 0.0 %; of return_48: 100.0 %"
        in (caplog.messages[0])
    )


def test_without_a_trusted_forecast_or_a_return_nothing_is_said(caplog):
    caplog.set_level("INFO")
    assert not log_shares_beyond_costs(pd.DataFrame({"do_predict": [0], "ev_bps": [1.0]}), "A/USDT", 20.0)
    assert not log_shares_beyond_costs(pd.DataFrame({"do_predict": [1], "&-x": [1.0]}), "A/USDT", 20.0)
    assert caplog.messages == []
