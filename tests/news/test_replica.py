import asyncio
import dataclasses
import logging
import time
from datetime import UTC, datetime

import httpx
import pytest

from freqai_ext._services.worker import Worker
from freqai_ext.news._outbox import DEAD_AFTER, MOST_IN_QUEUE
from freqai_ext.news.graphiti import GraphitiClient
from freqai_ext.news.records import Verdict
from freqai_ext.news.replica import Replica
from freqai_ext.news.settings import GraphitiSettings
from freqai_ext.news.shared_record import SharedRecord
from freqai_ext.news.store import NewsStore

from ._graphiti_stand_in import running_graphiti

REFRESH_S = 60.0
CONFIRM_S = 900.0
GROUP = "ftnews_BTC"
DAY_S = 86_400.0
# A day ago, so that what is dated by it is not after the server's own time.
START_S = round(time.time()) - 86_400.0


@pytest.fixture(scope="module")
def started():
    with running_graphiti() as server:
        yield server


@pytest.fixture
def server(started):
    started.reset()
    return started


def make_verdict(number, at_s, **values):
    verdict = Verdict(
        id=f"id{number:04d}",
        asset="BTC",
        available_at_s=at_s,
        impact_score=0.72,
        sentiment="positive",
        confidence=0.8,
        reasoning="An exchange lists it.",
        model="qwen3:8b",
        prompt_version="news-1",
        prompt_sha256="ab" * 32,
        article_ids=("a1",),
        origin="live",
        bot="alpha",
    )
    return dataclasses.replace(verdict, **values)


class Bot:
    """A bot as its replica sees it: a store, a clock that a test moves, and the turns that a worker would give it."""

    def __init__(self, server, name="alpha", **values):
        self.server, self.name = server, name
        self.now_s = START_S
        self.pending, self.confirmed, self.received = {}, {}, []
        self.watched = ["BTC"]
        self.transport, self.history_s = values.pop("transport", None), values.pop("history_s", 0.0)
        self.settings = GraphitiSettings(**({"url": server.url, "confirm_within_s": CONFIRM_S} | values))
        self.begin()

    def begin(self):
        """Start again, as after a restart: what is stored stays."""
        client = GraphitiClient(self.settings, lambda: self.now_s, transport=self.transport)
        self.replica = Replica(
            self.settings,
            client,
            lambda: list(self.pending.values()),
            self.confirm,
            lambda: self.watched,
            self.receive,
            self.name,
            lambda: self.now_s,
            history_s=self.history_s,
        )

    def confirm(self, verdict_id, at_s):
        self.confirmed[verdict_id] = at_s
        del self.pending[verdict_id]

    def receive(self, verdict):
        if verdict.id in self.pending or verdict.id in self.confirmed:
            return False
        self.received.append(verdict)
        return True

    def judge(self, number, *, age_s=0.0, **values):
        verdict = make_verdict(number, self.now_s - age_s, bot=self.name, **values)
        self.pending[verdict.id] = verdict
        return verdict

    def turns(self, count=1, *, step_s=REFRESH_S):
        """Give it turns, ``step_s`` apart; returns when it wants the next one."""

        async def main():
            for _ in range(count):
                self.now_s += step_s
                due_s = await self.replica.run(self.now_s)
            await self.replica.close()
            return due_s

        return asyncio.run(main())

    @property
    def state(self):
        return self.replica.state


def put(server, verdict, group=GROUP):
    server.put(group, SharedRecord.of(verdict).content(), datetime.fromtimestamp(verdict.available_at_s, UTC))


def posts(server):
    return server.count("POST", "/messages")


def passed_on(request):
    """Return what the server itself answers to a request that a transport in between has taken."""
    with httpx.Client(trust_env=False) as http:
        answer = http.request(request.method, request.url, content=request.content, headers=request.headers)
    return httpx.Response(answer.status_code, content=answer.content)


