"""The sidecar strategy beside a reference Guardian; FreqAI is a small stand-in that writes odds."""

import json
import logging
import threading
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.flatten import FeatureRow
from freqai_ext.guardian.sandbox import Fault, Sandbox, SandboxSettings
from freqai_ext.guardian.schema import SCHEMA
from freqai_ext.strategies.FreqAIExampleStrategy import FreqAIExampleStrategy
from freqai_ext.strategies.guardian import GuardianMixin
from freqai_ext.strategies.GuardianSidecarStrategy import GuardianSidecarStrategy
from tests.services.timing import LoopCost

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
ODDS = {
    "BTC/USDT": {"p_up": 0.55, "ev_bps": 14.0, "confidence": 0.3},
    "ETH/USDT": {"p_up": 0.31, "ev_bps": -6.0, "confidence": 0.1},
    "SOL/USDT": {"p_up": 0.47, "ev_bps": 0.0, "confidence": 0.0},
}


class Model:
    """Writes odds of a return over 12 candles into the newest row."""

    def __init__(self):
        self.odds = {pair: dict(odds) for pair, odds in ODDS.items()}
        self.do_predict = dict.fromkeys(PAIRS, 1)
        self.dd = SimpleNamespace(
            pair_dict={pair: {"trained_timestamp": int(time.time()) - 3_600} for pair in PAIRS},
            get_pair_dict_info=lambda pair: ("", 0),
            historic_data={},
            history_lock=threading.Lock(),
        )
        self.shut_down = False

    def start(self, dataframe, metadata, strategy):
        pair = metadata["pair"]
        return dataframe.assign(**{"&-return_12": 0.001}, **self.odds[pair], do_predict=self.do_predict[pair])

    def train(self, unfiltered_df, pair, dk):
        return unfiltered_df

    def shutdown(self):
        self.shut_down = True


class Provider:
    def __init__(self, pairs):
        self.pairs = list(pairs)

    def current_whitelist(self):
        return list(self.pairs)

    def get_pair_dataframe(self, pair, timeframe):
        return pd.DataFrame(columns=["date", "close"])


@pytest.fixture(scope="module")
def guardian():
    with Sandbox(SandboxSettings(network="mainnet")) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _healthy(guardian):
    yield
    guardian.remove_faults()
    guardian.change(network="mainnet", token=None)


@pytest.fixture
def make(guardian, tmp_path, make_config):
    """Return a strategy that talks to the sandbox; its bot ends with the test."""
    made = []

    def make_strategy(
        strategy_class=GuardianSidecarStrategy, runmode=RunMode.DRY_RUN, pairs=PAIRS, top=None, **settings
    ):
        address = {"url": guardian.url, "database": str(tmp_path / "guardian.sqlite")}
        ext = {"hyper": {"horizons": [12]}, "guardian": {**address, "timeout_s": 1.0, **settings}}
        config = make_config(**ext) | {"user_data_dir": tmp_path, "runmode": runmode, "dry_run": True} | (top or {})
        config["freqai"] |= {"enabled": True, "identifier": "test", "train_period_days": 10}
        strategy = strategy_class(config)
        strategy.dp, strategy.freqai = Provider(pairs), Model()
        made.append(strategy)
        return strategy

    yield make_strategy
    for strategy in made:
        strategy.ft_bot_cleanup()


@pytest.fixture
def newest_candles(make_candles):
    """Return candles of which the last has just closed."""

    def candles(rows=30):
        close = pd.Timestamp.now(tz="UTC").floor("5min")
        return make_candles(rows).assign(
            date=pd.date_range(end=close - pd.Timedelta("5min"), periods=rows, freq="5min")
        )

    return candles


def analyse(strategy, candles, pairs=PAIRS):
    for pair in pairs:
        strategy.analyze_ticker(candles, {"pair": pair})


def stored(guardian):
    return {name: (pair["probability"], pair["ev_bps"]) for name, pair in guardian.state()["stored"]["pairs"].items()}


