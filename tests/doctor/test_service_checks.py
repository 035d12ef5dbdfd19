"""Checks of Guardian and the services of news, on real servers."""

from freqai_ext.doctor import Level
from freqai_ext.doctor.services import check_services
from freqai_ext.guardian.sandbox import Sandbox, SandboxSettings
from freqai_ext.news.standins import NewsStandIns, StandInSettings


def test_without_services_there_is_nothing_to_ask(setup):
    (finding,) = setup.run(check_services)
    assert (finding.level, finding.message) == (Level.OK, "neither freqai_ext.guardian nor freqai_ext.news is used")


def test_a_guardian_that_nobody_runs_is_named_with_the_remedy(setup):
    setup.change(freqai_ext={"guardian": {"url": "http://127.0.0.1:9"}})
    (finding,) = setup.run(check_services)
    assert finding.level is Level.WARNING
    assert finding.message.startswith("freqai_ext.guardian.url: http://127.0.0.1:9: GET http://127.0.0.1:9/health: no ")
    assert finding.remedy.startswith("start Guardian, or correct freqai_ext.guardian.url")


def test_a_guardian_that_answers_is_in_order_and_one_on_another_network_is_a_failure(setup):
    with Sandbox(SandboxSettings(network="testnet")) as sandbox:
        setup.change(freqai_ext={"guardian": {"url": sandbox.url, "network": "testnet"}})
        assert setup.run(check_services)[-1].message == f"Guardian answers at {sandbox.url}, on testnet"
        setup.change(freqai_ext={"guardian": {"url": sandbox.url, "network": "mainnet"}})
        failures = [finding for finding in setup.run(check_services) if finding.level is Level.FAILURE]
    (failed,) = failures
    assert "'mainnet' is demanded" in failed.message


def test_the_services_of_news_are_asked_and_their_absence_is_a_warning(setup):
    with NewsStandIns(StandInSettings()) as services:
        setup.change(freqai_ext={"news": services.section()})
        levels = {finding.level for finding in setup.run(check_services)}
    assert levels <= {Level.OK, Level.SKIPPED}
    gone = setup.run(check_services)
    warnings = [finding for finding in gone if finding.level is Level.WARNING]
    assert warnings
    assert all("freqai_ext.news.policy 'deny' decides" in finding.remedy for finding in warnings)
    assert not [finding for finding in gone if finding.level is Level.FAILURE]
