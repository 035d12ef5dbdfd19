"""Typed settings: every error names path, value, rule and remedy, and shows no secret."""

from typing import Literal

import pytest
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from freqai_ext._settings import Settings, parse_settings, suggest
from freqai_ext.errors import SettingsError


class Inner(Settings):
    url: str = "http://127.0.0.1"
    token: SecretStr = SecretStr("")

    @field_validator("url")
    @classmethod
    def _has_scheme(cls, url: str) -> str:
        if "://" not in url:
            raise ValueError(f"Has no scheme; write http://{url}")
        return url

    @field_validator("token")
    @classmethod
    def _is_long(cls, token: SecretStr) -> SecretStr:
        if 0 < len(token.get_secret_value()) < 8:
            raise ValueError("is shorter than 8 characters")
        return token


class Outer(Settings):
    horizon_candles: int = Field(default=24, ge=1)
    mode: Literal["spot", "futures"] = "spot"
    inner: Inner = Inner()


class Needy(Settings):
    name: str


def message(raw, section=Outer):
    with pytest.raises(SettingsError) as caught:
        parse_settings(section, raw, "ext")
    return str(caught.value)


def test_an_absent_section_takes_the_defaults():
    assert parse_settings(Outer, None, "ext") == parse_settings(Outer, {}, "ext") == Outer()


def test_given_values_are_taken_and_the_others_default():
    settings = parse_settings(Outer, {"inner": {"url": "https://example.org"}}, "ext")
    assert settings.inner.url == "https://example.org"
    assert settings.horizon_candles == 24


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Outer().horizon_candles = 3


def test_an_unknown_key_names_its_path_and_the_closest_known_key():
    assert message({"inner": {"urll": "x"}}) == "ext.inner.urll: unknown setting; did you mean 'url'?"


def test_an_unknown_key_without_a_close_one_lists_the_known_keys():
    assert message({"zzz": 1}) == "ext.zzz: unknown setting; known: horizon_candles, inner, mode"


def test_a_wrong_value_names_path_value_and_rule():
    assert message({"horizon_candles": 0}) == (
        "ext.horizon_candles: 0 is not valid; input should be greater than or equal to 1"
    )


def test_a_validators_own_words_are_kept():
    assert message({"inner": {"url": "localhost:80"}}) == (
        "ext.inner.url: 'localhost:80' is not valid; has no scheme; write http://localhost:80"
    )


def test_a_missing_key_without_default_is_named():
    assert message({}, Needy) == "ext.name: missing; it has no default, so write it"


def test_every_fault_has_its_line():
    lines = message({"horizon_candles": "x", "mode": "margin", "other": 1}).splitlines()
    assert [line.split(":")[0] for line in lines] == ["ext.horizon_candles", "ext.mode", "ext.other"]


@pytest.mark.parametrize("raw", [[1], "text", 3])
def test_a_section_that_is_no_object_is_refused(raw):
    assert message(raw) == "ext: not an object; write {...} with keys of: horizon_candles, inner, mode"


class Keyring(Settings):
    tokens: tuple[SecretStr, ...] = ()
    inner: Inner = Inner()

    @model_validator(mode="after")
    def _has_both(self):
        if len(self.tokens) == 1:
            raise ValueError("one token is not enough")
        return self


@pytest.mark.parametrize(
    "raw", [{"tokens": ["hunter2"]}, {"tokens": ["hunter2", 3]}, {"inner": ["hunter2"]}, ["hunter2"], "hunter2"]
)
def test_a_secret_inside_a_wrong_value_is_not_shown(raw):
    assert "hunter2" not in message(raw, Keyring)


@pytest.mark.parametrize("token", ["hunter2", ["hunter2"]])
def test_a_wrong_secret_is_not_shown(token):
    text = message({"inner": {"token": token}})
    assert text.startswith("ext.inner.token: the value (hidden) is not valid; ")
    assert "hunter2" not in text


def test_a_long_value_is_cut():
    assert len(message({"mode": "x" * 1000})) < 250


def test_suggest_prefers_a_close_name_over_the_list():
    assert suggest("momentun", ["momentum", "trend"]) == "did you mean 'momentum'?"
    assert suggest("xyz", ["trend", "momentum"]) == "known: momentum, trend"
