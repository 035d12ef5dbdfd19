import random

import pytest

from freqai_ext._services.loopback.faults import FaultPlan
from freqai_ext._services.loopback.spoiling import wrong_types
from freqai_ext.errors import SettingsError
from freqai_ext.guardian.sandbox import Fault, parse_fault


def plan_of(*faults):
    plan = FaultPlan()
    for fault in faults:
        plan.add(fault)
    return plan


def kind_met(plan, method="GET", path="/health", now_s=0.0):
    met = plan.meet("guardian", method, path, now_s)
    return met and met[1].kind


@pytest.mark.parametrize(("now_s", "met"), [(9.9, None), (10.0, "hang"), (19.9, "hang"), (20.0, None)])
def test_a_fault_lasts_from_its_start_until_just_before_its_end(now_s, met):
    assert kind_met(plan_of(Fault(kind="hang", start_s=10, end_s=20)), now_s=now_s) == met


def test_a_fault_can_be_for_one_route_and_method_only():
    plan = plan_of(Fault(kind="slow", route="/predictions", method="POST"))
    assert kind_met(plan, "POST", "/predictions") == "slow"
    assert kind_met(plan, "GET", "/predictions") is None
    assert kind_met(plan, "POST", "/features") is None


def test_the_newest_fault_comes_first_and_can_be_taken_away():
    plan = plan_of(Fault(kind="slow"), Fault(kind="hang"))
    assert kind_met(plan) == "hang"
    plan.remove(2)
    assert kind_met(plan) == "slow"
    plan.remove()
    assert kind_met(plan) is None
    with pytest.raises(SettingsError, match="fault 2: there is none; there are no faults at all"):
        plan.remove(2)


def test_chance_follows_the_seed():
    def run(seed):
        plan = plan_of(Fault(kind="error_500", probability=0.3, seed=seed))
        return [kind_met(plan) is not None for _ in range(300)]

    assert run(1) == run(1) != run(2)
    assert 60 < sum(run(1)) < 120


def test_a_closed_socket_is_for_all_and_its_chance_for_the_whole_window():
    plan = plan_of(Fault(kind="refuse", start_s=10, end_s=20))
    assert [plan.refusing("guardian", now_s) for now_s in (9, 10, 19, 20)] == [False, True, True, False]
    assert kind_met(plan, now_s=15) is None
    drawn = [plan_of(Fault(kind="refuse", probability=0.5, seed=seed)) for seed in range(20)]
    assert {plan.refusing("guardian", now_s) for plan in drawn for now_s in range(3)} == {True, False}
    assert all(len({plan.refusing("guardian", now_s) for now_s in range(9)}) == 1 for plan in drawn)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"kind": "refuse", "route": "/health"}, "a closed socket refuses all; remove route and method"),
        ({"kind": "slow", "secnds": 3}, "fault.secnds: unknown setting; did you mean 'seconds'?"),
        ({}, "fault.kind: missing"),
        ([], "fault: not an object"),
        ({"kind": "hang", "probability": 2}, "fault.probability: 2 is not valid"),
    ],
)
def test_a_fault_that_is_none_is_explained(raw, message):
    with pytest.raises(SettingsError) as caught:
        parse_fault(raw)
    assert message in str(caught.value)


def test_wrong_types_are_at_any_depth_and_follow_the_seed():
    body = b'{"a": {"b": [1.0, 2.0, {"c": "d"}]}, "e": null, "f": 1}'
    spoiled = {wrong_types(body, random.Random(seed)) for seed in range(40)}
    assert len(spoiled) > 20
    assert wrong_types(body, random.Random(3)) == wrong_types(body, random.Random(3))
    assert wrong_types(b"Internal Server Error", random.Random(3)) == b"Internal Server Error"
