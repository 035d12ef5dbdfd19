"""The connection of the check: it takes the same care as the client."""

import time

import pytest
from pydantic import SecretStr

from freqai_ext.errors import GuardianAnswerError, GuardianUnavailableError
from freqai_ext.guardian.check import Probe, Reply
from tests.services.timing import HANG_S

TOKEN = "token-of-the-check"


@pytest.fixture
def probe(guardian):
    with Probe(guardian.url, SecretStr(TOKEN), timeout_s=1.0, max_answer_mb=0.1) as probe:
        yield probe


def test_the_token_is_sent_unless_other_headers_are_given(guardian, probe):
    probe.get("/health")
    probe.get("/health", headers={})
    probe.post(b"{}")
    assert [request.headers.get("x-api-token") for request in guardian.requests] == [TOKEN, None, TOKEN]


def test_a_redirect_is_not_followed(guardian, other_server, probe):
    guardian.answer("/health", b"", 307, Location=f"{other_server.url}/health")
    reply = probe.get("/health")
    assert (reply.status, reply.location) == (307, f"{other_server.url}/health")
    assert other_server.requests == []


def test_a_large_answer_is_refused(guardian, probe):
    guardian.answer("/health", b"x" * 200_000)
    with pytest.raises(GuardianAnswerError, match=r"GET http://127\S+/health: the answer is larger than 0\.1 MB"):
        probe.get("/health")


def test_a_compressed_answer_is_refused(guardian, probe):
    guardian.answer("/health", b"x", Content_Encoding="gzip")
    with pytest.raises(GuardianAnswerError, match="compressed, which was not asked for"):
        probe.get("/health")


def test_an_answer_that_never_comes_ends_in_time(guardian, probe):
    guardian.serve("/health", lambda handler: guardian.released.wait(5))
    with pytest.raises(GuardianUnavailableError, match=r"no whole answer within 0\.2 s"):
        probe.get("/health", timeout_s=0.2)


def test_an_answer_in_drips_ends_in_time(guardian, probe):
    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not guardian.released.wait(0.05):
            handler.wfile.write(b"x")

    guardian.serve("/health", drip)
    begin = time.monotonic()
    with pytest.raises(GuardianUnavailableError, match=r"no whole answer within 0\.3 s"):
        probe.get("/health", timeout_s=0.3)
    assert time.monotonic() - begin < HANG_S


def test_no_server_is_named_with_the_remedy(guardian):
    guardian.stop()
    with Probe(guardian.url) as probe, pytest.raises(GuardianUnavailableError, match="--url is its address"):
        probe.get("/health")


def test_the_token_is_in_no_text():
    with Probe("http://127.0.0.1:9", SecretStr("bad\ntoken-of-the-check")) as probe:
        with pytest.raises(GuardianUnavailableError) as caught:
            probe.get("/health")
        assert "token-of-the-check" not in f"{caught.value}{probe!r}{caught.value.__cause__}"


def test_a_reply_shows_its_status_and_why():
    assert str(Reply(401, b'{"detail": "missing_token"}', "application/json", None)) == "401 'missing_token'"
    assert str(Reply(422, b'{"detail": [{"loc": []}]}', "application/json", None)) == "422"
    assert Reply(500, b"Internal Server Error", "text/plain", None).fields == {}
