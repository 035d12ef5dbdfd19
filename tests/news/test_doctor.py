"""What the doctor says of the news services, by the stand-ins and their faults."""

import asyncio

import pytest

from freqai_ext._settings import parse_settings
from freqai_ext.news.doctor import DoctorRequest, diagnose_news
from freqai_ext.news.settings import NewsSettings
from freqai_ext.news.standins import Fault, NewsStandIns, StandInSettings
from tests.services.loopback import running_server


@pytest.fixture(scope="module")
def process():
    with NewsStandIns(StandInSettings(headlines_per_hour=2.0, graphiti_ingest_s=0.2)) as standins:
        yield standins


@pytest.fixture
def services(process):
    """The services, healthy."""
    process.remove_faults()
    process.change(
        searxng_json=True,
        perplexica_models_listed=True,
        perplexica_generation="D",
        llm_structured="json_schema",
        llm_style="bare",
        llm_key=None,
        graphiti_token=None,
    )
    process.restart()
    return process


@pytest.fixture
def findings(services):
    """Return what is found: ``findings(section=None, **request)``; by service, as texts ``level: message``."""

    def run(section=None, **request):
        settings = parse_settings(NewsSettings, section or services.section(), "freqai_ext.news")
        diagnosis = asyncio.run(diagnose_news(settings, DoctorRequest(**request)))
        found = {}
        for finding in diagnosis.findings:
            found.setdefault(finding.service, []).append(f"{finding.level}: {finding.message}")
        assert diagnosis.healthy == ("failure: " not in str(found))
        assert diagnosis.as_dict()["healthy"] == diagnosis.healthy
        return found

    return run


def test_healthy_services_are_ok_and_nothing_is_asked_judged_or_written(services, findings):
    before = services.state()
    found = findings()
    assert all(text.startswith(("ok", "skipped")) for texts in found.values() for text in texts)
    after = services.state()
    assert after["perplexica"] == before["perplexica"]
    assert after["llm"] == before["llm"]
    assert after["graphiti"]["accepted"] == before["graphiti"]["accepted"]


@pytest.mark.parametrize("generation", ["A", "B", "C", "D"])
def test_it_searches_judges_and_writes_where_it_may(services, findings, generation):
    services.change(perplexica_generation=generation)
    found = findings(ask=True, write=True, written_within_s=10)
    assert "ok: a search found" in found["perplexica"][1]
    assert "judged a headline" in found["llm: primary_analysis"][1]
    assert "positive" in found["llm: primary_analysis"][1]
    assert found["graphiti"][1] == "ok: a verdict was written and read back"


def test_a_search_that_hangs_shows_only_where_it_may_search(services, findings):
    services.add_fault(Fault(kind="model_fails"))
    section = services.section()
    section["perplexica"]["deadline_s"] = 0.7
    assert findings(section)["perplexica"][0].startswith("ok")
    assert "no whole answer within" in findings(section, ask=True)["perplexica"][-1]


def test_no_json_no_models_and_no_service_are_failures_with_a_remedy(services, findings):
    services.change(searxng_json=False, perplexica_models_listed=False)
    services.add_fault(Fault(kind="refuse", service="graphiti"))
    found = findings()
    assert found["searxng"][0].startswith("failure")
    assert "json" in found["searxng"][0].lower()
    assert "offers no chat model; add one" in found["perplexica"][0]
    assert "no connection" in found["graphiti"][0]


def test_a_model_is_asked_alone_and_named_by_its_place(services, findings):
    services.change(llm_key="key-of-the-model")
    section = services.section()
    base = section["llm"]["endpoints"][0]
    section["llm"]["endpoints"] = [base | {"api_key": "key-of-the-model"}, base | {"name": "fallback", "api_key": "no"}]
    found = findings(section, ask=True)
    assert found["llm: primary_analysis"][-1].startswith("ok: judged")
    assert found["llm: fallback"][0].startswith("failure")
    assert "freqai_ext.news.llm.endpoints.1.api_key" in found["llm: fallback"][0]
    assert "key-of-the-model" not in str(found)


def test_a_model_that_is_not_listed_is_a_warning(services, findings):
    section = services.section()
    section["llm"]["endpoints"][0]["model"] = "other"
    assert findings(section)["llm: primary_analysis"] == [
        "warning: other is not among the models that are listed there (stand-in)"
    ]


def test_an_ingest_that_is_dead_shows_only_when_written_to(services, findings):
    services.add_fault(Fault(kind="ingest_dies"))
    assert findings()["graphiti"][0].startswith("ok")
    found = findings(write=True, written_within_s=1)["graphiti"]
    assert "accepted and cannot be read back after 1 s" in found[1]


