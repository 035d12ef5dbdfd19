import asyncio
import logging
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from freqai_ext._settings import parse_settings
from freqai_ext.errors import NewsDataError, SettingsError
from freqai_ext.news.as_of import VerdictHistory
from freqai_ext.news.graphiti import GraphitiClient
from freqai_ext.news.memory import Memory
from freqai_ext.news.records import RECORDED, Decision, Verdict
from freqai_ext.news.service import NewsService
from freqai_ext.news.settings import GraphitiSettings, NewsSettings
from freqai_ext.news.standins import Fault, NewsStandIns, StandInSettings
from freqai_ext.news.store import NewsStore
from freqai_ext.news.watchlist import Numbers
from tests.services.timing import HANG_S, LoopCost

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
START_S = START.timestamp()
NUMBERS = Numbers(close=85_000.0, change_24h=-0.012, rsi=28.0, urgent=True)


class World:
    """Stand-ins and services on one clock that a test moves."""

    def __init__(self, standins, path):
        self.standins, self.path = standins, path
        self.now_s = START_S
        self.services = []

    def clock(self):
        return self.now_s

    def service(self, name, **changes):
        section = {**self.standins.section(), **changes}
        settings = parse_settings(NewsSettings, section, "freqai_ext.news")
        service = NewsService(settings, self.path / f"{name}.sqlite", name, self.clock)
        self.services.append(service)
        service.start()
        return service

    def settle(self):
        for service in self.services:
            assert service.settle(20.0)

    def pass_time(self, seconds):
        self.now_s += seconds
        self.standins.set_clock(self.now_s)
        for service in self.services:
            service._wake()
        self.settle()

    def searches(self):
        return self.standins.state()["requests"]["perplexica"].get("POST /api/search", 0)


@pytest.fixture(scope="module")
def standins():
    settings = StandInSettings(clock="sim", now=START, headlines_per_hour=4.0, graphiti_ingest_s=1.0)
    with NewsStandIns(settings) as running:
        yield running


@pytest.fixture
def world(standins, tmp_path, request):
    standins.remove_faults()
    standins.set_clock(START)
    # What is in the queue of its ingest is due by the clock of an earlier test.
    standins.restart("graphiti")
    world = World(standins, tmp_path)
    # Graphiti keeps what other tests wrote.
    world.group = f"t{abs(hash(request.node.name))}"
    yield world
    for service in world.services:
        assert service.stop(10.0)


def alone(**changes):
    return {"graphiti": {}, **changes}


def test_a_request_becomes_a_verdict_that_is_at_hand_and_stored(world):
    service = world.service("one", **alone())
    assert service.newest("BTC", world.now_s) is None
    service.request("BTC", NUMBERS)
    world.settle()
    verdict = service.newest("btc", world.now_s)
    assert (verdict.asset, verdict.bot, verdict.origin, verdict.available_at_s) == ("BTC", "one", "live", START_S)
    assert service.store.verdicts() == (verdict,)
    assert {article.id for article in service.store.articles("BTC")} >= set(verdict.article_ids)
    candles = pd.Series(pd.to_datetime([START_S - 300.0], unit="s", utc=True))
    assert service.history.columns("BTC", candles, 300.0)["news-available"].item() == 1.0
    assert service.status.analyst.verdicts == 1


def test_a_second_bot_uses_the_verdict_of_the_first_without_a_search(world):
    shared = {**world.standins.section()["graphiti"], "group_prefix": world.group}
    first, second = world.service("one", graphiti=shared), world.service("two", graphiti=shared)
    for service in (first, second):
        service.watch(["btc"])
    first.request("BTC", NUMBERS)
    world.settle()
    for _ in range(5):
        world.pass_time(60.0)
    (made,), (received,) = first.store.verdicts(), second.store.verdicts()
    assert (received.id, received.bot, received.origin) == (made.id, "one", "shared")
    assert START_S < received.available_at_s <= world.now_s
    assert received.age_from_s == pytest.approx(made.available_at_s, abs=1e-6)
    assert second.newest("BTC", world.now_s).age_from_s == received.age_from_s
    assert first.store.pending_replication() == ()
    before = world.searches()
    second.request("BTC", NUMBERS)
    world.pass_time(60.0)
    assert world.searches() == before
    assert second.status.analyst.spared == 1
    assert second.newest("BTC", world.now_s).id == made.id