def wait_for(condition, seconds=8.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_the_whole_universe_is_told_when_the_last_pair_is_analysed(make, guardian, newest_candles):
    strategy = make()
    strategy.bot_start()
    analyse(strategy, newest_candles(), PAIRS[:2])
    before = guardian.state()["pushes"]
    time.sleep(0.1)
    assert guardian.state()["pushes"] == before
    analyse(strategy, newest_candles(), PAIRS[2:])
    assert wait_for(lambda: len(stored(guardian)) == 3)
    assert stored(guardian) == {"BTCUSDT": (0.55, 14.0), "ETHUSDT": (0.31, -6.0), "SOLUSDT": (0.47, -1e-6)}


def test_pairs_that_come_alone_are_told_at_the_next_round_of_the_bot(make, guardian, newest_candles):
    strategy = make(policy={"min_trusted_share": 0.3})
    strategy.bot_start()
    analyse(strategy, newest_candles(), PAIRS[:1])
    strategy.bot_loop_start(pd.Timestamp.now(tz="UTC"))
    assert wait_for(lambda: len(stored(guardian)) == 3)
    probability, ev_bps = stored(guardian)["ETHUSDT"]
    assert stored(guardian)["BTCUSDT"] == (0.55, 14.0)
    assert 0.42 < probability < 0.52
    assert ev_bps == -1e-6


def test_without_a_pair_in_the_whitelist_nothing_is_told_until_there_is_one(make, guardian, newest_candles, caplog):
    strategy = make(policy={"no_model": "neutral", "min_trusted_share": 0.3})
    strategy.bot_start()
    analyse(strategy, newest_candles())
    assert wait_for(lambda: len(stored(guardian)) == 3)
    strategy.dp.pairs.clear()
    analyse(strategy, newest_candles(), PAIRS[:1])
    strategy.bot_loop_start(pd.Timestamp.now(tz="UTC"))
    time.sleep(0.5)
    assert len(stored(guardian)) == 3
    assert "No pair of the whitelist" not in caplog.text
    strategy.dp.pairs.append("ETH/USDT")
    strategy.bot_loop_start(pd.Timestamp.now(tz="UTC"))
    assert wait_for(lambda: set(stored(guardian)) == {"ETHUSDT"})


@pytest.mark.parametrize("hook", ["populate_indicators", "populate_entry_trend", "populate_exit_trend"])
def test_a_pair_whose_analysis_fails_has_no_forecast_though_the_model_gave_one(make, guardian, newest_candles, hook):
    class Failing(GuardianSidecarStrategy):
        failing = ()

        def analyze_ticker(self, dataframe, metadata):
            if metadata["pair"] in self.failing:
                setattr(self, hook, self.fail)
            return super().analyze_ticker(dataframe, metadata)

        def fail(self, dataframe, metadata):
            delattr(self, hook)
            raise ValueError("of the strategy's own")

    strategy = make(Failing)
    strategy.bot_start()
    analyse(strategy, newest_candles())
    assert wait_for(lambda: stored(guardian).get("BTCUSDT") == (0.55, 14.0))
    strategy.failing = ("BTC/USDT",)
    with pytest.raises(ValueError, match="of the strategy's own"):
        analyse(strategy, newest_candles(), ("BTC/USDT",))
    strategy.bot_loop_start(pd.Timestamp.now(tz="UTC"))
    assert wait_for(lambda: stored(guardian)["BTCUSDT"][1] == -1e-6)
    assert stored(guardian)["ETHUSDT"] == (0.31, -6.0)
    strategy.failing = PAIRS
    for pair in PAIRS:
        with pytest.raises(ValueError, match="of the strategy's own"):
            analyse(strategy, newest_candles(), (pair,))
    strategy.bot_loop_start(pd.Timestamp.now(tz="UTC"))
    assert wait_for(lambda: stored(guardian) == {})


def test_an_analysis_that_freqtrade_discards_gives_no_forecast(make, guardian, newest_candles):
    class Shortening(GuardianSidecarStrategy):
        def populate_exit_trend(self, dataframe, metadata):
            return dataframe.iloc[:-1]

    strategy = make(Shortening, policy={"no_model": "neutral"})
    strategy.bot_start()
    analyse(strategy, newest_candles())
    assert wait_for(lambda: len(stored(guardian)) == 3)
    assert {ev_bps for _, ev_bps in stored(guardian).values()} == {-1e-6}


def test_a_pair_that_leaves_the_whitelist_is_taken_back_in_the_same_round(make, guardian, newest_candles):
    strategy = make()
    strategy.bot_start()
    analyse(strategy, newest_candles())
    assert wait_for(lambda: len(stored(guardian)) == 3)
    strategy.dp.pairs.remove("BTC/USDT")
    strategy.bot_loop_start(pd.Timestamp.now(tz="UTC"))
    assert wait_for(lambda: set(stored(guardian)) == {"ETHUSDT", "SOLUSDT"})
    strategy.dp.pairs.append("BTC/USDT")
    strategy.bot_loop_start(pd.Timestamp.now(tz="UTC"))
    assert wait_for(lambda: stored(guardian).get("BTCUSDT") == (0.55, 14.0))


def test_a_candle_that_is_analysed_in_every_round_is_sent_once(make, guardian, newest_candles):
    strategy, candles = make(), newest_candles()
    strategy.freqai.do_predict["SOL/USDT"] = 0
    strategy.bot_start()
    analyse(strategy, candles)
    assert wait_for(lambda: len(stored(guardian)) == 3)
    pushes = guardian.state()["pushes"]
    for _ in range(3):
        strategy.freqai.odds["SOL/USDT"] = {"p_up": np.nan, "ev_bps": np.nan, "confidence": np.nan}
        strategy.bot_loop_start(pd.Timestamp.now(tz="UTC"))
        analyse(strategy, candles)
        time.sleep(0.3)
    assert guardian.state()["pushes"] == pushes


def test_a_pair_that_the_model_does_not_stand_by_is_neutral(make, guardian, newest_candles):
    strategy = make()
    strategy.freqai.do_predict["BTC/USDT"] = 0
    strategy.bot_start()
    analyse(strategy, newest_candles())
    assert wait_for(lambda: "BTCUSDT" in stored(guardian) and stored(guardian)["BTCUSDT"][1] == -1e-6)
    assert stored(guardian)["ETHUSDT"] == (0.31, -6.0)


def test_guardian_is_on_its_own_again_when_the_bot_ends(make, guardian, newest_candles):
    strategy = make()
    strategy.bot_start()
    analyse(strategy, newest_candles())
    assert wait_for(lambda: len(stored(guardian)) == 3)
    strategy.ft_bot_cleanup()
    assert stored(guardian) == {}
    assert strategy.freqai.shut_down


def test_a_hanging_guardian_costs_the_bots_loop_less_than_a_millisecond(make, guardian, newest_candles):
    strategy, candles = make(), newest_candles()
    note, cost = strategy._note, LoopCost()

    def timed(*arguments):
        with cost.call():
            note(*arguments)

    # All that is done for Guardian in the loop: around it, the strategy's own work takes now this and now that.
    strategy._note = timed
    strategy.bot_start()
    guardian.add_fault(Fault(kind="hang"))
    for _ in range(40):
        analyse(strategy, candles)
        # A candle comes every five minutes; without a pause the journal would be at work for all of them at once.
        time.sleep(0.05)
    assert len(cost.clock_s) == 40 * len(PAIRS)
    cost.check(1e-3)
    # A set is offered with the last pair of each candle.
    offers = slice(len(PAIRS) - 1, None, len(PAIRS))
    LoopCost(cost.processor_s[offers], cost.clock_s[offers]).check(1e-3)
    guardian.remove_faults()
    assert wait_for(lambda: len(stored(guardian)) == 3)


def test_a_model_without_odds_is_named_once_and_guardian_gets_no_forecast(make, guardian, newest_candles, caplog):
    strategy = make()
    strategy.freqai.odds = {pair: {"other": 1.0} for pair in PAIRS}
    strategy.bot_start()
    for _ in range(3):
        analyse(strategy, newest_candles())
    assert caplog.text.count("Model writes no p_up and ev_bps, so Guardian gets no forecasts") == 1
    time.sleep(0.2)
    assert stored(guardian) == {}


def test_a_forecast_of_what_is_no_return_is_not_sent_and_named_once(make, guardian, newest_candles, caplog):
    strategy = make()
    strategy.freqai.mixes_targets = True
    strategy.freqai.odds = {pair: {"&-score": 4.2, "&-score_lo": 1.0, "&-score_hi": 5.0} for pair in PAIRS}
    strategy.bot_start()
    for _ in range(3):
        analyse(strategy, newest_candles())
    assert caplog.text.count("none of the strategy's targets is a return (&-score), so Guardian gets no forecasts") == 1
    assert "freqai_ext.signal.return_targets" in caplog.text
    time.sleep(0.2)
    assert stored(guardian) == {}


def test_without_a_model_nothing_is_complained_of(make, newest_candles, caplog):
    strategy = make()
    strategy.freqai.odds = {pair: {"other": 1.0} for pair in PAIRS}
    strategy.freqai.do_predict = dict.fromkeys(PAIRS, 0)
    strategy.bot_start()
    analyse(strategy, newest_candles())
    assert "writes no p_up" not in caplog.text


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"network": "testnet"}, {"network": "mainnet"}, "freqai_ext.guardian.network"),
        ({"token": "right"}, {"token": "wrong"}, "token"),
    ],
)
def test_a_setting_that_does_not_fit_to_guardian_stops_the_bot_before_it_trades(
    make, guardian, change, settings, message
):
    guardian.change(**change)
    with pytest.raises(OperationalException) as failure:
        make(**settings).bot_start()
    assert message in str(failure.value)
    assert "wrong" not in str(failure.value).replace("wrong token", "")