def warnings_in(caplog):
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize("dialect", ["graphiti", "adapter"])
def test_a_verdict_is_confirmed_when_it_was_read_back_and_not_before(server, dialect):
    bot = Bot(server, dialect=dialect)
    bot.judge(1)
    due_s = bot.turns()
    assert due_s == bot.now_s + REFRESH_S
    assert (bot.state.accepted, bot.state.stored, bot.state.waiting) == (1, 0, 1)
    assert not bot.confirmed
    bot.turns()
    assert bot.confirmed == {"id0001": bot.now_s}
    assert (bot.state.stored, bot.state.waiting, bot.state.confirmed_at_s) == (1, 0, bot.now_s)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("dialect", ["graphiti", "adapter"])
def test_another_bot_s_verdict_arrives_once_and_is_available_from_the_moment_of_reading(server, dialect):
    alpha, beta = Bot(server, "alpha", dialect=dialect), Bot(server, "beta", dialect=dialect)
    verdict = alpha.judge(1)
    alpha.turns()
    beta.turns(5)
    (received,) = beta.received
    made_at_s = pytest.approx(verdict.available_at_s, abs=1e-6)
    assert received == dataclasses.replace(
        verdict, origin="shared", available_at_s=alpha.now_s, made_at_s=received.made_at_s
    )
    assert (received.made_at_s, received.age_from_s) == (made_at_s, made_at_s)
    assert received.available_at_s > verdict.available_at_s
    assert beta.state.received == 1
    alpha.turns(3)
    assert not alpha.received


def test_both_bots_get_what_the_other_made(server):
    alpha, beta = Bot(server, "alpha"), Bot(server, "beta")
    alpha.judge(1)
    beta.judge(2)
    for _ in range(3):
        alpha.turns()
        beta.turns()
    assert [each.id for each in alpha.received] == ["id0002"]
    assert [each.id for each in beta.received] == ["id0001"]
    assert (alpha.state.stored, beta.state.stored) == (1, 1)


def test_what_is_too_old_or_from_the_future_is_not_received(server):
    bot = Bot(server, "beta")
    put(server, make_verdict(1, bot.now_s - 5_401.0))
    put(server, make_verdict(2, bot.now_s + 90.0))
    put(server, third := make_verdict(3, bot.now_s - 600.0))
    bot.turns()
    assert [each.id for each in bot.received] == ["id0003"]
    assert bot.received[0].made_at_s == third.available_at_s
    bot.turns()
    assert [each.id for each in bot.received] == ["id0003", "id0002"]
    assert bot.received[1].available_at_s == bot.now_s


def test_a_bot_that_joins_late_reads_the_history_of_the_others_once(server):
    bot = Bot(server, "late", history_s=7 * DAY_S)
    ages_s = (8 * DAY_S, 6 * DAY_S, 3 * DAY_S, 5_401.0, 60.0)
    for number, age_s in enumerate(ages_s):
        put(server, make_verdict(number, bot.now_s - age_s))
    bot.turns()
    assert [each.id for each in bot.received] == ["id0001", "id0002", "id0003", "id0004"]
    assert {each.available_at_s for each in bot.received} == {bot.now_s}
    made_s = [pytest.approx(START_S - age_s, abs=1e-6) for age_s in ages_s[1:]]
    assert [each.made_at_s for each in bot.received] == made_s
    requests = server.count("GET", f"/episodes/{GROUP}")
    put(server, make_verdict(9, bot.now_s - 6_000.0))
    bot.turns(3)
    assert (len(bot.received), bot.state.received) == (4, 4)
    assert server.count("GET", f"/episodes/{GROUP}") == requests + 3


def test_an_asset_that_is_watched_later_gets_its_history_then(server):
    bot = Bot(server, "late", history_s=7 * DAY_S)
    put(server, make_verdict(1, bot.now_s - DAY_S, asset="ETH"), "ftnews_ETH")
    bot.turns()
    assert bot.received == []
    bot.watched = ["BTC", "ETH"]
    bot.turns()
    assert [each.id for each in bot.received] == ["id0001"]


@pytest.mark.parametrize(("count", "expected"), [(60, 60), (300, 300), (900, 800)])
def test_a_history_is_read_as_far_as_800_episodes_reach(server, count, expected):
    bot = Bot(server, "late", history_s=7 * DAY_S)
    for number in range(count):
        put(server, make_verdict(number, bot.now_s - DAY_S + number))
    bot.turns()
    assert [each.id for each in bot.received] == [f"id{number:04d}" for number in range(count - expected, count)]


