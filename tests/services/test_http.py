import asyncio
import gzip
import socket
import time

import httpx
import pytest

from freqai_ext._services.http import ErrorTypes, Exchange
from freqai_ext.errors import (
    GuardianAnswerError,
    GuardianRefusedError,
    GuardianUnavailableError,
    NewsAnswerError,
    NewsRefusedError,
    NewsUnavailableError,
    SettingsError,
)

from .loopback import hang, running_server
from .timing import HANG_S

KEY = "sk-s3cret-key"


@pytest.fixture
def server():
    with running_server() as server:
        yield server


@pytest.fixture
def other_server():
    with running_server() as server:
        yield server


@pytest.fixture
def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def exchange_with(server, **options):
    return Exchange(server if isinstance(server, str) else server.url, **{"service": "Vane"} | options)


def with_key():
    return {"Authorization": f"Bearer {KEY}"}


def ask(exchange, method="GET", path="/x", deadline_s=5.0, **options):
    async def main():
        try:
            return await exchange.request(method, path, deadline_s=deadline_s, **options)
        finally:
            await exchange.aclose()

    return asyncio.run(main())


def drip(handler):
    """Send a healthy start, then a byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.owner.released.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def flood(handler):
    """Send without end, and without saying how much."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while not handler.server.owner.released.is_set():
        handler.wfile.write(b"[" * 65_536)


