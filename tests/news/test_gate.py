import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.news.as_of import AGE_MIN, AVAILABLE, CONFIDENCE, IMPACT, SENTIMENT
from freqai_ext.news.gate import (
    REASONS,
    Inputs,
    NewsNumbers,
    Outcome,
    Thresholds,
    contradicts,
    decide,
    decide_columns,
)
from freqai_ext.news.memory import MEMORY_BPS, MEMORY_COUNT
from freqai_ext.news.records import Verdict

GOOD = NewsNumbers(impact_score=0.7, sentiment=1.0, confidence=0.8, age_min=12.0)
ALLOWING = {"confirmed", "policy_allow", "policy_ta_only"}


def news(**changes):
    return NewsNumbers(**{**GOOD.__dict__, **changes})


def outcome(*, side="long", policy="deny", rsi_signal=True, news=GOOD, thresholds=None, **rest):
    return decide(Inputs(side, policy, Thresholds(**(thresholds or {})), rsi_signal, news, **rest))


def reason(**inputs):
    found = outcome(**inputs)
    assert found.allowed == (found.reason in ALLOWING)
    return found.reason


def test_an_entry_is_confirmed_only_where_everything_speaks_for_it():
    assert outcome() == Outcome(True, "confirmed")
    assert reason(rsi_signal=False) == "no_rsi_signal"
    assert reason(news=None) == "no_verdict"
    assert reason(news=news(age_min=90.1)) == "verdict_expired"
    assert reason(news=news(impact_score=0.29)) == "impact_too_low"
    assert reason(news=news(sentiment=0.0)) == "wrong_sentiment"
    assert reason(news=news(sentiment=-1.0)) == "wrong_sentiment"
    assert reason(thresholds={"min_confidence": 0.9}) == "confidence_too_low"
    assert reason(memory_bps=-1.0, memory_count=5.0) == "memory_contradicts"
    assert reason(thresholds={"min_p_up": 0.6}, p_up=0.59) == "odds_too_low"


def test_a_short_wants_negative_news_and_a_likely_fall():
    assert reason(side="short") == "wrong_sentiment"
    negative = news(sentiment=-1.0)
    assert reason(side="short", news=negative) == "confirmed"
    assert reason(side="short", news=negative, thresholds={"min_p_up": 0.6}, p_up=0.4) == "confirmed"
    assert reason(side="short", news=negative, thresholds={"min_p_up": 0.6}, p_up=0.41) == "odds_too_low"


def test_thresholds_and_the_last_moment_of_validity_are_inclusive():
    exact = news(impact_score=0.3, confidence=0.5, age_min=90.0)
    assert reason(news=exact, thresholds={"min_confidence": 0.5}) == "confirmed"


def test_a_verdict_of_the_future_is_none():
    assert reason(news=news(age_min=-0.001)) == "no_verdict"
    assert reason(news=news(age_min=-0.001), policy="allow") == "policy_allow"


def test_policy_allow_lets_pass_what_has_no_valid_verdict_but_not_what_has_a_contrary_one():
    assert reason(policy="allow", news=None) == "policy_allow"
    assert reason(policy="allow", news=news(age_min=500.0)) == "policy_allow"
    assert reason(policy="allow") == "confirmed"
    assert reason(policy="allow", news=news(sentiment=-1.0)) == "wrong_sentiment"
    assert reason(policy="allow", news=None, rsi_signal=False) == "no_rsi_signal"


def test_policy_ta_only_looks_at_no_news():
    assert reason(policy="ta_only", news=news(sentiment=-1.0, impact_score=math.nan)) == "policy_ta_only"
    assert reason(policy="ta_only", memory_bps=-500.0, memory_count=50.0) == "policy_ta_only"
    assert reason(policy="ta_only", rsi_signal=False) == "no_rsi_signal"


@pytest.mark.parametrize("policy", ["deny", "allow", "ta_only"])
def test_odds_that_are_asked_for_are_asked_for_under_every_policy(policy):
    asked = {"policy": policy, "thresholds": {"min_p_up": 0.6}}
    assert reason(**asked, p_up=None) == "odds_unknown"
    assert reason(**asked, p_up=math.nan) == "odds_unknown"
    assert reason(**asked, p_up=1.2) == "fault"
    assert reason(**asked, p_up=0.5) == "odds_too_low"
    assert reason(**asked, p_up=0.6) in ALLOWING


