import pytest

from freqai_ext.guardian.client import GuardianClient
from freqai_ext.guardian.inspection import _is_loopback, inspect
from freqai_ext.guardian.settings import GuardianSettings


@pytest.fixture
def look(guardian, call):
    """Inspect the Guardian with these settings."""

    def run(**given):
        settings = GuardianSettings(**{"url": guardian.url, "timeout_s": 5.0} | given)
        return call(GuardianClient(settings), lambda client: inspect(client, settings))

    return run


@pytest.fixture
def set_health(guardian, health_answer):
    """Change settings that Guardian reports."""

    def change(**values):
        health_answer["settings"].update(values)
        guardian.answer("/health", health_answer)

    return change


def test_a_healthy_guardian_that_wants_the_token_passes_without_a_word(guardian, look):
    guardian.token = "right-token"
    found = look(token="right-token", network="mainnet")
    assert found.passed
    assert (found.open_bridge, found.faults, found.warnings, found.unreachable) == (False, (), (), None)
    assert found.health.buy_threshold == 0.52
    assert ["x-api-token" in request.headers for request in guardian.requests] == [True, False]


def test_what_an_earlier_look_found_without_the_token_stands(guardian, call):
    guardian.token = "right-token"
    settings = GuardianSettings(url=guardian.url, token="right-token")

    async def twice(client):
        before = await inspect(client, settings)
        return before, await inspect(client, settings, before=before)

    before, found = call(GuardianClient(settings), twice)
    assert found == before
    assert ["x-api-token" in request.headers for request in guardian.requests] == [True, False, True]


def test_an_open_bridge_beside_our_token_is_warned_of(look):
    found = look(token="useless-token")
    assert found.passed
    assert found.open_bridge is True
    (warning,) = found.warnings
    assert "answers without the token, so that anyone who reaches it can push" in warning
    assert ".runtime/settings.json has no freqai_api_token, or is not valid JSON" in warning
    assert found.unlocked == warning


def test_an_open_bridge_on_this_machine_is_fine_where_no_token_is_set(guardian, look):
    found = look()
    assert (found.open_bridge, found.warnings, found.unlocked) == (True, (), None)
    assert len(guardian.requests) == 1


def test_whether_the_bridge_is_open_stays_unknown_where_the_second_look_fails(guardian, look, health_answer):
    def fail_without_token(handler):
        guardian.answer("/half", health_answer, 200 if "X-API-Token" in handler.headers else 500)
        guardian._answers["GET", "/half"](handler)

    guardian.serve("/health", fail_without_token)
    found = look(token="some-token")
    assert found.passed
    assert found.open_bridge is None
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("wanted", "testnet", "found"),
    [
        ("mainnet", True, "testnet"),
        ("testnet", False, "mainnet"),
        ("mainnet", None, "an unknown network"),
        ("testnet", "true", "an unknown network"),
    ],
)
def test_the_other_network_is_a_fault(look, set_health, wanted, testnet, found):
    set_health(testnet=testnet)
    inspection = look(network=wanted)
    (fault,) = inspection.faults
    assert not inspection.passed
    assert fault.startswith(f"freqai_ext.guardian.network: '{wanted}' is demanded, and http://127.0.0.1:")
    assert f" is on {found}; correct 'testnet'" in fault


@pytest.mark.parametrize("testnet", [True, False, None])
def test_any_network_will_do_where_none_is_demanded(look, set_health, testnet):
    set_health(testnet=testnet)
    assert look().passed


def test_a_denied_token_is_a_fault_and_the_bridge_is_closed(guardian, look):
    guardian.token = "right-token"
    for given, reason in (({"token": "wrong-token"}, "answered 403"), ({}, "none is set")):
        found = look(**given)
        assert (found.health, found.open_bridge, found.unreachable) == (None, False, None)
        assert reason in found.faults[0]
        assert not found.passed


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [(b"", 404, "answered 404"), (b"", 307, "was not followed")],
)
def test_something_that_is_no_guardian_is_a_fault(guardian, look, content, status, reason):
    guardian.answer("/health", content, status, Location="http://elsewhere.example/")
    found = look()
    assert reason in found.faults[0]
    assert (found.health, found.open_bridge, found.unreachable) == (None, None, None)


def test_a_guardian_that_fails_or_is_gone_is_unreachable_and_no_fault(guardian, look):
    guardian.answer("/health", b"Internal Server Error", 500)
    found = look()
    assert "answered 500" in found.unreachable
    assert (found.health, found.faults, found.warnings, found.passed) == (None, (), (), False)
    guardian.answer("/health", b"we are restarting", 200)
    found = look()
    assert "is not JSON" in found.unreachable
    assert (found.health, found.faults, found.passed) == (None, (), False)
    guardian.stop()
    assert "no connection" in look().unreachable


@pytest.mark.parametrize(
    ("settings", "warnings"),
    [
        ({"freqai_enabled": False}, ["freqai_enabled is false, which is display only"]),
        ({"freqai_enabled": None}, []),
        ({"ai_enabled": False}, ["ai_enabled is false: it executes no signal"]),
        ({"ai_buy_threshold": 0.4}, ["ai_buy_threshold (0.4) is not above its ai_sell_threshold (0.42)"]),
        ({"ai_buy_threshold": 0.42}, ["ai_buy_threshold (0.42) is not above its ai_sell_threshold (0.42)"]),
        ({"ai_buy_threshold": 52}, ["ai_buy_threshold is 52, and should lie between 0 and 1"]),
        ({"ai_sell_threshold": 0}, ["ai_sell_threshold is 0, and should"]),
        ({"ai_sell_threshold": None}, ["ai_sell_threshold is not reported, and should"]),
    ],
)
def test_odd_settings_of_guardian_are_warned_of_and_no_fault(look, set_health, settings, warnings):
    set_health(**settings)
    found = look()
    assert found.passed
    assert len(found.warnings) == len(warnings)
    for text, warning in zip(warnings, found.warnings, strict=True):
        assert text in warning


def test_a_bridge_without_any_token_is_warned_of_beyond_this_machine(guardian, call):
    # 0.0.0.0 leads to this machine and is no loopback address by its name.
    settings = GuardianSettings(url=f"http://0.0.0.0:{guardian.port}")
    found = call(GuardianClient(settings), lambda client: inspect(client, settings))
    assert found.open_bridge is True
    assert "asks for no token, so that anyone who reaches it can push" in found.warnings[0]


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8099", True),
        ("http://localhost", True),
        ("http://[::1]:8099", True),
        ("http://127.8.8.8", True),
        ("http://10.0.0.5:8099", False),
        ("http://host.docker.internal:8099", False),
    ],
)
def test_which_addresses_are_this_machine(url, loopback):
    assert _is_loopback(url) is loopback