def test_bots_of_one_name_get_each_other_s_history_and_not_their_own(server, caplog):
    one, late = Bot(server, "freqtrade", history_s=7 * DAY_S), Bot(server, "freqtrade", history_s=7 * DAY_S)
    one.judge(1)
    one.turns(2)
    late.now_s = one.now_s + 10_000.0
    late.turns()
    assert [each.id for each in late.received] == ["id0001"]
    one.begin()
    one.turns(2)
    assert one.received == []
    assert warnings_in(caplog) == []


def test_a_history_that_cannot_be_read_as_a_whole_is_read_as_far_as_it_can(server):
    def garbage(request):
        wide = int(request.url.params.get("last_n", 0)) > 200
        return httpx.Response(500) if wide else passed_on(request)

    bot = Bot(server, "late", history_s=7 * DAY_S, transport=httpx.MockTransport(garbage))
    for number in range(300):
        put(server, make_verdict(number, bot.now_s - DAY_S + number))
    bot.turns(2)
    assert len(bot.received) == 200
    assert bot.state.outage is None


def test_in_an_outage_the_history_is_read_when_it_is_over(server):
    down = [True]

    def fail_or_pass_on(request):
        return httpx.Response(503) if down[0] else passed_on(request)

    bot = Bot(server, "late", history_s=7 * DAY_S, transport=httpx.MockTransport(fail_or_pass_on))
    put(server, make_verdict(1, bot.now_s - DAY_S))
    bot.turns()
    assert (bot.received, bot.state.outage is None) == ([], False)
    down[0] = False
    bot.turns(2, step_s=400.0)
    assert [each.id for each in bot.received] == ["id0001"]


def test_a_look_out_of_turn_brings_what_is_fresh_and_leaves_a_server_that_is_away_alone(server):
    bot = Bot(server, "beta")
    bot.turns()
    put(server, make_verdict(1, bot.now_s - 60.0))
    put(server, make_verdict(2, bot.now_s - 6_000.0))
    asyncio.run(bot.replica.look("BTC"))
    asyncio.run(bot.replica.look("BTC"))
    assert [each.id for each in bot.received] == ["id0001"]
    away = Bot(server, "gamma", transport=httpx.MockTransport(lambda _: httpx.Response(503)))
    asyncio.run(away.replica.look("BTC"))
    assert away.state.outage is not None
    before = away.state
    asyncio.run(away.replica.look("BTC"))
    assert away.state == before


def test_after_a_restart_a_bot_does_not_receive_what_it_made_itself(server):
    bot = Bot(server)
    bot.judge(1)
    bot.turns(2)
    assert bot.confirmed
    bot.begin()
    bot.turns(3)
    assert not bot.received


def test_two_bots_of_one_name_still_share_and_are_told(server, caplog):
    one, two = Bot(server, "freqtrade"), Bot(server, "freqtrade")
    two.turns()
    one.turns()
    one.judge(1)
    one.turns()
    two.turns(2)
    assert [each.id for each in two.received] == ["id0001"]
    (warning,) = warnings_in(caplog)
    assert "another bot calls itself 'freqtrade'" in warning
    assert "freqai_ext.news.bot" in warning


def test_after_a_restart_nothing_is_sent_again_that_is_there(server, caplog):
    bot = Bot(server)
    verdict = bot.judge(1)
    put(server, verdict)
    bot.turns()
    assert bot.confirmed
    assert posts(server) == 0
    assert bot.state.stored == 1
    assert warnings_in(caplog) == []


def test_what_was_buried_under_others_meanwhile_is_not_sent_again(server):
    bot = Bot(server)
    verdict = bot.judge(1, age_s=4_000.0)
    put(server, verdict)
    for number in range(60):
        put(server, make_verdict(100 + number, bot.now_s - 3_000.0 + number, bot="beta"))
    bot.turns()
    assert bot.confirmed
    assert posts(server) == 0


