import asyncio
import dataclasses
import re
import socket
import time
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import NewsAnswerError, NewsRefusedError, NewsUnavailableError, SettingsError
from freqai_ext.news._graphiti_dialects import group_of
from freqai_ext.news.graphiti import GraphitiClient
from freqai_ext.news.records import Verdict
from freqai_ext.news.settings import GraphitiSettings
from freqai_ext.news.shared_record import SharedRecord

from ._graphiti_stand_in import running_graphiti

KEY = "k3y-of-the-proxy"

DIALECTS = pytest.mark.parametrize("dialect", ["graphiti", "adapter"])


@pytest.fixture(scope="module")
def started():
    with running_graphiti() as server:
        yield server


@pytest.fixture
def server(started):
    started.reset()
    return started


def make_verdict(number=1, **values):
    verdict = Verdict(
        id=f"id{number:04d}",
        asset="BTC",
        available_at_s=time.time() - 600.0 + number,
        impact_score=0.72,
        sentiment="positive",
        confidence=0.8,
        reasoning="An exchange lists it.",
        model="qwen3:8b",
        prompt_version="news-1",
        prompt_sha256="ab" * 32,
        article_ids=("a1",),
        origin="live",
        bot="alpha",
    )
    return dataclasses.replace(verdict, **values)


def talk(server, function, *, clock=time.time, transport=None, **values):
    """Run ``function(client)`` and close the client."""
    client = GraphitiClient(GraphitiSettings(**({"url": server.url} | values)), clock, transport=transport)

    async def main():
        try:
            return await function(client)
        finally:
            await client.aclose()

    return asyncio.run(main())


def answering(function):
    return httpx.MockTransport(function)


@DIALECTS
def test_a_verdict_that_was_written_is_read_back_by_another_client(server, dialect):
    verdict = make_verdict()
    talk(server, lambda client: client.write(verdict), dialect=dialect)
    assert talk(server, lambda client: client.stored("BTC", verdict.id), dialect=dialect)
    (read,) = talk(server, lambda client: client.history("BTC", until_s=time.time()), dialect=dialect)
    assert abs(read.available_at_s - verdict.available_at_s) < 1e-6
    assert read.made_at_s == read.available_at_s
    assert read == dataclasses.replace(
        verdict, origin="shared", available_at_s=read.available_at_s, made_at_s=read.made_at_s
    )


def test_a_message_has_a_role_a_name_a_time_and_never_a_uuid(server):
    verdict = make_verdict()
    talk(server, lambda client: client.write(verdict), group_prefix="desk")
    (body,) = server.bodies
    (message,) = body.messages
    assert body.group_id == "desk_BTC"
    assert (message.role, message.name, message.uuid) == ("freqai-ext", verdict.id, None)
    assert abs(message.timestamp.timestamp() - verdict.available_at_s) < 1e-3
    assert not server.worker_dead


def test_the_adapter_is_given_no_file_name_and_the_time_in_the_text(server):
    verdict = make_verdict()
    talk(server, lambda client: client.write(verdict), dialect="adapter")
    (body,) = server.bodies
    assert body.user_id == "ftnews_BTC"
    assert "file_name" not in body.metadata
    assert datetime.fromtimestamp(verdict.available_at_s, UTC).strftime("%Y-%m-%dT%H:%M") in body.text


@pytest.mark.parametrize("asset", ["BTC/USDT:USDT", "A-B", "A_B", "币安人生", "1000PEPE", "X.Y"])
def test_no_asset_ends_the_server_and_each_is_read_back(server, asset):
    verdict = make_verdict(asset=asset)

    async def there_and_back(client):
        await client.write(verdict)
        return await client.stored(asset, verdict.id)

    assert talk(server, there_and_back)
    assert not server.worker_dead


@given(assets=st.lists(st.text(min_size=1, max_size=6), min_size=2, max_size=2, unique=True))
@settings(max_examples=200, deadline=None)
def test_groups_are_safe_and_no_two_assets_share_one(assets):
    groups = [group_of("ftnews", asset) for asset in assets]
    assert all(re.fullmatch("ftnews_[A-Z0-9_]+", group) for group in groups)
    assert groups[0] != groups[1]


