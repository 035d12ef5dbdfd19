import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import NewsAnswerError, NewsRefusedError, NewsUnavailableError, SettingsError
from freqai_ext.news.search import NewsItem
from freqai_ext.news.searxng import MAX_ITEMS, SearxngClient, published_at
from freqai_ext.news.settings import SearxngSettings
from tests.services.loopback import hang, running_server

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_S = NOW.timestamp()


@pytest.fixture
def server():
    with running_server() as server:
        yield server


def found(title="Bitcoin ETF sees record inflows", url="https://example.com/a", **fields):
    return {
        "title": title,
        "url": url,
        "content": "Inflows of 1.2 billion",
        "engine": "bing news",
        "score": 1.0,
    } | fields


def answer(server, *results, status=200, **fields):
    server.answer(
        "GET", "/search", {"query": "q", "results": list(results), "unresponsive_engines": []} | fields, status
    )


def client_of(server, clock=lambda: NOW_S, **options):
    return SearxngClient(SearxngSettings(**{"url": server.url} | options), clock)


def search(client, query="Bitcoin BTC cryptocurrency news"):
    async def main():
        try:
            return await client.search(query)
        finally:
            await client.aclose()

    return asyncio.run(main())


def test_news_of_the_last_day_are_asked_for_in_json_and_read_with_their_dates(server):
    answer(server, found(publishedDate="2026-03-01T10:30:00"), found("No date", "https://example.com/b", content=None))
    result = search(client_of(server))
    assert server.requests[0].query == {
        "q": "Bitcoin BTC cryptocurrency news",
        "format": "json",
        "categories": "news",
        "time_range": "day",
        "language": "en",
        "pageno": "1",
    }
    assert result.items == (
        NewsItem("Bitcoin ETF sees record inflows", "https://example.com/a", "Inflows of 1.2 billion", NOW_S - 5_400.0),
        NewsItem("No date", "https://example.com/b", "", None),
    )
    assert (result.answer, result.retrieved_at_s, len(result.sha256)) == ("", NOW_S, 64)


def test_age_and_language_come_from_the_settings_and_commands_are_taken_out_of_the_query(server):
    answer(server)
    result = search(client_of(server, time_range="week", language="de"), "!!g :fr BTC <news ?x")
    assert result.items == ()
    query = server.requests[0].query
    assert (query["q"], query["time_range"], query["language"]) == ("g fr BTC news x", "week", "de")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T10:30:00", NOW - timedelta(minutes=90)),
        ("2026-03-01 10:30:00", NOW - timedelta(minutes=90)),
        ("2026-03-01T10:30:00Z", NOW - timedelta(minutes=90)),
        ("2026-03-01T12:30:00+02:00", NOW - timedelta(minutes=90)),
        ("2026-03-01", NOW - timedelta(hours=12)),
        ("2026-03-01T12:00:00Z", NOW),
        ("2026-03-01T17:30:00", NOW + timedelta(hours=5.5)),
    ],
)
def test_a_date_is_read_and_without_a_zone_it_is_utc(text, expected):
    assert published_at(text) == expected.timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "1970-01-01T00:00:00",
        "0001-01-01T00:00:00+14:00",
        "yesterday",
        "",
        None,
        1_700_000_000,
        ["2026-03-01"],
    ],
)
def test_an_absurd_date_or_none_is_none(text):
    assert published_at(text) is None


@given(st.text(max_size=30) | st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat))
@settings(max_examples=60)
def test_no_text_gives_an_absurd_date(text):
    at_s = published_at(text)
    assert at_s is None or 1_230_000_000 < at_s < 260_000_000_000


def test_a_date_after_our_clocks_time_is_kept_and_never_hides_an_earlier_one_of_the_same_piece(server):
    answer(
        server,
        found("a", "https://example.com/a", publishedDate="2026-03-01T17:30:00"),
        found("b", "https://example.com/b", publishedDate="2026-03-01T17:30:00"),
        found("b", "https://example.com/c", publishedDate="2026-03-01T11:00:00"),
        found("d", "https://example.com/d"),
        found("d", "https://example.com/e", publishedDate="2026-03-01T17:30:00"),
    )
    dates = {item.url[-1]: item.published_at_s for item in search(client_of(server)).items}
    assert dates == {"a": NOW_S + 19_800.0, "b": NOW_S - 3_600.0, "d": NOW_S + 19_800.0}


