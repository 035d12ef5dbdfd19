"""Freqtrade's own commands with our strategy and models: what a user runs, on a small generated market."""

import re

import pandas as pd
import pytest

pytestmark = pytest.mark.e2e

MODELS = {
    "CatboostRegressor": "&-roi",
    "CatboostClassifier": "up",
    "CatboostRegressorMultiTarget": "&-roi",
    "CatboostClassifierMultiTarget": "buy_yes",
    "CustomRegressor": "&-roi",
}
"""Each model with a column that it predicts."""

ONE_WINDOW = "20250113-20250115"


def follows_from_predictions(column):
    """Return whether a column of the analysed candles is a prediction or computed from one.

    FreqAI leaves the last candle of a range without a prediction, so where Freqtrade's analyses cut the range these
    columns differ at the cut; that is no look-ahead.
    """
    own = {"do_predict", "expected_return", "stoploss_risk", "enter_long", "enter_tag", "exit_long", "exit_tag"}
    return column.startswith("&") or column in own


def test_freqtrade_lists_the_strategy_and_the_models(spot):
    listed = spot.freqtrade("list-strategies", "--userdir", str(spot.userdir))
    assert re.search(r"FreqAIExampleStrategy │ +FreqAIExampleStrategy\.py │ +OK ", listed.text)
    listed = spot.freqtrade("list-freqaimodels", "--userdir", str(spot.userdir))
    for model in MODELS:
        assert re.search(rf"{model} │ +{model}\.py │ +OK ", listed.text), model
    assert listed.complaints() == []


@pytest.mark.parametrize(("model", "column"), MODELS.items())
def test_a_backtest_trades_on_the_predictions_of_each_model(spot, model, column):
    trades, log = spot.backtest(model, model, "20250113-20250117")
    assert log.complaints() == []
    assert len(trades) > 0
    assert {trade["enter_tag"] for trade in trades} == {"expected_rise"}
    windows = spot.predictions(model)
    assert len(windows) == 4
    for name, window in windows.items():
        assert window[column].std() > 0, name
        assert window["do_predict"].eq(1).mean() > 0.5, name


def test_hyperopt_tries_five_sets_of_parameters(spot):
    words = ["--spaces", "all", "-j", "1", "-e", "5", "--hyperopt-loss", "SharpeHyperOptLoss"]
    words += ["--random-state", "1", "--disable-param-export", "--timerange", ONE_WINDOW]
    log = spot.freqtrade("hyperopt", *spot.options("hyperopt", "CatboostRegressor"), *words)
    assert log.complaints() == []
    assert re.search(r"Best result:\n\n\* +[1-5]/5: +[1-9]\d* trades", log.text)
    for parameter in ("entry_expected_return", "exit_after_horizons", "protect_cooldown_candles"):
        assert f'"{parameter}": ' in log.text
    for parameter in ("minimal_roi", "stoploss", "trailing_stop"):
        assert f"{parameter} = " in log.text
    (results,) = (spot.userdir / "hyperopt_results").glob("*.fthypt")
    assert len(results.read_text().splitlines()) == 5


def lookahead_analysis(spot, strategy):
    table = spot.folder / f"{strategy}.csv"
    words = ["--timerange", ONE_WINDOW, "--targeted-trade-amount", "8", "--minimum-trade-amount", "5"]
    words += ["--lookahead-analysis-exportfilename", str(table)]
    log = spot.freqtrade(
        "lookahead-analysis", *spot.options(f"lookahead-{strategy}", "CatboostRegressor", strategy), *words
    )
    assert log.complaints() == []
    (row,) = pd.read_csv(table).to_dict("records")
    assert row["total_signals"] > 5
    return row, row["biased_indicators"].split(",")


def test_lookahead_analysis_finds_no_bias_in_signals_or_own_indicators(spot):
    row, biased = lookahead_analysis(spot, "FreqAIExampleStrategy")
    assert row["biased_entry_signals"] == row["biased_exit_signals"] == 0
    assert [column for column in biased if not follows_from_predictions(column)] == []


def test_lookahead_analysis_finds_a_planted_leak(spot):
    _, biased = lookahead_analysis(spot, "LeakingStrategy")
    assert [column for column in biased if not follows_from_predictions(column)] == ["leak"]


def recursive_analysis(spot, strategy):
    words = ["--timerange", ONE_WINDOW]
    log = spot.freqtrade(
        "recursive-analysis", *spot.options(f"recursive-{strategy}", "CatboostRegressor", strategy), *words
    )
    assert log.complaints() == []
    leaking = re.findall(r"found lookahead in indicator (\S+)", log.text)
    return log.text, [column for column in leaking if not follows_from_predictions(column)]


def test_recursive_analysis_finds_no_variance_and_no_lookahead_in_own_indicators(spot):
    text, leaking = recursive_analysis(spot, "FreqAIExampleStrategy")
    assert "No variance on indicator(s) found due to recursive formula." in text
    assert leaking == []


def test_recursive_analysis_finds_planted_recursion_and_leak(spot):
    text, leaking = recursive_analysis(spot, "LeakingStrategy")
    assert "No variance" not in text
    assert re.search(r"│ +endless │.*%", text)
    assert leaking == ["leak"]


def test_a_backtest_on_futures_goes_long_and_short_with_leverage(futures):
    trades, log = futures.backtest("futures", "CatboostRegressor", ONE_WINDOW, {"strategy": {"leverage": 2.0}})
    assert log.complaints() == []
    assert {trade["is_short"] for trade in trades} == {False, True}
    assert {trade["leverage"] for trade in trades} == {2.0}
    assert {(trade["is_short"], trade["enter_tag"]) for trade in trades} == {
        (False, "expected_rise"),
        (True, "expected_fall"),
    }
