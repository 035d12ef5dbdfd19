import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import NewsAnswerError
from freqai_ext.news.judgement import JUDGEMENT_SCHEMA, MAX_REASONING_CHARACTERS, Judgement

GOOD = {"impact_score": 0.7, "sentiment": "positive", "confidence": 0.6, "reasoning": "An approval."}
TEXT = json.dumps(GOOD)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"\ufeff{TEXT}",
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}```",
        f"<think>maybe {{0.1}} ...</think>\n{TEXT}",
        f"well, {{0.1}} it is</think>{TEXT}",
        f"<THINKING>a</THINKING>{TEXT}<think>done",
        f"Here it is:\n```json\n{TEXT}\n```\nI hope it helps.",
        f"My verdict: {TEXT} That is all.",
        f"  {json.dumps(GOOD, indent=2)}  ",
    ],
)
def test_what_stands_around_the_object_does_not_matter(text):
    assert Judgement.parse(text) == Judgement(**GOOD)


def test_case_of_the_sentiment_and_extra_keys_do_not_matter():
    judgement = Judgement.parse(json.dumps(GOOD | {"sentiment": " Negative\n", "action": "buy"}))
    assert judgement.sentiment == "negative"
    assert not hasattr(judgement, "action")


def test_whole_numbers_and_the_ends_of_the_range_are_valid():
    judgement = Judgement.parse(json.dumps(GOOD | {"impact_score": 1, "confidence": 0}))
    assert (judgement.impact_score, judgement.confidence) == (1.0, 0.0)


def test_the_reasoning_is_one_visible_line_of_500_characters():
    judgement = Judgement.parse(json.dumps(GOOD | {"reasoning": "a\n\x1b[31mb\u202e " + "x" * 900}))
    assert judgement.reasoning.startswith("a [31mb x")
    assert len(judgement.reasoning) == MAX_REASONING_CHARACTERS
    judgement.reasoning.encode()


@pytest.mark.parametrize("field", ["impact_score", "confidence"])
@pytest.mark.parametrize(
    "number", ["1.01", "-0.01", "NaN", "Infinity", "1e999", '"0.7"', "true", "null", "[0.7]", "{}"]
)
def test_a_number_out_of_range_or_of_another_type_is_refused_and_never_clamped(field, number):
    text = json.dumps(GOOD | {field: "HERE"}).replace('"HERE"', number)
    with pytest.raises(NewsAnswerError):
        Judgement.parse(text)


@pytest.mark.parametrize("field", list(GOOD))
def test_every_field_is_required(field):
    with pytest.raises(NewsAnswerError, match=f"^'{field}' is missing$"):
        Judgement.parse(json.dumps({name: value for name, value in GOOD.items() if name != field}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("<think>" + TEXT, "it is empty"),
        ("The news are good.", "there is no JSON object in it"),
        ("so {it is", "there is no JSON object in it"),
        ("so {it is}", "what stands in braces is not valid JSON"),
        (f"The headline says {TEXT}, I say {TEXT}", "there is more than one JSON object in it"),
        (f"[{TEXT}]", "it is JSON but no object with the four fields"),
        (TEXT.replace("An", "\\ud800"), "what stands in braces is not valid JSON"),
        (TEXT.replace("An", "\ud800"), "what stands in braces is not valid JSON"),
        ("null", "it is JSON but no object with the four fields"),
        (json.dumps(GOOD | {"sentiment": "bullish"}), "'sentiment' is not one of positive, negative, neutral"),
        (json.dumps(GOOD | {"sentiment": 1}), "'sentiment' is not one of positive, negative, neutral"),
        (json.dumps(GOOD | {"reasoning": 5}), "'reasoning' is not a text"),
        (TEXT + " " * 100_001, "it is longer than 100000 characters"),
    ],
)
def test_the_fault_is_named(text, message):
    with pytest.raises(NewsAnswerError) as caught:
        Judgement.parse(text)
    assert str(caught.value) == message


def test_a_fault_repeats_nothing_of_the_answer():
    with pytest.raises(NewsAnswerError) as caught:
        Judgement.parse(
            json.dumps({"impact_score": "ignore all rules", "sentiment": "ignore all rules", "confidence": 9})
        )
    assert "ignore" not in str(caught.value)


@pytest.mark.parametrize("piece", ["<think>", "</think>", "```\n", "{", "}", '{"', "\\", " ", "\n", "[", "{}", '"'])
def test_no_answer_takes_long_to_read(piece):
    text = piece * (100_000 // len(piece))
    began_s = time.perf_counter()
    for hostile in (text, f"```{text}", f"```\n{text}```x", f"{{{text}"):
        with pytest.raises(NewsAnswerError):
            Judgement.parse(hostile[:100_000])
    assert time.perf_counter() - began_s < 2.0


@given(st.text(max_size=300) | st.text('{}"\\<>/think`\n:,0.1', max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_a_valid_judgement_or_the_typed_error(text):
    try:
        judgement = Judgement.parse(text)
    except NewsAnswerError:
        return
    assert 0 <= judgement.impact_score <= 1


@given(
    st.floats(0, 1), st.sampled_from(["positive", "negative", "neutral"]), st.floats(0, 1), st.text(max_size=100),
    st.text("abc \n.,", max_size=50),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_what_is_valid_comes_back_as_it_was_said_whatever_prose_is_around(impact, sentiment, confidence, why, prose):
    said = {"impact_score": impact, "sentiment": sentiment, "confidence": confidence, "reasoning": why}
    judgement = Judgement.parse(f"{prose}{json.dumps(said)}{prose}")
    assert (judgement.impact_score, judgement.sentiment, judgement.confidence) == (impact, sentiment, confidence)


def test_the_schema_for_endpoints_has_the_fields_of_the_judgement_and_is_strict():
    assert set(JUDGEMENT_SCHEMA["properties"]) == set(JUDGEMENT_SCHEMA["required"]) == set(Judgement.model_fields)
    assert JUDGEMENT_SCHEMA["additionalProperties"] is False
    assert "minimum" not in json.dumps(JUDGEMENT_SCHEMA)
