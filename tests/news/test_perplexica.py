import asyncio
import hashlib
import time
import uuid
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from freqai_ext.errors import NewsAnswerError, NewsRefusedError, NewsUnavailableError, SettingsError
from freqai_ext.news.perplexica import PerplexicaClient
from freqai_ext.news.search import NewsItem
from freqai_ext.news.settings import PerplexicaSettings
from freqai_ext.news.standins import NewsStandIns, StandInSettings
from tests.services.loopback import hang, running_server, send

KEY = "s3cret-proxy-key"
QUERY = "Bitcoin BTC cryptocurrency news"
NOW_S = 1_763_700_000.0


@pytest.fixture
def server():
    with running_server() as server:
        yield server


class Vane:
    """Generation C or D on a server, with the checks that the contract says it makes."""

    def __init__(self, server, generation="D"):
        self.server = server
        self.generation = generation
        self.sources = [source("Bitcoin ETF sees record inflows", "https://example.com/a", "Inflows of 1.2 billion")]
        self.install()
        server.serve("GET", "/api/providers", lambda handler: send(handler, {"providers": self.providers}))
        server.serve("POST", "/api/search", self._search)

    def install(self):
        """Give the providers new ids, as a new installation does."""
        self.providers = [
            provider("Transformers", [], ["all-MiniLM"]),
            provider("OpenAI", ["gpt-4o-mini", "gpt-4o"], ["text-embedding-3-small"]),
            provider("Ollama", ["llama3"], ["nomic"]),
        ]

    def id_of(self, name):
        return next(provider["id"] for provider in self.providers if provider["name"] == name)

    def _search(self, handler):
        body = self.server.requests[-1].json
        if not body.get("query") or not body.get("sources" if self.generation == "D" else "focusMode"):
            missing = "sources" if self.generation == "D" else "focus mode"
            send(handler, {"message": f"Missing {missing} or query"}, 400)
        elif not all(self._known(body.get(kind), kind) for kind in ("chatModel", "embeddingModel")):
            send(handler, {"message": "An error has occurred."}, 500)
        else:
            send(handler, {"message": "Inflows are up [1].", "sources": self.sources})

    def _known(self, asked, kind):
        return isinstance(asked, dict) and any(
            provider["id"] == asked.get("providerId")
            and asked.get("key") in [model["key"] for model in provider[f"{kind}s"]]
            for provider in self.providers
            if isinstance(provider, dict) and "name" in provider
        )


class OldPerplexica:
    """Generation A or B on a server."""

    def __init__(self, server):
        models = {
            "chatModelProviders": {"openai": {"gpt-4o": {"displayName": "GPT-4 omni"}}, "ollama": {"llama3": {}}},
            "embeddingModelProviders": {"transformers": {"bge": {"displayName": "BGE Small"}}},
        }
        server.answer("GET", "/api/models", models)
        server.answer(
            "POST", "/api/search", {"message": "m", "sources": [source("t", "https://example.com", "x", "pageContent")]}
        )


def provider(name, chat, embedding):
    return {
        "id": str(uuid.uuid4()),
        "name": name,
        "chatModels": [{"name": key.upper(), "key": key} for key in chat],
        "embeddingModels": [{"name": key.upper(), "key": key} for key in embedding],
    }


def source(title, url, text, field="content"):
    return {field: text, "metadata": {"title": title, "url": url}}


def client_of(server, clock=lambda: NOW_S, **settings):
    return PerplexicaClient(PerplexicaSettings(**{"url": server.url, "deadline_s": 5.0} | settings), clock)


def search(client, *queries):
    async def main():
        try:
            return [await client.search(query) for query in queries or (QUERY,)][-1]
        finally:
            await client.aclose()

    return asyncio.run(main())


