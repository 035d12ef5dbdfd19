"""A diagnosis runs to its end, whatever the checks meet."""

import json
import logging

import pytest

from freqai_ext.doctor import DoctorRequest, Level, diagnose
from freqai_ext.doctor.diagnose import CHECKS


def by_check(diagnosis):
    return {result.check: result.findings for result in diagnosis.results}


def test_without_a_configuration_only_the_installation_is_checked():
    diagnosis = diagnose(DoctorRequest())
    assert diagnosis.healthy
    levels = [result.findings[0].level for result in diagnosis.results]
    assert levels == [Level.OK] + [Level.SKIPPED] * (len(CHECKS) - 1)


def test_checks_that_build_on_a_failed_one_are_skipped(setup):
    setup.config_file.write_text("{")
    findings = by_check(setup.diagnose())
    assert findings["configuration"][0].level is Level.FAILURE
    assert [finding.message for finding in findings["candles"]] == ["needs a configuration that loads"]


def test_without_strategy_and_model_the_others_run(setup):
    findings = by_check(setup.diagnose())
    assert findings["strategy"][0].message.startswith("no strategy given")
    assert findings["model"][0].message.startswith("no model given")
    assert findings["training settings"][0].level is Level.OK


def test_a_check_that_raises_is_a_failure_with_its_traceback(setup, monkeypatch):
    def broken(context):
        raise RuntimeError("unexpected")

    monkeypatch.setitem(CHECKS, "candles", broken)
    diagnosis = setup.diagnose()
    (finding,) = by_check(diagnosis)["candles"]
    assert not diagnosis.healthy
    assert finding.message == "the check stopped: RuntimeError: unexpected"
    assert "in broken" in finding.detail


def test_an_incomplete_configuration_is_reported(setup):
    setup.remove("entry_pricing")
    (finding,) = by_check(setup.diagnose(strategy="FreqAIExampleStrategy"))["complete configuration"]
    assert finding.level is Level.FAILURE
    assert finding.message == ("with the attributes of FreqAIExampleStrategy: 'entry_pricing' is a required property")


def test_logging_is_left_as_it_was(setup):
    root = logging.getLogger()
    before = (root.handlers[:], root.level, root.manager.disable)
    setup.diagnose()
    assert (root.handlers, root.level, root.manager.disable) == before


def test_a_diagnosis_becomes_json(setup):
    diagnosis = setup.diagnose()
    document = json.loads(json.dumps(diagnosis.as_dict()))
    assert document["healthy"] is True
    assert [result["check"] for result in document["results"]] == list(CHECKS)
    assert document["results"][0]["findings"][0]["level"] == "ok"


@pytest.mark.parametrize("name", list(CHECKS))
def test_every_check_says_what_it_checks(name):
    assert CHECKS[name].__doc__


def findings_of(diagnosis, level):
    return [
        (result.check, finding) for result in diagnosis.results for finding in result.findings if finding.level is level
    ]


def test_one_typo_in_our_section_is_one_failure_without_a_traceback(setup):
    setup.change(freqai_ext={"signal": {"horizn": 3}})
    diagnosis = setup.diagnose(strategy="FreqAIExampleStrategy", freqaimodel="CatboostRegressor")
    ((check, finding),) = findings_of(diagnosis, Level.FAILURE)
    assert check == "configuration"
    assert finding.message.startswith("freqai_ext.signal.horizn: unknown setting; known: ")
    assert finding.detail == ""
    waiting = {check for check, each in findings_of(diagnosis, Level.SKIPPED) if "valid section" in each.message}
    assert {"model", "features"} <= waiting


def test_a_wrong_training_parameter_is_named_without_a_traceback(setup):
    setup.change(freqai__model_training_parameters={"no_such_knob": 1})
    diagnosis = setup.diagnose(strategy="FreqAIExampleStrategy", freqaimodel="CatboostRegressor")
    ((check, finding),) = findings_of(diagnosis, Level.FAILURE)
    assert (check, finding.detail) == ("model", "")
    assert "no_such_knob" in finding.message


@pytest.mark.parametrize(
    ("name", "strategy", "model"),
    [
        ("config_freqai_ext.json", "FreqAIExampleStrategy", "CatboostRegressor"),
        ("config_freqai_hyper.json", "FreqaiHyperStrategy", "CalibratedSignalModel"),
        ("config_guardian_sidecar.json", "GuardianSidecarStrategy", "CalibratedSignalModel"),
        ("config_graphiti_hybrid.json", "GraphitiHybridStrategy", None),
    ],
)
def test_no_configuration_that_init_writes_is_called_broken(setup, name, strategy, model):
    setup.config_file = setup.userdir / name
    diagnosis = setup.diagnose(strategy=strategy, freqaimodel=model)
    assert findings_of(diagnosis, Level.FAILURE) == []
    # No candles are stored and no service listens; nothing else is a fault.
    assert {check for check, _ in findings_of(diagnosis, Level.WARNING)} <= {"candles", "services"}


def test_freqai_switched_off_under_a_strategy_that_starts_it_is_a_failure(setup):
    setup.change(freqai__enabled=False)
    diagnosis = setup.diagnose(strategy="FreqAIExampleStrategy")
    ((check, finding),) = findings_of(diagnosis, Level.FAILURE)
    assert check == "complete configuration"
    assert finding.message == (
        "freqai.enabled: is not true, and FreqAIExampleStrategy starts FreqAI in populate_indicators"
    )