def announce_much(handler):
    """Say that much will come, and let nothing follow."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000000")
    handler.end_headers()
    hang(handler)


def hang_up(handler):
    handler.close_connection = True


def cut_short(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"status":')
    handler.close_connection = True


def no_http(handler):
    """Answer with no HTTP at all, but with what was received."""
    handler.wfile.write(handler.headers.get("Authorization", "SSH-2.0").encode() + b"\r\n\r\n")
    handler.close_connection = True


def test_method_path_query_body_and_headers_arrive_and_the_answer_comes_back(server):
    server.answer("POST", "/base/search", {"ok": 1}, X_Kind="test")
    exchange = exchange_with(server.url + "/base/", headers=with_key)
    reply = ask(exchange, "POST", "/search", json={"query": "Ünïcode"}, params={"q": "a b&c"})
    assert (reply.status, reply.ok, reply.content, reply.headers["x-kind"]) == (200, True, b'{"ok": 1}', "test")
    (received,) = server.requests
    assert (received.query, received.json) == ({"q": "a b&c"}, {"query": "Ünïcode"})
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["accept-encoding"] == "identity"


def test_a_key_that_changes_is_used_from_the_next_request_on_and_its_line_break_is_not_sent(server):
    keys = iter(["one\n", "two"])
    exchange = exchange_with(server, headers=lambda: {"X-API-KEY": next(keys)})
    ask(exchange)
    ask(exchange)
    assert [request.headers["x-api-key"] for request in server.requests] == ["one", "two"]


def test_a_refusal_is_returned_for_the_caller_to_look_at_and_becomes_an_error_by_request(server):
    server.answer("GET", "/x", {"message": f"Missing sources; your key is {KEY}"}, 400)
    exchange = exchange_with(server, headers=with_key)
    reply = ask(exchange)
    assert (reply.status, reply.ok, reply.detail) == (400, False, f"Missing sources; your key is {KEY}")
    error = exchange.refusal(reply, "switch the generation")
    assert isinstance(error, NewsRefusedError)
    assert str(error) == (
        f"GET {server.url}/x: answered 400 ('Missing sources; your key is (hidden)'); switch the generation"
    )


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (401, {"detail": "no"}, r"answered 401 \('no'\); it wants a key, and none is set"),
        (404, b"", r"answered 404; see whether freqai_ext\.news\.x\.url is the address of the service"),
        (422, {"detail": [{"loc": ["body"]}]}, "answered 422; sending it again is of no use"),
        (400, {"error": {"message": "no such model"}}, r"answered 400 \('no such model'\); sending it again"),
    ],
)
def test_a_refusal_says_what_to_do_where_the_caller_does_not(server, status, content, message):
    server.answer("GET", "/x", content, status)
    exchange = exchange_with(server, setting="freqai_ext.news.x.url")
    with pytest.raises(NewsRefusedError, match=message):
        raise exchange.refusal(ask(exchange))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_an_outage_is_unavailable_with_its_status_and_the_wait_it_asks_for(server, status):
    server.answer("GET", "/x", b"Internal Server Error", status, Retry_After="7")
    with pytest.raises(NewsUnavailableError, match=rf"^GET {server.url}/x: answered {status}; it may pass") as caught:
        ask(exchange_with(server))
    assert (caught.value.status, caught.value.retry_after_s) == (status, 7.0)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("value", "expected_s"),
    [
        ("0", 0.0),
        ("-5", 0.0),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Fri, 21 Nov 2025 15:00:30 GMT", 30.0),
    ],
)
def test_a_wait_is_read_as_seconds_or_by_the_date_of_the_answer(value, expected_s):
    def busy(request):
        return httpx.Response(503, headers={"Retry-After": value, "Date": "Fri, 21 Nov 2025 15:00:00 GMT"})

    with pytest.raises(NewsUnavailableError) as caught:
        ask(exchange_with("http://vane", transport=httpx.MockTransport(busy)))
    assert caught.value.retry_after_s == expected_s


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_names_the_host_only_and_its_target_gets_nothing(server, other_server, status):
    target = f"http://user:pass@127.0.0.1:{other_server.port}/x?key={KEY}"
    server.answer("GET", "/x", b"", status, Location=target)
    with pytest.raises(NewsRefusedError) as caught:
        ask(exchange_with(server, headers=with_key))
    assert f"answered {status}, which points to '127.0.0.1:{other_server.port}'; it was not followed" in str(
        caught.value
    )
    for hidden in (KEY, "pass", "?key"):
        assert hidden not in str(caught.value)
    assert other_server.requests == []


@pytest.mark.parametrize(
    ("location", "host"),
    [("/x/", "'127.0.0.1:"), (f"http://{KEY}.example/", r"'\(hidden\)\.example'"), ("", "none"), ("http://[", "no ")],
)
def test_a_redirect_to_anywhere_is_told(server, location, host):
    server.answer("GET", "/x", b"", 307, Location=location)
    with pytest.raises(NewsRefusedError, match=f"which points to {host}"):
        ask(exchange_with(server, headers=with_key))


def test_no_connection_is_unavailable_and_names_service_and_setting(closed_port):
    exchange = exchange_with(f"http://127.0.0.1:{closed_port}", setting="freqai_ext.news.x.url")
    with pytest.raises(
        NewsUnavailableError, match=r"no connection \(.*\); see whether Vane runs there, and freqai_ext\.news\.x\.url"
    ) as caught:
        ask(exchange)
    assert (caught.value.status, caught.value.retry_after_s) == (None, None)


def test_a_connection_that_is_never_made_ends_at_the_connect_timeout():
    def time_out(request):
        assert request.extensions["timeout"]["connect"] == 2.5
        raise httpx.ConnectTimeout("", request=request)

    exchange = exchange_with("http://vane", connect_timeout_s=2.5, transport=httpx.MockTransport(time_out))
    with pytest.raises(NewsUnavailableError, match=r"no connection within 2\.5 s"):
        ask(exchange)


@pytest.mark.parametrize(("fault", "reason"), [(hang_up, "disconnected"), (no_http, "hidden"), (cut_short, "closed")])
def test_a_broken_connection_is_unavailable_and_repeats_no_key(server, fault, reason):
    server.serve("GET", "/x", fault)
    with pytest.raises(NewsUnavailableError, match=rf"the connection broke \(.*{reason}.*\); it may pass") as caught:
        ask(exchange_with(server, headers=with_key))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("fault", [hang, drip])
def test_a_silent_or_dripping_answer_ends_at_the_deadline(server, fault):
    server.serve("GET", "/x", fault)
    started_s = time.monotonic()
    with pytest.raises(NewsUnavailableError, match=r"no whole answer within 0\.3 s; it may pass") as caught:
        ask(exchange_with(server), deadline_s=0.3)
    assert time.monotonic() - started_s < HANG_S
    assert caught.value.status is None


def test_a_request_without_any_time_left_is_unavailable(server):
    with pytest.raises(NewsUnavailableError, match="within 0 s"):
        ask(exchange_with(server), deadline_s=0.0)


def test_a_request_that_is_cancelled_ends_at_once(server):
    server.serve("GET", "/x", hang)

    async def main():
        exchange = exchange_with(server)
        task = asyncio.create_task(exchange.request("GET", "/x", deadline_s=30.0))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        await exchange.aclose()
        return task.cancelled()

    assert asyncio.run(main())


@pytest.mark.parametrize("fault", [flood, announce_much])
def test_an_answer_that_is_too_large_is_not_read_to_its_end(server, fault):
    server.serve("GET", "/x", fault)
    with pytest.raises(NewsAnswerError, match=r"the answer is larger than 0\.2 MB, and nothing of it was kept"):
        ask(exchange_with(server, max_answer_bytes=200_000))


def test_a_refusal_of_any_length_is_still_a_refusal_and_is_cut(server):
    server.answer("GET", "/x", b"x" * 300_000, 404)
    reply = ask(exchange_with(server, max_answer_bytes=1_000))
    assert (reply.status, len(reply.content)) == (404, 16_384)


def test_a_compressed_answer_is_refused_before_it_is_unpacked(server):
    server.answer("GET", "/x", gzip.compress(b" " * 5_000_000), Content_Encoding="gzip")
    with pytest.raises(NewsAnswerError, match="the answer is compressed, which was not asked for"):
        ask(exchange_with(server))


def test_passwords_of_an_address_and_keys_are_in_no_text(server):
    exchange = exchange_with(server.url.replace("//", f"//user:{KEY}@"), headers=with_key)
    server.answer("GET", "/x", {"message": f"bad {KEY.upper()}"}, 500)
    with pytest.raises(NewsUnavailableError) as caught:
        ask(exchange)
    for text in (str(caught.value), repr(exchange)):
        assert KEY.lower() not in text.lower()
        assert server.url in text


@pytest.mark.parametrize("headers", [{"X-Key": "schlüssel"}, {"X-Key": "a\nb"}, {"X Key": "a"}, {"": "a"}])
def test_a_header_that_http_cannot_carry_is_refused_before_anything_is_sent(server, headers):
    with pytest.raises(NewsRefusedError, match="has characters that HTTP cannot carry, so nothing was sent") as caught:
        ask(exchange_with(server, headers=lambda: headers))
    assert "schl" not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("url", ["http://host:99999999", "http://host:0", "http://[::1"])
def test_an_address_that_is_none_is_an_error_of_the_settings(url):
    with pytest.raises(SettingsError, match=r"^freqai_ext\.news\.x\.url: 'http://.*' is not valid"):
        exchange_with(url, setting="freqai_ext.news.x.url")


def test_a_host_name_that_no_name_service_takes_is_unavailable():
    with pytest.raises(NewsUnavailableError, match=r"no connection|the connection broke"):
        ask(exchange_with(f"http://{'a' * 70}.invalid"))


def test_another_service_has_errors_of_its_own(server, closed_port):
    errors = ErrorTypes(
        lambda text, status, wait, unsent: GuardianUnavailableError(text), GuardianRefusedError, GuardianAnswerError
    )
    with pytest.raises(GuardianUnavailableError):
        ask(exchange_with(f"http://127.0.0.1:{closed_port}", errors=errors))
    server.answer("GET", "/x", b"", 302, Location="/")
    with pytest.raises(GuardianRefusedError):
        ask(exchange_with(server, errors=errors))
    server.answer("GET", "/x", b"x" * 100)
    with pytest.raises(GuardianAnswerError):
        ask(exchange_with(server, errors=errors, max_answer_bytes=10))


def test_an_exchange_made_outside_serves_one_event_loop_after_the_other(server):
    exchange = exchange_with(server)
    assert [ask(exchange).status for _ in range(2)] == [404, 404]