def shared_with(world, **changes):
    return {**world.standins.section()["graphiti"], "group_prefix": world.group, **changes}


def test_of_two_bots_in_step_one_searches_and_the_other_finds_its_verdict_just_before(world):
    first = world.service("one", graphiti=shared_with(world, search_jitter_s=0))
    # It reads what others shared only when it looks itself.
    second = world.service("two", graphiti=shared_with(world, refresh_s=100_000))
    before = world.searches()
    for service in (first, second):
        service.request("BTC", NUMBERS)
    world.settle()
    for _ in range(6):
        world.pass_time(10.0)
    assert world.searches() == before + 1
    assert (first.status.analyst.verdicts, second.status.analyst.spared) == (1, 1)
    (made,), (used,) = first.store.verdicts(), second.store.verdicts()
    assert (used.id, used.origin) == (made.id, "shared")
    assert second.newest("BTC", world.now_s).id == made.id


def test_of_many_bots_in_step_not_all_search_and_all_have_a_verdict(world):
    changes = {"graphiti": shared_with(world, search_jitter_s=360.0), "news_check_interval_s": 3_600.0}
    services = [world.service(name, **changes) for name in ("a", "b", "c", "d")]
    before = world.searches()
    for _ in range(37):
        for service in services:
            service.request("BTC", NUMBERS)
        world.pass_time(10.0)
    searches = world.searches() - before
    assert 1 <= searches < len(services)
    made = [service.status.analyst.verdicts for service in services]
    assert sum(made) == searches
    assert sum(service.status.analyst.spared for service in services) >= len(services) - searches
    assert all(world.now_s - service.newest("BTC", world.now_s).age_from_s < 400.0 for service in services)


def test_a_shared_memory_that_is_away_costs_no_search(world):
    world.standins.add_fault(Fault(kind="refuse", service="graphiti"))
    service = world.service("one", graphiti=shared_with(world))
    service.request("BTC", NUMBERS)
    for _ in range(7):
        world.pass_time(10.0)
    assert service.status.analyst.verdicts == 1
    assert service.status.replica.outage is not None


def test_a_bot_that_joins_late_has_a_past_from_then_on_and_its_backtest_the_same(world):
    opens_s = START_S - 900.0 * np.arange(4 * 96, 0, -1)
    prices = pd.Series(np.linspace(100.0, 200.0, len(opens_s)))
    dates = pd.Series(pd.to_datetime(opens_s, unit="s", utc=True))
    others = [
        Verdict(f"{world.group}-{number}", "BTC", START_S - 86_400.0 * 3 + 6 * 3_600.0 * number, 0.6, "positive", 0.6,
                "", "m", "2", "0" * 64, (), "live", "old-hand")
        for number in range(10)
    ]  # fmt: skip
    section = shared_with(world)
    client = GraphitiClient(parse_settings(GraphitiSettings, section, "freqai_ext.news.graphiti"), world.clock)

    async def share():
        for verdict in others:
            await client.write(verdict)

    asyncio.run(share())
    world.pass_time(60.0)
    service = world.service("late", graphiti=section)
    service.watch(["BTC"])
    world.pass_time(60.0)
    joined_s = max(verdict.available_at_s for verdict in service.store.verdicts())
    received = service.store.verdicts()
    assert [verdict.id for verdict in received] == [verdict.id for verdict in others]
    assert {verdict.available_at_s for verdict in received} == {joined_s}
    assert [verdict.made_at_s for verdict in received] == pytest.approx([one.available_at_s for one in others])
    # None of them is valid any more: they remember, and decide nothing.
    now = pd.Series(pd.to_datetime([joined_s - 900.0], unit="s", utc=True))
    assert service.history.columns("BTC", now, 900.0)["news-available"].item() == 0.0
    service.store.add_verdict(
        Verdict("own", "BTC", joined_s, 0.6, "positive", 0.6, "", "m", "2", "1" * 64, (), "live", "late")
    )
    dates = pd.concat([dates, pd.Series(pd.to_datetime(START_S + 900.0 * np.arange(2), unit="s", utc=True))])
    prices = pd.concat([prices, pd.Series([200.0, 200.0])])
    live = service.memory.columns("BTC", dates, prices, 900.0)
    assert (live["news-memory_count"].iloc[:-2] == 0.0).all()
    assert live["news-memory_count"].iloc[-1] >= 8.0
    assert live["news-memory_bps"].iloc[-1] > 0.0
    told = service._earlier("BTC", joined_s + 1.0)
    assert len(told) == 5
    recorded = NewsStore.recorded(world.path / "late.sqlite")
    backtest = Memory(VerdictHistory(recorded, 5_400.0, RECORDED), 14_400.0)
    pd.testing.assert_frame_equal(backtest.columns("BTC", dates, prices, 900.0), live)


