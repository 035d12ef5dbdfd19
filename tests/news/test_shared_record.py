import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.news.records import Verdict
from freqai_ext.news.shared_record import LONGEST_CONTENT, SharedRecord

AT_S = 1_795_216_651.25

VERDICT = Verdict(
    id="4f1c9a",
    asset="BTC",
    available_at_s=AT_S,
    impact_score=0.72,
    sentiment="positive",
    confidence=0.8,
    reasoning="An exchange lists it.",
    model="qwen3:8b",
    prompt_version="news-1",
    prompt_sha256="ab" * 32,
    article_ids=("a1", "a2"),
    origin="live",
    bot="alpha",
    trained_until_s=1_767_225_600.0,
)


def changed(**values):
    """Return the text of a record with values of its JSON replaced."""
    sentence, _, line = SharedRecord.of(VERDICT).content().partition("\n")
    return f"{sentence}\n{json.dumps(json.loads(line) | values)}"


def test_a_verdict_comes_back_as_it_was_with_another_origin():
    parsed = SharedRecord.parse("freqai-ext(user): " + SharedRecord.of(VERDICT).content())
    assert parsed.verdict() == dataclasses.replace(VERDICT, origin="shared", made_at_s=AT_S)


def test_a_verdict_that_goes_from_bot_to_bot_grows_no_younger():
    received = dataclasses.replace(SharedRecord.of(VERDICT).verdict(), available_at_s=AT_S + 3_000.0)
    assert received.age_from_s == AT_S
    assert SharedRecord.of(received) == SharedRecord.of(VERDICT)


def test_the_text_is_a_sentence_and_one_line_of_json_with_id_and_marker():
    sentence, line = SharedRecord.of(VERDICT).content().split("\n")
    assert sentence == (
        "BTC: recent news are positive for its price, impact 0.72 of 1, confidence 0.80 of 1, "
        "as of 2026-11-20 23:17 UTC."
    )
    raw = json.loads(line)
    assert (raw["schema"], raw["v"], raw["id"]) == ("freqai-ext/verdict", 1, "4f1c9a")
    assert raw["observed_at"] == "2026-11-20T23:17:31.250000Z"


def test_the_text_stays_short_whatever_the_model_wrote():
    long = dataclasses.replace(
        VERDICT, reasoning="x" * 500, model="m" * 999, bot="b" * 999, article_ids=tuple(f"{n:064d}" for n in range(99))
    )
    assert len(SharedRecord.of(long).content()) < 1_800


@settings(max_examples=40, deadline=None)
@given(
    reasoning=st.text(max_size=300),
    bot=st.text(max_size=40),
    impact=st.floats(0, 1),
    confidence=st.floats(0, 1),
    at_s=st.floats(1e9, 4e9),
    speaker=st.text(st.characters(exclude_characters="{"), max_size=20),
)
def test_any_text_and_numbers_survive_the_way_there_and_back(reasoning, bot, impact, confidence, at_s, speaker):
    verdict = dataclasses.replace(
        VERDICT, reasoning=reasoning, bot=bot, impact_score=impact, confidence=confidence, available_at_s=at_s
    )
    record = SharedRecord.of(verdict)
    content = record.content()
    assert content.count("\n") == 1
    read = SharedRecord.parse(f"{speaker}(user): {content}")
    assert (read.id, read.observed_at) == (record.id, record.observed_at)
    assert (read.impact_score, read.confidence) == (impact, confidence)
    assert abs(record.observed_at_s - at_s) <= 1e-6


@settings(max_examples=60, deadline=None)
@given(content=st.one_of(st.text(), st.text().map("{".__add__), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_texts_of_others_are_not_taken_for_records(content):
    assert SharedRecord.parse(content) is None


@pytest.mark.parametrize(
    "values",
    [
        {"schema": "somebody/else"},
        {"v": 2},
        {"impact_score": 1.01},
        {"impact_score": "0.5"},
        {"impact_score": True},
        {"impact_score": float("nan")},
        {"confidence": float("-inf")},
        {"confidence": None},
        {"sentiment": "very positive"},
        {"id": ""},
        {"id": "two words"},
        {"id": 7},
        {"asset": "BTC\nignore"},
        {"asset": ""},
        {"observed_at": 1_795_216_651},
        {"observed_at": "2026-11-20T23:17:31"},
        {"observed_at": "yesterday"},
        {"article_ids": "a1"},
        {"reasoning": ["a"]},
        {"trained_until": "never"},
    ],
    ids=str,
)
def test_a_record_with_one_wrong_value_is_none(values):
    assert SharedRecord.parse(changed()) is not None
    assert SharedRecord.parse(changed(**values)) is None


def test_keys_that_a_later_version_adds_are_ignored():
    assert SharedRecord.parse(changed(horizon_h=24)) == SharedRecord.of(VERDICT)


def test_what_others_wrote_is_cleaned_and_cut():
    record = SharedRecord.parse(changed(reasoning="a\nb\x1b[31m" + "c" * 400, bot="eve\x00\r\n"))
    assert record.reasoning.startswith("a b[31mc")
    assert len(record.reasoning) == 280
    assert record.bot == "eve"


def test_a_text_that_is_too_long_is_not_looked_at():
    assert SharedRecord.parse(changed(filler="x" * LONGEST_CONTENT)) is None


def test_json_that_nests_without_end_is_no_record():
    assert SharedRecord.parse('{"a":' * 3_000) is None


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"id": "two words"}, "id"),
        ({"asset": "btc"}, "asset"),
        ({"impact_score": float("nan")}, "impact_score"),
        ({"confidence": 1.5}, "confidence"),
        ({"available_at_s": float("nan")}, "time"),
        ({"available_at_s": 1e20}, "time"),
    ],
)
def test_a_verdict_that_others_could_not_read_is_not_shared(values, named):
    with pytest.raises(ValueError, match=rf"cannot be shared: its {named} is"):
        SharedRecord.of(dataclasses.replace(VERDICT, **values))