@pytest.mark.parametrize("generation", ["C", "D"])
def test_generations_c_and_d_are_asked_by_the_ids_of_their_providers_in_one_body_for_both(server, generation):
    vane = Vane(server, generation)
    result = search(client_of(server))
    assert result.items == (
        NewsItem("Bitcoin ETF sees record inflows", "https://example.com/a", "Inflows of 1.2 billion", None),
    )
    assert (result.answer, result.retrieved_at_s) == ("Inflows are up [1].", NOW_S)
    assert len(result.sha256) == 64
    (asked,) = server.asked("POST", "/api/search")
    assert asked.json == {
        "chatModel": {"providerId": vane.id_of("OpenAI"), "key": "gpt-4o-mini"},
        "embeddingModel": {"providerId": vane.id_of("Transformers"), "key": "all-MiniLM"},
        "sources": ["web"],
        "focusMode": "webSearch",
        "optimizationMode": "speed",
        "query": f"{QUERY} in the last 24 hours, with dates",
        "history": [],
        "stream": False,
    }


@pytest.mark.parametrize(
    ("settings", "chat"),
    [
        ({"chat_provider": "ollama"}, ("Ollama", "llama3")),
        ({"chat_model": "GPT-4O"}, ("OpenAI", "gpt-4o")),
        ({"chat_provider": "OpenAI", "chat_model": "gpt-4o"}, ("OpenAI", "gpt-4o")),
    ],
)
def test_the_models_of_the_settings_are_found_by_name_or_key(server, settings, chat):
    vane = Vane(server)
    search(client_of(server, embedding_provider="OpenAI", optimization_mode="balanced", **settings))
    body = server.asked("POST", "/api/search")[0].json
    assert body["chatModel"] == {"providerId": vane.id_of(chat[0]), "key": chat[1]}
    assert body["embeddingModel"]["providerId"] == vane.id_of("OpenAI")
    assert body["optimizationMode"] == "balanced"


def test_a_model_that_is_not_offered_is_refused_and_the_offers_are_told(server):
    Vane(server)
    with pytest.raises(
        NewsRefusedError, match=r"no chat model fits 'any provider: gpt-9'; set .*OpenAI: gpt-4o-mini; "
    ):
        search(client_of(server, chat_model="gpt-9"))
    assert server.asked("POST", "/api/search") == []


def test_a_perplexica_without_any_model_is_refused(server):
    server.answer("GET", "/api/providers", {"providers": [provider("OpenAI", [], [])]})
    with pytest.raises(NewsRefusedError, match="it offers no chat model; add one in its own settings"):
        search(client_of(server))


def test_generations_a_and_b_choose_the_model_themselves_where_none_is_set(server):
    OldPerplexica(server)
    result = search(client_of(server, optimization_mode="quality"))
    assert result.items == (NewsItem("t", "https://example.com", "x", None),)
    body = server.asked("POST", "/api/search")[0].json
    assert body["focusMode"] == "webSearch"
    assert body["optimizationMode"] == "balanced"
    assert not {"chatModel", "embeddingModel", "sources"} & set(body)


def test_generations_a_and_b_are_asked_by_the_names_that_each_of_them_reads(server):
    OldPerplexica(server)
    search(client_of(server, chat_model="gpt-4 omni", embedding_provider="transformers"))
    body = server.asked("POST", "/api/search")[0].json
    assert body["chatModel"] == {"provider": "openai", "name": "gpt-4o", "model": "gpt-4o"}
    assert body["embeddingModel"] == {"provider": "transformers", "name": "bge", "model": "bge"}


def test_models_are_looked_up_once_for_many_searches(server):
    Vane(server)
    search(client_of(server), QUERY, "Ethereum ETH cryptocurrency news", QUERY)
    assert len(server.asked("GET", "/api/providers")) == 1
    assert len(server.asked("POST", "/api/search")) == 3


def test_ids_that_a_new_installation_changed_are_looked_up_again_and_the_search_succeeds(server):
    vane = Vane(server)

    async def main():
        client = client_of(server)
        await client.search(QUERY)
        vane.install()
        result = await client.search(QUERY)
        await client.aclose()
        return result

    assert len(asyncio.run(main()).items) == 1
    assert len(server.asked("GET", "/api/providers")) == 2
    assert len(server.asked("POST", "/api/search")) == 3


