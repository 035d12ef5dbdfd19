"""The sandbox as a process: real sockets, faults on the wire, restarts."""

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import httpx
import pytest

from freqai_ext._services.loopback.guard import CONTROL_HEADERS
from freqai_ext.errors import GuardianDataError, GuardianUnavailableError, SettingsError
from freqai_ext.guardian.sandbox import Fault, Sandbox, SandboxSettings

MOMENT = datetime(2025, 3, 1, 12, tzinfo=UTC)
GOOD = {"meta": {"push_id": "p1"}, "predictions": {"BTC/USDT": {"probability": 0.6, "ev_bps": "0.0"}}}
TOKEN = {"X-API-Token": "secret"}


@pytest.fixture(scope="module")
def process():
    with Sandbox(SandboxSettings(token="secret", clock="sim", now=MOMENT)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(process):
    """The process, as new."""
    process.remove_faults()
    process.set_clock(MOMENT)
    process.change(token="secret", network="mainnet")
    return process


@pytest.fixture
def client(sandbox):
    with httpx.Client(base_url=sandbox.url, headers=TOKEN, trust_env=False, timeout=5.0) as client:
        yield client


def closed(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def port_of(url):
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/health/", 307),
        ("PUT", "/health", 405),
        ("DELETE", "/predictions", 405),
        ("GET", "/nothing", 404),
        ("GET", "/features?limit=abc", 422),
        ("GET", "/features?limit=1&limit=2&unknown=3", 200),
    ],
)
def test_paths_and_methods_answer_as_the_original(client, method, path, status):
    assert client.request(method, path).status_code == status


def test_of_a_repeated_parameter_the_last_one_counts(client):
    assert client.get("/features", params=[("limit", "9"), ("limit", "1")]).json()["count"] == 1
    names = [pair["symbol"] for pair in client.get("/features?limit=40&whitelist=UNI&whitelist=ICP").json()["pairs"]]
    assert "ICPUSDT" in names
    assert "UNIUSDT" not in names


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_the_documentation_is_for_anyone(sandbox, path):
    assert httpx.get(sandbox.url + path, trust_env=False).status_code == 200


def test_denials_have_the_original_bodies(sandbox):
    answer = httpx.get(f"{sandbox.url}/health", trust_env=False)
    assert (answer.status_code, answer.json()) == (401, {"detail": "missing_token"})
    assert "www-authenticate" not in answer.headers
    answer = httpx.get(f"{sandbox.url}/health", trust_env=False, headers={"X-API-Token": "wrong"})
    assert (answer.status_code, answer.json()) == (403, {"detail": "invalid_token"})


def test_a_push_is_stored_logged_and_survives_a_restart_as_the_file_does(sandbox, client):
    last = sandbox.state()["pushes"]
    assert client.post("/predictions", json=GOOD).json() == {"status": "ok", "symbols": 1}
    stored = sandbox.state()["stored"]
    assert stored["pairs"]["BTCUSDT"]["ev_bps"] == 0.0
    assert stored["updated_at"] == MOMENT.timestamp()
    (record,) = sandbox.log(last)
    assert (record.push_id, record.status, record.symbols, record.fault) == ("p1", 200, 1, None)
    sandbox.restart()
    assert "ev_bps" not in sandbox.state()["stored"]["pairs"]["BTCUSDT"]


def test_the_clock_moves_what_the_features_show(sandbox, client):
    first = client.get("/features?whitelist=ADA").json()
    sandbox.set_clock(MOMENT.timestamp() + 7_200)
    assert sandbox.clock() == datetime(2025, 3, 1, 14, tzinfo=UTC)
    later = client.get("/features?whitelist=ADA").json()
    assert later["generated_at"] == first["generated_at"] + 7_200
    assert later["pairs"] != first["pairs"]


def test_a_restart_takes_as_long_as_it_is_told(sandbox, client):
    sandbox.restart(down_s=30)
    assert closed(port_of(sandbox.url))
    sandbox.set_clock(MOMENT.timestamp() + 29)
    assert closed(port_of(sandbox.url))
    sandbox.set_clock(MOMENT.timestamp() + 30)
    assert client.get("/health").status_code == 200


def test_a_closed_socket_refuses_and_opens_again_on_the_same_port(sandbox, client):
    client.get("/health")
    sandbox.add_fault(Fault(kind="refuse", start_s=MOMENT.timestamp() + 10, end_s=MOMENT.timestamp() + 20))
    assert client.get("/health").status_code == 200
    sandbox.set_clock(MOMENT.timestamp() + 10)
    with httpx.Client(trust_env=False) as another, pytest.raises(httpx.ConnectError):
        another.get(f"{sandbox.url}/health")
    assert sandbox.state()["is_open"] is False
    sandbox.set_clock(MOMENT.timestamp() + 20)
    with httpx.Client(trust_env=False, headers=TOKEN) as another:
        assert another.get(f"{sandbox.url}/health").status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("error_500", 500, "Internal Server Error"),
        ("error_503", 503, '{"detail":"settings_unavailable"}'),
        ("denied_401", 401, '{"detail":"missing_token"}'),
        ("denied_403", 403, '{"detail":"invalid_token"}'),
    ],
)
def test_a_fault_in_place_of_guardian_leaves_the_set_and_is_logged(sandbox, client, kind, status, text):
    client.post("/predictions", json={"predictions": {}})
    last = sandbox.state()["pushes"]
    sandbox.add_fault(Fault(kind=kind, route="/predictions", method="POST"))
    answer = client.post("/predictions", json=GOOD)
    assert (answer.status_code, answer.text) == (status, text)
    assert sandbox.state()["stored"]["pairs"] == {}
    (record,) = sandbox.log(last)
    assert (record.push_id, record.status, record.symbols, record.fault) == ("p1", status, None, kind)


