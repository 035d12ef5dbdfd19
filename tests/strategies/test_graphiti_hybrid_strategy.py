"""The hybrid strategy on recorded news; candles and verdicts are made up."""

import logging
import pickle
import socket
from types import SimpleNamespace

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import HyperoptState, RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.optimize.hyperopt_tools import HyperoptStateContainer

from freqai_ext.news.as_of import AVAILABLE, IMPACT, SENTIMENT, VerdictHistory
from freqai_ext.news.gate import REASONS
from freqai_ext.news.memory import Memory
from freqai_ext.news.offline import NetworkInReplayError
from freqai_ext.news.records import Verdict
from freqai_ext.news.store import NewsStore
from freqai_ext.strategies.GraphitiHybridStrategy import GraphitiHybridStrategy

PAIR = "BTC/USDT"
CANDLE_S = 900.0


def candles_of(rows=1_500, seed=3):
    generator = np.random.default_rng(seed)
    # Moves that last for some candles, so that the RSI goes to its ends.
    moves = np.convolve(generator.normal(size=rows), np.ones(6) / 6, mode="same")
    close = 100 * np.exp(np.cumsum(0.006 * moves))
    return pd.DataFrame(
        {
            "date": pd.date_range("2025-03-01", periods=rows, freq="15min", tz="UTC"),
            "open": close,
            "high": close * 1.002,
            "low": close * 0.998,
            "close": close,
            "volume": generator.lognormal(3.0, 0.5, rows),
        }
    )


def verdict(number, available_at_s, sentiment="positive", impact=0.6, confidence=0.8, asset="BTC"):
    return Verdict(
        id=f"verdict-{number}",
        asset=asset,
        available_at_s=available_at_s,
        impact_score=impact,
        sentiment=sentiment,
        confidence=confidence,
        reasoning="made up",
        model="test",
        prompt_version="1",
        prompt_sha256=f"{number:064x}",
        article_ids=(),
        origin="synthetic",
        bot="test",
    )