def test_an_update_from_generation_b_to_d_is_noticed_by_what_it_misses(server):
    OldPerplexica(server)

    async def main():
        client = client_of(server)
        await client.search(QUERY)
        Vane(server)
        result = await client.search(QUERY)
        await client.aclose()
        return result

    assert asyncio.run(main()).items[0].title == "Bitcoin ETF sees record inflows"


def test_a_500_right_after_the_models_were_looked_up_is_refused_at_once_and_names_the_likely_cause(server):
    Vane(server)
    server.answer("POST", "/api/search", {"message": "An error has occurred."}, 500)
    with pytest.raises(NewsRefusedError, match="answered 500; its models were looked up again just now, so most"):
        search(client_of(server))
    assert len(server.asked("POST", "/api/search")) == 1


def test_a_500_of_models_that_were_known_is_tried_once_more_and_then_refused(server):
    vane = Vane(server)

    async def main():
        client = client_of(server)
        await client.search(QUERY)
        server.answer("POST", "/api/search", b"oops", 500)
        with pytest.raises(NewsRefusedError, match="answered 500"):
            await client.search(QUERY)
        assert len(server.asked("POST", "/api/search")) == 3
        server.serve("POST", "/api/search", vane._search)
        result = await client.search(QUERY)
        await client.aclose()
        return result

    assert len(asyncio.run(main()).items) == 1


def test_no_sources_are_no_news_whatever_the_model_remembers(server):
    vane = Vane(server)
    vane.sources = []
    result = search(client_of(server))
    assert result.items == ()
    assert result.answer == "Inflows are up [1]."


def test_a_perplexica_that_hangs_is_unavailable_at_the_deadline_and_not_without_news(server):
    Vane(server)
    server.serve("POST", "/api/search", hang)
    started_s = time.monotonic()
    with pytest.raises(NewsUnavailableError, match=r"no whole answer within .* s; it answers nothing at all where"):
        search(client_of(server, deadline_s=0.5))
    assert time.monotonic() - started_s < 2.0


def test_the_deadline_holds_for_looking_up_and_searching_together(server):
    vane = Vane(server)

    def slowly(handler):
        server.released.wait(0.4)
        send(handler, {"providers": vane.providers})

    server.serve("GET", "/api/providers", slowly)
    server.serve("POST", "/api/search", hang)
    started_s = time.monotonic()
    with pytest.raises(NewsUnavailableError, match="no whole answer"):
        search(client_of(server, deadline_s=0.6))
    assert time.monotonic() - started_s < 0.95


@pytest.mark.parametrize("status", [408, 429, 502, 503])
def test_an_outage_is_unavailable(server, status):
    Vane(server)
    server.answer("POST", "/api/search", b"<html>Bad Gateway</html>", status)
    with pytest.raises(NewsUnavailableError, match=f"answered {status}") as caught:
        search(client_of(server))
    assert caught.value.status == status


def test_after_three_failures_in_a_row_it_is_left_alone_for_a_minute(server):
    now_s = [NOW_S]
    vane = Vane(server)

    async def main():
        client = client_of(server, clock=lambda: now_s[0])
        server.answer("POST", "/api/search", b"", 503)
        for _ in range(3):
            with pytest.raises(NewsUnavailableError, match="answered 503"):
                await client.search(QUERY)
        with pytest.raises(NewsUnavailableError, match="is left alone for another 60 s") as caught:
            await client.search(QUERY)
        assert caught.value.retry_after_s == 60.0
        assert len(server.asked("POST", "/api/search")) == 3
        server.serve("POST", "/api/search", vane._search)
        now_s[0] += 61.0
        result = await client.search(QUERY)
        await client.aclose()
        return result

    assert len(asyncio.run(main()).items) == 1


def test_a_400_is_refused_in_its_own_words(server):
    Vane(server)
    server.answer("POST", "/api/search", {"message": "Invalid focus mode"}, 400)
    with pytest.raises(NewsRefusedError, match=r"/api/search: answered 400 \('Invalid focus mode'\)"):
        search(client_of(server))


