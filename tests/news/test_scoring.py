import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import NewsAnswerError, NewsRefusedError, NewsUnavailableError
from freqai_ext.news.baseline import LexiconJudge
from freqai_ext.news.judgement import Judgement
from freqai_ext.news.llm import LlmUnavailableError
from freqai_ext.news.prompt import build_prompt
from freqai_ext.news.records import Article, JudgeIdentity
from freqai_ext.news.scoring import Answer, ScoringSettings, score_articles
from freqai_ext.news.scoring_budget import ScoringBudget
from freqai_ext.news.scoring_plan import estimate_scoring, plan_scoring
from freqai_ext.news.settings import NewsScoringSettings
from freqai_ext.news.store import NewsStore

HOUR_S = 3_600.0
START_S = 500_000 * HOUR_S
DAY_S = 24 * HOUR_S


class StandInJudge:
    """Judges everything the same and remembers what it was asked."""

    def __init__(self, faults=(), model="stand-in", pause_s=0.0):
        self.asked = []
        self.faults = list(faults)
        self.identity = JudgeIdentity("llm", model, "2")
        self.pause_s, self.at_once, self.most_at_once = pause_s, 0, 0

    async def answer(self, context):
        self.asked.append(context)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.pause_s)
        self.at_once -= 1
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        return Answer(Judgement(impact_score=0.6, sentiment="negative", confidence=0.5, reasoning="so it is"), 100)


def make_article(id, first_seen_at_s, assets=("BTC",), **others):
    given = {"title": f"Title {id}", "text": "", "url": "", "published_at_s": first_seen_at_s - 600.0} | others
    return Article(id=str(id), assets=tuple(assets), first_seen_at_s=first_seen_at_s, **given)


@pytest.fixture(scope="module")
def make_store(tmp_path_factory):
    made = []

    def make(*articles):
        store = NewsStore(tmp_path_factory.mktemp("store") / "news.sqlite")
        made.append(store)
        store.add_articles(articles)
        return store

    yield make
    for store in made:
        store.close()


def make_hourly(count, **others):
    """Return articles an hour apart, so that each of so many moments has a new one."""
    return [make_article(f"{number:02}", START_S + HOUR_S * number, **others) for number in range(count)]


def score(store, judge, progress=None, budget=None, **options):
    return score_articles(store, judge, ScoringSettings(**options), progress, budget=budget)


def test_an_asset_is_judged_when_there_is_something_new_and_what_is_old_is_not_renewed(make_store):
    store = make_store(make_article("a", START_S + 60.0), make_article("b", START_S + 5 * HOUR_S + 60.0))
    judge = StandInJudge()
    report = score(store, judge)
    assert (report.moments, report.added, report.unchanged, report.known, report.failed) == (29, 2, 27, 0, 0)
    assert [context.now_s for context in judge.asked] == [START_S + HOUR_S, START_S + 6 * HOUR_S]
    first, second = store.verdicts()
    assert (first.asset, first.origin, first.bot, first.model) == ("BTC", "imported", "archive", "stand-in")
    assert (first.impact_score, first.sentiment, first.confidence) == (0.6, "negative", 0.5)
    assert (first.judge, first.judge_kind) == ("llm:stand-in:2", "llm")
    assert (first.article_ids, second.article_ids) == (("a",), ("b", "a"))


def test_the_same_text_again_is_nothing_new_while_it_is_told(make_store):
    text = {"title": "The same", "text": "again"}
    store = make_store(*(make_article(number, START_S + HOUR_S * number, **text) for number in (0, 3, 20, 80)))
    judge = StandInJudge()
    report = score(store, judge)
    assert [context.now_s - START_S for context in judge.asked] == [0.0, 80 * HOUR_S]
    assert report.unchanged == report.moments - 2


def test_a_share_of_an_archive_s_moments_has_nothing_new(make_store):
    store, judge = make_store(*make_hourly(4), make_article("far", START_S + 100 * HOUR_S)), StandInJudge()
    report = score(store, judge)
    assert (report.moments, len(judge.asked), report.unchanged) == (27 + 24, 5, 46)


def test_news_dated_after_they_were_seen_are_judged_as_undated_and_since_when_they_are_known(make_store):
    store, judge = make_store(make_article("a", START_S - 60.0, published_at_s=START_S + 2 * HOUR_S)), StandInJudge()
    score(store, judge)
    (context,) = judge.asked
    assert (context.items[0].published_at_s, context.items[0].first_seen_at_s) == (None, START_S - 60.0)


def test_a_verdict_is_available_after_its_moment_by_what_the_judge_takes(make_store):
    store = make_store(make_article("a", START_S))
    score(store, StandInJudge(), judge_latency_s=45.0)
    assert store.verdicts()[0].available_at_s == START_S + 45.0


