"""The stand-ins as a process: real sockets, faults on the wire, restarts."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import httpx
import pytest

from freqai_ext._services.loopback.guard import CONTROL_HEADERS
from freqai_ext._settings import parse_settings
from freqai_ext.errors import NewsDataError, NewsUnavailableError, SettingsError
from freqai_ext.news.settings import NewsSettings
from freqai_ext.news.standins import Fault, NewsStandIns, StandInSettings

MOMENT = datetime(2025, 3, 1, 12, tzinfo=UTC)


def closed(url):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


def models(client, services):
    return client.get(f"{services.llm_url}/v1/models")


def test_a_section_of_settings_names_all_of_them(services):
    settings = parse_settings(NewsSettings, services.section(), "freqai_ext.news")
    assert settings.perplexica.url == services.perplexica_url
    assert settings.searxng.url == services.searxng_url
    assert settings.llm.endpoints[0].api_base == f"{services.llm_url}/v1"
    assert settings.graphiti.url == services.graphiti_url


def test_the_clock_decides_what_news_there_are(services, client):
    query = {"q": "BTC Bitcoin news", "format": "json", "time_range": "day"}
    first = client.get(f"{services.searxng_url}/search", params=query).json()["results"]
    services.set_clock(MOMENT.timestamp() + 86_400)
    assert services.clock() == datetime(2025, 3, 2, 12, tzinfo=UTC)
    later = client.get(f"{services.searxng_url}/search", params=query).json()["results"]
    assert {one["url"] for one in first}.isdisjoint(one["url"] for one in later)
    services.set_clock(MOMENT)
    assert client.get(f"{services.searxng_url}/search", params=query).json()["results"] == first


@pytest.mark.parametrize(
    ("kind", "status"),
    [("error_500", 500), ("error_503", 503), ("limited_429", 429), ("denied_401", 401), ("denied_403", 403)],
)
def test_a_fault_in_place_of_a_service_is_its_status(services, client, kind, status):
    services.add_fault(Fault(kind=kind, service="llm", seconds=7))
    answer = models(client, services)
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == ("7" if status in (429, 503) else None)
    assert client.get(f"{services.perplexica_url}/api/providers").status_code == 200


def test_a_redirect_points_where_it_was_told(services, client):
    services.add_fault(Fault(kind="redirect", location=services.searxng_url))
    answer = models(client, services)
    assert (answer.status_code, answer.headers["location"]) == (307, services.searxng_url)


@pytest.mark.parametrize(("kind", "error"), [("truncated", httpx.RemoteProtocolError), ("reset", httpx.ReadError)])
def test_an_answer_that_breaks(services, client, kind, error):
    services.add_fault(Fault(kind=kind))
    with pytest.raises(error):
        models(client, services)


def test_other_content_with_status_200(services, client):
    whole = models(client, services).json()
    services.add_fault(Fault(kind="not_json"))
    assert models(client, services).text.startswith("<!doctype html>")
    services.add_fault(Fault(kind="huge", megabytes=3))
    assert len(models(client, services).content) > 3_000_000
    services.add_fault(Fault(kind="not_utf8"))
    with pytest.raises(UnicodeDecodeError):
        json.loads(models(client, services).content)
    services.add_fault(Fault(kind="wrong_types", seed=5))
    assert models(client, services).json() != whole


def test_a_slow_answer_comes_in_real_seconds(services, client):
    services.add_fault(Fault(kind="slow", seconds=0.3))
    begin = time.monotonic()
    assert models(client, services).status_code == 200
    assert 0.3 <= time.monotonic() - begin < 3


def test_a_hang_lasts_until_the_client_gives_up_or_the_fault_is_over(services, client):
    services.add_fault(Fault(kind="hang", end_s=MOMENT.timestamp() + 60))
    with pytest.raises(httpx.ReadTimeout):
        client.get(f"{services.llm_url}/v1/models", timeout=0.2)
    services.set_clock(MOMENT.timestamp() + 60)
    assert models(client, services).status_code == 200


def test_a_closed_socket_refuses_in_its_window_and_opens_on_the_same_port(services, client):
    window = {"start_s": MOMENT.timestamp() + 10, "end_s": MOMENT.timestamp() + 20}
    services.add_fault(Fault(kind="refuse", service="graphiti", **window))
    assert not closed(services.graphiti_url)
    services.set_clock(MOMENT.timestamp() + 10)
    assert closed(services.graphiti_url)
    assert not closed(services.llm_url)
    assert services.state()["open"]["graphiti"] is False
    services.set_clock(MOMENT.timestamp() + 20)
    assert client.get(f"{services.graphiti_url}/healthcheck").status_code == 200


def test_a_restart_of_one_service_takes_as_long_as_it_is_told(services):
    services.restart("perplexica", down_s=30)
    assert closed(services.perplexica_url)
    assert not closed(services.searxng_url)
    services.set_clock(MOMENT.timestamp() + 30)
    assert not closed(services.perplexica_url)


def test_what_is_not_valid_is_explained(services):
    with pytest.raises(SettingsError, match="service 'grafiti': there is none of that name; did you mean 'graphiti'"):
        services.restart("grafiti")
    with pytest.raises(SettingsError, match=r"stand-ins\.seed: cannot be changed while they run"):
        services.change(seed=3)
    with pytest.raises(SettingsError, match=r"stand-ins\.llm_style: 'loud' is not valid"):
        services.change(llm_style="loud")
    with pytest.raises(SettingsError, match="fault 99: there is none"):
        services.remove_faults(99)
    answer = httpx.post(
        f"{services.control_url}/_sim/faults",
        content=b"{",
        headers={**CONTROL_HEADERS, "Content-Type": "application/json"},
        trust_env=False,
    )
    assert (answer.status_code, "not JSON" in answer.json()["error"]) == (400, True)


def test_secrets_are_never_shown(services, client):
    services.change(llm_key="key-of-the-model", graphiti_token="token-of-the-memory")
    assert models(client, services).status_code == 401
    state = services.state()
    assert state["settings"]["has_llm_key"] is True
    assert "of-the-m" not in str(state)


def test_requests_are_counted_by_service(services, client):
    before = services.state()["requests"]["llm"].get("GET /v1/models", 0)
    models(client, services)
    assert services.state()["requests"]["llm"]["GET /v1/models"] == before + 1


def test_a_port_in_use_is_named_with_the_remedy(services):
    port = int(services.llm_url.rpartition(":")[2])
    with pytest.raises(NewsUnavailableError, match=r"cannot listen on 127\.0\.0\.1:\d+ .* 0 for a free one"):
        NewsStandIns(StandInSettings(llm_port=port)).start()


def test_a_missing_archive_is_reported_to_the_one_who_starts_it(tmp_path):
    with pytest.raises(
        NewsDataError, match=r"nowhere\.jsonl: cannot be read \(No such file or directory\); name a readable file"
    ):
        NewsStandIns(StandInSettings(archive=tmp_path / "nowhere.jsonl")).start()


def test_stopped_ones_say_so():
    standins = NewsStandIns()
    standins.stop()
    with pytest.raises(NewsUnavailableError, match="news stand-ins: not running; use it in a with statement"):
        _ = standins.llm_url
    with pytest.raises(NewsUnavailableError, match="not running"):
        standins.state()


def test_they_end_at_once_and_silently_while_somebody_waits_for_an_answer(capfd):
    with NewsStandIns(faults=[Fault(kind="hang", service="llm")]) as standins:
        url = f"{standins.llm_url}/v1/models"
        waiting = threading.Thread(target=_ask_in_vain, args=(url,))
        waiting.start()
        while not standins.state()["requests"]["llm"]:
            time.sleep(0.02)
        begin = time.monotonic()
    assert time.monotonic() - begin < 4.5
    waiting.join()
    assert capfd.readouterr().err == ""


def _ask_in_vain(url):
    with pytest.raises(httpx.TransportError):
        httpx.get(url, trust_env=False, timeout=30)


def test_the_wall_clock_cannot_be_set_and_the_servers_end_when_their_parent_is_killed():
    code = (
        "import time\n"
        "from freqai_ext.news.standins import NewsStandIns\n"
        "standins = NewsStandIns()\n"
        "standins.start()\n"
        "print(standins.llm_url, standins.control_url, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        url, control_url = parent.stdout.readline().split()
        answer = httpx.post(f"{control_url}/_sim/clock?now_ms=5", headers=CONTROL_HEADERS, trust_env=False)
        assert answer.status_code == 409
        assert "start with the clock 'sim'" in answer.json()["error"]
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not closed(url) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert closed(url)
