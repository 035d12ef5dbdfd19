"""The stand-in of Perplexica against its contract."""

import json

import httpx
import pytest

from freqai_ext.news.standins import Fault


def url(services, path="/api/search"):
    return services.perplexica_url + path


def body(client, services, **changes):
    providers = client.get(url(services, "/api/providers")).json()["providers"]
    own = next(provider for provider in providers if provider["name"] == "OpenAI")
    models = {
        "chatModel": {"providerId": own["id"], "key": own["chatModels"][0]["key"]},
        "embeddingModel": {"providerId": own["id"], "key": own["embeddingModels"][0]["key"]},
    }
    return {**models, "sources": ["web"], "query": "BTC Bitcoin news of the last day", **changes}


def test_generation_d_gives_sources_without_dates(services, client):
    answer = client.post(url(services), json=body(client, services)).json()
    assert set(answer) == {"message", "sources"}
    assert len(answer["sources"]) > 5
    first, second = answer["sources"][:2]
    assert set(second) == {"content", "metadata"}
    assert set(second["metadata"]) == {"title", "url"}
    half = first["content"].split("\n\n")
    assert half[0] == half[1]
    assert "[1]" in answer["message"]


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"sources": None}, 400, "Missing sources or query"),
        ({"query": ""}, 400, "Missing sources or query"),
        ({"chatModel": None}, 500, "An error has occurred."),
        ({"embeddingModel": {"providerId": "unknown", "key": "x"}}, 500, "An error has occurred."),
        ({"chatModel": {"providerId": [], "key": {}}}, 500, "An error has occurred."),
    ],
)
def test_generation_d_refuses_with_its_own_words(services, client, changes, status, message):
    answer = client.post(url(services), json=body(client, services, **changes))
    assert (answer.status_code, answer.json()) == (status, {"message": message})


def test_the_body_of_the_original_fits_none(services, client):
    for generation, words in (("D", "Missing sources or query"), ("C", "Missing focus mode or query")):
        services.change(perplexica_generation=generation)
        answer = client.post(url(services), json={"query": "BTC", "focus": "news", "limit": 5})
        assert (answer.status_code, answer.json()["message"]) == (400, words)
    assert client.post(url(services), content=b"{").status_code == 500
    assert client.get(url(services)).status_code == 405


@pytest.mark.parametrize("changes", [{"sources": []}, {"sources": ["newspapers"]}])
def test_sources_that_pass_the_check_and_hang(services, client, changes):
    with pytest.raises(httpx.ReadTimeout):
        client.post(url(services), json=body(client, services, **changes), timeout=0.3)


def test_it_hangs_where_its_model_fails_and_a_stream_only_begins(services, client):
    sent = body(client, services)
    services.add_fault(Fault(kind="model_fails"))
    with pytest.raises(httpx.ReadTimeout):
        client.post(url(services), json=sent, timeout=0.3)
    with client.stream("POST", url(services), json={**sent, "stream": True}, timeout=0.5) as answer:
        lines = answer.iter_lines()
        assert json.loads(next(lines)) == {"type": "init", "data": "Stream connected"}
        with pytest.raises(httpx.ReadTimeout):
            next(lines)


def test_a_stream_is_lines_of_json(services, client):
    whole = client.post(url(services), json=body(client, services)).json()
    answer = client.post(url(services), json=body(client, services, stream=True))
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert [event["type"] for event in events] == [
        "init",
        "sources",
        "response",
        "response",
        "response",
        "response",
        "done",
    ]
    assert events[1]["data"] == whole["sources"]
    assert "".join(event["data"] for event in events[2:-1]) == whole["message"]


def test_no_news_are_an_answer_without_sources(services, client):
    answer = client.post(url(services), json=body(client, services, query="nothing at all")).json()
    assert answer["sources"] == []
    assert answer["message"]


def test_models_that_are_not_listed_can_be_added(services, client):
    services.change(perplexica_models_listed=False)
    own = client.get(url(services, "/api/providers")).json()["providers"][1]
    assert (own["chatModels"], own["embeddingModels"]) == ([], [])
    path = url(services, f"/api/providers/{own['id']}/models")
    for kind in ("chat", "embedding"):
        answer = client.post(path, json={"type": kind, "key": f"mine-{kind}", "name": "Mine"})
        assert answer.json() == {"message": "Model added successfully"}
    assert client.post(path, json={"type": "chat"}).status_code == 500
    assert client.post(url(services), json=body(client, services)).status_code == 200


def test_generation_c_wants_a_focus_mode(services, client):
    services.change(perplexica_generation="C")
    sent = body(client, services, focusMode="webSearch")
    assert "pageContent" in client.post(url(services), json=sent).json()["sources"][0]
    assert client.post(url(services), json={**sent, "focusMode": ["webSearch"]}).status_code == 400
    answer = client.post(url(services), json={**sent, "focusMode": "news"})
    assert (answer.status_code, answer.json()["message"]) == (400, "Invalid focus mode")


@pytest.mark.parametrize(("generation", "field"), [("A", "model"), ("B", "name")])
def test_generations_a_and_b_need_no_models(services, client, generation, field):
    services.change(perplexica_generation=generation)
    assert client.get(url(services, "/api/providers")).status_code == 404
    listed = client.get(url(services, "/api/models")).json()
    assert set(listed) == {"chatModelProviders", "embeddingModelProviders"}
    sent = {"query": "BTC", "focusMode": "webSearch"}
    assert "pageContent" in client.post(url(services), json=sent).json()["sources"][0]
    wrong = {**sent, "chatModel": {"provider": "openai", field: "unknown"}}
    answer = client.post(url(services), json=wrong)
    assert (answer.status_code, answer.json()["message"]) == (400, "Invalid model selected")
