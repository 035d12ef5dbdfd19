import json
import random

import pytest

from freqai_ext.errors import NewsDataError
from freqai_ext.news.audit import audit
from freqai_ext.news.records import Article, Decision, Verdict
from freqai_ext.news.store import NewsStore

START_S = 1_795_000_000.0
SIGNS = {"positive": 1, "neutral": 0, "negative": -1}


@pytest.fixture
def store(tmp_path):
    store = NewsStore(tmp_path / "news.sqlite")
    yield store
    store.close()


def make_article(id="a", first_seen_at_s=START_S, published_at_s=START_S - 600.0, title=None):
    return Article(str(id), title or f"Title {id}", "", "", ("BTC",), published_at_s, first_seen_at_s)


def make_verdict(id="v", available_at_s=START_S + 30.0, article_ids=("a",), **others):
    given = {"impact_score": 0.5, "sentiment": "positive", "confidence": 0.5, "reasoning": "", "model": "m"}
    given |= {"prompt_version": "1", "prompt_sha256": str(id), "origin": "imported", "bot": "archive"} | others
    return Verdict(id=str(id), asset="BTC", available_at_s=available_at_s, article_ids=tuple(article_ids), **given)


def found(store, posthoc=None):
    report = audit(store, posthoc)
    return {finding.rule: (finding.severity, finding.count, finding.of) for finding in report.findings}, report.passed


def test_a_store_without_faults_passes(store):
    store.add_articles([make_article()])
    store.add_verdict(make_verdict())
    assert found(store) == ({}, True)


def test_an_empty_store_passes(store):
    assert found(store) == ({}, True)


def test_a_verdict_before_its_article_was_seen_is_a_leak(store):
    store.add_articles([make_article(), make_article("b", START_S + 31.0)])
    store.add_verdicts([make_verdict(), make_verdict("w", article_ids=("a", "b"))])
    assert found(store) == ({"verdict-before-seen": ("leak", 1, 2)}, False)
    assert audit(store).findings[0].examples == ("w",)


def test_a_verdict_of_another_bot_may_cite_what_this_one_came_upon_later(store):
    store.add_articles([make_article("b", START_S + 31.0)])
    store.add_verdict(make_verdict(article_ids=("b",), origin="shared", bot="beta"))
    assert found(store) == ({}, True)


def test_an_article_seen_before_it_was_published_is_a_leak(store):
    store.add_articles([make_article(published_at_s=START_S + 100.0)])
    store.add_verdict(make_verdict())
    rules, passed = found(store)
    assert set(rules) == {"seen-before-published", "verdict-before-published"}
    assert not passed


def test_a_clock_that_is_a_little_off_is_no_leak(store):
    store.add_articles([make_article(published_at_s=START_S + 59.0), make_article("b", published_at_s=None)])
    assert found(store) == ({}, True)
    store.add_verdict(make_verdict(article_ids=("a", "b"), origin="live"))
    assert found(store) == ({}, True)


def test_articles_that_a_bot_fetched_before_the_date_they_claim_are_a_doubt_with_their_share(store):
    hour_s = 3_600.0
    store.add_articles(make_article(id, published_at_s=START_S + hour_s) for id in "abc")
    store.add_articles([make_article("d"), make_article("e", published_at_s=None)])
    store.add_verdict(make_verdict(article_ids=tuple("abcde"), origin="live"))
    store.add_verdict(make_verdict("scored", article_ids=tuple("abcde")))
    assert found(store) == ({"fetched-before-published": ("doubt", 3, 4)}, True)
    finding = audit(store).findings[0]
    assert "(75%)" in finding.text
    assert "the bot's clock is slow" in finding.text
    assert finding.examples == ("a", "b", "c")


def test_articles_of_an_archive_that_count_as_seen_too_early_stay_a_leak_beside_fetched_ones(store):
    store.add_articles(make_article(id, published_at_s=START_S + 3_600.0) for id in "ab")
    store.add_verdict(make_verdict(article_ids=("a",), origin="live"))
    store.add_verdict(make_verdict("scored", article_ids=("a", "b")))
    rules, passed = found(store)
    assert rules == {
        "seen-before-published": ("leak", 1, 2),
        "verdict-before-published": ("leak", 1, 2),
        "fetched-before-published": ("doubt", 1, 1),
    }
    assert not passed


def test_a_model_that_knew_the_future_is_a_leak(store):
    store.add_articles([make_article()])
    store.add_verdicts([make_verdict(), make_verdict("w", trained_until_s=START_S + 86_400.0)])
    assert found(store) == ({"tainted": ("leak", 1, 2)}, False)


def test_a_clock_that_was_set_back_is_a_leak_in_what_was_recorded(store):
    store.add_articles([make_article(first_seen_at_s=START_S - 9_000.0, published_at_s=None)])
    for id, at_s in (("1", START_S), ("2", START_S - 30.0), ("3", START_S - 600.0), ("4", START_S + 60.0)):
        store.add_verdict(make_verdict(id, at_s, origin="live"))
        store.add_verdict(make_verdict(f"i{id}", at_s))
    assert found(store) == ({"clock-set-back": ("leak", 1, 4)}, False)


