import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.news.baseline import LexiconJudge
from freqai_ext.news.lexicon import DOUBTS, NEGATIONS, PHRASES, WEIGHTS
from freqai_ext.news.prompt import JudgeContext
from freqai_ext.news.search import NewsItem

ARCHIVE = Path(__file__).parents[3] / "shared/data/news/cryptopanic_2025H1.jsonl.gz"
NOW_S = 1_740_830_400.0


def judged(text, asset="BTC"):
    return LexiconJudge().judge(text, asset)


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("SEC approves spot Bitcoin ETF", "positive"),
        ("Bitcoin exchange hacked, millions stolen", "negative"),
        ("Bitcoin lender files for bankruptcy", "negative"),
        ("SEC drops lawsuit against Bitcoin miner", "positive"),
        ("Senate lifts ban on Bitcoin mining", "positive"),
        ("Exchange halts withdrawals of BTC", "negative"),
        ("BITCOIN ADOPTION grows", "positive"),
        ("Bitcoin won\N{RIGHT SINGLE QUOTATION MARK}t be banned", "positive"),
        ("Weekly newsletter about Bitcoin", "neutral"),
        ("", "neutral"),
    ],
)
def test_headlines_are_judged_by_their_words(text, sentiment):
    assert judged(text).sentiment == sentiment


def test_without_a_word_of_the_list_there_is_no_impact_and_no_confidence():
    judgement = judged("A day like any other for Bitcoin")
    assert (judgement.impact_score, judgement.confidence, judgement.sentiment) == (0.0, 0.0, "neutral")
    assert judgement.reasoning == "No word of the lexicon."


def test_negation_turns_a_word_and_weakens_it():
    plain, negated = judged("Bitcoin bridge hacked"), judged("Bitcoin bridge not hacked")
    assert (plain.sentiment, negated.sentiment) == ("negative", "positive")
    assert negated.impact_score < plain.impact_score
    assert "not hacked" in negated.reasoning


def test_a_negation_far_before_a_word_does_not_turn_it():
    assert judged("Not a good day as the large Bitcoin bridge was hacked").sentiment == "negative"


@pytest.mark.parametrize("doubted", ["Bitcoin ETF approved?", "Bitcoin ETF could be approved"])
def test_questions_and_guesses_weigh_less(doubted):
    assert 0 < judged(doubted).impact_score < judged("Bitcoin ETF approved").impact_score


@pytest.mark.parametrize("named", ["BTC bridge hacked", "$BTC bridge hacked", "Bitcoin bridge hacked"])
def test_news_that_name_the_asset_weigh_more(named):
    assert judged(named, "BTC").impact_score > judged(named, "DOGE").impact_score > 0


def test_a_ticker_within_a_word_is_not_the_asset():
    assert judged("Optional bridge hacked", "OP").impact_score < judged("OP bridge hacked", "OP").impact_score


def test_a_name_of_the_settings_is_known():
    judge = LexiconJudge()
    assert (
        judge.judge("Foo Coin hacked", "FOO", "Foo Coin").impact_score
        > judge.judge("Foo Coin hacked", "XYZ").impact_score
    )


def test_a_word_that_is_repeated_counts_once():
    assert judged("Bitcoin hacked hacked hacked hacked") == judged("Bitcoin hacked")


def test_words_that_contradict_each_other_lower_the_confidence():
    assert judged("Bitcoin exploit and breach").confidence > judged("Bitcoin exploit and approval").confidence


def item(title, age_h=0.0, text=""):
    return NewsItem(title, "", text, None if age_h is None else NOW_S - 3_600 * age_h)


def of_items(*items):
    return LexiconJudge().judge_context(JudgeContext("BTC", "Bitcoin", NOW_S, items=items))


def test_a_context_of_one_fresh_item_is_judged_like_its_text():
    assert of_items(item("Bitcoin bridge hacked")) == judged("Bitcoin bridge hacked")


def test_older_items_weigh_less_and_those_of_the_future_nothing():
    new, old = item("Bitcoin ETF approved"), item("Bitcoin bridge hacked", 24.0)
    assert of_items(new, old).sentiment == "positive"
    assert (
        of_items(replace(new, published_at_s=NOW_S - 86_400), replace(old, published_at_s=NOW_S)).sentiment
        == "negative"
    )
    assert of_items(item("Bitcoin bridge hacked", -0.001)).impact_score == 0.0
    assert of_items(item("Bitcoin bridge hacked", None)) == of_items(item("Bitcoin bridge hacked", 6.0))


def test_several_items_that_agree_say_more_than_one():
    one, other = item("Bitcoin bridge hacked"), item("Lawsuit against Bitcoin miner")
    assert of_items(one, other).impact_score > of_items(one).impact_score
    assert of_items(one, other).confidence > of_items(one).confidence


def test_no_items_give_no_impact():
    assert of_items().impact_score == 0.0


@given(st.text(max_size=300) | st.lists(st.sampled_from([*WEIGHTS, *NEGATIONS, "?", "BTC"]), max_size=60).map(" ".join))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_valid_judgement_and_the_same_one_again(text):
    judgement = judged(text)
    assert 0 <= judgement.impact_score <= 1
    assert 0 <= judgement.confidence <= 1
    assert judgement == judged(text)


def test_words_of_the_lists_can_be_found_in_a_text():
    for word in [*WEIGHTS, *NEGATIONS, *DOUBTS, *(word for phrase in PHRASES for word in phrase)]:
        assert word.replace("'", "").isalnum()
        assert word == word.lower()
    assert not set(WEIGHTS) & (NEGATIONS | DOUBTS)
    assert all(judged(f"BTC {word}").impact_score > 0 for word in WEIGHTS)


@pytest.mark.realdata
@pytest.mark.skipif(not ARCHIVE.is_file(), reason="the archive is not there")
def test_real_headlines_are_mostly_neutral_and_the_rest_go_both_ways():
    with gzip.open(ARCHIVE, "rt") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(3_000), strict=False)]
    found = [judged(row["title"], (row["currencies"] or ["BTC"])[0]).sentiment for row in rows]
    shares = {sentiment: found.count(sentiment) / len(found) for sentiment in ("positive", "negative", "neutral")}
    assert shares["neutral"] > 0.4
    assert min(shares.values()) > 0.05