def many_verdicts(candles, seed=5):
    """Return verdicts of every kind, one about every two hours."""
    generator = np.random.default_rng(seed)
    start_s, end_s = (candles["date"].iloc[place].timestamp() for place in (0, -1))
    times = np.sort(generator.uniform(start_s, end_s, len(candles) // 8))
    kinds = generator.choice(["positive", "negative", "neutral"], len(times), p=[0.6, 0.2, 0.2])
    numbers = generator.uniform(0.1, 1.0, (len(times), 2)).round(3)
    return [
        verdict(number, float(at_s), str(kind), float(impact), float(confidence))
        for number, (at_s, kind, (impact, confidence)) in enumerate(zip(times, kinds, numbers, strict=True))
    ]


@pytest.fixture
def make(tmp_path):
    """Return a strategy on a store with ``verdicts``; its desk is closed with the test."""
    made = []

    def make_strategy(verdicts=(), runmode=RunMode.BACKTEST, hybrid=None, name="news", trading_mode="spot", **news):
        path = tmp_path / f"{name}.sqlite"
        if verdicts:
            store = NewsStore(path)
            for each in verdicts:
                store.add_verdict(each)
            store.close()
        config = {
            "timeframe": "15m",
            "trading_mode": trading_mode,
            "runmode": runmode,
            "user_data_dir": tmp_path,
            "freqai_ext": {"news": {"database": str(path), **news}, "hybrid": hybrid or {}},
        }
        strategy = GraphitiHybridStrategy(config)
        strategy.timeframe = "15m"
        made.append(strategy)
        return strategy

    yield make_strategy
    for strategy in made:
        strategy.ft_bot_cleanup()


def analysed(strategy, candles, pair=PAIR):
    dataframe = strategy.populate_indicators(candles.copy(), {"pair": pair})
    dataframe = strategy.populate_entry_trend(dataframe, {"pair": pair})
    return strategy.populate_exit_trend(dataframe, {"pair": pair})


def triggered(dataframe):
    return (dataframe["rsi_14"] < 30) & (dataframe["volume"] > dataframe["volume_mean"])


def test_only_a_trigger_that_fresh_news_confirm_is_an_entry(make):
    candles = candles_of()
    found = analysed(make(many_verdicts(candles)), candles)
    entries = found[found["enter_long"] == 1]
    assert 3 < len(entries) < triggered(found).sum()
    assert triggered(entries).all()
    assert (entries[AVAILABLE] == 1).all()
    assert (entries[SENTIMENT] == 1).all()
    assert (entries[IMPACT] >= 0.3).all()
    assert (entries["news_gate_long"] == "confirmed").all()
    assert set(found["news_gate_long"]) <= set(REASONS)


@pytest.mark.parametrize(("policy", "enters"), [("deny", False), ("allow", True), ("ta_only", True)])
def test_without_any_news_the_policy_decides(make, policy, enters, caplog):
    candles = candles_of()
    found = analysed(make(policy=policy), candles)
    assert (found["enter_long"] == 1).equals(triggered(found) & enters)
    assert "no recorded news" in caplog.text


def test_switched_off_news_are_not_looked_at(make):
    candles = candles_of()
    against = [verdict(0, candles["date"].iloc[0].timestamp(), "negative")]
    found = analysed(make(against, hybrid={"enable_ai_analysis": False}), candles)
    assert (found["enter_long"] == 1).equals(triggered(found))


@pytest.mark.parametrize("cut", [150, 333, 480])
def test_cutting_the_store_changes_nothing_that_was_decided_before(make, cut):
    candles = candles_of()
    verdicts = many_verdicts(candles)
    cut_s = candles["date"].iloc[cut].timestamp() + CANDLE_S
    whole = analysed(make(verdicts, name="whole"), candles)
    known = analysed(make([each for each in verdicts if each.available_at_s <= cut_s], name="known"), candles)
    pd.testing.assert_frame_equal(whole.head(cut + 1), known.head(cut + 1))
    assert not whole.equals(known)


def test_news_a_candle_later_move_decisions_a_candle_later_and_none_earlier(make):
    candles = candles_of()
    close_s = candles["date"].iloc[200].timestamp() + CANDLE_S
    punctual = analysed(make([verdict(0, close_s)], name="punctual", max_age_minutes=15.0), candles)
    late = analysed(make([verdict(0, close_s + 1.0)], name="late", max_age_minutes=15.0), candles)
    assert punctual.index[punctual[AVAILABLE] == 1].tolist() == [200, 201]
    assert late.index[late[AVAILABLE] == 1].tolist() == [201]


def test_hyperopt_finds_a_column_for_every_period_and_each_decides_differently(make, monkeypatch):
    candles = candles_of()
    strategy = make(many_verdicts(candles), runmode=RunMode.HYPEROPT, policy="ta_only")
    strategy.rsi_period.in_space = True
    monkeypatch.setattr(HyperoptStateContainer, "state", HyperoptState.INDICATORS)
    dataframe = strategy.populate_indicators(candles, {"pair": PAIR})
    assert {f"rsi_{period}" for period in range(7, 22)} <= set(dataframe)
    counts = {}
    for period in (7, 14, 21):
        strategy.rsi_period.value = period
        counts[period] = int(strategy.populate_entry_trend(dataframe, {"pair": PAIR})["enter_long"].sum())
    assert len(set(counts.values())) == 3


def test_the_configuration_sets_where_the_search_starts_and_leaves_the_class_alone(make):
    strategy = make(hybrid={"rsi_period": 9, "rsi_oversold": 25, "min_impact_score": 0.5, "stop_loss": -0.03})
    assert (strategy.rsi_period.value, strategy.rsi_oversold.value, strategy.min_impact_score.value) == (9, 25, 0.5)
    assert strategy.stoploss == -0.03
    assert GraphitiHybridStrategy.rsi_period.value == 14
    assert "rsi_9" in strategy.populate_indicators(candles_of(100), {"pair": PAIR})


def provide(strategy, dataframe):
    strategy.dp = SimpleNamespace(
        get_analyzed_dataframe=lambda pair, timeframe: (dataframe, None), current_whitelist=lambda: [PAIR]
    )


class WantingDesk:
    """Notes what is asked for."""

    def __init__(self):
        self.watched, self.asked = set(), {}

    def watch(self, assets):
        self.watched = assets

    def request(self, asset, numbers):
        self.asked[asset] = numbers

    def newest(self, asset, at_s):
        return None

    def note(self, decision):
        pass

    def stop(self):
        pass


def test_news_of_a_pair_are_asked_for_in_each_loop_while_its_rsi_is_near_the_trigger(make):
    strategy = make(hybrid={"rsi_oversold": 30})
    prepared = strategy.populate_indicators(candles_of(), {"pair": PAIR})
    rsi, volume = prepared["rsi_14"], prepared["volume"]
    strategy.config["runmode"] = RunMode.DRY_RUN
    strategy.dp = SimpleNamespace(current_whitelist=lambda: [PAIR])
    strategy._desk = desk = WantingDesk()
    now = pd.Timestamp("2025-03-17", tz="UTC")
    for near, urgent in (
        (rsi < 30, True),
        ((rsi > 31) & (rsi < 35), False),
        (rsi > 36, None),
    ):
        loud = near & (volume > prepared["volume_mean"])
        candles = prepared.iloc[: int(np.flatnonzero(loud)[-1]) + 1]
        strategy.populate_entry_trend(candles, {"pair": PAIR})
        for _ in range(2):
            desk.asked.clear()
            strategy.bot_loop_start(now)
            assert desk.watched == {"BTC"}
            if urgent is None:
                assert desk.asked == {}
            else:
                numbers = desk.asked["BTC"]
                assert numbers.urgent is urgent
                close = candles["close"].to_numpy()
                assert (numbers.close, numbers.rsi) == (close[-1], candles["rsi_14"].iloc[-1])
                assert numbers.change_24h == pytest.approx(close[-1] / close[-97] - 1)


def confirmed(strategy, at, rate, side="long"):
    return strategy.confirm_trade_entry(PAIR, "limit", 1.0, rate, "GTC", at, "rsi_oversold", side)


@pytest.fixture
def noted(monkeypatch):
    found = []
    monkeypatch.setattr("freqai_ext.strategies._news.ReplayDesk.note", lambda _, decision: found.append(decision))
    return found


def last_entry(found):
    return found[: found.index[found["enter_long"] == 1][-1] + 1]


def test_freqtrades_last_question_is_answered_by_the_newest_verdict_and_journalled(make, noted):
    candles = candles_of()
    strategy = make(many_verdicts(candles))
    found = last_entry(analysed(strategy, candles))
    provide(strategy, found)
    now = found["date"].iloc[-1] + pd.Timedelta(minutes=15)
    rate = float(found["close"].iloc[-1])
    assert confirmed(strategy, now, rate)
    assert not confirmed(strategy, now + pd.Timedelta(days=20), rate)
    assert [(decision.allowed, decision.reason) for decision in noted] == [
        (True, "confirmed"),
        (False, "verdict_expired"),
    ]
    assert noted[0].verdict_id.startswith("verdict-")
    assert "rsi_signal=1" in noted[0].detail


def test_a_signal_that_the_news_deny_at_the_candles_close_is_journalled_while_the_bot_runs(make, noted):
    candles = candles_of()
    strategy = make(many_verdicts(candles))
    found = analysed(strategy, candles)
    denied = found[triggered(found) & (found["enter_long"] == 0)]
    until = denied.index[-1]
    strategy.config["runmode"] = RunMode.DRY_RUN
    strategy.populate_entry_trend(found.iloc[: until + 1].copy(), {"pair": PAIR})
    strategy.populate_entry_trend(last_entry(found).copy(), {"pair": PAIR})
    (decision,) = noted
    assert (decision.allowed, decision.side, decision.reason) == (False, "long", denied["news_gate_long"].iloc[-1])
    assert decision.decided_at_s == found["date"].iloc[until].timestamp() + CANDLE_S


def test_an_entry_at_a_rate_that_has_run_away_is_refused_although_the_news_confirm_it(make, noted):
    candles = candles_of()
    strategy = make(many_verdicts(candles))
    found = last_entry(analysed(strategy, candles))
    provide(strategy, found)
    now = found["date"].iloc[-1] + pd.Timedelta(minutes=15)
    assert not confirmed(strategy, now, 1.1 * float(found["close"].iloc[-1]))
    assert noted[0].allowed


def test_a_fault_denies_where_freqtrade_would_consent(make, noted, caplog):
    strategy = make()
    strategy.dp = SimpleNamespace(get_analyzed_dataframe=lambda pair, timeframe: 1 / 0)
    assert not confirmed(strategy, pd.Timestamp("2025-03-02", tz="UTC"), 100.0)
    assert [(decision.allowed, decision.reason) for decision in noted] == [(False, "fault")]
    assert "cannot judge the long entry by the news; denied" in caplog.text


@pytest.mark.parametrize(
    ("sentiment", "after_min", "exit_reason"),
    [("negative", 10, "news_contradict"), ("positive", 10, None), ("neutral", 10, None), ("negative", -10, None)],
)
def test_a_trade_ends_where_news_that_came_since_speak_against_it(make, sentiment, after_min, exit_reason):
    opened = pd.Timestamp("2025-03-02 12:00", tz="UTC")
    strategy = make([verdict(0, opened.timestamp() + 60.0 * after_min, sentiment)])
    trade = SimpleNamespace(open_date_utc=opened, is_short=False)
    assert strategy.custom_exit(PAIR, trade, opened + pd.Timedelta(minutes=30), 100.0, 0.0) == exit_reason


def test_shorts_go_with_negative_news(make):
    candles = candles_of()
    found = analysed(make(many_verdicts(candles), trading_mode="futures"), candles, "BTC/USDT:USDT")
    shorts = found[found["enter_short"] == 1]
    assert len(shorts)
    assert (shorts[SENTIMENT] == -1).all()
    assert (shorts["rsi_14"] > 70).all()


def test_odds_can_be_asked_for_besides_and_missing_ones_deny(make):
    candles = candles_of()

    def entries(odds):
        strategy = make(many_verdicts(candles), hybrid={"min_p_up": 0.5}, name=f"odds-{len(odds)}-{odds.get('p_up')}")
        strategy.freqai = SimpleNamespace(
            start=lambda dataframe, metadata, caller: dataframe.assign(do_predict=1, **odds), shutdown=lambda: None
        )
        return int(analysed(strategy, candles)["enter_long"].sum())

    assert entries({"p_up": 0.6}) > 0
    assert entries({"p_up": 0.4}) == 0
    assert entries({}) == 0


@pytest.mark.parametrize(("do_predict", "expected"), [(1, True), (0, False), (2, False), (-1, False)])
def test_odds_that_the_model_does_not_stand_by_deny_on_either_side(make, do_predict, expected):
    candles = candles_of()
    strategy = make(many_verdicts(candles), hybrid={"min_p_up": 0.5}, trading_mode="futures")
    strategy.freqai = SimpleNamespace(
        start=lambda dataframe, metadata, caller: dataframe.assign(p_up=0.5, do_predict=do_predict),
        shutdown=lambda: None,
    )
    found = analysed(strategy, candles, "BTC/USDT:USDT")
    assert bool(found["enter_long"].any()) is expected
    assert bool(found["enter_short"].any()) is expected
    assert ("odds_unknown" in set(found["news_gate_short"])) is not expected


def test_there_are_candles_for_all_that_the_memory_reaches_back(make):
    assert make(hybrid={"memory_candles": 16}).startup_candle_count == 7 * 96 + 16


def test_a_damaged_store_stops_the_start_before_what_freqtrade_puts_a_traceback_to(make, tmp_path, monkeypatch):
    (tmp_path / "news.sqlite").write_bytes(b"no database at all" * 100)
    strategy = make(runmode=RunMode.DRY_RUN, graphiti={"url": "http://127.0.0.1:9"})
    monkeypatch.setattr(strategy, "bot_start", lambda **_: pytest.fail("the bot has started"))
    with pytest.raises(OperationalException, match=r"^/.*news\.sqlite: it is no SQLite database .*move it away"):
        strategy.ft_bot_start()


def test_services_that_cannot_be_used_stop_the_start_there_too(make, monkeypatch):
    strategy = make(runmode=RunMode.DRY_RUN)
    monkeypatch.setattr(strategy, "bot_start", lambda **_: pytest.fail("the bot has started"))
    with pytest.raises(OperationalException, match=r"^freqai_ext\.news: neither a search nor a shared memory is set"):
        strategy.ft_bot_start()


def test_odds_need_freqai(make):
    with pytest.raises(OperationalException, match=r"freqai_ext\.hybrid\.min_p_up: needs FreqAI with a model"):
        make(hybrid={"min_p_up": 0.5}).bot_start()


def test_a_memory_longer_than_the_window_is_refused_before_anything_is_opened(make, tmp_path):
    week = 7 * 96
    make(hybrid={"memory_candles": week})
    history = VerdictHistory(NewsStore.recorded(tmp_path / "none.sqlite"), 60.0)
    Memory(history, week * CANDLE_S)
    with pytest.raises(ValueError, match="not longer than the window"):
        Memory(history, week * CANDLE_S + 1.0)
    with pytest.raises(
        OperationalException, match=rf"freqai_ext\.hybrid\.memory_candles: {week + 1} .* set it to {week} or less"
    ):
        make(hybrid={"memory_candles": week + 1}, runmode=RunMode.DRY_RUN, name="unopened")
    assert not (tmp_path / "unopened.sqlite").exists()


def test_a_stake_is_at_most_the_largest_position(make):
    strategy = make(hybrid={"max_position_size": 100.0})
    at = pd.Timestamp("2025-03-02", tz="UTC")
    assert strategy.custom_stake_amount(PAIR, at, 1.0, 500.0, 1.0, 1_000.0, 1.0, None, "long") == 100.0
    assert strategy.custom_stake_amount(PAIR, at, 1.0, 50.0, 1.0, 1_000.0, 1.0, None, "long") == 50.0


def test_a_backtest_cannot_use_the_network(make, monkeypatch):
    candles = candles_of(50)
    strategy = make(many_verdicts(candles))
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(
            "freqai_ext.news.store.NewsStore.numbered_verdicts",
            lambda *_, **__: socket.create_connection(server.getsockname()),
        )
        with pytest.raises(NetworkInReplayError):
            strategy.populate_indicators(candles, {"pair": PAIR})


def test_hyperopt_can_send_it_to_other_processes(make):
    candles = candles_of(100)
    strategy = make(many_verdicts(candles))
    before = strategy.populate_indicators(candles, {"pair": PAIR})
    there = pickle.loads(cloudpickle.dumps(strategy))
    pd.testing.assert_frame_equal(there.populate_indicators(candles, {"pair": PAIR}), before)
    there.ft_bot_cleanup()


def test_a_backtest_says_for_how_much_of_it_there_were_news(make, caplog):
    candles = candles_of(100)
    at_s = candles["date"].iloc[49].timestamp() + CANDLE_S
    with caplog.at_level(logging.INFO):
        make([verdict(0, at_s)], max_age_minutes=10 * 15.0).populate_indicators(candles, {"pair": PAIR})
    assert "BTC/USDT: a valid verdict on 11.0 % of 100 candles, 0.0 % of these tainted" in caplog.text