def test_no_results_are_no_news_only_if_every_engine_answered(server):
    answer(server)
    assert search(client_of(server)).items == ()
    answer(server, unresponsive_engines=[["bing news", "timeout"], ["qwant news", "access denied"], "odd", 3])
    with pytest.raises(
        NewsUnavailableError, match=r"no results, and 4 of its engines .*\(bing news, qwant news, odd\)"
    ):
        search(client_of(server))
    answer(server, found(), unresponsive_engines=[["bing news", "timeout"]])
    assert len(search(client_of(server)).items) == 1


def test_a_searxng_that_does_not_speak_json_is_refused_with_the_remedy(server):
    server.answer("GET", "/search", b"<html>403 Forbidden</html>", 403)
    with pytest.raises(NewsRefusedError, match=r"answered 403; add json to search\.formats in SearXNG's settings\.yml"):
        search(client_of(server))


def test_its_limiter_is_unavailable_with_the_remedy_and_the_wait(server):
    server.answer("GET", "/search", b"Too Many Requests", 429, Retry_After="30")
    with pytest.raises(NewsUnavailableError, match=r"answered 429; .*botdetection\.ip_lists\.pass_ip") as caught:
        search(client_of(server))
    assert (caught.value.status, caught.value.retry_after_s) == (429, 30.0)


def test_another_service_is_refused(server):
    with pytest.raises(
        NewsRefusedError, match=r"answered 404; see whether freqai_ext\.news\.searxng\.url is the address"
    ):
        search(client_of(server))


def test_a_searxng_that_hangs_is_unavailable_at_the_deadline(server):
    server.serve("GET", "/search", hang)
    started_s = time.monotonic()
    with pytest.raises(NewsUnavailableError, match=r"no whole answer within 0\.3 s"):
        search(client_of(server, deadline_s=0.3))
    assert time.monotonic() - started_s < 2.0


def test_after_three_failures_it_is_left_alone_and_comes_back(server):
    now_s = [NOW_S]

    async def main():
        client = client_of(server, clock=lambda: now_s[0])
        server.answer("GET", "/search", b"", 502)
        for _ in range(3):
            with pytest.raises(NewsUnavailableError, match="answered 502"):
                await client.search("q")
        with pytest.raises(NewsUnavailableError, match="left alone for another 60 s"):
            await client.search("q")
        answer(server, found())
        now_s[0] += 60.0
        result = await client.search("q")
        await client.aclose()
        return result

    assert len(asyncio.run(main()).items) == 1
    assert len(server.requests) == 4


def test_repeated_and_superfluous_results_are_left_out(server):
    answer(server, *(found(f"title {number // 2}", f"https://example.com/{number}") for number in range(400)))
    items = search(client_of(server)).items
    assert [item.title for item in items] == [f"title {number}" for number in range(MAX_ITEMS)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "the answer is not JSON"),
        (b'{"results": [NaN]}', "the answer is not JSON"),
        (b"[]", "the answer is a list, not an object"),
        ({"results": None}, "the answer, 'results', is null or missing, not a list"),
        ({"results": [1, {}, {"title": 3, "content": []}]}, "the answer: none of its 3 results has a title or a text"),
        (b'{"results": "' + b"x" * 1_000_001 + b'"}', "the answer is larger than 1 MB"),
    ],
)
def test_a_hostile_answer_is_a_typed_error(server, content, message):
    server.answer("GET", "/search", content)
    with pytest.raises(NewsAnswerError, match=f"^GET {server.url}/search: {message}"):
        search(client_of(server))


def test_odd_fields_of_a_result_are_left_out(server):
    answer(server, found(url=7, publishedDate={"a": 1}), 5, found("b\x00\n b", "ftp://x/y", publishedDate="1969-01-01"))
    first, second = search(client_of(server)).items
    assert (first.url, first.published_at_s) == ("", None)
    assert (second.title, second.url, second.published_at_s) == ("b b", "", None)


def test_a_probe_says_how_many_results_are_dated(server):
    async def main():
        client = client_of(server)
        told = await client.probe()
        await client.aclose()
        return told.text

    answer(server, found(publishedDate="2026-03-01"), found("b", "https://example.com/b"))
    assert asyncio.run(main()) == "SearXNG; 2 results for 'Bitcoin', 1 of them dated"
    answer(server, found(publishedDate="2026-03-01"), found("b", "https://example.com/b", publishedDate="2026-03-02"))
    assert asyncio.run(main()) == "SearXNG; 2 results for 'Bitcoin', 2 of them dated, 1 of these after our clock's time"


def test_without_an_address_there_is_no_client():
    with pytest.raises(SettingsError, match=r"^freqai_ext\.news\.searxng\.url: null; write where"):
        SearxngClient(SearxngSettings())