def test_a_guardian_that_is_down_does_not_keep_the_bot_from_starting(make, caplog):
    strategy = make(url="http://127.0.0.1:1")
    strategy.bot_start()
    assert "the bot starts without it, and it is tried again" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text("the-token-of-the-file\n")
    return path


def test_a_wrong_token_from_a_file_stops_the_start(make, guardian, token_file):
    guardian.change(token="another")
    with pytest.raises(OperationalException) as failure:
        make(token_file=str(token_file)).bot_start()
    assert "write that into the file that freqai_ext.guardian.token_file names" in str(failure.value)
    assert "the-token-of-the-file" not in str(failure.value)


def test_a_token_that_is_rotated_while_the_bot_runs_needs_no_restart(make, guardian, token_file, newest_candles):
    guardian.change(token="the-token-of-the-file")
    strategy = make(token_file=str(token_file))
    strategy.bot_start()
    guardian.change(token="rotated")
    token_file.write_text("rotated\n")
    analyse(strategy, newest_candles())
    assert wait_for(lambda: len(stored(guardian)) == 3)


@pytest.mark.parametrize("cause", ["no token in it", "not JSON"])
@pytest.mark.parametrize("network", ["mainnet", None])
def test_a_bridge_that_does_not_ask_for_the_token_that_is_set_stops_the_start(
    make, guardian, token_file, cause, network
):
    if cause == "not JSON":
        guardian.change(token="the-token-of-the-file", settings_file="unreadable")
    try:
        with pytest.raises(OperationalException) as failure:
            make(token_file=str(token_file), network=network).bot_start()
    finally:
        guardian.change(settings_file="valid")
    assert "freqai_ext.guardian.token_file: http://127.0.0.1" in str(failure.value)
    assert "Guardian's .runtime/settings.json has no freqai_api_token, or is not valid JSON" in str(failure.value)
    assert ("freqai_ext.guardian.network: 'mainnet' is demanded" in str(failure.value)) is (
        cause == "not JSON" and network == "mainnet"
    )