def test_decisions_that_were_made_before_earlier_ones_are_a_doubt(store):
    for at_s in (START_S, START_S - 500.0, START_S):
        store.add_decision(Decision("BTC/USDT", "long", at_s, False, "no_verdict", None, ""))
    assert found(store) == ({"decisions-set-back": ("doubt", 1, 3)}, True)


def test_duplicates_and_unknown_articles_are_doubts(store):
    store.add_articles([make_article(), make_article("b", title="Title a")])
    verdicts = [make_verdict(), make_verdict("w", prompt_sha256="v"), make_verdict("x", article_ids=("?",))]
    store.add_verdicts([*verdicts, make_verdict("y", article_ids=("?",), origin="shared")])
    assert found(store) == (
        {
            "articles-not-stored": ("doubt", 1, 3),
            "duplicate-articles": ("doubt", 1, 2),
            "duplicate-verdicts": ("doubt", 1, 4),
        },
        True,
    )


@pytest.fixture
def plant(store, tmp_path):
    """Store articles and verdicts of which ``judge(votes, label, random)`` made impact and sentiment."""

    def plant(judge, count=200, articles_of_a_verdict=1, bullish=0.6, seed=3):
        dice = random.Random(seed)
        lines, votes, labels = [], [], []
        for number in range(count):
            positive, negative = sorted((dice.randint(0, 20), dice.randint(0, 6)), reverse=dice.random() < bullish)
            votes.append((positive, negative))
            labels.append("positive" if positive >= negative else "negative")
            label = "bullish" if labels[-1] == "positive" else "bearish"
            entry = {"id": str(number), "votes": {"positive": positive, "negative": negative}, "sentiment_label": label}
            lines.append(json.dumps(entry))
        store.add_articles(make_article(number, START_S + number) for number in range(count))
        verdicts = []
        for number in range(articles_of_a_verdict - 1, count):
            cited = range(number, number - articles_of_a_verdict, -1)
            sums = (sum(votes[each][0] for each in cited), sum(votes[each][1] for each in cited))
            majority = sum(SIGNS[labels[each]] for each in cited)
            impact, sentiment = judge(sums, majority, dice)
            at_s = START_S + number + 1
            verdicts.append(make_verdict(number, at_s, map(str, cited), impact_score=impact, sentiment=sentiment))
        store.add_verdicts(verdicts)
        path = tmp_path / "posthoc.jsonl"
        path.write_text("\n".join(lines))
        return path

    return plant


def word(number):
    return "positive" if number > 0 else "negative" if number < 0 else "neutral"


@pytest.mark.parametrize("articles_of_a_verdict", [1, 5])
@pytest.mark.parametrize(
    ("judge", "text"),
    [
        (lambda votes, majority, dice: (dice.random(), word(majority)), "the sentiment is the label in"),
        (
            lambda votes, majority, dice: (dice.random(), word(votes[0] - votes[1])),
            "the sentiment is the majority of votes in",
        ),
        (
            lambda votes, majority, dice: (min(sum(votes) / 200, 1.0), dice.choice(list(SIGNS))),
            "the impact ranks like the number of votes",
        ),
        (
            lambda votes, majority, dice: (abs(votes[0] - votes[1]) / 200, word(votes[0] - votes[1])),
            "the direction ranks like the net votes",
        ),
    ],
)
def test_scores_out_of_what_became_known_afterwards_are_a_leak(store, plant, judge, text, articles_of_a_verdict):
    report = audit(store, plant(judge, articles_of_a_verdict=articles_of_a_verdict))
    assert not report.passed
    assert {finding.rule for finding in report.findings} == {"posthoc-match"}
    assert any(text in finding.text for finding in report.findings)


@pytest.mark.parametrize("seed", range(5))
def test_a_judge_that_reads_well_is_no_leak(store, plant, seed):
    def judge(votes, majority, dice):
        sentiment = word(majority) if dice.random() < 0.8 else dice.choice(list(SIGNS))
        return min(0.02 * sum(votes) + 0.5 * dice.random(), 1.0), sentiment

    assert found(store, plant(judge, seed=seed)) == ({}, True)


def test_a_judge_that_is_always_bullish_is_no_leak_where_readers_are_it_too(store, plant):
    posthoc = plant(lambda votes, majority, dice: (dice.random(), "positive"), bullish=1.0)
    assert found(store, posthoc) == ({}, True)


def test_few_articles_prove_nothing(store, plant):
    posthoc = plant(lambda votes, majority, dice: (0.5, word(majority)), count=29)
    assert found(store, posthoc) == ({}, True)


def test_a_file_without_votes_or_labels_is_an_error(store, tmp_path):
    path = tmp_path / "posthoc.jsonl"
    path.write_text('{"id": "a"}\nnonsense\n{"id": "b", "votes": 5}\n')
    with pytest.raises(NewsDataError, match=r"posthoc\.jsonl: no line with an id and votes"):
        audit(store, path)
    with pytest.raises(NewsDataError, match="cannot be read"):
        audit(store, tmp_path / "none.jsonl")