def test_an_outage_of_the_search_gives_no_verdict_and_passes(world, caplog):
    service = world.service("one", **alone())
    number = world.standins.add_fault(Fault(kind="error_500", service="perplexica"))
    searxng = world.standins.add_fault(Fault(kind="refuse", service="searxng"))
    service.request("BTC", NUMBERS)
    world.settle()
    assert service.store.verdicts() == ()
    assert service.status.analyst.failures == 1
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    world.standins.remove_faults(number)
    world.standins.remove_faults(searxng)
    for _ in range(12):
        world.pass_time(60.0)
        service.request("BTC", NUMBERS)
    world.settle()
    assert len(service.store.verdicts()) == 1


@pytest.mark.parametrize("kind", ["nan_score", "out_of_range", "error_in_200", "huge", "not_utf8", "wrong_types"])
def test_an_answer_of_the_judge_that_cannot_be_used_stores_nothing(world, kind):
    service = world.service("one", **alone())
    world.standins.add_fault(Fault(kind=kind, service="llm", megabytes=3.0))
    service.request("BTC", NUMBERS)
    world.settle()
    assert service.status.analyst.failures == 1
    assert service.store.verdicts() == ()
    assert service.store.articles() == ()


@pytest.mark.parametrize(("interval_s", "is_told"), [(5_400.0, False), (5_401.0, True)])
def test_an_interval_that_leaves_times_without_a_valid_verdict_is_told_at_the_start(world, caplog, interval_s, is_told):
    world.service("slow", **alone(news_check_interval_s=interval_s, max_age_minutes=90.0))
    assert ("freqai_ext.news.news_check_interval_s: an asset's news are searched" in caplog.text) == is_told
    assert ("Set it to 5400 or less, or raise freqai_ext.news.max_age_minutes to 90.0167" in caplog.text) == is_told


def test_without_a_search_the_verdicts_of_others_are_used_and_none_are_made(world, caplog):
    shared = {**world.standins.section()["graphiti"], "group_prefix": world.group}
    nothing = {"perplexica": {}, "searxng": {}, "llm": {}}
    service = world.service("reader", graphiti=shared, **nothing)
    service.request("BTC", NUMBERS)
    world.settle()
    assert service.status.analyst is None
    assert "no search for news is set" in caplog.text


def test_with_neither_search_nor_shared_memory_it_does_not_start(tmp_path):
    with pytest.raises(SettingsError, match=r"neither a search nor a shared memory is set"):
        NewsService(NewsSettings(), tmp_path / "n.sqlite", "bot")
    assert not (tmp_path / "n.sqlite").exists()


def test_a_search_without_a_judge_does_not_start(tmp_path):
    settings = NewsSettings(perplexica={"url": "http://127.0.0.1:3000"})
    with pytest.raises(SettingsError, match=r"freqai_ext\.news\.llm\.endpoints"):
        NewsService(settings, tmp_path / "n.sqlite", "bot")