def test_accepted_is_not_stored_while_the_queue_stands_still(server):
    server.paused = True
    verdict = make_verdict()

    async def main(client):
        await client.write(verdict)
        before = await client.stored("BTC", verdict.id)
        server.work()
        return before, await client.stored("BTC", verdict.id)

    assert talk(server, main) == (False, True)


def test_of_two_copies_one_is_read_and_texts_of_others_are_left_out(server):
    verdict = make_verdict()
    server.put("ftnews_BTC", "somebody's note")
    server.put("ftnews_BTC", '{"schema":"theirs","impact_score":1}')
    server.put("ftnews_BTC", SharedRecord.of(make_verdict(2, asset="ETH")).content())
    talk(server, lambda client: client.write(verdict))
    talk(server, lambda client: client.write(verdict))
    history = talk(server, lambda client: client.history("BTC", until_s=time.time()))
    assert [each.id for each in history] == [verdict.id]


@DIALECTS
def test_of_two_records_with_one_id_the_one_that_was_first_counts(server, dialect):
    async def main(client):
        await client.write(make_verdict(impact_score=0.1))
        await client.write(make_verdict(impact_score=0.9))
        return await client.history("BTC", until_s=time.time())

    (read,) = talk(server, main, dialect=dialect)
    assert read.impact_score == 0.1


def test_the_order_is_that_of_making_and_not_of_the_server_s_dates(server):
    now_s = time.time()
    for number, age_s in ((1, 100.0), (2, 300.0)):
        server.put("ftnews_BTC", SharedRecord.of(make_verdict(number, available_at_s=now_s - age_s)).content())
    history = talk(server, lambda client: client.history("BTC", until_s=now_s))
    assert [each.id for each in history] == ["id0002", "id0001"]


@DIALECTS
def test_the_history_is_oldest_first_and_ends_at_the_time_asked_for(server, dialect):
    now_s = time.time()

    async def main(client):
        for number, age_s in ((1, 300), (2, 100), (3, 200)):
            await client.write(make_verdict(number, available_at_s=now_s - age_s))
        return await client.history("BTC", until_s=now_s - 150)

    assert [each.id for each in talk(server, main, dialect=dialect)] == ["id0001", "id0003"]


def test_a_verdict_buried_under_others_is_found_all_the_same(server):
    verdict = make_verdict(available_at_s=time.time() - 9_000)

    async def main(client):
        await client.write(verdict)
        for number in range(2, 130):
            record = SharedRecord.of(make_verdict(number, id=f"other{number}"))
            server.put("ftnews_BTC", record.content())
        read_before = server.count("GET", "/episodes")
        found = await client.stored("BTC", verdict.id), await client.stored("BTC", "nobody's")
        return found, server.count("GET", "/episodes") - read_before

    assert talk(server, main) == ((True, False), 4)


def test_a_server_whose_clock_is_behind_still_shows_what_was_written(server):
    behind_s = 3_600.0
    verdict = make_verdict(available_at_s=time.time())

    def forward(request):
        with httpx.Client(trust_env=False) as http:
            answer = http.request(request.method, request.url, content=request.content, headers=request.headers)
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() - behind_s))
        return httpx.Response(answer.status_code, content=answer.content, headers={"Date": date})

    async def main(client):
        before = await client.stored("BTC", verdict.id)
        await client.write(verdict)
        return before, await client.stored("BTC", verdict.id)

    server.now_s = lambda: time.time() - behind_s
    assert talk(server, main, transport=answering(forward)) == (False, True)


def test_what_is_dated_after_the_clock_of_the_server_is_hidden(server):
    server.put("ftnews_BTC", SharedRecord.of(make_verdict()).content(), datetime.fromtimestamp(time.time() + 60, UTC))
    assert talk(server, lambda client: client.history("BTC", until_s=time.time() + 120)) == ()