def test_a_dead_ingest_is_said_once_after_three_losses_and_its_end_too(server, caplog):
    caplog.set_level(logging.INFO, "freqai_ext.news.replica")
    bot = Bot(server)
    server.worker_dead = True
    for number in range(DEAD_AFTER):
        bot.judge(number)
    bot.turns(60)
    assert bot.state.ingest_dead
    assert bot.state.lost >= DEAD_AFTER
    assert not bot.confirmed
    (warning,) = warnings_in(caplog)
    assert "Graphiti's ingest is dead; restart the server" in warning
    server.restart()
    bot.turns(120)
    assert not bot.state.ingest_dead
    assert set(bot.confirmed) == {"id0000", "id0001", "id0002"}
    assert any("stores verdicts again" in record.getMessage() for record in caplog.records)
    assert len(warnings_in(caplog)) == 1


def test_a_dead_server_is_sent_one_verdict_at_a_time(server):
    bot = Bot(server)
    server.worker_dead = True
    for number in range(DEAD_AFTER):
        bot.judge(number)
    bot.turns(17)
    assert bot.state.ingest_dead
    for number in range(10, 30):
        bot.judge(number)
    sent_before = posts(server)
    bot.turns(int(CONFIRM_S / REFRESH_S) - 2)
    assert posts(server) - sent_before <= 1


def test_a_server_is_not_given_more_than_it_can_work_on(server):
    bot = Bot(server)
    server.paused = True
    for number in range(30):
        bot.judge(number, age_s=float(number))
    bot.turns(5)
    assert posts(server) == MOST_IN_QUEUE
    assert server.bodies[0].messages[0].name == "id0000"
    server.paused = False
    server.work()
    bot.turns(10)
    assert len(bot.confirmed) == 30
    assert posts(server) == 30


def test_a_lost_verdict_is_sent_again_and_stored_once_for_readers(server, caplog):
    bot, other = Bot(server), Bot(server, "beta")
    server.paused = True
    bot.judge(1)
    bot.turns()
    server.restart()
    server.paused = False
    bot.turns(20)
    assert posts(server) == 2
    assert bot.state.lost == 1
    assert bot.confirmed
    server.work()
    other.turns(3)
    assert warnings_in(caplog) == []


def test_what_is_lost_again_is_waited_for_longer(server):
    bot = Bot(server)
    server.worker_dead = True
    bot.judge(1)
    bot.turns(int(4.5 * CONFIRM_S / REFRESH_S))
    assert posts(server) == 3


def test_a_server_that_was_restarted_is_not_called_dead(server, caplog):
    bot = Bot(server)
    server.paused = True
    for number in range(DEAD_AFTER):
        bot.judge(number)
    bot.turns()
    server.fail(503, times=4)
    server.restart()
    server.paused = False
    bot.turns(20)
    assert len(bot.confirmed) == DEAD_AFTER
    assert not any("dead" in warning for warning in warnings_in(caplog))


def failing_to_connect(times, method=None):
    """Return a transport to the server through which no connection comes about so many times."""
    left = [times]

    def fail_or_pass_on(request):
        if left[0] and method in (None, request.method):
            left[0] -= 1
            raise httpx.ConnectError("refused", request=request)
        return passed_on(request)

    return httpx.MockTransport(fail_or_pass_on)


def test_a_server_that_was_away_for_a_moment_is_not_called_dead(server, caplog):
    bot = Bot(server)
    server.paused = True
    for number in range(DEAD_AFTER):
        bot.judge(number)
    bot.turns()
    bot.transport = failing_to_connect(1)
    bot.replica._client = GraphitiClient(bot.settings, lambda: bot.now_s, transport=bot.transport)
    server.restart()
    server.paused = False
    bot.turns(20)
    assert len(bot.confirmed) == DEAD_AFTER
    assert not any("dead" in warning for warning in warnings_in(caplog))


def test_what_no_connection_came_about_for_is_sent_at_the_next_turn(server):
    bot = Bot(server, transport=failing_to_connect(1, "POST"))
    bot.judge(1)
    bot.turns(3)
    assert posts(server) == 1
    assert bot.confirmed