def test_a_database_that_is_none_is_said_at_once(world, tmp_path):
    (tmp_path / "broken.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 10)
    with pytest.raises(NewsDataError, match=r"broken\.sqlite"):
        world.service("broken", **alone())


def test_what_is_older_than_the_retention_goes_at_the_start(world):
    store = NewsStore(world.path / "one.sqlite")
    for number, age_days in enumerate((40.0, 1.0)):
        store.add_verdict(
            Verdict(str(number), "BTC", START_S - age_days * 86_400.0, 0.5, "neutral", 0.5, "", "m", "1", "0" * 64, (),
                    "live", "one")
        )  # fmt: skip
    store.close()
    service = world.service("one", retention_days=30.0, **alone())
    assert [verdict.id for verdict in service.store.verdicts()] == ["1"]


def test_a_watched_asset_is_read_from_the_disk_before_a_callback_asks(world, monkeypatch):
    store = NewsStore(world.path / "one.sqlite")
    verdict = Verdict("0", "BTC", START_S - 60.0, 0.5, "neutral", 0.5, "", "m", "1", "0" * 64, (), "live", "one")
    store.add_verdict(verdict)
    store.close()
    service = world.service("one", **alone())
    service.watch(["btc"])
    world.settle()

    def read(*_):
        raise AssertionError("the disk was read")

    monkeypatch.setattr(service.store, "numbered_verdicts", read)
    assert service.newest("BTC", world.now_s) == verdict
    candles = pd.Series(pd.to_datetime(START_S - 900.0 * np.arange(1_000, 0, -1), unit="s", utc=True))
    assert service.history.columns("BTC", candles, 900.0)["news-available"].sum() == 1.0


def test_a_disk_that_fails_while_verdicts_are_read_is_a_warning_and_passes(world, monkeypatch, caplog):
    def fail(*_, **__):
        raise NewsDataError("one.sqlite: the news store cannot be used (disk)")

    service = world.service("one", **alone())
    # The first turn of the thread must not see what is wanted already.
    world.settle()
    read = service.store.numbered_verdicts
    monkeypatch.setattr(service.store, "numbered_verdicts", fail)
    service.watch(["BTC"])
    world.settle()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "earlier verdicts are not read, times=1: one.sqlite" in caplog.text
    reads = []
    monkeypatch.setattr(
        service.store, "numbered_verdicts", lambda *how, **more: reads.append(how[0]) or read(*how, **more)
    )
    world.pass_time(60.0)
    assert reads == ["BTC"]


def test_decisions_are_written_down_without_waiting(world):
    service = world.service("one", **alone())
    decision = Decision("BTC/USDT", "long", START_S, False, "no_verdict", None, "rsi_signal=1")
    service.record(decision)
    world.settle()
    assert service.store.decisions() == (decision,)
    assert service.status.decisions_lost == 0


def test_earlier_verdicts_are_told_with_what_followed_them_by_then(world):
    service = world.service("one", **alone())
    made_s = START_S - 6 * 3600.0
    for number, at_s in enumerate((made_s, START_S - 1800.0, START_S)):
        service.store.add_verdict(
            Verdict(str(number), "BTC", at_s, 0.5, "positive", 0.5, "", "m", "1", "0" * 64, (), "live", "one")
        )
    untold = service._earlier("BTC", START_S)
    assert [(each.available_at_s, each.followed_by) for each in untold][:1] == [(made_s, None)]
    opens_s = START_S - 900.0 * np.arange(40, -4, -1)
    prices = pd.Series(np.linspace(100.0, 143.0, len(opens_s)))
    service.observe("BTC", pd.Series(pd.to_datetime(opens_s, unit="s", utc=True)), prices, 900.0)
    told = {each.available_at_s: each.followed_by for each in service._earlier("BTC", START_S)}
    closes_s = opens_s + 900.0
    first = int(np.argmax(closes_s >= made_s))
    assert told[made_s] == pytest.approx(prices[first + 16] / prices[first] - 1.0)
    assert told[START_S - 1800.0] is None
    assert START_S not in told


def test_the_callbacks_take_less_than_a_millisecond(world):
    service = world.service("one", **alone())
    service.request("BTC", NUMBERS)
    world.settle()
    service.newest("BTC", world.now_s)
    decision = Decision("BTC/USDT", "long", START_S, True, "confirmed", None, "")
    cost = LoopCost()
    for _ in range(100):
        with cost.call():
            service.request("BTC", NUMBERS)
            service.watch(["BTC", "ETH"])
            service.newest("BTC", world.now_s)
            service.record(decision)
    cost.check(1e-3)


def test_a_stop_during_a_search_that_hangs_is_short_and_keeps_what_is_there(world):
    service = world.service("one", **alone())
    world.standins.add_fault(Fault(kind="hang"))
    service.request("BTC", NUMBERS)
    time.sleep(0.3)
    service.record(Decision("BTC/USDT", "long", START_S, False, "no_verdict", None, ""))
    began_s = time.monotonic()
    assert service.stop(5.0)
    assert time.monotonic() - began_s < HANG_S
    reopened = NewsStore(world.path / "one.sqlite")
    assert len(reopened.decisions()) == 1
    reopened.close()
