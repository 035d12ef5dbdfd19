"""Which targets get odds: returns, declared or by what they are on generated candles, the same in every window."""

import logging

import numpy as np
import pandas as pd
import pytest
import talib.abstract as ta

from freqai_ext.checks._workbench import PAIR, Workbench, example_frame
from freqai_ext.models._return_targets import ReturnTargets
from freqai_ext.models._target_trial import generated_candles, try_targets
from freqai_ext.models.CalibratedSignalModel import CalibratedSignalModel
from freqai_ext.signals.return_check import check_return

N = 12
LINEAR = {"backend": "linear", "folds": 2}


def forward(d, candles=N):
    return d["close"].shift(-candles) / d["close"] - 1


RETURNS = {
    "simple": forward,
    "logarithm": lambda d: np.log(d["close"].shift(-N) / d["close"]),
    "mean of the next closes": lambda d: d["close"].shift(-N).rolling(N).mean() / d["close"] - 1,
    "mean of logarithms": lambda d: np.log(d["close"]).shift(-N).rolling(N).mean() - np.log(d["close"]),
    "longer than the label period": lambda d: forward(d, 60),
    "of one candle": lambda d: forward(d, 1),
    "from the next open": lambda d: d["close"].shift(-N) / d["open"].shift(-1) - 1,
    "from open to open": lambda d: d["open"].shift(-N - 1) / d["open"].shift(-1) - 1,
    "with a filled end": lambda d: forward(d).fillna(0.0),
    "of the average traded price": lambda d: (
        (d["close"] * d["volume"]).rolling(N).sum().shift(-N) / d["volume"].rolling(N).sum().shift(-N) / d["close"] - 1
    ),
}
OTHERS = {
    "score": lambda d: (500 * forward(d)).clip(-5, 5),
    "score of small size": lambda d: np.tanh(100 * forward(d)) / 50,
    "volume": lambda d: d["volume"].shift(-N),
    "share of volume": lambda d: d["volume"].shift(-N) / d["volume"] - 1,
    "price": lambda d: d["close"].shift(-N),
    "difference of prices": lambda d: d["close"].shift(-N) - d["close"],
    "ratio of prices": lambda d: d["close"].shift(-N) / d["close"],
    "percent": lambda d: 100 * forward(d),
    "basis points": lambda d: 1e4 * forward(d),
    "highest high": lambda d: d["high"].rolling(N).max().shift(-N) / d["close"] - 1,
    "lowest low": lambda d: d["low"].rolling(N).min().shift(-N) / d["close"] - 1,
    "high at the end": lambda d: d["high"].shift(-N) / d["close"] - 1,
    "mean of highs": lambda d: d["high"].rolling(N).mean().shift(-N) / d["close"] - 1,
    "range": lambda d: d["high"].rolling(N).max().shift(-N) / d["low"].rolling(N).min().shift(-N) - 1,
    "volatility": lambda d: d["close"].pct_change().rolling(N).std().shift(-N),
    "size": lambda d: forward(d).abs(),
    "scaled by volatility": lambda d: forward(d) / d["close"].pct_change().rolling(50).std(),
    "rank": lambda d: forward(d).rank(pct=True),
    "of a short": lambda d: -forward(d),
    "of three times the leverage": lambda d: 3 * forward(d),
    "of the past": lambda d: d["close"].pct_change(N),
    "RSI": lambda d: ta.RSI(d, timeperiod=14).shift(-N),
    "net of costs": lambda d: forward(d) - 0.002,
    "one value": lambda d: 0.0 * d["close"],
    "sign": lambda d: 0.01 * np.sign(forward(d)),
}


@pytest.mark.parametrize("name", RETURNS)
def test_returns_pass(name):
    candles = generated_candles("5m", 2000)
    assert check_return(RETURNS[name](candles), candles, 61).is_return


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_return_does_not_pass(name):
    candles = generated_candles("5m", 2000)
    check = check_return(OTHERS[name](candles), candles, 61)
    assert not check.is_return
    assert check.reason


def test_the_reason_says_how_a_label_differs_from_a_return():
    candles = generated_candles("5m", 2000)
    reasons = {name: check_return(OTHERS[name](candles), candles, 24).reason for name in OTHERS}
    over = "the return of the close over the next 12 candles"
    assert reasons["percent"] == f"it moves 100 times as much as {over}, and a return is a ratio"
    assert reasons["ratio of prices"] == f"it is 1 where {over} is 0"
    assert reasons["one value"] == "it takes only one value"
    assert reasons["volume"].startswith(
        "its correlation with the returns of the close over the next 1 to 24 candles is at most 0.0"
    )


class Strategy:
    """Sets the targets that it is given."""

    def __init__(self, **targets):
        self.targets = targets

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        return dataframe.assign(**{name: make(dataframe) for name, make in self.targets.items()})


def market(seed, rows=1000):
    """Return candles in which nothing moves by more than a hundredth of a percent, whatever the label makes of it."""
    generator = np.random.default_rng(seed)
    close = 1.0 * np.exp(np.cumsum(1e-5 * generator.normal(size=rows)))
    dates = pd.date_range("2025-01-01", periods=rows, freq="5min", tz="UTC")
    return pd.DataFrame(
        {"date": dates, "open": close, "high": close, "low": close, "close": close, "volume": 1.0, "%-atr": 0.01}
    )