def test_a_server_that_was_dead_for_long_gets_the_next_verdict_within_the_waiting_time(server):
    bot = Bot(server)
    server.worker_dead = True
    for number in range(DEAD_AFTER):
        bot.judge(number)
    bot.turns(600)
    assert bot.state.ingest_dead
    server.restart()
    fresh = bot.judge(10)
    bot.turns(int(CONFIRM_S / REFRESH_S) + 3)
    assert fresh.id in bot.confirmed
    assert not bot.state.ingest_dead


def test_what_is_stored_behind_many_newer_ones_is_found_before_it_counts_as_lost(server):
    bot = Bot(server)
    for number in range(60):
        put(server, make_verdict(100 + number, bot.now_s - 3_000.0 + number, bot="beta"))
    bot.judge(1, age_s=4_000.0)
    bot.turns(int(CONFIRM_S / REFRESH_S / 2))
    assert bot.confirmed
    assert (posts(server), bot.state.lost) == (1, 0)


def test_what_the_adapter_stored_before_others_that_are_older_is_not_sent_again(server):
    bot = Bot(server, dialect="adapter")
    verdict = bot.judge(1)
    other = Bot(server, "beta", dialect="adapter")
    bot.turns()
    bot.pending, bot.confirmed = {verdict.id: verdict}, {}
    for number in range(60):
        other.judge(100 + number, age_s=5_000.0)
    other.turns(20)
    sent = len(server.bodies)
    bot.begin()
    bot.turns(2)
    assert bot.confirmed
    assert len(server.bodies) == sent


@pytest.mark.parametrize("answer", [httpx.Response(200, json={"detail": "not a list"}), httpx.Response(500), None])
def test_a_group_of_which_only_the_newest_can_be_read_holds_nothing_up(server, caplog, answer):
    def garbage(request):
        if "AAA" in request.url.path and int(request.url.params.get("last_n", 0)) > 50:
            if answer is None:
                raise httpx.ReadTimeout("slow", request=request)
            return httpx.Response(answer.status_code, content=answer.content)
        return passed_on(request)

    bot = Bot(server, transport=httpx.MockTransport(garbage))
    for number in range(60):
        put(server, make_verdict(100 + number, bot.now_s - 3_000.0 + number, bot="beta", asset="AAA"), "ftnews_AAA")
    bot.judge(1, asset="AAA", age_s=4_000.0)
    bot.judge(2, age_s=4_500.0)
    bot.turns(4)
    assert set(bot.confirmed) == {"id0002"}
    assert bot.state.outage is None
    assert warnings_in(caplog)


def test_what_the_server_never_accepted_does_not_count_as_lost(server, caplog):
    bot = Bot(server)
    server.fail(500, path="/messages", times=DEAD_AFTER)
    for number in range(DEAD_AFTER):
        bot.judge(number)
    bot.turns(40)
    assert len(bot.confirmed) == DEAD_AFTER
    assert bot.state.lost == 0
    assert not any("dead" in warning for warning in warnings_in(caplog))


def test_a_copy_that_was_slow_and_one_that_was_sent_again_are_received_once(server):
    bot, other = Bot(server), Bot(server, "beta")
    server.paused = True
    bot.judge(1)
    bot.turns(20)
    assert len(server.queue) == 2
    server.paused = False
    server.work()
    bot.turns()
    other.now_s = bot.now_s
    other.turns(3)
    assert len(server.episodes[GROUP]) == 2
    assert bot.state.stored == 1
    assert [each.id for each in other.received] == ["id0001"]


def test_after_a_timeout_nothing_is_sent_again_before_it_was_read_back(server):
    bot = Bot(server, timeout_s=0.15)
    bot.judge(1)

    async def main():
        bot.now_s += REFRESH_S
        real_page = bot.replica._client.page

        async def page_and_then_slow(asset, *rest):
            page = await real_page(asset, *rest)
            server.delay_s = 0.6
            return page

        bot.replica._client.page = page_and_then_slow
        await bot.replica.run(bot.now_s)
        bot.replica._client.page = real_page
        server.delay_s = 0.0
        await bot.replica.close()

    asyncio.run(main())
    assert posts(server) == 1
    assert bot.state.accepted == 0
    assert "no whole answer" in bot.state.outage
    bot.turns(3)
    assert posts(server) == 1
    assert bot.confirmed
    assert bot.state.outage is None