def test_a_damaged_database_stops_the_start_before_what_freqtrade_puts_a_traceback_to(make, tmp_path, monkeypatch):
    (tmp_path / "guardian.sqlite").write_bytes(b"SQLite format 3\0" + b"\xa5" * 8192)
    strategy = make()
    monkeypatch.setattr(strategy, "bot_start", lambda **_: pytest.fail("the bot has started"))
    with pytest.raises(OperationalException, match=r"^/.*guardian\.sqlite: it is no SQLite database .*move it away"):
        strategy.ft_bot_start()
    assert (tmp_path / "guardian.sqlite").stat().st_size == 8208


def test_the_original_sidecars_keys_are_pointed_out(make, caplog):
    strategy = make()
    strategy.config["freqai"]["train_cron"] = "0 0 * * *"
    strategy.bot_start()
    assert "freqai.train_cron: nothing reads it; the section is freqai_ext.guardian" in caplog.text


def test_it_does_not_start_without_freqai(make):
    strategy = make()
    strategy.config["freqai"]["enabled"] = False
    with pytest.raises(
        OperationalException, match=r"freqai\.enabled: GuardianSidecarStrategy tells Guardian what FreqAI"
    ):
        strategy.bot_start()


def test_a_horizon_that_is_not_trained_stops_the_start(make):
    with pytest.raises(OperationalException, match=r"guardian\.horizon_candles: 24 is not trained; .*horizons \(12\)"):
        make(horizon_candles=24).bot_start()
    make(horizon_candles=12).bot_start()


