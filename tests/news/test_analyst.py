import asyncio
import logging
import sqlite3
import threading
from dataclasses import replace

import pytest

from freqai_ext._services.worker import NEVER, Worker
from freqai_ext.errors import NewsAnswerError, NewsDataError, NewsRefusedError, NewsUnavailableError
from freqai_ext.news.analyst import Analyst
from freqai_ext.news.judgement import Judgement
from freqai_ext.news.llm import JudgeAnswer, LlmUnavailableError
from freqai_ext.news.prompt import EarlierVerdict, JudgeContext, build_prompt
from freqai_ext.news.records import Verdict
from freqai_ext.news.search import NewsItem, NewsResult
from freqai_ext.news.settings import NewsSettings
from freqai_ext.news.store import NewsStore
from freqai_ext.news.watchlist import Numbers
from tests.services.timing import LoopCost

START_S = 1_760_000_000.0
INTERVAL_S = 3600.0
ITEMS = (
    NewsItem("Bitcoin fund sees record inflow", "https://news.example/1", "More money than ever.", START_S - 600.0),
    NewsItem("Miners sell", "https://news.example/2", "A little."),
)
MORE = NewsItem("Exchange lists Bitcoin options", "https://news.example/3", "From tomorrow.")


class Clock:
    def __init__(self, now_s=START_S):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


class Search:
    """Finds ``items``, takes ``takes_s`` of the simulated clock, raises ``fault``."""

    def __init__(self, clock):
        self.clock, self.items, self.takes_s, self.fault = clock, ITEMS, 0.0, None
        self.queries, self.at_once, self.most_at_once = [], 0, 0
        self.gate, self.pause_s = None, 0.0

    async def search(self, query):
        self.queries.append(query)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(self.pause_s)
            if self.fault is not None:
                raise self.fault
        finally:
            self.at_once -= 1
        self.clock.now_s += self.takes_s
        return NewsResult("", self.items, self.clock.now_s, "0" * 64)

    async def aclose(self):
        pass


class Llm:
    """Judges everything the same, takes ``takes_s`` of the simulated clock, raises ``fault``."""

    def __init__(self, clock):
        self.clock, self.takes_s, self.fault, self.attempts = clock, 0.0, None, 1
        self.tokens, self.prompts = 500, []
        self.judgement = Judgement(impact_score=0.7, sentiment="positive", confidence=0.8, reasoning="inflow")

    async def judge(self, prompt, *, before_attempt=None):
        self.prompts.append(prompt)
        for _ in range(self.attempts):
            before_attempt()
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        self.clock.now_s += self.takes_s
        return JudgeAnswer(
            self.judgement,
            "served-model",
            "primary",
            "json_schema",
            0.1,
            (),
            self.tokens,
            1_700_000_000.0,
            prompt.sha256,
        )


class Bot:
    def __init__(self, path, settings, **options):
        self.clock = Clock()
        self.path = path
        self.store = NewsStore(path, self.clock)
        self.search, self.llm = Search(self.clock), Llm(self.clock)
        self.woken = 0
        self.analyst = Analyst(
            NewsSettings(**settings),
            self.search,
            self.llm,
            self.store,
            self.clock,
            "bot-one",
            wake=self._wake,
            **options,
        )

    def _wake(self):
        self.woken += 1

    def ask(self, *assets, **numbers):
        for asset in assets or ("BTC",):
            self.analyst.request(asset, Numbers(**numbers))
        return self.run()

    def run(self):
        async def main():
            due_s = await self.analyst.run(self.clock())
            await self.analyst.close()
            return due_s

        return asyncio.run(main())

    def verdicts(self):
        return self.store.verdicts()


@pytest.fixture
def make_bot(tmp_path):
    made = []

    def make(settings=None, **options):
        made.append(Bot(tmp_path / f"{len(made)}.sqlite", settings or {}, **options))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


@pytest.fixture
def bot(make_bot):
    return make_bot()


def verdict_of(asset="BTC", available_at_s=START_S, **changes):
    verdict = Verdict(
        "other-1", asset, available_at_s, 0.5, "negative", 0.6, "why", "m", "1", "0" * 64, (), "shared", "bot-two"
    )
    return replace(verdict, **changes)