@pytest.mark.parametrize(("status", "expected"), [(503, 2), (502, 2), (500, 1), (504, 1)])
def test_a_post_that_may_have_arrived_is_not_repeated_at_once(server, status, expected):
    bot = Bot(server)
    bot.judge(1)
    server.fail(status, path="/messages")
    bot.turns(3)
    assert posts(server) == expected
    assert bool(bot.confirmed) is (expected == 2)


def test_an_outage_is_a_few_warnings_and_then_all_is_shared(server, caplog):
    caplog.set_level(logging.INFO, "freqai_ext.news.replica")
    bot = Bot(server)
    server.fail(503, times=20)
    for number in range(5):
        bot.judge(number)
        bot.turns(12)
    bot.turns(30)
    assert len(bot.confirmed) == 5
    assert 2 <= len(warnings_in(caplog)) <= 5
    assert sum("answers again" in record.getMessage() for record in caplog.records) == 1


def test_in_an_outage_the_waits_grow_and_the_server_is_left_alone(server):
    bot = Bot(server)
    bot.judge(1)
    server.fail(503, times=1_000)
    bot.turns(720, step_s=5.0)
    assert len(server.requests) < 25


def test_what_the_server_asks_to_wait_is_kept_within_reason(server):
    bot = Bot(server)
    server.fail(429, headers={"Retry-After": "120"})
    assert bot.turns() == bot.now_s + 120.0
    bot.now_s += 120.0
    server.fail(429, headers={"Retry-After": "99999999"})
    assert bot.turns() <= bot.now_s + 300.0


def test_every_outage_begins_anew(server, caplog):
    bot = Bot(server)
    for _ in range(3):
        server.fail(503, times=4)
        bot.turns(20)
        assert bot.state.outage is None
    caplog.clear()
    server.fail(503)
    assert bot.turns() <= bot.now_s + 5.0
    assert len(warnings_in(caplog)) == 1


def test_a_clock_that_was_set_back_in_an_outage_makes_nothing_wait_longer(server):
    bot = Bot(server)
    server.fail(503)
    bot.turns()
    bot.now_s -= 7_200.0
    assert bot.turns() <= bot.now_s + 300.0


def test_a_wrong_key_is_a_warning_that_shows_no_key(server, caplog):
    bot = Bot(server, token="my-own-key")
    server.key = "another"
    bot.judge(1)
    bot.turns(30)
    assert "answered 401" in bot.state.outage
    assert 1 <= len(warnings_in(caplog)) <= 4
    assert "my-own-key" not in caplog.text


def test_one_asset_that_cannot_be_read_takes_nothing_from_the_others(server, caplog):
    bot = Bot(server, "beta")
    bot.watched = ["AAA", "BTC"]
    put(server, make_verdict(1, bot.now_s))
    server.fail(500, path="/episodes/ftnews_AAA", times=3)
    bot.turns(2)
    assert [each.id for each in bot.received] == ["id0001"]
    assert bot.state.outage is None
    assert len(warnings_in(caplog)) == 2


def test_an_asset_with_garbage_does_not_keep_a_verdict_of_another_from_being_sent(server, caplog):
    asked = []

    def garbage(request):
        if "AAA" in request.url.path:
            asked.append(request)
            return httpx.Response(200, json={"detail": "not a list"})
        return passed_on(request)

    bot = Bot(server, transport=httpx.MockTransport(garbage))
    bot.judge(1, asset="AAA")
    bot.judge(2)
    bot.turns(120, step_s=1.0)
    assert set(bot.confirmed) == {"id0002"}
    assert warnings_in(caplog)
    assert len(asked) <= 4


def test_a_verdict_that_cannot_be_shared_stays_and_holds_nothing_up(server, caplog):
    bot = Bot(server)
    bot.judge(1, impact_score=float("nan"))
    bot.judge(2)
    bot.turns(5)
    assert set(bot.confirmed) == {"id0002"}
    (warning,) = warnings_in(caplog)
    assert "its impact_score is not valid" in warning


def test_verdicts_of_other_origins_are_not_shared(server):
    bot = Bot(server)
    bot.judge(1, origin="shared")
    bot.judge(2, origin="imported")
    bot.turns(3)
    assert posts(server) == 0


