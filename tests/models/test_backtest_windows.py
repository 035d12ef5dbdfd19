"""FreqAI's own backtest of our models: windows and pairs that cannot be trained, and commands without a pairlist."""

import json

import numpy as np
import pandas as pd
import pytest
from freqtrade.data.dataprovider import DataProvider

from freqai_ext.replay import GeneratedMarket, MarketParameters
from freqai_ext.scaffold import init_userdir
from freqai_ext.walkforward import backtesting_config
from freqai_ext.walkforward.session import BacktestSession

PAIRS = ("BTC/USDT", "ETH/USDT")
TIMERANGE = "20250104-20250107"
MODELS = (
    "CatboostRegressor",
    "CatboostRegressorMultiTarget",
    "CatboostClassifier",
    "CatboostClassifierMultiTarget",
    "CustomRegressor",
    "CalibratedSignalModel",
    "StackedEnsembleModel",
)

STRATEGY = """
import numpy as np
from freqtrade.strategy import IStrategy


class Numbers(IStrategy):
    timeframe = "5m"
    stoploss = -0.05
    startup_candle_count = 20

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        volume = dataframe["volume"] / dataframe["volume"].rolling(period).mean()
        return dataframe.assign(**{"%-return-period": dataframe["close"].pct_change(period), "%-volume-period": volume})

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        return dataframe.assign(**{"&-return": dataframe["close"].shift(-6) / dataframe["close"] - 1})

    def populate_indicators(self, dataframe, metadata):
        return self.freqai.start(dataframe, metadata, self)

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe


class Informed(Numbers):
    def informative_pairs(self):
        return [(pair, "5m") for pair in self.dp.current_whitelist()]


class Sizes(Numbers):
    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        return dataframe.assign(**{"&-size": dataframe["close"].pct_change(6).shift(-6).abs() * 1000})


class Classes(Numbers):
    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        self.freqai.class_names = ["down", "up"]
        future = dataframe["close"].shift(-6) / dataframe["close"] - 1
        return dataframe.assign(**{"&-direction": np.where(future > 0, "up", "down")})
"""


@pytest.fixture(scope="module")
def candles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("market")
    GeneratedMarket(MarketParameters(pairs=PAIRS, days=7)).write(folder, ["5m"])
    return {pair: pd.read_feather(folder / f"{pair.replace('/', '_')}-5m.feather") for pair in PAIRS}


@pytest.fixture
def backtest(tmp_path, candles):
    """Return the frame that a strategy gets for a pair, after damage to the candles of ETH."""

    def run(model, damage=None, pair="ETH/USDT", pairlists=True, strategy=None, **ext):
        datadir, userdir = tmp_path / "data", tmp_path / "user_data"
        datadir.mkdir(exist_ok=True)
        if not userdir.exists():
            init_userdir(userdir)
        (userdir / "strategies" / "Both.py").write_text(STRATEGY)
        for name, frame in candles.items():
            damaged = damage(frame.copy()) if damage and name == "ETH/USDT" else frame
            damaged.reset_index(drop=True).to_feather(datadir / f"{name.replace('/', '_')}-5m.feather")
        config = tmp_path / "config.json"
        config.write_text(json.dumps(configuration(ext)))
        strategy = strategy or ("Classes" if "Classifier" in model else "Numbers")
        options = ["-c", config, "--userdir", userdir, "--datadir", datadir, "--strategy", strategy]
        loaded = backtesting_config([*map(str, options), "--freqaimodel", model, "--timerange", TIMERANGE])
        session = BacktestSession(loaded)
        session.strategy.ft_bot_start()
        if not pairlists:
            session.strategy.dp = DataProvider(session.config, session.strategy.dp._exchange)
        frame = session.strategy.advise_indicators(session.candles(pair), {"pair": pair})
        return frame[(frame["date"] >= "2025-01-04") & (frame["date"] < "2025-01-07")]

    return run


def configuration(ext):
    prices = {"price_side": "same", "use_order_book": False}
    features = {
        "include_timeframes": ["5m"],
        "include_corr_pairlist": [],
        "label_period_candles": 6,
        "include_shifted_candles": 0,
        "indicator_periods_candles": [6],
    }
    return {
        "trading_mode": "spot",
        "dry_run": True,
        "max_open_trades": 2,
        "stake_currency": "USDT",
        "stake_amount": 100,
        "entry_pricing": prices,
        "exit_pricing": prices,
        "exchange": {"name": "bybit", "pair_whitelist": list(PAIRS), "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList"}],
        "freqai_ext": ext,
        "freqai": {
            "enabled": True,
            "identifier": "windows",
            "train_period_days": 2,
            "backtest_period_days": 1,
            "feature_parameters": features,
            "data_split_parameters": {"test_size": 0.1, "shuffle": False},
            "model_training_parameters": {"n_estimators": 10},
        },
    }


