import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import NewsAnswerError, NewsRefusedError, NewsUnavailableError
from freqai_ext.news.baseline import LexiconJudge
from freqai_ext.news.judgement import Judgement
from freqai_ext.news.records import Article
from freqai_ext.news.scoring import ScoringSettings, score_articles
from freqai_ext.news.store import NewsStore

HOUR_S = 3_600.0
START_S = 500_000 * HOUR_S
DAY_S = 24 * HOUR_S


class StandInJudge:
    """Judges everything the same and remembers what it was asked."""

    def __init__(self, faults=()):
        self.asked = []
        self.faults = list(faults)

    def __call__(self, context):
        self.asked.append(context)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        return Judgement(impact_score=0.6, sentiment="negative", confidence=0.5, reasoning="so it is")


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


def score(store, judge, progress=None, **options):
    return score_articles(store, judge, ScoringSettings(**({"model": "stand-in"} | options)), progress)


def test_an_asset_is_judged_once_an_interval_while_there_is_news_of_the_last_24_hours(make_store):
    store, judge = make_store(make_article("a", START_S + 60.0)), StandInJudge()
    report = score(store, judge)
    assert (report.moments, report.added, report.known, report.failed, report.tainted) == (24, 24, 0, 0, 0)
    assert [context.now_s for context in judge.asked] == [START_S + HOUR_S * hour for hour in range(1, 25)]
    first = store.verdicts()[0]
    assert (first.asset, first.origin, first.bot, first.model) == ("BTC", "imported", "archive", "stand-in")
    assert (first.impact_score, first.sentiment, first.confidence) == (0.6, "negative", 0.5)
    assert first.article_ids == ("a",)


def test_news_dated_after_they_were_seen_are_judged_as_undated(make_store):
    store, judge = make_store(make_article("a", START_S, published_at_s=START_S + 2 * HOUR_S)), StandInJudge()
    score(store, judge)
    assert {context.items[0].published_at_s for context in judge.asked} == {None}
    assert len(judge.asked) == 24


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


def test_a_second_run_asks_nothing_and_adds_nothing(make_store):
    store = make_store(make_article("a", START_S), make_article("b", START_S + HOUR_S, ["ETH"]))
    first, judge = score(store, StandInJudge()), StandInJudge()
    again = score(store, judge)
    assert (again.moments, again.known, again.added) == (first.moments, first.moments, 0)
    assert judge.asked == []
    assert score(store, judge, model="another").added == first.moments


def test_news_that_are_added_later_are_judged_besides(make_store):
    store = make_store(make_article("a", START_S))
    score(store, StandInJudge())
    store.add_articles([make_article("b", START_S + 23 * HOUR_S)])
    report = score(store, StandInJudge())
    assert (report.moments, report.known, report.added) == (47, 23, 24)


def test_only_the_assets_and_times_that_are_wanted_are_judged(make_store):
    store = make_store(make_article("a", START_S, ["BTC", "ETH", "SOL"]))
    score(store, StandInJudge(), assets=["ETH", "SOL"], since_s=START_S + HOUR_S, until_s=START_S + 3 * HOUR_S)
    found = store.verdicts()
    assert sorted({verdict.asset for verdict in found}) == ["ETH", "SOL"]
    assert {verdict.available_at_s - 30.0 - START_S for verdict in found} == {HOUR_S, 2 * HOUR_S}


def test_verdicts_of_a_model_trained_later_are_counted_as_tainted(make_store):
    store = make_store(make_article("a", START_S))
    report = score(store, StandInJudge(), trained_until_s=START_S + 12 * HOUR_S)
    assert (report.added, report.tainted) == (24, 12)
    assert sum(verdict.tainted for verdict in store.verdicts()) == 12


def test_a_judge_that_fails_now_and_then_is_asked_again_in_the_next_run(make_store):
    store = make_store(make_article("a", START_S))
    judge = StandInJudge([None, NewsUnavailableError("slow"), NewsAnswerError("no JSON")])
    report = score(store, judge)
    assert (report.added, report.failed) == (22, 2)
    assert score(store, StandInJudge()).added == 2


def test_a_judge_that_is_gone_ends_the_run_and_what_was_judged_is_kept(make_store):
    store = make_store(make_article("a", START_S))
    with pytest.raises(NewsUnavailableError):
        score(store, StandInJudge([None, None, *[NewsUnavailableError("gone")] * 5]))
    assert len(store.verdicts()) == 2
    other = make_store(make_article("a", START_S))
    with pytest.raises(NewsRefusedError):
        score(other, StandInJudge([None, NewsRefusedError("the key is wrong")]))
    assert len(other.verdicts()) == 1


def test_progress_is_told_to_the_end(make_store):
    told = []
    score(make_store(make_article("a", START_S)), StandInJudge(), lambda *done: told.append(done))
    assert told[-1] == (24, 24)


def test_the_lexicon_judges_an_archive(make_store):
    store, judge = make_store(make_article("a", START_S, title="SEC approves spot Bitcoin ETF")), LexiconJudge()
    score(store, judge.judge_context, model=judge.name)
    assert store.verdicts()[0].sentiment == "positive"
    assert {verdict.model for verdict in store.verdicts()} == {"lexicon-1"}


@settings(max_examples=8, deadline=None)
@given(delays=st.lists(st.integers(0, 40 * 3_600), min_size=1, max_size=8), cut=st.integers(0, 40))
def test_verdicts_before_a_moment_are_the_same_without_what_came_later(make_store, delays, cut):
    articles = [make_article(number, START_S + delay) for number, delay in enumerate(delays)]
    cut_s = START_S + cut * HOUR_S
    whole, known = make_store(*articles), make_store(*(one for one in articles if one.first_seen_at_s <= cut_s))
    for store in (whole, known):
        judge = LexiconJudge()
        score(store, judge.judge_context, model=judge.name, judge_latency_s=0.0)
    assert whole.verdicts(until_s=cut_s) == known.verdicts(until_s=cut_s)