def test_a_store_that_fails_is_asked_again_and_nothing_is_lost(server, caplog):
    bot = Bot(server)
    kept = bot.receive
    failures = iter([RuntimeError("locked"), RuntimeError("locked")])

    def receive(verdict):
        if (error := next(failures, None)) is not None:
            raise error
        kept(verdict)

    confirm, confirmations = bot.confirm, iter([RuntimeError("locked")])

    def confirm_late(*details):
        if (error := next(confirmations, None)) is not None:
            raise error
        confirm(*details)

    bot.receive, bot.confirm = receive, confirm_late
    bot.begin()
    bot.judge(1)
    put(server, make_verdict(2, bot.now_s, bot="beta"))
    bot.turns(6)
    assert [each.id for each in bot.received] == ["id0002"]
    assert set(bot.confirmed) == {"id0001"}
    assert posts(server) == 1
    assert all("locked" in warning for warning in warnings_in(caplog))


def test_lists_that_cannot_be_told_are_a_warning_and_no_failure(server, caplog):
    bot = Bot(server)
    bot.pending = bot.watched = None
    bot.turns(3)
    assert warnings_in(caplog)


def test_hostile_records_of_others_are_left_out(server):
    bot = Bot(server, "beta")
    good = SharedRecord.of(make_verdict(1, bot.now_s)).content()
    for bad in (
        good.replace('"impact_score":0.72', '"impact_score":72'),
        good.replace('"impact_score":0.72', '"impact_score":NaN'),
        good.replace('"asset":"BTC"', '"asset":"ETH"'),
        good[:-40],
        good.replace("{", "[", 1),
        "{" * 5_000,
    ):
        server.put(GROUP, bad)
    bot.turns(2)
    assert not bot.received


def test_a_clock_that_was_set_back_puts_nothing_off(server):
    bot = Bot(server)
    bot.turns()
    bot.now_s -= 7_200.0
    bot.judge(1)
    bot.turns(3)
    assert bot.confirmed


def test_in_a_worker_two_bots_share_and_end_cleanly(server):
    bots = [Bot(server, "alpha", refresh_s=1.0), Bot(server, "beta", refresh_s=1.0)]
    workers = [Worker(bot.name, [bot.replica], lambda bot=bot: bot.now_s) for bot in bots]
    for worker in workers:
        worker.start()
    bots[0].judge(1)
    for _ in range(4):
        for bot, worker in zip(bots, workers, strict=True):
            bot.now_s += 1.0
            worker.wake()
            assert worker.settle(5.0)
    assert all(worker.stop(5.0) for worker in workers)
    assert [each.id for each in bots[1].received] == ["id0001"]
    assert set(bots[0].confirmed) == {"id0001"}


def test_between_two_real_stores_a_verdict_is_shared_and_confirmed(server, tmp_path):
    stores = {name: NewsStore(tmp_path / f"{name}.sqlite") for name in ("alpha", "beta")}
    settings = GraphitiSettings(url=server.url)
    now_s = START_S
    workers = []
    for name, store in stores.items():
        replica = Replica(
            settings,
            GraphitiClient(settings, lambda: now_s),
            store.pending_replication,
            store.confirm,
            lambda: ["BTC"],
            store.add_verdict,
            name,
            lambda: now_s,
        )
        workers.append(Worker(name, [replica], lambda: now_s))
    made = make_verdict(1, START_S)
    stores["alpha"].add_verdict(made)
    for worker in workers:
        worker.start()
    for _ in range(3):
        now_s += REFRESH_S
        assert all(worker.settle(5.0) for worker in workers)
    assert all(worker.stop(5.0) for worker in workers)
    read = stores["beta"].newest("BTC", now_s)
    before = stores["beta"].newest("BTC", START_S + 1.0)
    waiting = stores["alpha"].pending_replication() + stores["beta"].pending_replication()
    for store in stores.values():
        store.close()
    assert (read.id, read.origin, read.bot) == (made.id, "shared", "alpha")
    assert read.available_at_s > START_S + 1.0
    assert before is None
    assert waiting == ()