def test_the_newest_articles_that_had_been_seen_are_told_and_no_others(make_store):
    store = make_store(
        *(make_article(number, START_S + 60.0 * number) for number in range(1, 6)),
        make_article("of another", START_S + 60.0, ["ETH"]),
        make_article("too old", START_S + HOUR_S - DAY_S),
        make_article("too late", START_S + HOUR_S + 1.0),
    )
    judge = StandInJudge()
    score(store, judge, assets=["BTC"], since_s=START_S + HOUR_S, until_s=START_S + HOUR_S + 1.0, max_items=3)
    (context,) = judge.asked
    assert [item.title for item in context.items] == ["Title 5", "Title 4", "Title 3"]
    assert (context.asset, context.name, context.close, context.rsi) == ("BTC", "Bitcoin", None, None)
    assert store.verdicts()[0].article_ids == ("5", "4", "3")


@pytest.mark.parametrize("again", [{}, {"judge_latency_s": 5.0}, {"interval_s": 1_800.0}], ids=str)
def test_a_second_run_asks_nothing_and_adds_nothing(make_store, again):
    store = make_store(make_article("a", START_S), make_article("b", START_S + HOUR_S, ["ETH"]))
    first, judge = score(store, StandInJudge()), StandInJudge()
    report = score(store, judge, **again)
    assert (first.added, report.known, report.added) == (2, 2, 0)
    assert judge.asked == []
    assert score(store, StandInJudge(model="another")).added == 2
    assert store.judges() == {"llm:another:2": 2, "llm:stand-in:2": 2}


def test_runs_over_neighbouring_ranges_ask_what_one_run_over_all_would_ask(make_store):
    articles = [make_article("a", START_S), make_article("b", START_S + 3 * HOUR_S)]
    at_once, in_parts = make_store(*articles), make_store(*articles)
    score(at_once, StandInJudge())
    for hour in range(0, 30, 2):
        score(in_parts, StandInJudge(), since_s=START_S + hour * HOUR_S, until_s=START_S + (hour + 2) * HOUR_S)
    assert in_parts.verdicts() == at_once.verdicts()


def test_a_run_that_begins_later_judges_what_is_there_as_a_bot_that_starts_then(make_store):
    store, judge = make_store(make_article("a", START_S)), StandInJudge()
    report = score(store, judge, since_s=START_S + 5 * HOUR_S)
    assert ([context.now_s for context in judge.asked], report.unchanged) == ([START_S + 5 * HOUR_S], 18)


def test_news_that_are_added_later_are_judged_besides(make_store):
    store = make_store(make_article("a", START_S))
    score(store, StandInJudge())
    store.add_articles([make_article("b", START_S + 23 * HOUR_S)])
    report = score(store, StandInJudge())
    assert (report.moments, report.known, report.added) == (47, 1, 1)


def test_only_the_assets_and_times_that_are_wanted_are_judged(make_store):
    store = make_store(*make_hourly(5, assets=["BTC", "ETH", "SOL"]))
    score(store, StandInJudge(), assets=["ETH", "SOL"], since_s=START_S + HOUR_S, until_s=START_S + 3 * HOUR_S)
    found = store.verdicts()
    assert sorted({verdict.asset for verdict in found}) == ["ETH", "SOL"]
    assert {verdict.available_at_s - 30.0 - START_S for verdict in found} == {HOUR_S, 2 * HOUR_S}


def test_verdicts_of_a_model_trained_later_are_counted_as_tainted(make_store):
    store = make_store(*make_hourly(24))
    report = score(store, StandInJudge(), trained_until_s=START_S + 12 * HOUR_S)
    assert (report.added, report.tainted) == (24, 12)
    assert sum(verdict.tainted for verdict in store.verdicts()) == 12


def test_a_judge_that_fails_now_and_then_is_asked_again_in_the_next_run(make_store):
    store = make_store(*make_hourly(24))
    judge = StandInJudge([None, NewsUnavailableError("slow"), NewsAnswerError("no JSON")])
    report = score(store, judge)
    assert (report.added, report.failed) == (22, 2)
    assert score(store, StandInJudge()).added == 2


def test_a_judge_that_is_gone_ends_the_run_and_what_was_judged_is_kept(make_store):
    store = make_store(*make_hourly(24))
    with pytest.raises(NewsUnavailableError):
        score(store, StandInJudge([None, None, *[NewsUnavailableError("gone")] * 5]))
    assert len(store.verdicts()) == 2
    lasting = LlmUnavailableError("the key is wrong")
    lasting.lasting = True
    for fault in (NewsRefusedError("the key is wrong"), lasting):
        other, judge = make_store(*make_hourly(24)), StandInJudge([None, fault])
        with pytest.raises(type(fault), match="the key is wrong"):
            score(other, judge)
        assert (len(other.verdicts()), len(judge.asked)) == (1, 2)


