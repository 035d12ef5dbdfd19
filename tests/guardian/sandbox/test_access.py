"""Who may talk to Guardian: contract, section 2."""

import pytest

from freqai_ext.guardian.sandbox.access import Denial, denial
from freqai_ext.guardian.sandbox.settings import SandboxSettings

MISSING, INVALID = Denial(401, "missing_token"), Denial(403, "invalid_token")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, MISSING),
        ({"x-api-token": "secret"}, None),
        ({"x-api-token": " secret "}, None),
        ({"x-api-token": "wrong"}, INVALID),
        ({"authorization": "Bearer secret"}, None),
        ({"authorization": "bEARER   secret "}, None),
        ({"authorization": "Bearer wrong"}, INVALID),
        ({"authorization": "Bearer"}, MISSING),
        ({"authorization": "Basic secret"}, MISSING),
        ({"x-api-token": "wrong", "authorization": "Bearer secret"}, INVALID),
        ({"x-api-token": "secret", "authorization": "Bearer wrong"}, None),
        ({"x-api-token": "  ", "authorization": "Bearer secret"}, None),
    ],
)
def test_the_header_decides(headers, expected):
    assert denial(SandboxSettings(token=" secret "), headers) == expected


@pytest.mark.parametrize("token", [None, "", "  "])
def test_a_blank_token_leaves_the_bridge_open(token):
    assert denial(SandboxSettings(token=token), {}) is None
    assert denial(SandboxSettings(token=token), {"x-api-token": "anything"}) is None


def test_nobody_can_log_in_with_a_token_that_is_not_ascii():
    settings = SandboxSettings(token="gehörtmir")
    assert denial(settings, {"x-api-token": "gehörtmir"}) == INVALID
    assert denial(settings, {}) == MISSING


@pytest.mark.parametrize("changes", [{"ai_buy_threshold": -1}, {"settings_file": "invalid"}])
def test_invalid_settings_refuse_everybody(changes):
    settings = SandboxSettings(token="secret", **changes)
    assert denial(settings, {"x-api-token": "secret"}) == Denial(503, "settings_unavailable")


def test_a_settings_file_that_cannot_be_read_opens_the_bridge_on_testnet():
    settings = SandboxSettings(token="secret", settings_file="unreadable", ai_buy_threshold=0.9, freqai_top_pairs=1)
    assert denial(settings, {}) is None
    read = settings.as_read()
    assert (read.network, read.ai_buy_threshold, read.freqai_top_pairs, read.freqai_enabled) == (
        "testnet",
        0.52,
        5,
        False,
    )