def test_a_request_becomes_a_verdict_that_cites_its_articles(bot):
    assert bot.ask("btc", close=65_000.0, change_24h=0.012, rsi=28.4) == NEVER
    assert bot.search.queries == ["Bitcoin BTC cryptocurrency news"]
    (verdict,) = bot.verdicts()
    assert (verdict.asset, verdict.impact_score, verdict.sentiment, verdict.confidence) == ("BTC", 0.7, "positive", 0.8)
    assert (verdict.model, verdict.origin, verdict.bot) == ("served-model", "live", "bot-one")
    assert (verdict.prompt_sha256, verdict.prompt_version) == (bot.llm.prompts[0].sha256, "2")
    assert verdict.trained_until_s == 1_700_000_000.0
    assert len(verdict.id) == 32
    articles = bot.store.articles("BTC")
    assert {article.id for article in articles} == set(verdict.article_ids)
    assert {(article.title, article.published_at_s) for article in articles} == {
        ("Bitcoin fund sees record inflow", START_S - 600.0),
        ("Miners sell", None),
    }
    asked = bot.llm.prompts[0].user
    assert "65000" in asked
    assert "28.4" in asked
    assert "Bitcoin fund sees record inflow" in asked


def test_a_verdict_is_available_when_all_of_it_was_there_and_articles_when_they_were_found(bot):
    bot.search.takes_s, bot.llm.takes_s = 12.0, 5.0
    bot.ask()
    assert [verdict.available_at_s for verdict in bot.verdicts()] == [START_S + 17.0]
    assert {article.first_seen_at_s for article in bot.store.articles()} == {START_S + 12.0}
    assert bot.store.newest("BTC", START_S + 16.9) is None


def test_after_a_verdict_the_asset_rests_for_the_interval(bot):
    bot.ask()
    for later_s in (1.0, 1800.0, INTERVAL_S - 1.0):
        bot.clock.now_s = START_S + later_s
        bot.ask()
    assert len(bot.search.queries) == 1
    bot.clock.now_s, bot.search.items = START_S + INTERVAL_S, (*ITEMS, MORE)
    bot.ask()
    assert len(bot.verdicts()) == 2


def test_news_that_were_all_judged_are_not_judged_again_and_their_verdict_ages_on(bot, caplog):
    caplog.set_level(logging.INFO)
    bot.ask()
    for number in range(1, 4):
        bot.clock.now_s = START_S + number * INTERVAL_S
        # A part of them, in another order, with a snippet that differs, is nothing new either.
        bot.search.items = (replace(ITEMS[1], text=f"A little, cut elsewhere {number}."), ITEMS[0])[: 1 + number % 2]
        bot.ask()
    assert len(bot.search.queries) == 4
    assert (len(bot.llm.prompts), bot.analyst.status.unchanged, bot.analyst.status.failures) == (1, 3, 0)
    (verdict,) = bot.verdicts()
    assert bot.store.newest("BTC", bot.clock.now_s).available_at_s == verdict.available_at_s == START_S
    assert "BTC: nothing new among 1 news; the last verdict ages on" in caplog.messages


def test_one_new_piece_among_old_ones_makes_a_verdict_and_the_old_are_told_as_old(bot):
    undated = tuple(replace(item, published_at_s=None) for item in ITEMS)
    bot.search.items = undated
    bot.ask()
    bot.clock.now_s, bot.search.items = START_S + 5 * INTERVAL_S, (MORE, *undated)
    bot.ask()
    assert len(bot.verdicts()) == 2
    lines = [line for line in bot.llm.prompts[1].user.splitlines() if '"news"' in line]
    assert [('"first_seen":"now"' in line, '"first_seen":"5.0 h ago"' in line) for line in lines] == [
        (True, False),
        (False, True),
        (False, True),
    ]


def test_what_another_bot_has_judged_is_not_judged_again_either(bot):
    bot.ask()
    ids = bot.verdicts()[0].article_ids
    second = replace(bot.verdicts()[0], id="two", asset="ETH", origin="shared", bot="bot-two")
    bot.store.add_verdict(replace(second, made_at_s=START_S - 7_200.0, article_ids=ids))
    bot.clock.now_s = START_S + INTERVAL_S
    bot.ask("ETH")
    assert (len(bot.llm.prompts), bot.analyst.status.unchanged) == (1, 1)
    # With a new piece it is known since when the other bot knew the rest.
    bot.clock.now_s, bot.search.items = START_S + 2 * INTERVAL_S, (MORE, *ITEMS)
    bot.ask("ETH")
    assert bot.llm.prompts[1].user.count('"first_seen":"4.0 h ago"') == 2