def test_the_other_dialect_is_recognised(findings):
    with NewsStandIns(StandInSettings(graphiti_dialect="adapter", graphiti_token="adapter-key")) as adapter:
        section = {"graphiti": {"url": adapter.graphiti_url, "token": "adapter-key"}}
        assert "set freqai_ext.news.graphiti.dialect to 'adapter'" in findings(section)["graphiti"][0]
        section["graphiti"]["dialect"] = "adapter"
        assert findings(section, write=True, written_within_s=5)["graphiti"][1].startswith("ok: a verdict was written")
        section["graphiti"]["token"] = "wrong-token"
        found = findings(section)["graphiti"][0]
        assert "403" in found
        assert "the key that was sent in the header X-API-KEY is not accepted: correct" in found
        assert "correct freqai_ext.news.graphiti.token, or the header by freqai_ext.news.graphiti.token_header" in found
        assert "wrong-token" not in found


def test_a_token_that_is_wrong_or_missing_names_its_setting(services, findings):
    services.change(graphiti_token="the-token")
    section = services.section()
    missing = findings(section)["graphiti"][0]
    assert "answered 401; it wants a key, and none is set: set freqai_ext.news.graphiti.token" in missing
    section["graphiti"]["token"] = "wrong-token"
    wrong = findings(section)["graphiti"][0]
    assert (
        "the key that was sent in the header Authorization is not accepted: correct freqai_ext.news.graphiti.token"
        in (wrong)
    )
    assert "wrong-token" not in wrong
    section["graphiti"]["token"] = "the-token"
    assert findings(section)["graphiti"][0].startswith("ok")
    for kind, service, setting in (
        ("denied_401", "perplexica", "perplexica.api_key"),
        ("denied_401", "llm", "llm.endpoints.0.api_key"),
        ("denied_401", "searxng", "searxng.url"),
    ):
        number = services.add_fault(Fault(kind=kind, service=service))
        text = findings(section)["llm: primary_analysis" if service == "llm" else service][0]
        assert text.startswith("failure")
        assert f"freqai_ext.news.{setting}" in text
        services.remove_faults(number)


def test_a_searxng_that_finds_nothing_is_a_warning_with_a_remedy(findings):
    with running_server() as server:

        def found(failed):
            server.answer("GET", "/search", {"results": [], "unresponsive_engines": failed})
            return findings({"searxng": {"url": server.url}})["searxng"][0]

        nothing, blocked = found([]), found([["bing news", "CAPTCHA"]])
    assert nothing.startswith("warning: SearXNG; 0 results for 'Bitcoin', 0 of them dated; open its page /stats/errors")
    assert "or set freqai_ext.news.searxng.time_range to 'week'" in nothing
    assert blocked.startswith("warning: ")
    assert "no results, and 1 of its engines did not answer (bing news)" in blocked
    assert "enable engines of the category 'news' that answer in its settings.yml" in blocked


def test_without_search_and_model_there_are_no_news(findings):
    found = findings({"graphiti": {"url": None}})
    assert found["search"][0].startswith("failure: no search is set")
    assert found["llm"][0].startswith("failure: no model is set")
    assert found["graphiti"] == ["skipped: not set; verdicts stay with this bot"]


@pytest.mark.parametrize("seed", range(5))
def test_values_of_other_types_are_never_an_exception(services, findings, seed):
    services.add_fault(Fault(kind="wrong_types", seed=seed))
    assert set(findings(ask=True, write=True, written_within_s=1)) == {
        "perplexica",
        "searxng",
        "llm: primary_analysis",
        "graphiti",
    }


@pytest.mark.parametrize(
    ("structured", "style", "level"),
    [("json_object", "fenced", "json_object"), ("none", "thinking", "none"), ("json_schema", "prose", "json_schema")],
)
def test_a_model_is_asked_as_strictly_as_it_allows(services, findings, structured, style, level):
    services.change(llm_structured=structured, llm_style=style)
    assert f" by {level}: positive" in findings(ask=True)["llm: primary_analysis"][-1]


@pytest.mark.parametrize("kind", ["redirect", "not_json", "not_utf8", "huge", "error_500", "truncated"])
def test_whatever_services_answer_is_a_finding(services, findings, kind):
    services.add_fault(Fault(kind=kind, seed=3))
    found = findings(ask=True, write=True, written_within_s=1)
    assert all(any(text.startswith("failure") for text in texts) for texts in found.values()), found
