import asyncio
import gzip
import logging
import socket
import time

import httpx
import pytest

from freqai_ext.errors import (
    GuardianAnswerError,
    GuardianDeniedError,
    GuardianRefusedError,
    GuardianUnavailableError,
    SettingsError,
)
from freqai_ext.guardian.answers import PairFeatures
from freqai_ext.guardian.client import FEATURES_PER_CALL, GuardianClient
from freqai_ext.guardian.settings import GuardianSettings
from tests.services.timing import HANG_S

TOKEN = "s3cret-token-of-guardian"


def health(client):
    return client.health()


def make_client(guardian, **settings):
    return GuardianClient(GuardianSettings(**{"url": guardian.url, "timeout_s": 5.0} | settings))


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text("old-token\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def drip(handler):
    """Send a healthy start, then a byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.guardian.released.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def hang(handler):
    handler.server.guardian.released.wait()
    handler.close_connection = True


def hang_up(handler):
    handler.close_connection = True


def flood(handler):
    """Send without end, and without saying how much."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while not handler.server.guardian.released.is_set():
        handler.wfile.write(b"[" * 65_536)


def announce_much(handler):
    """Say that much will come, and let nothing follow."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000000")
    handler.end_headers()
    hang(handler)


def cut_short(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"status":')
    handler.close_connection = True


def repeat_the_token(handler):
    """Answer with no HTTP at all, but with what was received."""
    handler.wfile.write(handler.headers.get("X-API-Token").encode() + b"\r\n\r\n")
    handler.close_connection = True


def no_http(handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    handler.close_connection = True


def test_each_route_is_read_and_the_push_is_sent_as_it_is(guardian, call):
    async def all_routes(client):
        return (
            await client.health(),
            await client.features(["ADAUSDT", "BTCUSDT"]),
            await client.predictions(),
            await client.push(b'{"predictions": {}}'),
        )

    state, scan, stored, receipt = call(make_client(guardian), all_routes)
    assert state.testnet is False
    assert scan.pairs == (PairFeatures("ADAUSDT", "wait", {"turnover_usd": 9.2e7, "model.macro": 0.5}, 9.2e7),)
    assert stored.entries["BTCUSDT"].ev_bps == 120.0
    assert receipt.symbols == 3
    assert 0 < receipt.latency_s < 5
    asked = [(request.method, request.path, request.query) for request in guardian.requests]
    assert asked == [
        ("GET", "/health", {}),
        ("GET", "/features", {"limit": "40", "whitelist": "ADAUSDT,BTCUSDT"}),
        ("GET", "/predictions", {}),
        ("POST", "/predictions", {}),
    ]
    assert guardian.requests[-1].body == b'{"predictions": {}}'
    assert guardian.requests[-1].headers["content-type"] == "application/json"


def test_the_token_goes_into_both_headers_of_every_call_and_nothing_is_sent_without_one(guardian, call):
    guardian.token = TOKEN

    async def all_routes(client):
        await client.health()
        await client.features([])
        await client.predictions()
        await client.push(b"{}")

    client = make_client(guardian, token=TOKEN)
    assert client.has_token
    call(client, all_routes)
    assert len(guardian.requests) == 4
    for request in guardian.requests:
        assert request.headers["x-api-token"] == TOKEN
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.headers["accept-encoding"] == "identity"

    guardian.token = None
    client = make_client(guardian)
    assert not client.has_token
    call(client, health)
    assert not {"x-api-token", "authorization"} & set(guardian.requests[-1].headers)


def test_at_most_25_symbols_go_into_one_call(guardian, call):
    symbols = [f"COIN{place}USDT" for place in range(FEATURES_PER_CALL + 1)]
    call(make_client(guardian), lambda client: client.features(symbols[:-1]))
    assert guardian.requests[-1].query["whitelist"].count(",") == 24
    with pytest.raises(ValueError, match=r"^26 symbols; ask for 25 at most in one call$"):
        call(make_client(guardian), lambda client: client.features(symbols))
    assert len(guardian.requests) == 1


def test_features_have_60_seconds_and_7_for_each_pair_that_guardian_may_scan():
    timeouts = []

    async def answer(request):
        timeouts.append((request.url.path, request.extensions["timeout"]["read"]))
        return httpx.Response(200, json={"pairs": []})

    async def main():
        client = GuardianClient(GuardianSettings(timeout_s=3), transport=httpx.MockTransport(answer))
        await client.features(["AUSDT", "BUSDT", "CUSDT"])
        with pytest.raises(GuardianAnswerError):
            await client.health()
        await client.aclose()

    asyncio.run(main())
    assert timeouts == [("/features", 340.0), ("/health", 3.0)]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_outage_is_unavailable_and_tells_its_status(guardian, call, status):
    guardian.answer("/features", b"Internal Server Error", status)
    with pytest.raises(GuardianUnavailableError) as caught:
        call(make_client(guardian), lambda client: client.features(["BTCUSDT"]))
    assert caught.value.status == status
    assert str(caught.value).startswith(f"GET {guardian.url}/features: answered {status}; it may pass")
    assert len(guardian.requests) == 1


def test_invalid_settings_of_guardian_are_named_as_the_cause(guardian, call):
    guardian.answer("/health", {"detail": "settings_unavailable"}, 503)
    with pytest.raises(
        GuardianUnavailableError, match=r"'settings_unavailable'\); Guardian's settings\.json has values"
    ):
        call(make_client(guardian), health)


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (
            400,
            {"detail": "payload must be an object"},
            r"answered 400 \('payload must be an object'\); sending it again",
        ),
        (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, r"answered 422; sending it again is of no use"),
        (404, {"detail": "Not Found"}, r"answered 404 \('Not Found'\); see whether freqai_ext\.guardian\.url"),
        (405, b"", r"answered 405; see whether freqai_ext\.guardian\.url"),
        (418, b"teapot", r"answered 418; sending"),
    ],
)
def test_a_refused_request_says_why(guardian, call, status, content, message):
    guardian.answer("/predictions", content, status, method="POST")
    with pytest.raises(GuardianRefusedError, match=rf"^POST {guardian.url}/predictions: {message}"):
        call(make_client(guardian), lambda client: client.push(b"{}"))


def test_another_success_than_200_is_not_guardians(guardian, call):
    guardian.answer("/health", b"", 204)
    with pytest.raises(GuardianAnswerError, match="answered 204, where Guardian answers 200"):
        call(make_client(guardian), health)


def test_without_a_token_the_denial_says_where_to_write_it(guardian, call):
    guardian.token = TOKEN
    with pytest.raises(GuardianDeniedError, match="answered 401; Guardian wants a token and none is set; write its"):
        call(make_client(guardian), health)


def test_a_wrong_token_is_sent_once_and_not_shown(guardian, call):
    guardian.token = TOKEN
    with pytest.raises(
        GuardianDeniedError, match="answered 403; the token is not Guardian's freqai_api_token"
    ) as caught:
        call(make_client(guardian, token="wrong-token"), health)
    assert "wrong-token" not in str(caught.value)
    assert len(guardian.requests) == 1


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (401, {"detail": "missing_token"}, "the token was sent and did not arrive; see whether a proxy"),
        (403, b"<html>Forbidden</html>", "it is not Guardian that speaks so; see whether a proxy"),
        (401, {"detail": "log in"}, r"it is not Guardian that speaks so \('log in'\)"),
    ],
)
def test_a_denial_by_something_in_between_is_told_apart(guardian, call, status, content, message):
    guardian.answer("/health", content, status)
    with pytest.raises(GuardianDeniedError, match=message):
        call(make_client(guardian, token=TOKEN), health)


def test_a_rotated_token_is_read_and_used_in_the_same_call(guardian, call, token_file):
    guardian.token = "old-token"

    async def rotate(client):
        await client.health()
        guardian.token = "new-token"
        with pytest.raises(GuardianDeniedError, match="the token is not Guardian's"):
            await client.health()
        assert len(guardian.requests) == 2
        token_file.write_text("new-token\n")
        return await asyncio.gather(*(client.push(b'{"predictions": {}}') for _ in range(3)))

    receipts = call(make_client(guardian, token_file=token_file), rotate)
    assert [receipt.symbols for receipt in receipts] == [3, 3, 3]
    assert guardian.requests[-1].body == b'{"predictions": {}}'
    assert guardian.requests[-1].headers["x-api-token"] == "new-token"


def test_a_call_without_the_token_is_denied_without_a_second_try(guardian, call, token_file):
    guardian.token = "old-token"
    with pytest.raises(GuardianDeniedError, match="answered 401"):
        call(make_client(guardian, token_file=token_file), lambda client: client.health(authenticated=False))
    assert len(guardian.requests) == 1


def test_a_token_file_that_is_gone_when_guardian_refuses_is_part_of_the_message(guardian, call, token_file):
    client = make_client(guardian, token_file=token_file)
    guardian.token = "new-token"
    token_file.unlink()
    with pytest.raises(
        GuardianDeniedError, match=r"answered 403; .*; also, freqai_ext\.guardian\.token_file: .* cannot"
    ):
        call(client, health)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_its_target_gets_nothing(guardian, other_server, call, status):
    target = f"http://user:pass@127.0.0.1:{other_server.port}/health?x={TOKEN}"
    guardian.answer("/health", b"", status, Location=target)
    with pytest.raises(GuardianRefusedError) as caught:
        call(make_client(guardian, token=TOKEN), health)
    assert f"answered {status}, which points to '127.0.0.1:{other_server.port}'; it was not followed" in str(
        caught.value
    )
    for hidden in (TOKEN, "pass", "?x"):
        assert hidden not in str(caught.value)
    assert other_server.requests == []
    assert len(guardian.requests) == 1


@pytest.mark.parametrize(
    ("location", "host"),
    [("/health/", "'127.0.0.1:"), (f"http://{TOKEN}.example/", r"'\(hidden\)\.example'"), ("", "none")],
)
def test_a_redirect_names_the_host_only(guardian, call, location, host):
    guardian.answer("/health", b"", 307, Location=location)
    with pytest.raises(GuardianRefusedError, match=f"which points to {host}"):
        call(make_client(guardian, token=TOKEN), health)


def test_no_connection_is_unavailable(closed_port, call):
    client = GuardianClient(GuardianSettings(url=f"http://127.0.0.1:{closed_port}"))
    with pytest.raises(GuardianUnavailableError, match=r"no connection \(.*Errno 111.*\); see whether") as caught:
        call(client, health)
    assert caught.value.status is None


def test_an_https_address_of_a_plain_server_is_unavailable(guardian, call):
    client = GuardianClient(GuardianSettings(url=guardian.url.replace("http:", "https:")))
    with pytest.raises(GuardianUnavailableError, match="no connection"):
        call(client, health)


@pytest.mark.parametrize(("fault", "reason"), [(hang_up, "disconnected"), (no_http, "SSH"), (cut_short, "closed")])
def test_a_broken_connection_is_unavailable(guardian, call, fault, reason):
    guardian.serve("/health", fault)
    with pytest.raises(GuardianUnavailableError, match=rf"the connection broke \(.*{reason}.*\); it may pass"):
        call(make_client(guardian), health)


@pytest.mark.parametrize("fault", [hang, drip])
def test_a_silent_or_dripping_answer_ends_at_the_deadline(guardian, call, fault):
    guardian.serve("/health", fault)
    client = make_client(guardian, timeout_s=0.3, connect_timeout_s=0.2)
    started_s = time.monotonic()
    with pytest.raises(GuardianUnavailableError, match=r"no whole answer within 0\.3 s") as caught:
        call(client, health)
    assert time.monotonic() - started_s < HANG_S
    assert caught.value.status is None


def test_a_connection_that_is_never_made_ends_at_the_connect_timeout(call):
    def time_out(request):
        raise httpx.ConnectTimeout("", request=request)

    client = GuardianClient(GuardianSettings(connect_timeout_s=2.5), transport=httpx.MockTransport(time_out))
    with pytest.raises(GuardianUnavailableError, match=r"no connection within 2\.5 s"):
        call(client, health)


def test_a_call_that_is_cancelled_ends_at_once(guardian, call):
    guardian.serve("/health", hang)

    async def cancel(client):
        task = asyncio.create_task(client.health())
        while not guardian.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert call(make_client(guardian), cancel)


@pytest.mark.parametrize("fault", [flood, announce_much])
def test_an_answer_that_is_too_large_is_not_read_to_its_end(guardian, call, fault):
    guardian.serve("/predictions", fault)
    with pytest.raises(GuardianAnswerError, match=r"larger than 0\.2 MB, and nothing of it was kept; if that is right"):
        call(make_client(guardian, max_answer_mb=0.2), lambda client: client.predictions())


def test_a_refusal_of_any_length_is_still_a_refusal(guardian, call):
    guardian.answer("/health", b"x" * 300_000, 404)
    with pytest.raises(GuardianRefusedError, match="answered 404; "):
        call(make_client(guardian, max_answer_mb=0.2), health)


def test_a_compressed_answer_is_refused_before_it_is_unpacked(guardian, call):
    guardian.answer("/health", gzip.compress(b" " * 50_000_000), Content_Encoding="gzip")
    with pytest.raises(GuardianAnswerError, match="the answer is compressed, which was not asked for"):
        call(make_client(guardian), health)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "/health: the answer is not JSON"),
        (b"<html>", "/health: the answer is not JSON"),
        (b'{"status": "ok", "n": NaN}', "/health: the answer is not JSON"),
        (b'"\xff"', "/health: the answer is not JSON"),
        (b"[" * 5000 + b"]" * 5000, "/health: the answer is not JSON"),
        (b"[" * 100 + b"]" * 100, "/health: the answer nests deeper than 32 levels"),
        (b"[]", "/health: the answer is a list, not an object"),
        (b'{"status": "ok"}', "/health: 'settings' is null or missing, not an object"),
    ],
)
def test_an_answer_of_another_shape_names_address_and_expectation(guardian, call, content, message):
    guardian.answer("/health", content)
    with pytest.raises(GuardianAnswerError) as caught:
        call(make_client(guardian), health)
    assert str(caught.value).startswith(f"GET {guardian.url}{message}")


def test_a_guardian_that_was_restarted_between_two_calls_is_met_again(guardian, call):
    async def restart(client):
        await client.health()
        await asyncio.to_thread(guardian.restart)
        return await client.health()

    assert call(make_client(guardian), restart).testnet is False
    assert len({request.peer for request in guardian.requests}) == 2


def test_a_client_made_outside_serves_one_event_loop_after_the_other(guardian, call):
    client = make_client(guardian)
    assert call(client, health) == call(client, health)
    call(client, lambda client: client.aclose())


def test_a_client_that_was_not_closed_serves_a_new_loop(guardian):
    client = make_client(guardian)

    async def main(close):
        await client.health()
        if close:
            await client.aclose()

    asyncio.run(main(close=False))
    asyncio.run(main(close=True))
    assert len(guardian.requests) == 2


def test_proxies_of_the_environment_are_not_used(guardian, call, closed_port, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert call(make_client(guardian), health).testnet is False


def test_the_token_is_in_no_log_line_error_or_representation(guardian, call, caplog):
    caplog.set_level(logging.DEBUG)
    client = make_client(guardian, token=TOKEN)
    texts = [repr(client)]
    echo = {"detail": f"you sent {TOKEN} and {TOKEN.upper()}"}
    for status in (200, 204, 302, 400, 401, 403, 404, 422, 429, 500, 503):
        guardian.answer("/health", echo, status, Location=f"http://{TOKEN}/")
        with pytest.raises(Exception, match="/health") as caught:
            call(client, health)
        texts.append(str(caught.value))
    guardian.serve("/health", repeat_the_token)
    with pytest.raises(GuardianUnavailableError, match="hidden") as caught:
        call(client, health)
    texts.append(repr(caught.value))
    ours = [record.getMessage() for record in caplog.records if "response_headers" not in record.getMessage()]
    assert any("HTTP Request" in line for line in ours)
    for text in texts + ours:
        assert TOKEN not in text.lower()
    assert "(hidden)" in " ".join(texts)


@pytest.mark.parametrize("url", ["http://999.1.1.1:8099", "http://münchen..de"])
def test_an_address_that_is_none_is_found_before_the_first_call(url):
    with pytest.raises(
        SettingsError, match=r"^freqai_ext\.guardian\.url: .* is not valid \(Invalid .*\); write scheme, host"
    ):
        GuardianClient(GuardianSettings(url=url))