def test_news_of_long_ago_that_come_up_again_are_judged_as_known_for_long(bot):
    bot.search.items = (replace(ITEMS[1]),)
    bot.ask()
    bot.clock.now_s = START_S + 8 * 86_400.0
    bot.ask()
    assert len(bot.verdicts()) == 2
    assert '"first_seen":"8 days ago"' in bot.llm.prompts[1].user


def test_articles_whose_verdict_was_lost_in_a_crash_are_judged(bot, monkeypatch):
    def fail(verdict):
        raise NewsDataError("disk")

    with monkeypatch.context() as patch:
        patch.setattr(bot.store, "add_verdict", fail)
        bot.ask()
    assert (len(bot.store.articles()), bot.verdicts()) == (2, ())
    bot.clock.now_s += 120.0
    bot.ask()
    assert len(bot.verdicts()) == 1


def test_just_before_a_search_the_shared_memory_is_read_and_a_fresh_verdict_used(make_bot):
    looked = []

    async def look(asset):
        looked.append(asset)
        if len(looked) == 1:
            bot.store.add_verdict(verdict_of(available_at_s=START_S, made_at_s=START_S - 60.0))

    bot = make_bot(look=look)
    bot.ask()
    assert (looked, bot.search.queries, bot.analyst.status.spared) == (["BTC"], [], 1)
    bot.ask("ETH")
    assert (looked, len(bot.search.queries)) == (["BTC", "ETH"], 1)


def test_a_search_that_is_put_off_is_made_then_with_the_newest_numbers(make_bot):
    bot = make_bot(delay_s=lambda asset, now_s: 40.0 if asset == "BTC" else 0.0)
    assert bot.ask("BTC", rsi=31.0) == START_S + 40.0
    assert bot.search.queries == []
    bot.clock.now_s = START_S + 39.0
    assert bot.ask("BTC", rsi=27.5) == START_S + 40.0
    bot.ask("ETH")
    assert len(bot.search.queries) == 1
    bot.clock.now_s = START_S + 40.0
    bot.run()
    assert "RSI 27.5" in bot.llm.prompts[1].user
    # The next look comes later than the interval by the delay.
    bot.clock.now_s = START_S + 40.0 + INTERVAL_S
    assert bot.ask("BTC") == bot.clock.now_s + 40.0


def test_pairs_of_one_asset_share_one_search(bot):
    for _ in range(3):
        bot.analyst.request("BTC", Numbers())
    bot.ask("BTC", "btc")
    assert len(bot.search.queries) == 1


def test_a_younger_verdict_of_another_bot_makes_a_search_unnecessary(bot):
    bot.store.add_verdict(verdict_of(available_at_s=START_S - 1800.0))
    bot.ask("BTC", "ETH")
    assert bot.search.queries == ["Ethereum ETH cryptocurrency news"]
    assert bot.analyst.status.spared == 1
    bot.clock.now_s = START_S + 1799.0
    bot.ask("BTC")
    assert len(bot.search.queries) == 1
    bot.clock.now_s = START_S + 1800.0
    bot.ask("BTC")
    assert len(bot.search.queries) == 2


def test_a_shared_verdict_spares_a_search_from_when_it_was_made_and_not_from_when_it_came(bot):
    bot.store.add_verdict(verdict_of(available_at_s=START_S, made_at_s=START_S - INTERVAL_S + 60.0))
    bot.ask()
    assert (bot.search.queries, bot.analyst.status.spared) == ([], 1)
    bot.clock.now_s = START_S + 60.0
    bot.ask()
    assert len(bot.search.queries) == 1


def test_a_verdict_of_the_future_or_an_old_one_spares_nothing(bot):
    bot.store.add_verdict(verdict_of(id="a", available_at_s=START_S + 10.0))
    bot.store.add_verdict(verdict_of(id="b", available_at_s=START_S - INTERVAL_S))
    bot.ask()
    assert len(bot.search.queries) == 1