@pytest.mark.parametrize(
    ("dialect", "header", "sent"),
    [
        ("graphiti", None, ("authorization", f"Bearer {KEY}")),
        ("adapter", None, ("x-api-key", KEY)),
        ("graphiti", "X-Proxy-Key", ("x-proxy-key", KEY)),
        ("adapter", "authorization", ("authorization", f"Bearer {KEY}")),
    ],
)
def test_the_token_goes_into_the_header_of_the_dialect_or_the_one_that_is_set(server, dialect, header, sent):
    talk(server, lambda client: client.page("BTC"), dialect=dialect, token=KEY, token_header=header)
    ((_, _, headers),) = server.requests
    assert headers[sent[0]] == sent[1]


def test_a_token_that_names_its_scheme_is_sent_as_it_is(server):
    talk(server, lambda client: client.page("BTC"), token="Basic dXNlcjpwYXNz")
    ((_, _, headers),) = server.requests
    assert headers["authorization"] == "Basic dXNlcjpwYXNz"


def test_without_a_token_no_header_of_the_kind_is_sent(server):
    talk(server, lambda client: client.page("BTC"))
    ((_, _, headers),) = server.requests
    assert not {"authorization", "x-api-key"} & headers.keys()


@DIALECTS
def test_a_wrong_token_is_refused_and_appears_nowhere(server, dialect):
    server.key = "another"
    for call in (lambda client: client.write(make_verdict()), lambda client: client.history("BTC", until_s=0.0)):
        with pytest.raises(NewsRefusedError, match=r"answered 40[13]") as caught:
            talk(server, call, dialect=dialect, token=KEY)
        assert KEY not in str(caught.value)
    assert "answered 40" in talk(server, lambda client: client.healthy(), dialect=dialect, token=KEY)
    client = GraphitiClient(GraphitiSettings(url=server.url, token=KEY))
    assert KEY not in repr(client)


def test_plain_text_of_an_error_is_an_outage_with_its_status(server):
    server.fail(500)
    with pytest.raises(NewsUnavailableError, match="answered 500") as caught:
        talk(server, lambda client: client.write(make_verdict()))
    assert caught.value.status == 500


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (202, b'{"message": "x", "success": false}'),
        (202, b"[]"),
        (200, b"<html>log in</html>"),
        (202, b""),
        (202, b"\xff\xfe{"),
        (202, b'{"success": NaN}'),
    ],
)
def test_only_the_server_s_own_yes_counts_as_accepted(server, status, content):
    transport = answering(lambda _: httpx.Response(status, content=content))
    with pytest.raises(NewsAnswerError):
        talk(server, lambda client: client.write(make_verdict()), transport=transport)


@DIALECTS
@pytest.mark.parametrize(
    "content",
    [b"{}", b'"x"', b"null", b'{"episodes": {}}', b'{"episodes": null}', b"[" * 100, b'[{"content": "a"}', b"\xff"],
)
def test_episodes_of_another_shape_are_an_error_and_no_empty_history(server, dialect, content):
    transport = answering(lambda _: httpx.Response(200, content=content))
    with pytest.raises(NewsAnswerError, match=r"episodes.*answer"):
        talk(server, lambda client: client.history("BTC", until_s=0.0), transport=transport, dialect=dialect)


def test_odd_episodes_among_others_take_nothing_from_them(server):
    record = SharedRecord.of(make_verdict()).content()
    episodes = [None, 7, {}, {"content": None}, {"content": ["x"]}, {"content": f"a(user): {record}"}]
    transport = answering(lambda _: httpx.Response(200, json=episodes))
    history = talk(server, lambda client: client.history("BTC", until_s=time.time()), transport=transport)
    assert [each.id for each in history] == ["id0001"]


def test_an_answer_without_end_is_cut_off(server):
    transport = answering(lambda _: httpx.Response(200, content=b"[" + b" " * 9_000_000 + b"]"))
    with pytest.raises(NewsAnswerError, match="larger than 8 MB"):
        talk(server, lambda client: client.page("BTC"), transport=transport)


