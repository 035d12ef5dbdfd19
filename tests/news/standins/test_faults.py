"""Which faults concern whom, and when."""

import random

import pytest

from freqai_ext._services.loopback.faults import FaultPlan
from freqai_ext._services.loopback.spoiling import wrong_types
from freqai_ext.errors import SettingsError
from freqai_ext.news.standins.faults import Fault, parse_fault


def test_a_fault_without_a_service_concerns_all_and_one_of_its_own_kind_only_its_own():
    assert Fault(kind="hang").concerns("llm", 0.0)
    assert Fault(kind="nan_score").concerns("llm", 0.0)
    assert not Fault(kind="nan_score").concerns("graphiti", 0.0)
    assert not Fault(kind="hang", service="llm").concerns("searxng", 0.0)


def test_a_window_is_half_open():
    fault = Fault(kind="hang", start_s=10.0, end_s=20.0)
    assert [fault.concerns("llm", now_s) for now_s in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]


def test_the_newest_fault_is_met_first_and_only_on_its_route():
    plan = FaultPlan()
    plan.add(Fault(kind="error_500"))
    number = plan.add(Fault(kind="hang", service="perplexica", route="/api/search", method="POST"))
    assert plan.meet("perplexica", "POST", "/api/search", 0.0) == (number, plan.listed()[number])
    for service, method, path in (
        ("llm", "POST", "/api/search"),
        ("perplexica", "GET", "/api/search"),
        ("perplexica", "POST", "/api/providers"),
    ):
        assert plan.meet(service, method, path, 0.0)[1].kind == "error_500"


def test_chance_is_the_same_for_the_same_seed():
    def met(seed):
        plan = FaultPlan()
        plan.add(Fault(kind="hang", probability=0.3, seed=seed))
        return [plan.meet("llm", "GET", "/v1/models", 0.0) is not None for _ in range(300)]

    assert met(1) == met(1)
    assert met(1) != met(2)
    assert 60 <= sum(met(1)) <= 120


def test_refusing_is_for_the_service_that_it_names():
    plan = FaultPlan()
    plan.add(Fault(kind="refuse", service="searxng"))
    assert plan.refusing("searxng", 0.0)
    assert not plan.refusing("llm", 0.0)
    assert plan.meet("searxng", "GET", "/search", 0.0) is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"kind": "explode"}, "fault.kind"),
        ({"kind": "refuse", "route": "/search"}, "a closed socket refuses all"),
        ({"kind": "json_off", "service": "llm"}, "json_off is a fault of searxng alone"),
        ([], "fault: not an object"),
    ],
)
def test_a_fault_that_is_none_is_explained(raw, message):
    with pytest.raises(SettingsError, match=message):
        parse_fault(raw)


def test_wrong_types_keep_json_and_change_it():
    body = b'{"a": [1, 2, {"b": "c"}], "d": null, "e": 1.5}'
    spoiled = {wrong_types(body, random.Random(seed)) for seed in range(20)}
    assert len(spoiled) > 10
    assert wrong_types(b"<html>", random.Random(0)) == b"<html>"
