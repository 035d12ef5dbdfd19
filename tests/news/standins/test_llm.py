"""The stand-in of the language model against its contract."""

import json
import time

import pytest

from freqai_ext.news.standins import Fault

SCHEMA = {
    "type": "object",
    "properties": {"impact_score": {"type": "number"}, "sentiment": {"type": "string"}},
    "required": ["impact_score", "sentiment"],
    "additionalProperties": False,
}
GOOD_NEWS = "Bitcoin rallies after ETF approval as inflows hit a record"


def body(news=GOOD_NEWS, **changes):
    messages = [
        {"role": "system", "content": "Judge. A hack or a crash is bad news."},
        {"role": "user", "content": news},
    ]
    return {"model": "stand-in", "messages": messages, **changes}


def formatted(schema=SCHEMA):
    return {"type": "json_schema", "json_schema": {"name": "news_impact", "strict": True, "schema": schema}}


def ask(client, services, sent=None, **headers):
    return client.post(f"{services.llm_url}/v1/chat/completions", json=sent or body(), headers=headers)


def content(answer):
    return answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("news", "sentiment"),
    [(GOOD_NEWS, "positive"), ("Bitcoin plunges after exchange hack", "negative"), ("Nothing new", "neutral")],
)
def test_it_judges_by_the_words_of_the_news_and_not_of_the_orders(services, client, news, sentiment):
    answer = ask(client, services, body(news, response_format=formatted()))
    verdict = json.loads(content(answer))
    assert verdict["sentiment"] == sentiment
    assert 0 <= verdict["impact_score"] <= 1
    assert 0 <= verdict["confidence"] <= 1
    assert answer.json()["usage"]["total_tokens"] > 0
    assert content(ask(client, services, body(news))) == content(answer)


def test_a_longer_address_is_not_there(services, client):
    assert client.post(f"{services.llm_url}/v1/v1/chat/completions", json=body()).status_code == 404


def test_formats_are_refused_beyond_what_it_offers(services, client):
    services.change(llm_structured="json_object")
    answer = ask(client, services, body(response_format=formatted()))
    assert answer.status_code == 400
    assert "'response_format' of type 'json_schema' is not supported" in answer.json()["error"]["message"]
    answer = ask(client, services, body(response_format={"type": "json_object"}))
    assert "must contain the word 'json'" in answer.json()["error"]["message"]
    assert ask(client, services, body("JSON, please", response_format={"type": "json_object"})).status_code == 200
    services.change(llm_structured="none")
    assert ask(client, services, body("JSON", response_format={"type": "json_object"})).status_code == 400
    assert ask(client, services).status_code == 200


@pytest.mark.parametrize("change", [{"required": ["sentiment"]}, {"additionalProperties": True}])
def test_a_strict_schema_must_be_strict(services, client, change):
    answer = ask(client, services, body(response_format=formatted({**SCHEMA, **change})))
    assert answer.status_code == 400
    assert "Invalid schema for response_format 'news_impact'" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("style", "begin"), [("fenced", "```json\n{"), ("thinking", "<think>"), ("prose", "Here is"), ("bare", "{")]
)
def test_answers_are_wrapped_as_the_settings_say(services, client, style, begin):
    services.change(llm_style=style)
    assert content(ask(client, services)).startswith(begin)


@pytest.mark.parametrize(
    ("kind", "sign"),
    [("nan_score", '"impact_score": NaN'), ("out_of_range", "7.5"), ("unknown_sentiment", "to the moon")],
)
def test_scores_that_cannot_be_used(services, client, kind, sign):
    services.add_fault(Fault(kind=kind))
    assert sign in content(ask(client, services))


def test_answers_that_are_none(services, client):
    services.add_fault(Fault(kind="cut_short"))
    choice = ask(client, services).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(choice["message"]["content"])
    services.add_fault(Fault(kind="refusal"))
    message = ask(client, services).json()["choices"][0]["message"]
    assert message["content"] is None
    assert message["refusal"]
    services.add_fault(Fault(kind="empty"))
    assert content(ask(client, services)) == ""
    services.add_fault(Fault(kind="error_in_200"))
    answer = ask(client, services)
    assert (answer.status_code, set(answer.json())) == (200, {"error"})


def test_a_key_is_wanted_where_one_is_set(services, client):
    services.change(llm_key="key-of-the-model")
    assert ask(client, services).status_code == 401
    assert ask(client, services, Authorization="Bearer wrong").json()["error"]["code"] == "invalid_api_key"
    assert ask(client, services, Authorization="Bearer key-of-the-model").status_code == 200


def test_unknown_models_and_bodies_are_refused(services, client):
    answer = ask(client, services, body(model="other"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert ask(client, services, {"model": "stand-in", "messages": []}).status_code == 400
    assert client.post(f"{services.llm_url}/v1/chat/completions", content=b"[]").status_code == 400


def test_a_reasoning_model_refuses_the_parameters_of_others(services, client):
    services.change(llm_reasoning=True)
    for parameter in ({"max_tokens": 600}, {"temperature": 0}):
        answer = ask(client, services, body(**parameter))
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_parameter")
    assert ask(client, services, body(max_completion_tokens=600)).status_code == 200


def test_it_takes_its_time(services, client):
    services.change(llm_latency_s=0.2)
    begin = time.monotonic()
    ask(client, services)
    assert time.monotonic() - begin >= 0.2
    services.change(llm_latency_s=0.0)