def test_a_slow_answer_is_an_outage_after_the_timeout(server):
    server.delay_s = 4.0
    started_s = time.monotonic()
    with pytest.raises(NewsUnavailableError, match=r"within 0.2 s"):
        talk(server, lambda client: client.page("BTC"), timeout_s=0.2)
    assert time.monotonic() - started_s < 3.5


def test_a_redirect_is_not_followed(server):
    transport = answering(lambda _: httpx.Response(307, headers={"Location": "http://evil.example/messages"}))
    with pytest.raises(NewsRefusedError, match=r"evil\.example"):
        talk(server, lambda client: client.write(make_verdict()), transport=transport, token=KEY)


def test_facts_are_live_texts_of_one_group_and_cleaned(server):
    server.facts = [
        {"fact": "Bitcoin was\nlisted", "invalid_at": None, "expired_at": None},
        {"fact": "was delisted", "invalid_at": "2026-01-01T00:00:00Z"},
        {"fact": "old", "expired_at": "2026-01-01T00:00:00Z"},
        {"fact": 7},
        {"fact": "x" * 999},
    ]
    facts = talk(server, lambda client: client.facts("BTC", "listing", 5))
    assert facts == ("Bitcoin was listed", "x" * 300)


def test_facts_of_the_adapter_come_from_its_hits(server):
    server.facts = [{"fact": "listed", "score": 1.0}, {"fact": "halved"}]
    assert talk(server, lambda client: client.facts("BTC", "listing", 1), dialect="adapter") == ("listed",)


def test_a_server_that_brings_more_facts_than_asked_for_is_cut_short(server):
    transport = answering(lambda _: httpx.Response(200, json={"facts": [{"fact": str(n)} for n in range(9)]}))
    assert talk(server, lambda client: client.facts("BTC", "listing", 2), transport=transport) == ("0", "1")


def test_the_adapter_s_no_is_no_yes(server):
    transport = answering(lambda _: httpx.Response(200, json={"ok": False}))
    with pytest.raises(NewsAnswerError, match="'ok' is a boolean, not true"):
        talk(server, lambda client: client.write(make_verdict()), transport=transport, dialect="adapter")


def test_no_facts_are_asked_for_where_none_are_wanted(server):
    assert talk(server, lambda client: client.facts("BTC", "listing", 0)) == ()
    assert server.requests == []


@DIALECTS
def test_a_server_that_stores_what_it_takes_is_healthy(server, dialect):
    async def main(client):
        await client.write(make_verdict())
        assert await client.stored("BTC", "id0001")
        return await client.healthy()

    assert talk(server, main, dialect=dialect) is None


def test_a_dead_ingest_is_seen_although_the_server_says_that_it_is_healthy(server):
    now_s = time.time()
    later_s = 0.0
    server.worker_dead = True

    async def main(client):
        nonlocal later_s
        await client.write(make_verdict())
        at_once = await client.healthy()
        later_s = 901.0
        return at_once, await client.healthy()

    at_once, later = talk(server, main, clock=lambda: now_s + later_s)
    assert at_once is None
    assert "accepted 901 s ago cannot be read back, and none was ever confirmed;" in later
    assert "restart the server" in later


def test_a_database_that_is_down_is_seen_behind_a_process_that_is_up(server):
    server.fail(500, path="/episodes")
    assert "answered 500" in talk(server, lambda client: client.healthy())


def test_where_nobody_listens_the_text_names_the_setting():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client = GraphitiClient(GraphitiSettings(url=url))
    assert "freqai_ext.news.graphiti.url" in asyncio.run(client.healthy())


def test_without_an_address_there_is_no_client():
    with pytest.raises(SettingsError, match=r"freqai_ext\.news\.graphiti\.url: not set"):
        GraphitiClient(GraphitiSettings())


def test_a_verdict_that_cannot_be_shared_is_not_sent(server):
    with pytest.raises(ValueError, match="its impact_score"):
        talk(server, lambda client: client.write(make_verdict(impact_score=float("nan"))))
    assert server.requests == []
