"""A panel in Freqtrade's own commands: trained once per window, the same beforehand or on the way, blind to the future.

The pairs are three, so that one can stand first, last or between the others.
"""

import json
from dataclasses import replace
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from freqai_ext.replay import GeneratedMarket, MarketParameters, ReplayExchange, ReplaySettings
from freqai_ext.scaffold import init_userdir

pytestmark = pytest.mark.e2e

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
MODEL = "CountingSignalModel"
STRATEGY = "FreqaiHyperStrategy"
TIMERANGE = "20250110-20250113"
WINDOWS = 3
ODDS = ["&-return_12", "&-return_12_lo", "&-return_12_hi", "p_up", "p_down", "ev_bps", "confidence"]
EXT = {
    "signal": {"panel": True, "folds": 2, "round_trip_cost_bps": 0.0},
    "hyper": {"horizons": [12], "kelly_fraction": None},
}
"""Costs and stakes that let a bot trade on little."""

COUNTING = '''
from pathlib import Path

from freqai_ext.models.CalibratedSignalModel import CalibratedSignalModel


class CountingSignalModel(CalibratedSignalModel):
    """Writes down from which pairs it learns, once for each fit."""

    def fit(self, data_dictionary, dk, **kwargs):
        identifier = self.config["freqai"]["identifier"].split("/")[0]
        with (Path(self.config["user_data_dir"]) / f"fits-{identifier}.txt").open("a") as file:
            file.write(" ".join(data_dictionary["training_set"].pairs) + "\\n")
        return super().fit(data_dictionary, dk, **kwargs)
'''


@pytest.fixture(scope="module")
def trio(spot, tmp_path_factory):
    """A workplace of three pairs, with eager parameters and a model that counts its fits."""
    folder = tmp_path_factory.mktemp("trio")
    GeneratedMarket(MarketParameters(pairs=PAIRS, days=15)).write(folder / "market", ["5m", "15m", "1h"])
    userdir = init_userdir(folder / "user_data").userdir
    (userdir / "freqaimodels" / f"{MODEL}.py").write_text(COUNTING)
    eager = {"buy": {"horizon": 12, "min_probability": 0.05, "min_ev_bps": 0, "min_confidence": 0.0}}
    parameters = {"strategy_name": STRATEGY, "params": eager}
    (userdir / "strategies" / f"{STRATEGY}.json").write_text(json.dumps(parameters))
    with ReplayExchange(ReplaySettings(data=folder / "market", clock="sim")) as exchange:
        yield replace(spot, folder=folder, pairs=PAIRS, exchange=exchange)


def options(workplace, identifier, datadir=None):
    """Return the options of a command on windows of a day."""
    names = workplace.options(identifier, MODEL, STRATEGY, EXT)
    path = Path(names[names.index("-c") + 1])
    config = json.loads(path.read_text())
    config["freqai"] |= {"backtest_period_days": 1}
    path.write_text(json.dumps(config))
    return [*names, "--timerange", TIMERANGE, *(["--datadir", str(datadir)] if datadir else [])]


def walkforward(workplace, identifier, jobs=2, datadir=None):
    log = workplace.ext(
        "walkforward", "--jobs", str(jobs), *options(workplace, identifier, datadir or workplace.datadir)
    )
    count = WINDOWS * len(PAIRS)
    assert f"{count} windows: {count} trained, 0 there already, 0 failed" in log.text
    return workplace.predictions(identifier)


def backtest(workplace, identifier):
    """Return the trades of a backtest, and its log."""
    results = workplace.folder / "results" / identifier
    results.mkdir(parents=True)
    words = ["--cache", "none", "--backtest-directory", str(results)]
    log = workplace.freqtrade("backtesting", *options(workplace, identifier), *words)
    (archive,) = results.glob("*.zip")
    # Imported here: it costs seconds that collecting tests need not.
    from freqtrade.data.btanalysis import load_backtest_data

    return load_backtest_data(archive), log