@pytest.mark.parametrize("policy", ["deny", "allow"])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["impact_score", "sentiment", "confidence", "age_min", "memory_bps", "memory_count"])
def test_a_number_that_is_none_denies(policy, wrong, field):
    if field.startswith("memory"):
        assert reason(policy=policy, **{"memory_bps": 0.0, "memory_count": 9.0, field: wrong}) == "fault"
    else:
        assert reason(policy=policy, news=news(**{field: wrong})) == "fault"


@pytest.mark.parametrize("changes", [{"impact_score": 1.01}, {"confidence": -0.01}, {"sentiment": 0.5}])
def test_a_number_out_of_its_range_denies(changes):
    assert reason(news=news(**changes)) == "fault"


@pytest.mark.parametrize(
    "field", ["min_impact_score", "min_confidence", "max_age_min", "max_contradiction_bps", "min_p_up"]
)
def test_a_threshold_that_is_nan_denies(field):
    assert not outcome(thresholds={field: math.nan}, memory_bps=0.0, memory_count=9.0, p_up=1.0).allowed


def test_what_is_no_signal_or_no_side_or_no_policy_denies():
    assert reason(rsi_signal=math.nan) == "no_rsi_signal"
    assert reason(rsi_signal=None) == "no_rsi_signal"
    assert reason(side="up") == "fault"
    assert reason(policy="Allow", news=None) == "fault"


def test_the_memory_has_a_say_only_once_it_knows_enough():
    assert reason(memory_bps=-50.0, memory_count=4.0) == "confirmed"
    assert reason(memory_bps=-50.0, memory_count=5.0) == "memory_contradicts"
    assert reason(memory_bps=-50.0, memory_count=5.0, thresholds={"max_contradiction_bps": 50.0}) == "confirmed"


def test_the_numbers_of_a_verdict_are_those_of_its_record():
    verdict = Verdict("a", "BTC", 1_000.0, 0.4, "negative", 0.6, "why", "m", "1", "f", (), "live", "bot")
    assert NewsNumbers.of(verdict, 1_600.0) == NewsNumbers(0.4, -1.0, 0.6, 10.0)


@settings(max_examples=40, deadline=None)
@given(
    at_s=st.floats(0.0, 20_000.0),
    available_at_s=st.floats(0.0, 20_000.0),
    made_at_s=st.none() | st.floats(0.0, 20_000.0),
)
def test_no_verdict_is_fresher_for_having_come_late_and_none_counts_before_it_came(at_s, available_at_s, made_at_s):
    given = ("a", "BTC", available_at_s, 0.7, "positive", 0.8, "why", "m", "1", "f", (), "shared", "bot")
    found = NewsNumbers.of(Verdict(*given, made_at_s=made_at_s), at_s)
    if at_s < available_at_s:
        assert reason(news=found) == "no_verdict"
        return
    made_s = available_at_s if made_at_s is None else min(made_at_s, available_at_s)
    assert found.age_min == (at_s - made_s) / 60.0
    assert reason(news=found) == ("confirmed" if found.age_min <= 90.0 else "verdict_expired")


def test_the_detail_names_the_numbers_that_were_there():
    text = Inputs("long", "deny", Thresholds(), True, GOOD, memory_bps=-12.25, memory_count=7.0, p_up=0.5).detail
    assert "impact=0.700 sentiment=+1 confidence=0.800 age_min=12.0 memory_bps=-12.2 of 7 p_up=0.500" in text
    assert Inputs("long", "deny", Thresholds(), False).detail == "policy=deny rsi_signal=0"


def test_an_exit_wants_opposite_news_as_strong_as_an_entry_does():
    thresholds = Thresholds(min_confidence=0.5)
    against = news(sentiment=-1.0)
    assert contradicts("long", against, thresholds)
    assert contradicts("short", GOOD, thresholds)
    for calm in (
        GOOD,
        None,
        news(sentiment=0.0),
        news(sentiment=-1.0, impact_score=0.2),
        news(sentiment=-1.0, confidence=0.4),
        news(sentiment=-1.0, age_min=91.0),
        news(sentiment=-1.0, age_min=-1.0),
        news(sentiment=-1.0, impact_score=math.nan),
        news(sentiment=-math.inf),
    ):
        assert not contradicts("long", calm, thresholds)


