"""Control ports take requests of programs on this machine alone, as real web pages would try them."""

import http.client
import json
from contextlib import ExitStack
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from freqai_ext._services.loopback.guard import CONTROL_HEADER, CONTROL_HEADERS
from freqai_ext.guardian.sandbox import Sandbox, SandboxSettings
from freqai_ext.news.standins import NewsStandIns, StandInSettings
from freqai_ext.replay import ReplayExchange, ReplaySettings

MOMENT = datetime(2025, 3, 1, 12, tzinfo=UTC)
SET_CLOCK = "/_sim/clock?now_ms=1740873600000"
JSON = {"Content-Type": "application/json"}
PAGE = "http://evil.example"


@pytest.fixture(scope="module")
def servers():
    with ExitStack() as running:
        exchange = running.enter_context(ReplayExchange(ReplaySettings(days=10, pairs=("BTC/USDT",), clock="sim")))
        sandbox = running.enter_context(Sandbox(SandboxSettings(token="s3cret", clock="sim", now=MOMENT)))
        services = running.enter_context(NewsStandIns(StandInSettings(clock="sim", now=MOMENT)))
        yield {"replay": exchange.url, "sandbox": sandbox.control_url, "stand-ins": services.control_url}


@pytest.fixture(params=["replay", "sandbox", "stand-ins"])
def ask(servers, request):
    """Send a request as it is, without what a client library would add."""
    address = urlsplit(servers[request.param])

    def send(method, path, headers=(), body=None, host=f"{address.hostname}:{address.port}"):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": host, **dict(headers)}.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    send.port = address.port
    return send


def clock(ask):
    return json.loads(ask("GET", "/_sim/clock")[2])["now_ms"]


def test_a_program_with_the_header_sets_the_clock(ask):
    status, _, content = ask("POST", SET_CLOCK, CONTROL_HEADERS)
    assert (status, json.loads(content)) == (200, {"now_ms": 1740873600000})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:{port}", "[::1]:{port}"])
def test_names_of_the_loopback_address_are_taken(ask, host):
    assert ask("GET", "/_sim/clock", host=host.format(port=ask.port))[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.5", ""],
)
def test_a_page_whose_name_points_here_reads_and_sets_nothing(ask, host):
    before, host = clock(ask), host.format(port=ask.port)
    status, _, content = ask("GET", "/_sim/clock", host=host)
    assert status == 403
    assert "ask by http://127.0.0.1" in content
    assert "now_ms" not in content
    assert ask("POST", SET_CLOCK, CONTROL_HEADERS, host=host)[0] == 403
    assert clock(ask) == before


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
def test_a_form_or_a_plain_text_that_any_page_may_post_sets_nothing(ask, kind):
    before = clock(ask)
    for page in ({"Origin": PAGE}, {"Sec-Fetch-Site": "cross-site"}, {}):
        status, _, content = ask("POST", "/_sim/clock?now_ms=5", {"Content-Type": kind, **page}, b"{}")
        assert status in (403, 415)
        assert "error" in json.loads(content)
    # With our header, which no form can send, the type of the body is looked at.
    status, _, content = ask("POST", "/_sim/clock?now_ms=5", {"Content-Type": kind, **CONTROL_HEADERS}, b"{}")
    assert status == 415
    assert "send JSON as application/json" in content
    assert clock(ask) == before


def test_without_the_header_nothing_is_set_and_the_remedy_is_named(ask):
    before = clock(ask)
    status, _, content = ask("POST", "/_sim/clock?now_ms=5", JSON, b"{}")
    assert status == 403
    assert f"send the header '{CONTROL_HEADER}: 1'" in content
    assert ask("DELETE", "/_sim/faults")[0] == 403
    assert clock(ask) == before


@pytest.mark.parametrize("origin", [PAGE, "null", "http://127.0.0.1:3000"])
def test_a_page_is_refused_even_with_the_header_and_its_preflight_grants_nothing(ask, origin):
    before = clock(ask)
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": CONTROL_HEADER}
    status, headers, _ = ask("OPTIONS", "/_sim/clock", {"Origin": origin, **wanted})
    assert status == 403
    assert not any(name.lower().startswith("access-control-allow") for name in headers)
    status, headers, content = ask("POST", "/_sim/clock?now_ms=5", {"Origin": origin, **CONTROL_HEADERS})
    assert status == 403
    assert "web pages may not use this server" in content
    assert clock(ask) == before


def test_the_token_of_a_sandbox_cannot_be_taken_away_by_a_page(servers):
    address = urlsplit(servers["sandbox"])
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.request("POST", "/_sim/settings", b'{"token": null}', {"Content-Type": "text/plain", "Origin": PAGE})
    assert connection.getresponse().status == 403
    connection.close()
    connection.request("GET", "/_sim/state")
    assert json.loads(connection.getresponse().read())["settings"]["has_token"] is True
    connection.close()