def test_a_model_that_an_old_generation_does_not_have_is_refused_with_the_settings_to_correct(server):
    OldPerplexica(server)
    server.answer("POST", "/api/search", {"message": "Invalid model selected"}, 400)
    with pytest.raises(NewsRefusedError, match=r"'Invalid model selected'\); correct .*chat_model and embedding_model"):
        search(client_of(server))
    assert len(server.asked("POST", "/api/search")) == 1


def test_an_address_of_something_else_is_refused_with_the_ports_to_try(server):
    with pytest.raises(NewsRefusedError, match=r"neither /api/providers nor /api/models is there.* port 3001"):
        search(client_of(server))


def test_a_proxy_that_wants_a_key_gets_it_in_its_header_and_no_text_shows_it(server):
    Vane(server)
    client = client_of(server, api_key=SecretStr(KEY))
    search(client)
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
    assert KEY not in repr(client)
    search(client_of(server, api_key=SecretStr(KEY), api_key_header="X-Proxy-Key"))
    assert server.requests[-1].headers["x-proxy-key"] == KEY
    server.answer("GET", "/api/providers", {"message": f"{KEY} is not known"}, 401)
    with pytest.raises(NewsRefusedError, match=r"answered 401 \('\(hidden\) is not known'\); a proxy in front of it"):
        search(client_of(server, api_key=SecretStr(KEY)))


def test_a_redirect_is_not_followed_and_the_other_host_gets_nothing(server):
    with running_server() as other:
        server.answer("GET", "/api/providers", b"", 307, Location=f"{other.url}/api/providers")
        with pytest.raises(NewsRefusedError, match=f"which points to '127.0.0.1:{other.port}'; it was not followed"):
            search(client_of(server, api_key=SecretStr(KEY)))
        assert other.requests == []


def test_items_are_cleaned_cut_counted_and_told_once(server):
    vane = Vane(server)
    snippet = "Inflows\x00 rose\u202e sharply."
    vane.sources = [
        source("A\nheadline" + "!" * 500, "https://example.com/a", f"{snippet}\n\n{snippet}\n\nMore."),
        source("Other title", "https://www.example.com/a/#top", "the same page"),
        source("A page", "javascript:alert(1)", "word " * 10_000),
        source(None, "https://user:pw@example.com/b", "text without a title", "pageContent"),
        *(source(f"title {number}", "", "text") for number in range(400)),
    ]
    items = search(client_of(server, max_items=5, max_item_characters=100)).items
    assert len(items) == 5
    assert items[0].title == "A headline" + "!" * 190
    assert items[0].text == "Inflows rose sharply. More."
    assert (items[1].url, len(items[1].text)) == ("", 99)
    assert (items[2].title, items[2].url, items[2].text) == ("", "", "text without a title")


def test_the_answer_is_cut_at_4000_characters_and_hashed_as_it_came(server):
    Vane(server)
    body = b'{"message": "' + b"x" * 100_000 + b'", "sources": []}'
    server.answer("POST", "/api/search", body)
    result = search(client_of(server))
    assert len(result.answer) == 4_000
    assert result.sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the answer is not JSON"),
        (b'{"message": "\xff", "sources": []}', "the answer is not JSON"),
        (b"[]", "the answer is a list, not an object"),
        ({"message": "m"}, "the answer, 'sources', is null or missing, not a list"),
        ({"message": "m", "sources": {"a": 1}}, "the answer, 'sources', is an object, not a list"),
        ({"message": 1, "sources": []}, "the answer, 'message', is a number, not a text"),
        (
            {"message": "m", "sources": [1, None, [], {"metadata": 3}]},
            "the answer: none of its 4 sources has a title or a text",
        ),
        (b'{"message": "' + b"x" * 1_000_001 + b'"}', "the answer is larger than 1 MB"),
        (b"[" * 5000 + b"]" * 5000, "the answer is not JSON"),
    ],
)
def test_a_hostile_answer_is_a_typed_error(server, content, message):
    Vane(server)
    server.answer("POST", "/api/search", content)
    with pytest.raises(NewsAnswerError, match=f"^POST {server.url}/api/search: {message}"):
        search(client_of(server))