def test_several_questions_are_asked_side_by_side_and_each_once(make_store):
    store, judge = make_store(*make_hourly(40)), StandInJudge(pause_s=0.005)
    score(store, judge, questions_at_once=4)
    assert judge.most_at_once == 4
    assert sorted(context.now_s for context in judge.asked) == [START_S + HOUR_S * hour for hour in range(40)]
    one_by_one = make_store(*make_hourly(40))
    score(one_by_one, StandInJudge())
    assert store.verdicts() == one_by_one.verdicts()


@pytest.mark.parametrize("questions_at_once", [1, 4])
def test_a_budget_of_questions_ends_the_run_in_good_order_and_the_next_goes_on(make_store, questions_at_once):
    store, now_s = make_store(*make_hourly(20)), [START_S]

    def run(**limits):
        judge = StandInJudge(pause_s=0.001)
        settings = NewsScoringSettings(**({"questions_per_run": None, "questions_per_day": None} | limits))
        budget = ScoringBudget(settings, store, judge.identity.name, lambda: now_s[0])
        report = score(store, judge, budget=budget, questions_at_once=questions_at_once, unstored_verdicts=1)
        assert len(judge.asked) == report.added
        return report

    first = run(questions_per_run=6, questions_per_day=10)
    assert (first.added, first.left, first.tokens) == (6, 14, 600)
    assert "the 6 questions of a run are spent" in first.stopped
    assert "raise freqai_ext.news.scoring.questions_per_run" in first.stopped
    second = run(questions_per_run=6, questions_per_day=10)
    assert (second.known, second.added, second.left) == (6, 4, 10)
    assert "the 10 questions of 24 hours are spent" in second.stopped
    now_s[0] += DAY_S - 1.0
    assert run(questions_per_day=10).added == 0
    now_s[0] += 2.0
    assert run(questions_per_day=10).added == 10
    assert run().stopped is None


def test_a_budget_of_tokens_counts_what_is_being_asked_with_what_it_is_expected_to_take(make_store):
    store, judge = make_store(*make_hourly(20)), StandInJudge(pause_s=0.001)
    settings = NewsScoringSettings(tokens_per_run=2_500)
    budget = ScoringBudget(settings, store, judge.identity.name, lambda: START_S)
    report = score(store, judge, budget=budget, questions_at_once=8, unstored_verdicts=1)
    assert 0 < report.added < 20
    assert report.tokens <= 2_500
    assert "the 2500 tokens of a run are spent" in report.stopped


def test_a_run_that_is_interrupted_keeps_what_was_answered_and_goes_on_there(make_store):
    store = make_store(*make_hourly(10))
    with pytest.raises(KeyboardInterrupt):
        score(store, StandInJudge([None, None, None, KeyboardInterrupt()]), unstored_verdicts=1)
    assert len(store.verdicts()) == 3
    judge = StandInJudge()
    assert (score(store, judge).known, len(judge.asked)) == (3, 7)


def test_an_estimate_counts_questions_and_tokens_and_asks_nothing(make_store):
    store, judge, options = make_store(*make_hourly(300, text="word " * 40)), StandInJudge(), ScoringSettings()
    plan = plan_scoring(store, judge.identity, options)
    estimate = estimate_scoring(store, plan, options)
    score(store, judge)
    told = sum(build_prompt(context).tokens for context in judge.asked)
    assert estimate.questions == len(judge.asked) == 300
    assert estimate.input_tokens == pytest.approx(told, rel=0.05)
    assert estimate.hours(3.0, 4) == pytest.approx(300 * 3.0 / 4 / 3600)


def test_progress_is_told_to_the_end(make_store):
    told = []
    score(make_store(*make_hourly(24)), StandInJudge(), lambda *done: told.append(done))
    assert told[0] == (1, 24)
    assert told[-1] == (24, 24)


def test_the_lexicon_judges_an_archive(make_store):
    store = make_store(make_article("a", START_S, title="SEC approves spot Bitcoin ETF"))
    score(store, LexiconJudge())
    assert store.verdicts()[0].sentiment == "positive"
    assert {verdict.judge for verdict in store.verdicts()} == {"lexicon:lexicon-1:1"}


@settings(max_examples=8, deadline=None)
@given(delays=st.lists(st.integers(0, 40 * 3_600), min_size=1, max_size=8), cut=st.integers(0, 40))
def test_verdicts_before_a_moment_are_the_same_without_what_came_later(make_store, delays, cut):
    articles = [make_article(number, START_S + delay) for number, delay in enumerate(delays)]
    cut_s = START_S + cut * HOUR_S
    whole, known = make_store(*articles), make_store(*(one for one in articles if one.first_seen_at_s <= cut_s))
    for store in (whole, known):
        score(store, LexiconJudge(), judge_latency_s=0.0)
    assert whole.verdicts(until_s=cut_s) == known.verdicts(until_s=cut_s)