def test_finding_no_news_is_no_verdict_and_is_remembered(bot, caplog):
    caplog.set_level(logging.INFO)
    bot.search.items = ()
    bot.ask()
    assert bot.verdicts() == ()
    assert bot.llm.prompts == []
    assert "BTC: no news found" in caplog.text
    bot.clock.now_s += INTERVAL_S - 1.0
    bot.ask()
    assert len(bot.search.queries) == 1
    bot.clock.now_s += 1.0
    bot.search.items = ITEMS
    bot.ask()
    assert len(bot.verdicts()) == 1


def test_news_dated_after_the_search_are_judged_as_undated_and_keep_their_date_in_the_store(bot):
    dated = NewsItem("Inflow", "https://news.example/3", "More.", START_S + 60.0)
    bot.search.items = (dated,)
    bot.search.takes_s, bot.llm.takes_s = 30.0, 5.0
    bot.ask()
    assert '"age":"unknown"' in bot.llm.prompts[0].user.replace('": "', '":"')
    assert [(article.published_at_s, article.first_seen_at_s) for article in bot.store.articles()] == [
        (START_S + 60.0, START_S + 30.0)
    ]
    assert bot.verdicts()[0].available_at_s == START_S + 35.0
    undated = build_prompt(JudgeContext("BTC", "Bitcoin", START_S + 30.0, items=(replace(dated, published_at_s=None),)))
    assert bot.llm.prompts[0].sha256 == undated.sha256


def test_a_search_that_is_judged_later_does_not_make_news_of_its_future_look_fresh(bot):
    bot.search.items = (NewsItem("Inflow", "https://news.example/3", "More.", START_S + 30.0),)
    bot.llm.fault = LlmUnavailableError("nobody")
    bot.clock.now_s = bot.ask()
    assert bot.clock.now_s > START_S + 30.0
    bot.llm.fault = None
    bot.run()
    assert len(bot.search.queries) == 1
    assert '"age":"unknown"' in bot.llm.prompts[-1].user.replace('": "', '":"')
    assert len(bot.verdicts()) == 1


def test_news_without_title_and_text_are_no_news(bot):
    bot.search.items = (NewsItem("", "https://news.example/3", ""),)
    bot.ask()
    assert bot.verdicts() == ()
    assert bot.store.articles() == ()
    assert bot.analyst.status.no_news == 1


