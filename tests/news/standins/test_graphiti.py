"""The stand-in of getzep's graph service against its contract."""

from datetime import UTC, datetime

import pytest

from freqai_ext.news.standins import Fault

MOMENT = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def group(request):
    """A group of its own for each test."""
    return "ftnews_" + "".join(letter if letter.isalnum() else "_" for letter in request.node.name)


def add(client, services, group, *contents, **changes):
    messages = [
        {"content": content, "role_type": "system", "role": "bot", "name": content, **changes} for content in contents
    ]
    return client.post(f"{services.graphiti_url}/messages", json={"group_id": group, "messages": messages})


def episodes(client, services, group, last_n=10):
    return client.get(f"{services.graphiti_url}/episodes/{group}", params={"last_n": last_n})


def later(services, seconds):
    services.set_clock(services.clock().timestamp() + seconds)


def test_a_message_can_be_read_when_it_was_taken_in_and_with_a_prefix(services, client, group):
    answer = add(client, services, group, "Good news.\n{}")
    assert (answer.status_code, answer.json()["success"]) == (202, True)
    assert episodes(client, services, group).json() == []
    later(services, 2)
    (episode,) = episodes(client, services, group).json()
    assert episode["content"] == "bot(system): Good news.\n{}"
    assert episode["valid_at"] == "2025-03-01T12:00:00Z"
    assert episode["created_at"] == "2025-03-01T12:00:02Z"


def test_messages_are_taken_in_one_after_the_other(services, client, group):
    add(client, services, group, "one", "two", "three")
    later(services, 4)
    assert [one["name"] for one in episodes(client, services, group).json()] == ["one", "two"]
    assert services.state()["graphiti"]["waiting"] == 1


def test_the_newest_come_oldest_first_and_the_future_is_hidden(services, client, group):
    for content, moment in (("b", "11:00:00Z"), ("a", "10:00:00"), ("future", "13:00:00Z"), ("c", "11:30:00Z")):
        add(client, services, group, content, timestamp=f"2025-03-01T{moment}")
    later(services, 60)
    assert [one["name"] for one in episodes(client, services, group).json()] == ["a", "b", "c"]
    assert [one["name"] for one in episodes(client, services, group, 2).json()] == ["b", "c"]
    later(services, 3_600)
    assert len(episodes(client, services, group).json()) == 4


def test_last_n_is_required_and_not_checked(services, client, group):
    assert client.get(f"{services.graphiti_url}/episodes/{group}").status_code == 422
    assert episodes(client, services, group, 0).json() == []
    answer = episodes(client, services, group, -1)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_a_role_is_required(services, client, group):
    message = {"content": "x", "role_type": "user"}
    answer = client.post(f"{services.graphiti_url}/messages", json={"group_id": group, "messages": [message]})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "messages", 0, "role"]


@pytest.mark.parametrize("killer", ["uuid", "group", "fault", "neo4j"])
def test_one_error_ends_the_ingest_until_a_restart_and_nobody_is_told(services, client, group, killer):
    if killer == "fault":
        services.add_fault(Fault(kind="ingest_dies", end_s=MOMENT.timestamp() + 5))
    if killer == "neo4j":
        services.change(graphiti_backend="neo4j")
    named = {"uuid": "4f0e4d4b-0000-4000-8000-000000000000"} if killer == "uuid" else {}
    add(client, services, "ft/news" if killer == "group" else group, "deadly", **named)
    later(services, 10)
    assert add(client, services, group, "after").status_code == 202
    later(services, 10)
    assert episodes(client, services, group).json() == []
    assert client.get(f"{services.graphiti_url}/healthcheck").json() == {"status": "healthy"}
    assert services.state()["graphiti"]["ingest_alive"] is False
    services.change(graphiti_backend="falkordb")
    services.restart("graphiti")
    add(client, services, group, "again")
    later(services, 10)
    assert [one["name"] for one in episodes(client, services, group).json()] == ["again"]


def test_a_restart_loses_the_queue_and_keeps_what_was_taken_in(services, client, group):
    add(client, services, group, "kept")
    later(services, 5)
    add(client, services, group, "lost")
    services.restart("graphiti")
    later(services, 10)
    assert [one["name"] for one in episodes(client, services, group).json()] == ["kept"]


def test_the_uuid_of_an_episode_updates_it(services, client, group):
    add(client, services, group, "old")
    later(services, 5)
    number = episodes(client, services, group).json()[0]["uuid"]
    add(client, services, group, "new", uuid=number)
    later(services, 5)
    assert [(one["uuid"], one["name"]) for one in episodes(client, services, group).json()] == [(number, "new")]


def test_facts_are_found_only_in_groups_that_are_named_and_have_no_hyphen(services, client, group):
    hyphenated = group.replace("_", "-")
    for name in (group, hyphenated):
        add(client, services, name, "Bitcoin news were good.\n{}")
    later(services, 10)

    def facts(groups):
        answer = client.post(f"{services.graphiti_url}/search", json={"query": "bitcoin", "group_ids": groups})
        return answer.json()["facts"] if answer.status_code == 200 else answer.status_code

    assert [fact["fact"] for fact in facts([group])] == ["Bitcoin news were good."]
    assert facts([hyphenated]) == facts(None) == []
    assert facts(["ft/news"]) == 500
    later(services, 100_000)
    assert facts([group])[0]["invalid_at"] is not None


def test_memory_wants_a_centre_that_may_be_null(services, client, group):
    asked = {"group_id": group, "messages": []}
    url = f"{services.graphiti_url}/get-memory"
    assert client.post(url, json=asked).status_code == 422
    assert client.post(url, json={**asked, "center_node_uuid": None}).json() == {"facts": []}


def test_a_deleted_group_is_still_there(services, client, group):
    add(client, services, group, "here")
    later(services, 5)
    assert client.delete(f"{services.graphiti_url}/group/{group}").json()["success"] is True
    assert len(episodes(client, services, group).json()) == 1
    assert client.delete(f"{services.graphiti_url}/episode/x").status_code == 404


def test_the_proxy_in_front_wants_its_token(services, client, group):
    services.change(graphiti_token="token-of-the-proxy")
    answer = episodes(client, services, group)
    assert (answer.status_code, answer.text[:6]) == (401, "<html>")
    headers = {"Authorization": "Bearer token-of-the-proxy"}
    answer = client.get(f"{services.graphiti_url}/healthcheck", headers=headers)
    assert answer.status_code == 200