def test_real_orders_need_to_be_allowed(make):
    with pytest.raises(OperationalException, match=r"dry_run: false .* set dry_run to true, or, .*allow_live to true"):
        make(top={"dry_run": False})
    make(top={"dry_run": False}, allow_live=True)


def test_it_enters_nothing_unless_it_is_told_to(make, newest_candles):
    for trade in (False, True):
        strategy = make(trade=trade, publish=False)
        strategy.min_ev_bps.value, strategy.min_probability.value = 0, 0.35
        strategy.dp.get_analyzed_dataframe = lambda pair, timeframe: (newest_candles(), None)
        dataframe = strategy.populate_indicators(newest_candles(), {"pair": "BTC/USDT"})
        dataframe = strategy.populate_entry_trend(dataframe, {"pair": "BTC/USDT"})
        assert bool(dataframe["enter_long"].any()) is trade
        rate = float(newest_candles()["close"].iloc[-1])
        order = ("BTC/USDT", "limit", 1.0, rate, "GTC", pd.Timestamp.now(tz="UTC"), "force_entry", "long")
        assert strategy.confirm_trade_entry(*order) is trade


def test_in_a_backtest_nobody_is_asked_and_the_recorded_features_are_used(make, guardian, make_candles, tmp_path):
    candles = make_candles(50)
    store = FeatureStore(tmp_path / "guardian.sqlite")
    noon_s = candles["date"].iloc[20].timestamp()
    store.append([FeatureRow("BTCUSDT", (1.0,) * len(SCHEMA))], noon_s)
    store.close()
    before = guardian.state()["requests"]
    strategy = make(runmode=RunMode.BACKTEST, features=True)
    strategy.bot_start()
    analyse(strategy, candles)
    found = strategy.feature_engineering_standard(candles, {"pair": "BTC/USDT"})
    known = found.filter(like="%-guardian-")
    # The candle before has closed when the row became known; the row stands for half an hour.
    assert found["%-guardian-available"].to_numpy().nonzero()[0].tolist() == [19, 20, 21, 22, 23, 24, 25]
    assert np.isfinite(known.to_numpy()).all()
    assert guardian.state()["requests"] == before


def test_without_a_record_the_features_are_there_and_neutral(make, make_candles, caplog):
    strategy = make(runmode=RunMode.BACKTEST, features=True)
    found = strategy.feature_engineering_standard(make_candles(50), {"pair": "BTC/USDT"})
    assert (found["%-guardian-available"] == 0.0).all()
    assert "no recorded Guardian features, so their columns are neutral" in caplog.text


def test_features_are_polled_while_the_bot_runs(make, newest_candles):
    strategy = make(features=True, publish=False)
    strategy.bot_start()
    history = strategy._sidecar.history

    def recorded():
        soon = newest_candles().assign(date=lambda frame: frame["date"] + pd.Timedelta("10min"))
        return history.columns("BTC/USDT", soon["date"], 300.0)["guardian-available"].iloc[-1]

    assert wait_for(lambda: recorded() == 1.0)