numbers = st.sampled_from([0.0, 0.29, 0.3, 0.31, 0.5, 1.0, 1.5, -0.1, math.nan, math.inf])
rows = st.fixed_dictionaries(
    {
        AVAILABLE: st.sampled_from([0.0, 1.0, 1.0, 1.0, math.nan, 0.5]),
        IMPACT: numbers,
        SENTIMENT: st.sampled_from([-1.0, 0.0, 1.0, 1.0, math.nan, 0.4]),
        CONFIDENCE: numbers,
        AGE_MIN: st.sampled_from([0.0, 5.0, 90.0, 90.0001, -1.0, math.nan, math.inf]),
        MEMORY_BPS: st.sampled_from([0.0, -0.5, -20.0, 30.0, math.nan]),
        MEMORY_COUNT: st.sampled_from([0.0, 4.0, 5.0, 100.0, -1.0, math.nan]),
        "p_up": st.sampled_from([0.0, 0.4, 0.5, 0.6, 1.0, 1.1, math.nan]),
        "rsi_signal": st.sampled_from([0.0, 1.0, 1.0, 1.0, 1.0, math.nan]),
    }
)


@settings(max_examples=150, deadline=None)
@given(
    table=st.lists(rows, min_size=1, max_size=12),
    side=st.sampled_from(["long", "short", "up"]),
    policy=st.sampled_from(["deny", "allow", "ta_only", "none"]),
    with_memory=st.booleans(),
    with_odds=st.booleans(),
    thresholds=st.builds(
        Thresholds,
        min_impact_score=st.sampled_from([0.0, 0.3, math.nan]),
        min_confidence=st.sampled_from([0.0, 0.5, math.nan]),
        max_age_min=st.sampled_from([90.0, 5.0, math.nan]),
        min_memories=st.sampled_from([0.0, 5.0, math.nan]),
        max_contradiction_bps=st.sampled_from([0.0, 10.0, math.nan]),
        min_p_up=st.sampled_from([None, 0.5, 0.6, math.nan]),
    ),
)
def test_the_columns_decide_row_by_row_as_the_single_decision_does(
    table, side, policy, with_memory, with_odds, thresholds
):
    frame = pd.DataFrame(table, index=range(7, 7 + len(table)))
    columns = frame if with_memory else frame.drop(columns=[MEMORY_BPS, MEMORY_COUNT])
    p_up = frame["p_up"] if with_odds else None
    found = decide_columns(columns, frame["rsi_signal"], side, policy, thresholds, p_up)
    for index, row in frame.iterrows():
        there = None
        if row[AVAILABLE] != 0.0:
            unknown = 0.0 if row[AVAILABLE] == 1.0 else math.nan
            there = NewsNumbers(row[IMPACT] + unknown, row[SENTIMENT], row[CONFIDENCE], row[AGE_MIN])
        elif row[AGE_MIN] > thresholds.max_age_min:
            # Of a verdict that is too old, the columns have the age alone.
            there = NewsNumbers(0.0, 0.0, 0.0, min(row[AGE_MIN], 1e9))
        single = decide(
            Inputs(
                side,
                policy,
                thresholds,
                row["rsi_signal"],
                there,
                row[MEMORY_BPS] if with_memory else None,
                row[MEMORY_COUNT] if with_memory else None,
                row["p_up"] if with_odds else None,
            )
        )
        assert Outcome(bool(found.at[index, "allowed"]), found.at[index, "reason"]) == single


def test_the_columns_take_the_types_that_frames_have():
    frame = pd.DataFrame({AVAILABLE: [1, 0], IMPACT: [1, 0], SENTIMENT: [1, 0], CONFIDENCE: [1, 0], AGE_MIN: [3, 90]})
    found = decide_columns(frame, pd.Series([True, True]), "long", "deny", Thresholds())
    assert found["allowed"].tolist() == [True, False]
    assert found["reason"].tolist() == ["confirmed", "no_verdict"]
    older = decide_columns(frame, pd.Series([True, True]), "long", "deny", Thresholds(max_age_min=89.0))
    assert older["reason"].tolist() == ["confirmed", "verdict_expired"]
    assert found["allowed"].dtype == bool
    nullable = pd.Series([pd.NA, True], dtype="boolean")
    assert decide_columns(frame, nullable, "long", "allow", Thresholds())["reason"].tolist() == [
        "no_rsi_signal",
        "policy_allow",
    ]


def test_a_frame_without_rows_has_no_decisions():
    frame = pd.DataFrame({name: np.zeros(0) for name in (AVAILABLE, IMPACT, SENTIMENT, CONFIDENCE, AGE_MIN)})
    assert decide_columns(frame, pd.Series(np.zeros(0)), "long", "deny", Thresholds()).empty


def test_every_reason_is_a_single_word_once():
    assert len(set(REASONS)) == len(REASONS)
    assert all(each.replace("_", "").isalpha() for each in REASONS)