@pytest.mark.parametrize(
    "content",
    [
        {"providers": {"id": 1}},
        b"<html>",
        {"providers": None},
        [],
    ],
)
def test_a_hostile_list_of_providers_is_a_typed_error(server, content):
    server.answer("GET", "/api/providers", content)
    with pytest.raises(NewsAnswerError, match="/api/providers: the answer"):
        search(client_of(server))


def test_odd_providers_are_left_out(server):
    vane = Vane(server)
    vane.providers[:0] = [
        3,
        {"id": 4, "chatModels": [{"key": "a"}]},
        {"id": "x", "chatModels": [None, {"key": 5}, "k"]},
    ]
    search(client_of(server))
    assert server.asked("POST", "/api/search")[0].json["chatModel"]["key"] == "gpt-4o-mini"


def test_a_probe_tells_generation_and_models_and_costs_no_search(server):
    async def probe(client):
        try:
            return await client.probe()
        finally:
            await client.aclose()

    OldPerplexica(server)
    assert "1.10 or earlier; chat model of its own choice" in asyncio.run(probe(client_of(server)))
    Vane(server)
    assert "or Vane; chat model 'OpenAI: gpt-4o-mini', embedding model 'Transformers: all-MiniLM'" in asyncio.run(
        probe(client_of(server))
    )
    assert server.asked("POST", "/api/search") == []


def test_searches_side_by_side_do_not_disturb_each_other(server):
    Vane(server)

    async def main():
        client = client_of(server)
        results = await asyncio.gather(*(client.search(f"query {number}") for number in range(6)))
        await client.aclose()
        return results

    assert [len(result.items) for result in asyncio.run(main())] == [1] * 6
    queries = {request.json["query"] for request in server.asked("POST", "/api/search")}
    assert len(queries) == 6


def test_a_client_serves_one_event_loop_after_the_other(server):
    Vane(server)
    client = client_of(server)
    assert search(client).items == search(client).items


def test_the_stand_in_is_understood_in_every_generation_and_through_every_change_of_it():
    settings = StandInSettings(clock="sim", now=datetime(2026, 3, 1, tzinfo=UTC), headlines_per_hour=4.0)
    with NewsStandIns(settings) as services:

        async def main():
            client = PerplexicaClient(PerplexicaSettings(url=services.perplexica_url))
            found = []
            for generation in "ABCDACBDBADC":
                services.change(perplexica_generation=generation)
                found.append(len((await client.search(QUERY)).items))
            await client.aclose()
            return found

        found = asyncio.run(main())
    assert found[0] > 0
    assert found == [found[0]] * 12


def test_a_generation_that_knows_no_quality_is_asked_for_balance_and_finds_as_much():
    settings = StandInSettings(clock="sim", now=datetime(2026, 3, 1, tzinfo=UTC), headlines_per_hour=4.0)
    found = []
    with NewsStandIns(settings) as services:
        for generation in "ABCD":
            services.change(perplexica_generation=generation)
            client = PerplexicaClient(PerplexicaSettings(url=services.perplexica_url, optimization_mode="quality"))
            found.append(len(search(client).items))
    assert found[0] > 0
    assert found == [found[0]] * 4


def test_without_an_address_there_is_no_client():
    with pytest.raises(SettingsError, match=r"^freqai_ext\.news\.perplexica\.url: null; write where"):
        PerplexicaClient(PerplexicaSettings())


def test_any_time_out_on_the_way_is_unavailable():
    def time_out(request):
        raise httpx.ReadTimeout("", request=request)

    client = PerplexicaClient(PerplexicaSettings(url="http://vane"), transport=httpx.MockTransport(time_out))
    with pytest.raises(NewsUnavailableError, match="no whole answer within 15 s"):
        search(client)