def fits(workplace, identifier):
    """Return the pairs of each fit."""
    return (workplace.userdir / f"fits-{identifier}.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def direct(trio):
    """Trades and log of a backtest that trains on the way."""
    return backtest(trio, "direct")


def test_a_backtest_trains_the_panel_once_for_each_window_and_trades_on_its_odds(trio, direct):
    trades, log = direct
    assert log.complaints() == []
    assert fits(trio, "direct") == [" ".join(PAIRS)] * WINDOWS
    assert len(trades) > 3
    assert set(trades["enter_tag"]) == {"odds_up"}
    for name, window in trio.predictions("direct").items():
        assert [column for column in window if column in ODDS] == ODDS, name
        assert window["do_predict"].eq(1).all(), name
        assert window["&-return_12"].std() > 0, name


def test_windows_trained_beforehand_by_two_processes_are_the_same_to_the_bit_and_so_are_the_trades(trio, direct):
    ahead = walkforward(trio, "ahead")
    on_the_way = trio.predictions("direct")
    assert list(ahead) == list(on_the_way)
    for name, window in ahead.items():
        pd.testing.assert_frame_equal(window, on_the_way[name], check_exact=True)
    assert fits(trio, "ahead") == [" ".join(PAIRS)] * WINDOWS
    trades, log = backtest(trio, "ahead")
    assert log.complaints() == []
    assert log.text.count("Found backtesting prediction file") == WINDOWS * len(PAIRS)
    pd.testing.assert_frame_equal(trades, direct[0], check_exact=True)
    assert len(fits(trio, "ahead")) == WINDOWS


def test_the_order_of_the_whitelist_makes_no_difference_to_a_pairs_predictions(trio, direct):
    backwards = walkforward(replace(trio, pairs=PAIRS[::-1]), "backwards", jobs=1)
    for name, window in trio.predictions("direct").items():
        pd.testing.assert_frame_equal(backwards[name], window, check_exact=True)


def test_later_candles_make_no_difference_to_earlier_predictions(trio, direct, tmp_path):
    # Half an hour into the second window: its last labels, of an hour, reach beyond what was known at its training.
    border = pd.Timestamp("2025-01-11 00:30", tz="UTC")
    generator = np.random.default_rng(0)
    for path in trio.datadir.glob("*.feather"):
        candles = pd.read_feather(path)
        later = candles["date"] >= border
        wild = np.exp(np.cumsum(0.02 * generator.normal(size=later.sum())))
        for column in ("open", "high", "low", "close"):
            candles.loc[later, column] *= wild
        candles.loc[later, "volume"] *= 7.0
        candles.to_feather(tmp_path / path.name)
    changed = walkforward(trio, "changed", datadir=tmp_path)
    candle = pd.Timedelta("5min")
    compared = {"before": 0, "after": 0}
    for name, window in trio.predictions("direct").items():
        before = window["date"] + candle <= border
        pd.testing.assert_frame_equal(changed[name][before], window[before], check_exact=True)
        compared["before"] += int(before.sum())
        compared["after"] += int((changed[name]["&-return_12"][~before] != window["&-return_12"][~before]).sum())
    assert compared["before"] == 3 * (288 + 6)
    assert compared["after"] > 1000


def test_a_simulated_bot_retrains_the_panel_once_a_round_for_all_pairs(trio, direct):
    live = trio.simulate("live", MODEL, 0.06, STRATEGY, start="2025-01-13", ext=EXT)
    assert live.log.complaints() == []
    assert live.summary["failed_trainings"] == live.summary["log_errors"] == 0
    rounds = {live.log.text.count(f"{pair}: trained on 3 pairs together") for pair in PAIRS}
    assert rounds == {2}
    assert live.summary["trainings"] == 2 * len(PAIRS)
    (folder,) = (trio.userdir / "models").glob("live-sim-*")
    assert fits(trio, folder.name) == [" ".join(PAIRS)] * 2
    predicted = cloudpickle.loads((folder / "historic_predictions.pkl").read_bytes())
    assert set(predicted) == set(PAIRS)
    backtested = next(iter(trio.predictions("direct").values())).columns.drop("date")
    for pair, frame in predicted.items():
        assert set(backtested) <= set(frame), pair
        last = frame.tail(10)
        assert (last["do_predict"] == 1).all(), pair
        assert last[ODDS].notna().all(axis=None), pair
        assert (last["&-return_12_lo"] < last["&-return_12_hi"]).all(), pair
        assert last["p_up"].between(0.01, 0.99).all(), pair
    kept = {path.name.split("_")[1] for path in folder.glob("sub-train-*/*_intervals.json")}
    assert kept == {"btc", "eth", "sol"}