@pytest.mark.parametrize("kind", ["truncated", "reset"])
def test_an_answer_that_breaks_comes_after_guardian_did_as_asked(sandbox, client, kind):
    client.post("/predictions", json={"predictions": {}})
    last = sandbox.state()["pushes"]
    sandbox.add_fault(Fault(kind=kind))
    with pytest.raises(httpx.ReadError if kind == "reset" else httpx.RemoteProtocolError):
        client.post("/predictions", json=GOOD)
    assert sandbox.state()["stored"]["pairs"].keys() == {"BTCUSDT"}
    (record,) = sandbox.log(last)
    assert (record.status, record.symbols, record.fault) == (200, 1, kind)


def test_other_content_with_status_200(sandbox, client):
    number = sandbox.add_fault(Fault(kind="not_json"))
    answer = client.get("/health")
    assert (answer.status_code, answer.text[:15]) == (200, "<!doctype html>")
    sandbox.remove_faults(number)
    sandbox.add_fault(Fault(kind="huge", megabytes=3))
    assert len(client.get("/health").content) > 3_000_000
    sandbox.add_fault(Fault(kind="wrong_types", seed=5))
    answer = client.get("/health")
    assert answer.status_code == 200
    sandbox.remove_faults()
    assert answer.json() != client.get("/health").json()


def test_a_slow_answer_comes_in_real_seconds(sandbox, client):
    sandbox.add_fault(Fault(kind="slow", seconds=0.3))
    begin = time.monotonic()
    assert client.get("/health").status_code == 200
    assert time.monotonic() - begin >= 0.3


def test_a_hang_lasts_until_the_client_gives_up_or_the_fault_is_over(sandbox, client):
    number = sandbox.add_fault(Fault(kind="hang", end_s=MOMENT.timestamp() + 60))
    with pytest.raises(httpx.ReadTimeout):
        client.get("/health", timeout=0.2)
    with pytest.raises(httpx.ReadTimeout):
        client.post("/predictions", json=GOOD, timeout=0.2)
    assert (sandbox.log()[-1].status, sandbox.log()[-1].fault) == (None, "hang")
    sandbox.set_clock(MOMENT.timestamp() + 60)
    assert client.get("/health").status_code == 200
    sandbox.remove_faults(number)


def test_requests_are_counted_and_the_token_is_never_shown(sandbox, client):
    before = sandbox.state()["requests"].get("GET /health", 0)
    client.get("/health")
    state = sandbox.state()
    assert state["requests"]["GET /health"] == before + 1
    assert state["settings"]["has_token"] is True
    assert "secret" not in str(state)


def test_settings_that_are_not_valid_are_explained(sandbox):
    with pytest.raises(SettingsError, match=r"sandbox\.seed: cannot be changed while it runs"):
        sandbox.change(seed=3)
    answer = httpx.post(
        f"{sandbox.control_url}/_sim/faults",
        content=b"{",
        headers={**CONTROL_HEADERS, "Content-Type": "application/json"},
        trust_env=False,
    )
    assert answer.status_code == 400
    assert "the body is not JSON" in answer.json()["error"]


def test_poison_can_be_seen_from_the_control_port(sandbox, client):
    client.post("/predictions", content=b'{"predictions": {"A": {"ev_bps": 1e400}}}')
    assert client.get("/predictions").status_code == 500
    assert sandbox.state()["stored"]["pairs"]["A"]["ev_bps"] == float("inf")


def test_a_port_in_use_is_named_with_the_remedy(sandbox):
    with pytest.raises(
        GuardianUnavailableError, match=r"cannot listen on 127\.0\.0\.1:\d+ .* choose another, 0 for a free one"
    ):
        Sandbox(SandboxSettings(port=port_of(sandbox.url))).start()


def test_missing_candles_are_reported_to_the_one_who_starts_it(tmp_path):
    with pytest.raises(GuardianDataError, match="has no candles of a pair against USDT"):
        Sandbox(SandboxSettings(data=tmp_path / "nowhere")).start()


def test_a_stopped_sandbox_says_so():
    sandbox = Sandbox()
    sandbox.stop()
    with pytest.raises(GuardianUnavailableError, match="guardian sandbox: not running; use it in a with statement"):
        _ = sandbox.url
    with pytest.raises(GuardianUnavailableError, match="not running"):
        sandbox.state()


def test_the_wall_clock_cannot_be_set_and_the_server_ends_when_its_parent_is_killed():
    code = (
        "import time\n"
        "from freqai_ext.guardian.sandbox import Sandbox\n"
        "sandbox = Sandbox()\n"
        "sandbox.start()\n"
        "print(sandbox.url, sandbox.control_url, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        url, control_url = parent.stdout.readline().split()
        answer = httpx.post(f"{control_url}/_sim/clock?now_ms=5", headers=CONTROL_HEADERS, trust_env=False)
        assert answer.status_code == 409
        assert "start with the clock 'sim'" in answer.json()["error"]
        assert not closed(port_of(url))
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not closed(port_of(url)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert closed(port_of(url))
