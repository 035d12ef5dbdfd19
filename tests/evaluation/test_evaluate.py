"""An evaluation from walk-forward to scores, on a small market."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from freqtrade.data.history import load_pair_history

from freqai_ext.errors import MarketDataError
from freqai_ext.evaluation import EvaluationOptions, evaluate
from freqai_ext.evaluation.forecasts import collect_forecasts
from freqai_ext.evaluation.progress import WindowCount
from freqai_ext.evaluation.run import load_entrants
from freqai_ext.evaluation.scoring import score_contender
from freqai_ext.walkforward import pair_windows

OPTIONS = EvaluationOptions(samples=20, block_hours=6, decay_horizons_candles=(1, 6))


class Watcher:
    def __init__(self):
        self.seen = []

    def training(self, entrant, number, total):
        self.seen.append((entrant.contender.label, number, total, WindowCount(entrant).done()))

    def trained(self, entrant, report):
        self.seen.append((entrant.contender.label, report.trained, report.skipped, len(report.failures)))

    def scoring(self):
        self.seen.append("scoring")


@pytest.fixture(scope="module")
def shared(make_place, tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def evaluation(shared):
    return evaluate(shared.entrants("OddsModel", "ForestModel", "FailingModel", "HopelessModel"), OPTIONS, jobs=1)


def contender(evaluation, label):
    return next(each for each in evaluation.contenders if each.label == label)


def test_scores_are_those_of_the_forecasts_and_what_happened(shared, evaluation):
    (entrant,) = load_entrants(shared.entrants("ForestModel"))
    forecasts = collect_forecasts(entrant.config, (1, 6))
    close = shared_candles(shared)
    joined = forecasts.rows[forecasts.rows["pair"] == "BTC/USDT"].merge(close, on="date", validate="1:1")
    outcome = joined["later"] / joined["close"] - 1
    known = outcome.notna()
    expected = joined["&-return"][known].corr(outcome[known], method="spearman")
    scores = contender(evaluation, "ForestModel").target("&-return").number
    cell = next(cell for cell in scores.cells if cell.pair == "BTC/USDT" and cell.month is None)
    assert cell.rank_ic.value == pytest.approx(expected)
    assert cell.rank_ic.lower < expected < cell.rank_ic.upper
    assert scores.decay[1].rank_ic.value == pytest.approx(scores.pooled.rank_ic.value)


def shared_candles(place):
    candles = load_pair_history("BTC/USDT", "5m", place.datadir)
    end = candles["date"].searchsorted(pd.Timestamp("2025-01-07", tz="UTC"), side="right")
    candles = candles.iloc[:end]
    return candles[["date", "close"]].assign(later=candles["close"].shift(-6))


def test_odds_intervals_and_bets_are_scored_where_a_model_gives_them(evaluation):
    scores = contender(evaluation, "OddsModel").target("&-return")
    assert [(odds.event, odds.meaning) for odds in scores.odds] == [
        ("p_up", "&-return above 20 bps"),
        ("p_down", "&-return below -20 bps"),
    ]
    assert [bets.rule for bets in scores.number.bets] == ["forecast", "ev_bps"]
    assert scores.coverage.nominal == 0.8
    assert scores.coverage.mean_width == pytest.approx(0.02)
    plain = contender(evaluation, "ForestModel").target("&-return")
    assert (plain.odds, plain.coverage) == ((), None)


def test_untrusted_rows_are_counted_and_dropped_on_request(shared, evaluation):
    every = contender(evaluation, "OddsModel")
    assert every.trusted_share == pytest.approx(0.9, abs=0.01)
    (entrant,) = load_entrants(shared.entrants("OddsModel"))
    forecasts = collect_forecasts(entrant.config, (1, 6))
    (trusted,) = score_contender(forecasts, None, entrant.config, replace(OPTIONS, trusted_only=True))
    (all_rows,) = score_contender(forecasts, None, entrant.config, OPTIONS)
    assert trusted.rows == pytest.approx(0.9 * all_rows.rows, rel=0.01)
    assert trusted.odds[0].rows == trusted.coverage.rows == trusted.rows


def test_a_failed_window_is_missing_and_the_rest_is_scored(evaluation):
    failing = contender(evaluation, "FailingModel")
    assert [(each.window, each.error) for each in failing.missing] == [
        ("ETH/USDT 2025-01-05 00:00 to 2025-01-06 00:00", "ArithmeticError: the sums do not <add> up")
    ]
    assert (failing.windows, failing.error, failing.rows) == (6, "", 5 * 288)
    assert failing.has_scores


def test_a_model_without_any_window_has_the_reason(evaluation):
    hopeless = contender(evaluation, "HopelessModel")
    assert not hopeless.has_scores
    assert (len(hopeless.missing), hopeless.error) == (6, "no window has predictions")
    assert hopeless.importance is hopeless.trainings is None


def test_the_others_are_compared_with_the_baseline_on_the_rows_of_both(evaluation):
    assert evaluation.baseline == "OddsModel"
    assert contender(evaluation, "OddsModel").target("&-return").difference is None
    difference = contender(evaluation, "FailingModel").target("&-return").difference
    # The same model but for the missing window.
    assert difference.rank_ic.rows <= 5 * 288
    assert difference.rank_ic.value == pytest.approx(0.0)


def test_trainings_and_importance_are_reported(evaluation):
    forest = contender(evaluation, "ForestModel")
    assert forest.trainings.recorded == forest.importance.trainings == 6
    assert [step.step for step in forest.trainings.steps[:3]] == ["missing values", "left out by the model", "const"]
    assert forest.trainings.steps[2].columns >= 1
    assert len(forest.importance.windows) == 4
    assert contender(evaluation, "OddsModel").importance is None


def test_the_document_is_json_without_nan(evaluation):
    document = json.loads(json.dumps(evaluation.as_dict(), allow_nan=False))
    assert (document["schema"], document["version"]) == ("freqai-ext/evaluation", 2)
    assert document["pairs"] == ["BTC/USDT", "ETH/USDT"]
    assert document["contenders"][3]["trusted_share"] is None
    assert document["options"]["samples"] == 20


def test_a_second_run_trains_nothing_and_gives_the_same_scores(shared, evaluation):
    watcher = Watcher()
    models = ("OddsModel", "ForestModel", "FailingModel")
    again = evaluate(shared.entrants(*models), OPTIONS, jobs=1, observer=watcher)
    assert watcher.seen == [
        ("OddsModel", 1, 3, 6),
        ("OddsModel", 0, 6, 0),
        ("ForestModel", 2, 3, 6),
        ("ForestModel", 0, 6, 0),
        ("FailingModel", 3, 3, 5),
        ("FailingModel", 0, 5, 1),
        "scoring",
    ]
    assert again.contenders[1].targets == contender(evaluation, "ForestModel").targets
    assert again.contenders[1].trainings == contender(evaluation, "ForestModel").trainings


def test_all_are_scored_on_the_windows_that_all_have(shared, evaluation):
    odds, failing = contender(evaluation, "OddsModel"), contender(evaluation, "FailingModel")
    assert (odds.rows, failing.rows, evaluation.scored_rows) == (6 * 288, 5 * 288, 5 * 288)
    # The two forecast the same but for the missing window, so no score may differ.
    assert odds.target("&-return").number.cells == failing.target("&-return").number.cells
    assert list(odds.left_out(evaluation.scored_rows)) == [
        "288 forecasts are left out, of pairs and times that another model lacks"
    ]
    assert list(failing.left_out(evaluation.scored_rows)) == []


def test_a_model_with_few_windows_gets_no_scores_and_costs_the_others_nothing(shared):
    result = evaluate(shared.entrants("RidgeModel", "MostlyFailingModel"), OPTIONS, jobs=1)
    ridge, failing = result.contenders
    assert (ridge.target("&-return").number.pooled.rank_ic.rows > 5 * 288, result.scored_rows) == (True, 6 * 288)
    assert not failing.has_scores
    assert failing.error.startswith("has forecast 288 candles where another model has 1728; ")


def test_candles_without_trades_are_not_scored(make_place, tmp_path, datadir):
    import shutil

    place = make_place(tmp_path)
    place.datadir = tmp_path / "data"
    shutil.copytree(datadir, place.datadir)
    path = next(place.datadir.rglob("ETH_USDT-5m.feather"))
    candles = pd.read_feather(path)
    halt = (candles["date"] >= "2025-01-05 06:00") & (candles["date"] < "2025-01-05 18:00")
    last = candles.loc[halt, "close"].iloc[0]
    candles.loc[halt, ["open", "high", "low", "close", "volume"]] = [last, last, last, last, 0.0]
    candles.to_feather(path)
    (result,) = evaluate(place.entrants("RidgeModel"), OPTIONS, jobs=1).contenders
    # Half a day, and the six candles before it whose outcome lies in it.
    assert (result.untraded_rows, result.rows) == (144 + 6, 6 * 288 - 150)
    assert list(result.left_out(result.rows)) == ["150 forecasts of candles without trades are left out"]


def test_a_target_made_of_features_is_found(place):
    (entrant,) = load_entrants(place.entrants("RidgeModel", strategy="FeatureTargetStrategy"))
    forecasts = collect_forecasts(entrant.config, (1,))
    assert forecasts.rows.empty
    result = evaluate(place.entrants("RidgeModel", strategy="FeatureTargetStrategy"), OPTIONS, jobs=1)
    assert result.contenders[0].target("&-return").rows > 1000


def test_a_classifier_is_scored_by_its_probabilities(place):
    entrants = place.entrants("XGBoostClassifier", strategy="DirectionStrategy")
    entrants[0].config["freqai"]["model_training_parameters"] = {"n_estimators": 5, "n_jobs": 1}
    result = evaluate(entrants, OPTIONS, jobs=1)
    scores = result.contenders[0].target("&-direction")
    assert [(odds.event, odds.meaning) for odds in scores.odds] == [
        ("down", "&-direction is down"),
        ("up", "&-direction is up"),
    ]
    assert scores.odds[0].brier == pytest.approx(scores.odds[1].brier)
    assert scores.number is None
    assert scores.rows == scores.odds[0].rows


def test_a_strategy_without_targets_is_named(place):
    strategy = place.userdir / "strategies" / "Small.py"
    strategy.write_text(strategy.read_text().replace('"&-return"', '"return"'))
    (entrant,) = load_entrants(place.entrants("RidgeModel"))
    with pytest.raises(MarketDataError, match="strategy SmallStrategy: set_freqai_targets sets no column that starts"):
        collect_forecasts(entrant.config, (1,))


def test_progress_counts_windows_with_predictions(shared, evaluation):
    (entrant,) = load_entrants(shared.entrants("FailingModel"))
    count = WindowCount(entrant)
    assert (count.done(), count.total) == (5, 2 * len(pair_windows(entrant.config, "BTC/USDT")))