@pytest.mark.parametrize("where", ["search", "llm"])
@pytest.mark.parametrize(
    "fault",
    [
        NewsUnavailableError("no connection"),
        NewsRefusedError("401"),
        NewsAnswerError("no JSON"),
        LlmUnavailableError("nobody"),
        KeyError("secret-text"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_failure_stores_nothing_warns_and_is_tried_again_by_itself(bot, caplog, where, fault):
    caplog.set_level(logging.INFO)
    getattr(bot, where).fault = fault
    due_s = bot.ask()
    assert START_S + 48.0 <= due_s <= START_S + 60.0
    assert bot.verdicts() == ()
    assert bot.store.articles() == ()
    assert bot.analyst.status.failures == 1
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert "BTC: no verdict on the news, times=1: " in caplog.text
    assert "secret-text" not in caplog.text
    getattr(bot, where).fault = None
    bot.clock.now_s = due_s
    assert bot.run() == NEVER
    assert len(bot.verdicts()) == 1
    assert "news are searched and judged again after 1 failures" in caplog.text


def test_an_outage_is_said_at_ever_longer_intervals_and_never_as_an_error(bot, caplog):
    bot.search.fault = NewsUnavailableError("no connection")
    for _ in range(9):
        bot.clock.now_s = bot.ask()
    assert bot.analyst.status.failures == 9
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 4


def test_what_was_found_is_not_searched_again_when_only_the_judge_failed(bot):
    bot.llm.fault = LlmUnavailableError("nobody")
    bot.clock.now_s = bot.ask()
    bot.clock.now_s = bot.run()
    assert len(bot.search.queries) == 1
    bot.llm.fault = None
    bot.run()
    assert len(bot.search.queries) == 1
    (verdict,) = bot.verdicts()
    assert verdict.available_at_s == bot.clock.now_s
    assert {article.first_seen_at_s for article in bot.store.articles()} == {START_S}


def test_what_was_found_long_ago_is_searched_again(bot):
    bot.llm.fault = LlmUnavailableError("nobody")
    bot.ask()
    bot.llm.fault = None
    bot.clock.now_s += 900.0
    bot.ask()
    assert len(bot.search.queries) == 2
    assert len(bot.verdicts()) == 1


def test_a_service_that_asks_for_patience_gets_it(bot):
    fault = NewsUnavailableError("429")
    fault.retry_after_s = 600.0
    bot.search.fault = fault
    assert bot.ask() == START_S + 600.0


def test_a_disk_that_fails_is_a_failure_that_passes(bot, caplog):
    with sqlite3.connect(bot.path) as connection:
        connection.execute("ALTER TABLE news_verdicts RENAME TO elsewhere")
    connection.close()
    due_s = bot.ask()
    assert bot.analyst.status.failures == 1
    assert "it cannot be used as a database (no such table: news_verdicts); move it away" in caplog.text
    with sqlite3.connect(bot.path) as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO news_verdicts")
    connection.close()
    bot.clock.now_s = due_s
    bot.run()
    assert len(bot.verdicts()) == 1


def test_a_crash_between_the_writes_leaves_no_verdict_without_articles(bot, monkeypatch):
    def fail(verdict):
        raise NewsDataError("disk full")

    monkeypatch.setattr(bot.store, "add_verdict", fail)
    bot.ask()
    assert len(bot.store.articles()) == 2
    assert bot.verdicts() == ()
    monkeypatch.setattr(bot.store, "add_articles", fail)
    bot.clock.now_s += 60.0
    bot.run()
    assert bot.verdicts() == ()


def test_two_are_looked_at_at_once_and_urgent_ones_first(bot):
    for asset in ("ADA", "DOT", "SOL"):
        bot.analyst.request(asset, Numbers())
    bot.analyst.request("XRP", Numbers(urgent=True))
    bot.search.pause_s = 0.05
    bot.run()
    assert bot.search.most_at_once == 2
    # The two begin in either order.
    assert any(query.startswith("Ripple XRP") for query in bot.search.queries[:2])
    assert len(bot.verdicts()) == 4


def test_what_is_requested_during_a_search_does_not_wait_for_its_end(bot):
    async def main():
        bot.search.gate = asyncio.Event()
        bot.analyst.request("BTC", Numbers())
        running = asyncio.create_task(bot.analyst.run(START_S))
        await asyncio.sleep(0.05)
        bot.analyst.request("ETH", Numbers())
        bot.analyst.request("BTC", Numbers())
        async with asyncio.timeout(5.0):
            while len(bot.search.queries) < 2:
                await asyncio.sleep(0.01)
        assert bot.search.at_once == 2
        bot.search.gate.set()
        assert await running == NEVER

    asyncio.run(main())
    assert len(bot.verdicts()) == 2


def test_searches_stop_when_the_budget_is_spent_and_go_on_an_hour_later(make_bot, caplog):
    bot = make_bot({"budget": {"searches_per_hour": 2}})
    due_s = bot.ask("ADA", "BTC", "ETH")
    assert len(bot.search.queries) == 2
    assert due_s == START_S + 3600.0
    assert "the 2 searches of this hour are spent" in caplog.text
    bot.clock.now_s = due_s
    bot.ask("ETH")
    assert len(bot.search.queries) == 3
    assert {verdict.asset for verdict in bot.verdicts()} == {"ADA", "BTC", "ETH"}


def test_repeated_questions_and_failed_ones_cost_calls_and_tokens(make_bot):
    bot = make_bot({"budget": {"llm_calls_per_hour": 100, "llm_tokens_per_hour": 1000}})
    bot.llm.attempts = 3
    bot.llm.fault = LlmUnavailableError("nobody")
    bot.llm.fault.tokens = 1200
    bot.clock.now_s = bot.ask("BTC")
    assert len(bot.llm.prompts) == 1
    bot.llm.fault = None
    bot.run()
    assert bot.verdicts() == ()
    assert "1000 LLM tokens of this hour are spent" in bot.analyst.status.last_failure


def test_a_question_that_the_budget_ends_halfway_gives_no_verdict(make_bot):
    bot = make_bot({"budget": {"llm_calls_per_hour": 2}})
    bot.llm.attempts = 3
    bot.ask()
    assert bot.verdicts() == ()
    assert "the 2 LLM calls of this hour are spent" in bot.analyst.status.last_failure


def test_the_prompt_is_told_of_earlier_verdicts_strictly_before_it(make_bot):
    asked = []

    def earlier(asset, before_s):
        asked.append((asset, before_s, threading.current_thread() is not threading.main_thread()))
        return [
            EarlierVerdict(START_S - 7200.0, 0.9, "positive", 0.0123),
            EarlierVerdict(START_S + 12.0, 0.8, "negative", 0.5),
        ]

    bot = make_bot(earlier=earlier)
    bot.search.takes_s = 12.0
    bot.ask()
    assert asked == [("BTC", START_S + 12.0, True)]
    assert "+1.23 %" in bot.llm.prompts[0].user
    assert "+50.00 %" not in bot.llm.prompts[0].user


def test_facts_of_the_shared_memory_are_told_where_they_are_wanted_and_missed_where_they_fail(make_bot, caplog):
    async def facts(asset, query, limit):
        if asset == "ETH":
            raise NewsUnavailableError("Graphiti: no connection")
        return [f"fact {number} on {asset}" for number in range(limit + 5)]

    bot = make_bot({"graphiti": {"facts": 2}}, facts=facts)
    bot.ask("BTC", "ETH")
    by_asset = {prompt.user.split("\n")[0]: prompt.user for prompt in bot.llm.prompts}
    assert "fact 1 on BTC" in by_asset["Asset: BTC (Bitcoin)"]
    assert "fact 2 on BTC" not in by_asset["Asset: BTC (Bitcoin)"]
    assert len(bot.verdicts()) == 2
    assert "judged without facts of the shared memory" in caplog.text
    without = make_bot(facts=facts)
    without.ask("BTC")
    assert "fact 1" not in without.llm.prompts[0].user


def test_a_client_without_a_deadline_is_cut_off(bot, monkeypatch):
    monkeypatch.setattr(bot.analyst, "_deadline_s", 0.05)

    async def hang(query):
        await asyncio.sleep(60.0)

    monkeypatch.setattr(bot.search, "search", hang)
    bot.ask()
    assert bot.analyst.status.last_failure == "search and judgement took more than 0.05 s"


def test_a_clock_that_is_set_back_during_a_look_makes_no_verdict_of_the_past(bot):
    bot.llm.takes_s = -7200.0
    bot.ask()
    assert [verdict.available_at_s for verdict in bot.verdicts()] == [START_S]


def test_a_request_wakes_only_where_there_is_something_to_plan(bot):
    bot.ask()
    assert bot.woken == 1
    bot.ask()
    assert bot.woken == 1


def test_a_request_takes_microseconds(bot):
    cost = LoopCost()
    for number in range(200):
        with cost.call():
            bot.analyst.request(f"C{number}", Numbers())
    cost.check(1e-4)


def test_in_a_worker_the_end_interrupts_a_search_and_keeps_what_is_being_stored(bot, monkeypatch):
    worker = Worker("analyst-test", [bot.analyst], bot.clock)
    bot.analyst._wake = worker.wake
    began, may_end = threading.Event(), threading.Event()
    keep = bot.analyst._keep

    def slowly(articles, verdict):
        began.set()
        may_end.wait(5.0)
        keep(articles, verdict)

    monkeypatch.setattr(bot.analyst, "_keep", slowly)
    worker.start()
    bot.analyst.request("BTC", Numbers())
    assert began.wait(5.0)
    threading.Timer(0.1, may_end.set).start()
    assert worker.stop(5.0)
    assert len(bot.verdicts()) == 1


def test_in_a_worker_a_settled_clock_means_that_all_is_judged(bot):
    worker = Worker("analyst-test", [bot.analyst], bot.clock)
    bot.analyst._wake = worker.wake
    worker.start()
    try:
        for number in range(3):
            bot.search.items = (*ITEMS, replace(MORE, url=f"https://news.example/{number}"))
            bot.analyst.request("BTC", Numbers())
            assert worker.settle(10.0)
            bot.clock.now_s += INTERVAL_S
    finally:
        assert worker.stop(5.0)
    assert [verdict.available_at_s - START_S for verdict in bot.verdicts()] == [0.0, INTERVAL_S, 2 * INTERVAL_S]