def halted(frame):
    """Return candles whose market stands still on the second and third day: nothing can be learnt of these."""
    still = (frame["date"] >= "2025-01-01 12:00") & (frame["date"] < "2025-01-04")
    price = frame.loc[still, "close"].iloc[0]
    return frame.assign(
        **{name: frame[name].where(~still, price) for name in ("open", "high", "low", "close")},
        volume=frame["volume"].where(~still, 0.0),
    )


def trusted_by_day(frame):
    shares = (frame["do_predict"] == 1).groupby(frame["date"].dt.day).mean()
    return {day: float(share > 0.6) for day, share in shares.items()}


@pytest.mark.parametrize("model", MODELS)
def test_a_window_that_cannot_be_trained_is_named_and_the_others_go_on(backtest, model, caplog):
    found = backtest(model, halted)
    assert trusted_by_day(found) == {4: 0.0, 5: 1.0, 6: 1.0}
    assert "ETH/USDT: the candles from 2025-01-04 00:00 to 2025-01-04 23:55 have no predictions" in caplog.text
    first, later = found[found["date"].dt.day == 4], found[found["date"].dt.day > 4]
    assert not found.columns.duplicated().any()
    if "Classifier" in model:
        assert set(first["&-direction"]) == {""}
        assert set(later["&-direction"]) <= {"up", "down"}
        np.testing.assert_allclose(later["up"] + later["down"], 1.0, atol=1e-6)
    else:
        assert (first["&-return"] == 0.0).all()
    caplog.clear()
    again = backtest(model, halted)
    assert "Found backtesting prediction file" in caplog.text
    pd.testing.assert_frame_equal(again, found, check_dtype=False)


@pytest.mark.parametrize("model", MODELS)
def test_a_pair_that_is_delisted_within_the_range_keeps_its_first_windows(backtest, model):
    found = backtest(model, lambda frame: frame[frame["date"] < "2025-01-04 06:00"])
    assert trusted_by_day(found) == {4: 1.0}


@pytest.mark.parametrize("panel", [False, True], ids=["alone", "panel"])
@pytest.mark.parametrize("model", ["CatboostClassifier", "CalibratedSignalModel"])
def test_a_pair_that_is_listed_after_the_first_window_keeps_the_later_ones(backtest, model, panel, caplog):
    found = backtest(model, lambda frame: frame[frame["date"] >= "2025-01-05 12:00"], signal={"panel": panel})
    trusted = trusted_by_day(found)
    assert trusted[6] == 1.0
    assert (5 in trusted) is True
    alone = not panel or model == "CatboostClassifier"
    words = (
        "ETH/USDT: the training window from 2025-01-03 00:00:00 to 2025-01-05 00:00:00 has no candles; download older"
    )
    assert (words in caplog.text) is alone
    assert "broadcast" not in caplog.text


def test_a_pair_of_which_no_window_can_be_trained_has_the_columns_that_strategies_read(backtest):
    found = backtest("CalibratedSignalModel", lambda frame: halted(frame.assign(date=frame["date"])).assign(volume=0.0))
    expected = {"&-return", "&-return_lo", "&-return_hi", "p_up", "p_down", "ev_bps", "confidence"}
    assert expected <= set(found.columns)
    assert (found["do_predict"] == 0).all()
    assert (found[list(expected)] == 0.0).all(axis=None)


def test_a_first_window_without_a_model_gives_no_odds_of_what_is_no_return(backtest):
    found = backtest("CalibratedSignalModel", halted, strategy="Sizes")
    assert trusted_by_day(found) == {4: 0.0, 5: 1.0, 6: 1.0}
    assert {"&-size", "&-size_lo", "&-size_hi"} <= set(found.columns)
    assert not {"p_up", "ev_bps", "p_up_size"} & set(found.columns)


@pytest.mark.parametrize("model", ["CatboostRegressor", "CatboostClassifier", "CalibratedSignalModel"])
def test_candles_in_which_nobody_traded_are_not_trusted(backtest, model):
    def gap(frame):
        """Return candles with a gap of twelve hours, which Freqtrade fills."""
        return frame[(frame["date"] < "2025-01-05 06:00") | (frame["date"] >= "2025-01-05 18:00")]

    found = backtest(model, gap)
    inside = (found["date"] >= "2025-01-05 06:00") & (found["date"] < "2025-01-05 18:00")
    assert len(found) == 3 * 288
    assert (found.loc[inside, "do_predict"] == 0).all()
    assert (found.loc[found["date"] < "2025-01-05 06:00", "do_predict"] == 1).all()


@pytest.mark.parametrize("panel", [False, True], ids=["alone", "panel"])
def test_charts_have_no_pairlist_and_a_panel_takes_the_configured_pairs(backtest, panel, caplog):
    caplog.set_level("INFO")
    found = backtest("CalibratedSignalModel", pairlists=False, strategy="Informed", signal={"panel": panel})
    assert trusted_by_day(found) == {4: 1.0, 5: 1.0, 6: 1.0}
    words = "freqai_ext.signal.panel: this command has no pairlist; the panel learns from BTC/USDT, ETH/USDT"
    assert (words in caplog.text) is panel
    assert ("2 pairs together" in caplog.text) is panel