def decide(strategy, frame, named="auto", declared=()):
    labelled = strategy.set_freqai_targets(frame, {"pair": PAIR})
    labels = [name for name in labelled if "&" in name]
    returns = ReturnTargets(named, N)
    return returns.among(labels, declared, labelled, lambda: try_targets(strategy, PAIR, labelled, "5m", N))


def test_the_decision_does_not_depend_on_the_market():
    # In candles this calm a clipped return is a return, and a difference of prices around 1 is one, too.
    strategy = Strategy(
        **{
            "&-clipped": lambda d: forward(d).clip(-0.01, 0.01),
            "&-difference": OTHERS["difference of prices"],
            "&-roi": forward,
        }
    )
    assert check_return(strategy.targets["&-clipped"](market(0)), market(0), N).is_return
    assert check_return(strategy.targets["&-difference"](market(0)), market(0), N).is_return
    assert {decide(strategy, market(seed)) for seed in range(4)} == {("&-roi",)}


def test_targets_that_need_features_are_tried_with_them():
    targets = {"&-roi": lambda d: forward(d) + 0 * d["%-atr"], "&-units": lambda d: forward(d) / d["%-atr"]}
    strategy = Strategy(**targets)
    assert decide(strategy, market(0)) == ("&-roi",)


def test_targets_that_cannot_be_tried_are_no_returns_and_the_log_says_why(caplog):
    caplog.set_level(logging.INFO)
    strategy = Strategy(**{"&-roi": forward})
    labelled = strategy.set_freqai_targets(market(0), {})
    broken = Strategy(**{"&-roi": lambda d: d["elsewhere"]})
    tried = try_targets(broken, PAIR, labelled, "5m", N)
    assert ReturnTargets("auto", N).among(["&-roi"], (), labelled, lambda: tried) == ()
    assert caplog.messages == [
        "&-roi is no return: set_freqai_targets cannot be tried on generated candles (KeyError: 'elsewhere'). It gets "
        "an interval, but no odds and no expected value; name it in freqai_ext.signal.return_targets if it is one."
    ]


def test_one_line_names_each_target_that_gets_no_odds_once(caplog):
    caplog.set_level(logging.INFO)
    strategy = Strategy(
        **{"&-score": OTHERS["score"], "&-roi": forward, "&-up": lambda d: (forward(d) > 0).astype(float)}
    )
    frame = strategy.set_freqai_targets(market(0), {})
    returns = ReturnTargets("auto", N)
    for _ in range(3):
        found = returns.among(
            ["&-score", "&-roi", "&-up"], (), frame, lambda: try_targets(strategy, PAIR, frame, "5m", N)
        )
    assert found == ("&-roi",)
    (line,) = caplog.messages
    assert line.startswith("&-score is no return: its correlation")


def test_declared_targets_are_taken_at_their_word():
    strategy = Strategy(**{"&-units": lambda d: forward(d) / d["%-atr"], "&-score": OTHERS["score"]})
    assert decide(strategy, market(0), declared=["&-units"]) == ("&-units",)
    assert decide(strategy, market(0), named=("&-score",)) == ("&-score",)


def bench_of(folder):
    freqai = {"model_training_parameters": {}, "freqai_ext": {"signal": LINEAR}}
    return Workbench(CalibratedSignalModel, folder, freqai, declares_returns=False)


def test_only_returns_have_odds_among_the_columns_of_a_model(tmp_path):
    bench = bench_of(tmp_path)
    frame = example_frame(CalibratedSignalModel).drop(columns=["&-roi", "&-buy"])
    strategy = Strategy(**{"&-score": OTHERS["score"], "&-roi": forward, "&-volume": OTHERS["volume"]})
    bench.model._strategy = strategy
    labelled = strategy.set_freqai_targets(frame, {})
    found = bench.train(labelled).predict(labelled.tail(20)).frame
    intervals = [f"{label}{end}" for label in strategy.targets for end in ("", "_lo", "_hi")]
    assert list(found) == [*intervals, "p_up", "p_down", "ev_bps", "confidence"]
    np.testing.assert_allclose(found["ev_bps"], 1e4 * found["&-roi"] - 20.0)


def test_a_model_without_returns_has_intervals_only(tmp_path):
    bench = bench_of(tmp_path)
    frame = example_frame(CalibratedSignalModel).drop(columns=["&-roi", "&-buy"])
    strategy = Strategy(**{"&-score": OTHERS["score"]})
    bench.model._strategy = strategy
    labelled = strategy.set_freqai_targets(frame, {})
    assert list(bench.train(labelled).predict(labelled.tail(20)).frame) == ["&-score", "&-score_lo", "&-score_hi"]


def test_a_return_that_rests_for_a_whole_window_keeps_its_columns(tmp_path):
    bench = bench_of(tmp_path)
    frame = example_frame(CalibratedSignalModel).drop(columns=["&-roi", "&-buy"]).assign(close=100.0)
    strategy = Strategy(**{"&-roi": forward})
    bench.model._strategy = strategy
    labelled = strategy.set_freqai_targets(frame, {})
    found = bench.train(labelled).predict(labelled.tail(20)).frame
    assert list(found) == ["&-roi", "&-roi_lo", "&-roi_hi", "p_up", "p_down", "ev_bps", "confidence"]
