"""The contract as a checklist, against real servers."""

import json

import httpx
import pytest
from pydantic import SecretStr

from freqai_ext.errors import GuardianAnswerError
from freqai_ext.guardian.check import CheckReport, CheckRequest, Finding, Probe, check_guardian
from freqai_ext.guardian.check.running import put_back
from freqai_ext.guardian.check.stored_set import ForeignPushError, StoredSet
from freqai_ext.guardian.sandbox import Fault, Sandbox, SandboxSettings

TOKEN = "token-of-the-check"
BEFORE = {
    "generated_at": 1.5e9,
    "source": "freqtrade",
    "meta": {"model": "m", "list": [1]},
    "horizon_minutes": 30,
    "predictions": {
        "BTC/USDT": {"probability": 0.6, "ev_bps": "0.0", "confidence": 0.3, "x": 1, "meta": {"y": 2}},
        "ETHUSDT": {"probability": "0.0", "ev_bps": -1e-6, "generated_at": 1.6e9, "score": 7.0},
        "SOL_USDT": {"note": "meta alone"},
    },
}


@pytest.fixture(scope="module")
def process():
    with Sandbox(SandboxSettings(token=TOKEN)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(process):
    """The process, as new."""
    process.remove_faults()
    process.change(token=TOKEN, network="mainnet", exchange_reachable=True)
    httpx.post(f"{process.url}/predictions", headers={"X-API-Token": TOKEN}, json={}, trust_env=False)
    return process


@pytest.fixture(autouse=True)
def _temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def probe(sandbox):
    with Probe(sandbox.url, SecretStr(TOKEN), timeout_s=5.0) as probe:
        yield probe


def verdicts(report, verdict):
    return {finding.what: finding.observed for finding in report.findings if finding.verdict == verdict}


def without_time(stored):
    return {key: value for key, value in stored.items() if key != "updated_at"}


def test_everything_holds_at_the_reference_guardian(probe):
    report = check_guardian(probe, CheckRequest(network="mainnet", push=True, poison=True))
    assert verdicts(report, "does not hold") == {}
    assert verdicts(report, "not tried") == {}
    assert {finding.section for finding in report.findings} == {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}
    assert report.passed


def test_the_set_from_before_is_put_back_exactly(sandbox, probe):
    probe.post(json.dumps(BEFORE).encode())
    before = sandbox.state()["stored"]
    report = check_guardian(probe, CheckRequest(push=True, poison=True))
    assert report.aftermath == "the set from before is back, 3 pairs; only updated_at is new"
    assert report.passed
    assert without_time(sandbox.state()["stored"]) == without_time(before)


def test_a_set_that_guardian_read_from_its_file_is_put_back_with_its_numbers(sandbox, probe):
    probe.post(json.dumps(BEFORE).encode())
    sandbox.restart()
    before = sandbox.state()["stored"]["pairs"]
    assert check_guardian(probe, CheckRequest(push=True)).passed
    after = sandbox.state()["stored"]["pairs"]
    for symbol, entry in before.items():
        for name in ("probability", "ev_bps", "confidence", "score", "generated_at", "horizon_minutes"):
            assert after[symbol].get(name) == entry.get(name)


def test_opinions_of_real_pairs_stay_but_for_what_is_about_erasing(sandbox, probe):
    probe.post(json.dumps(BEFORE).encode())
    last = sandbox.log()[-1].number
    check_guardian(probe, CheckRequest(push=True))
    stored = [record.symbols for record in sandbox.log(last) if record.symbols is not None]
    assert sum(symbols < 3 for symbols in stored) == 3
    assert len(stored) > 15


def test_without_push_nothing_is_stored(sandbox, probe):
    probe.post(json.dumps(BEFORE).encode())
    before = sandbox.state()["stored"]
    last = sandbox.log()[-1].number
    report = check_guardian(probe, CheckRequest())
    assert report.passed
    assert report.aftermath is None
    assert sandbox.state()["stored"] == before
    assert {record.status for record in sandbox.log(last)} == {401, 422}
    assert verdicts(report, "not tried") == {
        "network is the one asked for": "it is on mainnet; name the one you expect with --network",
        "how a push is read": "it changes the stored set; try it with --push",
        "a number that is not finite poisons the service": (
            "it makes Guardian fail for a moment; try it with --push --poison"
        ),
    }


def test_another_network_does_not_hold(sandbox, probe):
    sandbox.change(network="testnet")
    report = check_guardian(probe, CheckRequest(network="mainnet"))
    assert verdicts(report, "does not hold") == {
        "network is the one asked for": (
            "testnet, wanted mainnet; "
            "testnet is also what it runs on where its .runtime/settings.json is not valid JSON"
        )
    }
    assert not report.passed


def test_an_open_bridge_is_found_by_who_has_a_token(sandbox, probe):
    sandbox.change(settings_file="unreadable")
    try:
        report = check_guardian(probe, CheckRequest(network="mainnet"))
    finally:
        sandbox.change(settings_file="valid")
    found = verdicts(report, "does not hold")
    assert found["without the token nobody gets in (200 means an open bridge)"] == (
        "200; its .runtime/settings.json has no freqai_api_token, or is not valid JSON; repair that file"
    )
    assert found["network is the one asked for"].startswith("testnet, wanted mainnet; ")
    assert len(found) == 2
    assert not report.passed


@pytest.mark.parametrize(
    ("token", "observed"),
    [
        (None, "401 'missing_token'; name the token with --token-file"),
        (SecretStr("another"), "403 'invalid_token'; it is another token"),
    ],
)
def test_without_the_right_token_it_ends_at_the_door(sandbox, token, observed):
    with Probe(sandbox.url, token) as probe:
        report = check_guardian(probe, CheckRequest(push=True))
    assert verdicts(report, "does not hold") == {"GET /health answers 200 to who may ask": observed}
    assert "Guardian lets nobody in" in verdicts(report, "not tried")["all others"]
    assert sandbox.log()[-1].status == 200


@pytest.mark.parametrize(
    ("kind", "observed"),
    [
        ("error_500", "500; it has no snapshot of the market and cannot reach the exchange, or is poisoned"),
        ("error_503", "503 'settings_unavailable'"),
    ],
)
def test_a_guardian_that_gives_no_features_does_not_pass(sandbox, probe, kind, observed):
    sandbox.restart()
    sandbox.add_fault(Fault(kind=kind, route="/features"))
    report = check_guardian(probe, CheckRequest())
    assert verdicts(report, "does not hold")["GET /features answers 200"] == observed
    assert "what /features answers" in verdicts(report, "not tried")
    assert not report.passed


def test_an_outage_of_the_exchange_does_not_pass():
    with Sandbox(SandboxSettings(exchange_reachable=False)) as away, Probe(away.url) as asked:
        report = check_guardian(asked, CheckRequest())
    assert "GET /features answers 200" in verdicts(report, "does not hold")
    assert not report.passed


@pytest.mark.parametrize("kind", ["error_500", "error_503"])
def test_a_stored_set_that_cannot_be_read_does_not_pass(probe, sandbox, kind):
    sandbox.add_fault(Fault(kind=kind, route="/predictions", method="GET"))
    report = check_guardian(probe, CheckRequest(push=True))
    assert "the stored set can be read, so as to be put back" in verdicts(report, "does not hold")
    assert "how a push is read" in verdicts(report, "not tried")
    assert not report.passed


def test_settings_out_of_range_are_named(sandbox, probe):
    sandbox.change(settings_file="invalid")
    try:
        report = check_guardian(probe, CheckRequest())
    finally:
        sandbox.change(settings_file="valid")
    observed = verdicts(report, "does not hold")["GET /health answers 200 to who may ask"]
    assert "a value in its .runtime/settings.json is out of range" in observed


def test_a_pair_that_does_not_come_back_is_named(probe):
    report = check_guardian(probe, CheckRequest(pairs=("BTCUSDT", "NOSUCHUSDT")))
    assert "missing: NOSUCHUSDT" in verdicts(report, "does not hold")["every pair of the whitelist comes back"]


def test_a_server_that_is_no_guardian_fails_in_many_items(guardian):
    with Probe(guardian.url) as probe:
        report = check_guardian(probe, CheckRequest(push=True))
    broken = verdicts(report, "does not hold")
    assert "no answer" in broken["every request is answered"]
    for what in ("21 inputs of Guardian's model for each pair", "a push replaces the whole set", "a list: 400"):
        assert what in broken
    assert not report.passed


def test_somebody_else_who_pushes_in_between_is_left_alone(sandbox, probe):
    stored = StoredSet(probe)
    stored.push({"A/USDT": {"probability": 0.5}})
    probe.post(json.dumps(BEFORE).encode())
    theirs = sandbox.state()["stored"]
    with pytest.raises(ForeignPushError):
        stored.push({"B/USDT": {"probability": 0.5}})
    with pytest.raises(ForeignPushError):
        stored.put_back()
    assert sandbox.state()["stored"] == theirs


def test_a_push_whose_answer_is_lost_is_put_back_all_the_same(sandbox, probe):
    probe.post(json.dumps(BEFORE).encode())
    before = sandbox.state()["stored"]
    sandbox.add_fault(Fault(kind="reset", method="POST", probability=0.15, seed=2))
    report = check_guardian(probe, CheckRequest(push=True))
    assert "no answer" in verdicts(report, "does not hold")["every push is answered"]
    assert report.aftermath.startswith("the set from before is back")
    assert without_time(sandbox.state()["stored"]) == without_time(before)


def test_a_set_that_cannot_be_put_back_is_kept_in_a_file(sandbox, probe, tmp_path):
    probe.post(json.dumps(BEFORE).encode())
    stored = StoredSet(probe)
    stored.push({"A/USDT": {"probability": 0.5}})
    sandbox.add_fault(Fault(kind="error_500", method="POST"))
    text, left_changed = put_back(stored)
    assert left_changed
    assert "could NOT be put back (POST /predictions: answered 500, not that 3 are stored)" in text
    (kept,) = tmp_path.glob("guardian-set-*.json")
    assert str(kept) in text
    sandbox.remove_faults()
    probe.post(kept.read_bytes())
    assert sandbox.state()["stored"]["pairs"].keys() == {"BTCUSDT", "ETHUSDT", "SOL_USDT"}


def test_a_poisoned_guardian_is_not_pushed_to(sandbox, probe):
    probe.post(b'{"predictions": {"A": {"ev_bps": 1e400}}}')
    last = sandbox.log()[-1].number
    with pytest.raises(GuardianAnswerError, match="the set cannot be read, nor be put back"):
        StoredSet(probe)
    assert sandbox.log(last) == ()


def test_the_report_passes_only_where_something_holds_and_nothing_is_left():
    held, broken = Finding("1", "a", "holds", ""), Finding("1", "b", "does not hold", "")
    skipped = Finding("1", "c", "not tried", "")
    assert CheckReport("u", (held, skipped), None, False).passed
    assert not CheckReport("u", (skipped,), None, False).passed
    assert not CheckReport("u", (held, broken), None, False).passed
    assert not CheckReport("u", (held,), "left", True).passed
