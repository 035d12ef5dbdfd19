"""The stand-in of the original's adapter against its contract."""

import httpx
import pytest

from freqai_ext.news.standins import NewsStandIns, StandInSettings

KEY = {"X-API-KEY": "adapter-key"}


@pytest.fixture(scope="module")
def adapter():
    settings = StandInSettings(clock="sim", graphiti_dialect="adapter", graphiti_token="adapter-key")
    with NewsStandIns(settings) as standins:
        yield standins


@pytest.fixture
def http(adapter):
    with httpx.Client(base_url=adapter.graphiti_url, headers=KEY, trust_env=False, timeout=5.0) as http:
        yield http


@pytest.mark.parametrize("headers", [{}, {"X-API-KEY": "wrong"}, {"Authorization": "Bearer adapter-key"}])
def test_only_its_own_header_lets_in(adapter, headers):
    with httpx.Client(base_url=adapter.graphiti_url, headers=headers, trust_env=False) as http:
        assert http.get("/health").json() == {"status": "ok"}
        answer = http.get("/memory/users/x/episodes")
        assert (answer.status_code, answer.json()) == (403, {"detail": "Could not validate credentials"})


def test_what_is_appended_is_there_at_once_as_pending_and_the_newest_first(adapter, http):
    for text in ("one\n{}", "two"):
        answer = http.post("/memory/append", json={"user_id": "u", "text": text, "metadata": {"source": "bot"}}).json()
        assert answer["ok"] is True
        adapter.set_clock(adapter.clock().timestamp() + 1)
    listed = http.get("/memory/users/u/episodes", params={"limit": 5}).json()
    assert listed["total"] == 2
    assert [one["content"] for one in listed["episodes"]] == ["two", "one\n{}"]
    assert listed["episodes"][0]["status"] == "pending"
    assert listed["episodes"][0]["source"] == "bot (user)"
    assert answer["id"] not in {one["uuid"] for one in listed["episodes"]}
    adapter.set_clock(adapter.clock().timestamp() + 60)
    listed = http.get("/memory/users/u/episodes").json()["episodes"]
    assert {one["status"] for one in listed} == {"processed"}


def test_a_group_that_the_library_refuses_stays_pending(adapter, http):
    http.post("/memory/append", json={"user_id": "a b", "text": "x"})
    adapter.set_clock(adapter.clock().timestamp() + 600)
    assert http.get("/memory/users/a%20b/episodes").json()["episodes"][0]["status"] == "pending"
    http.post("/memory/append", json={"user_id": "good", "text": "y"})
    assert http.get("/memory/users/good/episodes").json()["total"] == 1


def test_questions_find_first_lines(http):
    http.post("/memory/append", json={"user_id": "q", "text": "Good news.\n{}"})
    answer = http.post("/memory/query", json={"user_id": "q", "query": "news"}).json()
    assert (answer["total"], answer["hits"][0]["fact"]) == (1, "Good news.")
    grouped = http.post("/memory/query/grouped", json={"user_id": "q", "query": "news"}).json()
    assert grouped["total_facts"] == 1
    assert http.post("/memory/append", json={"user_id": "q"}).status_code == 422