def test_any_strategy_can_publish(make, guardian, newest_candles):
    class Own(GuardianMixin, FreqAIExampleStrategy):
        pass

    strategy = make(Own)
    strategy.bot_start()
    candles = newest_candles()
    for pair in PAIRS:
        strategy.analyze_ticker(candles, {"pair": pair})
    assert wait_for(lambda: len(stored(guardian)) == 3)
    assert stored(guardian)["BTCUSDT"] == (0.55, 14.0)


def test_pairs_that_guardian_cannot_trade_are_left_out(make, guardian, newest_candles):
    strategy = make(pairs=("BTC/USDT", "ETH/BTC"))
    strategy.freqai.odds["ETH/BTC"], strategy.freqai.do_predict["ETH/BTC"] = dict(ODDS["ETH/USDT"]), 1
    strategy.bot_start()
    analyse(strategy, newest_candles(), ("BTC/USDT", "ETH/BTC"))
    assert wait_for(lambda: stored(guardian) == {"BTCUSDT": (0.55, 14.0)})


def journal_of(folder, start, entries):
    """Write fills of trades of one hour that win and lose in turn, five candles apart."""
    path = folder / "data" / "pnl" / "executions.mainnet.jsonl"
    path.parent.mkdir(parents=True)
    lines = []
    for number in range(entries):
        opened_s = start.timestamp() + number * 1_500 + 10
        for side, at_s, price in (("Buy", opened_s, 100.0), ("Sell", opened_s + 600, 101.0 if number % 2 else 99.0)):
            fill = {"symbol": "BTCUSDT", "side": side, "execPrice": price, "execQty": 1.0, "execFee": 0.0}
            lines.append(json.dumps(fill | {"execTime": at_s, "category": "spot", "feeCurrency": "USDT"}))
    path.write_text("\n".join(lines) + "\n")
    return folder / "data"


def test_guardians_own_entries_can_be_the_target_and_too_few_are_refused(make, make_candles, tmp_path):
    candles = make_candles(400)
    data = journal_of(tmp_path, candles["date"].iloc[10], entries=20)
    taught = {"trades": {"data_dir": str(data), "meta_label": True, "min_trades": 10}}
    strategy = make(runmode=RunMode.BACKTEST, **taught)
    found = strategy.set_freqai_targets(candles, {"pair": "BTC/USDT"})
    label = found["&-guardian_pays"]
    assert label.notna().to_numpy().nonzero()[0].tolist() == [9 + 5 * number for number in range(20)]
    assert label.dropna().tolist() == [0.0, 1.0] * 10
    known_s = found["known_at_s@guardian_pays"][label.notna()]
    assert (known_s - found["date"][label.notna()].map(pd.Timestamp.timestamp) == 300.0 + 610.0).all()

    strategy.bot_start()
    assert strategy.freqai.train(found, "BTC/USDT", SimpleNamespace(data={})) is found
    with pytest.raises(OperationalException, match=r"min_trades: meta_label needs 10 closed trades .* there are 3;"):
        strategy.freqai.train(found.head(26), "BTC/USDT", SimpleNamespace(data={}))


def test_with_guardians_entries_as_target_it_tells_that_probability(make, guardian, newest_candles, tmp_path):
    data = journal_of(tmp_path, pd.Timestamp.now(tz="UTC") - pd.Timedelta("5D"), entries=20)
    strategy = make(trades={"data_dir": str(data), "meta_label": True, "min_trades": 10})
    for pair in PAIRS:
        strategy.freqai.odds[pair] = {"&-guardian_pays": 0.75}
    strategy.bot_start()
    analyse(strategy, newest_candles())
    assert wait_for(lambda: len(stored(guardian)) == 3)
    probability, ev_bps = stored(guardian)["BTCUSDT"]
    # Wins and losses of one percent each.
    assert probability == 0.75
    assert ev_bps == pytest.approx(50.0)


def test_live_it_does_not_start_with_too_few_trades_to_learn_from(make, tmp_path):
    data = journal_of(tmp_path, pd.Timestamp.now(tz="UTC") - pd.Timedelta("5D"), entries=5)
    strategy = make(trades={"data_dir": str(data), "meta_label": True, "min_trades": 10})
    with pytest.raises(OperationalException, match=r"needs 10 closed trades .* there are 5"):
        strategy.bot_start()
