"""Every secret among the settings: its routes, which of them wins, and that none is stored, shown or logged."""

import json
import logging
from copy import deepcopy

import pytest
from pydantic import SecretStr

from freqai_ext._services.redaction import REDACTED, _warn_once, redact
from freqai_ext._services.secrets import (
    SecretSource,
    check_variables,
    holds_secret,
    resolve_secrets,
    routes_of,
    secret_paths,
    sections_in,
    variable_of,
)
from freqai_ext._settings import Settings
from freqai_ext.config import ExtSettings, exposed_secrets, load_ext_settings, protect_secrets
from freqai_ext.errors import SettingsError

PATHS = sorted(secret_paths(ExtSettings))
FIRST = [path.replace("*", "0") for path in PATHS]
ENDPOINT = {"model": "m", "api_base": "http://127.0.0.1:11434"}


def s3cret(path):
    return f"s3cret-of-{path}"


def section(values, leaf=""):
    """Return a section ``freqai_ext`` with these values at the paths of secrets, two endpoints included."""
    root = {"news": {"llm": {"endpoints": [dict(ENDPOINT), dict(ENDPOINT)]}}}
    for path, value in values.items():
        place = root
        *parents, name = path.split(".")[1:]
        for part in parents:
            place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
        place[name + leaf] = value
    return root


def at(settings, path):
    for part in path.split(".")[1:]:
        settings = settings[int(part)] if part.isdigit() else getattr(settings, part)
    return settings


def values(settings):
    return {path: (at(settings, path) or SecretStr("")).get_secret_value() for path in FIRST}


@pytest.fixture
def files(tmp_path):
    paths = {}
    for path in FIRST:
        paths[path] = tmp_path / path
        paths[path].write_text(f"file-{path}\n")
        paths[path].chmod(0o600)
    return {path: str(file) for path, file in paths.items()}


@pytest.fixture(autouse=True)
def _warn_anew():
    _warn_once.cache_clear()


def test_the_secrets_are_found_by_their_type():
    assert PATHS == [
        "freqai_ext.guardian.token",
        "freqai_ext.news.graphiti.token",
        "freqai_ext.news.llm.endpoints.*.api_key",
        "freqai_ext.news.perplexica.api_key",
    ]


def _sections(root, path="freqai_ext"):
    yield path, root
    for name, field in root.model_fields.items():
        for inner in sections_in(field.annotation):
            yield from _sections(inner, f"{path}.{name}")


@pytest.mark.parametrize(("path", "found"), [pytest.param(*each, id=each[0]) for each in _sections(ExtSettings)])
def test_every_secret_has_a_file_and_stands_where_it_is_looked_for(path, found):
    for name, field in found.model_fields.items():
        if holds_secret(field.annotation):
            assert field.annotation == SecretStr | None, f"{path}.{name}"
            assert f"{name}_file" in found.model_fields, f"{path}.{name} has no {name}_file beside it"
        # A section in a dict would be passed over.
        assert not (list(sections_in(field.annotation)) and "dict" in str(field.annotation)), f"{path}.{name}"
        # What is called like a secret is one.
        looks_secret = name.endswith(("token", "api_key", "password", "secret")) and field.annotation is not int
        assert holds_secret(field.annotation) or not looks_secret, f"{path}.{name}"


def test_each_secret_comes_from_its_variable():
    environment = {variable_of(path): s3cret(path) for path in FIRST}
    settings = load_ext_settings({"freqai_ext": section({})})
    assert values(resolve_secrets(settings, environment=environment)) == {path: s3cret(path) for path in FIRST}


def test_each_secret_comes_from_its_file(files):
    settings = load_ext_settings({"freqai_ext": section(files, leaf="_file")})
    assert values(resolve_secrets(settings, environment={})) == {path: f"file-{path}" for path in FIRST}


def test_the_file_wins_over_the_variable_and_that_over_the_configuration(files):
    raw = section({path: f"configured-{path}" for path in FIRST})
    settings = load_ext_settings({"freqai_ext": raw})
    assert values(resolve_secrets(settings, environment={})) == {path: f"configured-{path}" for path in FIRST}
    environment = {variable_of(path): s3cret(path) for path in FIRST}
    assert values(resolve_secrets(settings, environment=environment)) == {path: s3cret(path) for path in FIRST}
    with_files = section({path: f"configured-{path}" for path in FIRST})
    for path, file in files.items():
        place = with_files
        *parents, name = path.split(".")[1:]
        for part in parents:
            place = place[int(part) if part.isdigit() else part]
        place[f"{name}_file"] = file
    settings = load_ext_settings({"freqai_ext": with_files})
    found = resolve_secrets(settings, environment=environment)
    assert values(found) == {path: f"file-{path}" for path in FIRST}
    assert "s3cret" not in repr(found)
    assert "configured" not in repr(found)


def test_the_second_endpoint_has_a_variable_of_its_own():
    environment = {"FREQAI_EXT_NEWS__LLM__ENDPOINTS__1__API_KEY": "second"}
    found = resolve_secrets(load_ext_settings({"freqai_ext": section({})}), environment=environment)
    assert [each.api_key and each.api_key.get_secret_value() for each in found.news.llm.endpoints] == [None, "second"]


def test_a_variable_that_is_blank_counts_as_not_set():
    settings = load_ext_settings({"freqai_ext": {"guardian": {"token": "configured"}}})
    source = SecretSource(settings.guardian, "token", "freqai_ext.guardian", {"FREQAI_EXT_GUARDIAN__TOKEN": " "})
    assert source.current().get_secret_value() == "configured"
    assert repr(source) == "SecretSource(token)"


def test_a_variable_that_cannot_be_sent_is_named_without_its_value():
    settings = load_ext_settings({})
    with pytest.raises(
        SettingsError, match=r"^FREQAI_EXT_GUARDIAN__TOKEN: its value \(hidden\) has characters"
    ) as caught:
        resolve_secrets(settings, environment={"FREQAI_EXT_GUARDIAN__TOKEN": "schlüssel"})
    assert "schl" not in str(caught.value)


@pytest.mark.parametrize("path", FIRST)
@pytest.mark.parametrize(
    ("content", "message"),
    [(None, r"cannot be read \(No such file"), ("", "is empty; write the secret there"), ("ü", "not ASCII")],
)
def test_a_file_that_is_missing_or_empty_is_named_by_its_setting(tmp_path, path, content, message):
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
        file.chmod(0o600)
    settings = load_ext_settings({"freqai_ext": section({path: str(file)}, leaf="_file")})
    with pytest.raises(SettingsError, match=message) as caught:
        resolve_secrets(settings, environment={})
    assert str(caught.value).startswith(f"{path}_file: ")


def test_a_file_that_every_user_may_read_is_warned_of(files, tmp_path, caplog):
    path = "freqai_ext.news.graphiti.token"
    (tmp_path / path).chmod(0o644)
    resolve_secrets(load_ext_settings({"freqai_ext": section(files, leaf="_file")}), environment={})
    assert [f"{path}_file: every user may read" in message for message in caplog.messages] == [True]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("FREQAI_EXT_GUARDIAN__TOKN", "did you mean 'FREQAI_EXT_GUARDIAN__TOKEN'?"),
        ("freqai_ext_guardian__token", "did you mean 'FREQAI_EXT_GUARDIAN__TOKEN'?"),
        ("FREQAI_EXT_GUARDIAN__TOKEN_FILE", "are set by FREQTRADE__FREQAI_EXT__GUARDIAN__TOKEN_FILE"),
        ("FREQAI_EXT_NEWS__LLM__ENDPOINTS__X__API_KEY", "did you mean 'FREQAI_EXT_NEWS__LLM__ENDPOINTS__0__API_KEY'?"),
    ],
)
def test_a_variable_that_names_no_secret_is_refused(name, remedy, monkeypatch):
    with pytest.raises(SettingsError) as caught:
        check_variables(ExtSettings, {name: "s3cret"})
    assert str(caught.value).startswith(f"{name}: names no secret of freqai_ext; ")
    assert remedy in str(caught.value)
    assert "s3cret" not in str(caught.value)
    monkeypatch.setenv(name, "s3cret")
    with pytest.raises(SettingsError, match=name):
        load_ext_settings({})


def test_other_variables_are_let_be():
    check_variables(
        ExtSettings, {"FREQAI_EXT_DATA": "x", "PATH": "/", "FREQAI_EXT_NEWS__LLM__ENDPOINTS__12__API_KEY": "k"}
    )


def configuration():
    raw = section({path: s3cret(path) for path in FIRST})
    raw["news"]["llm"]["endpoints"][1]["api_key"] = "s3cret-of-the-second"
    raw["guardian"]["url"] = "http://user:s3cret/p@ss@127.0.0.1:8099"
    config = {"freqai_ext": raw, "my_own": {"key": s3cret(FIRST[0]), "list": [s3cret(FIRST[1])]}, "stake_amount": 100}
    return config | {"original_config": deepcopy(config)}


def test_what_is_stored_holds_no_secret_and_what_the_bot_works_with_does():
    config = configuration()
    before = deepcopy(config["freqai_ext"])
    redact(config, ExtSettings)
    stored = json.dumps(config["original_config"])
    assert "s3cret" not in stored
    assert "p@ss" not in stored
    assert stored.count(REDACTED) == len(FIRST) + 4
    assert config["original_config"]["stake_amount"] == 100
    assert config["original_config"]["freqai_ext"]["news"]["llm"]["endpoints"][0]["model"] == "m"
    assert config["freqai_ext"] == before


@pytest.mark.parametrize("value", [20260109, 1.5, True, ["s3cret-in-a-list"], {"s3cret": "s3cret"}, "s3c"])
def test_values_that_are_no_valid_secrets_are_masked_like_the_others(value):
    config = {"original_config": {"freqai_ext": section(dict.fromkeys(FIRST, value))}}
    redact(config, ExtSettings)
    assert [at_raw(config["original_config"], path) for path in FIRST] == [REDACTED] * len(FIRST)


def at_raw(raw, path):
    for part in path.split("."):
        raw = raw[int(part) if part.isdigit() else part]
    return raw


@pytest.mark.parametrize("raw", [None, {}, [], "text", {"news": None}, {"news": {"llm": {"endpoints": "x"}}}])
def test_a_section_of_another_shape_is_no_fault(raw):
    config = {"original_config": {"freqai_ext": raw}}
    redact(config, ExtSettings)
    assert config == {"original_config": {"freqai_ext": raw}}
    redact({"freqai_ext": raw}, ExtSettings)


def test_addresses_without_a_login_and_names_of_models_stay_as_they_are():
    raw = {"news": {"llm": {"endpoints": [{"model": "@cf/meta/llama-3.1", "api_base": "http://h:80/v1"}]}}}
    config = {"original_config": {"freqai_ext": deepcopy(raw)}}
    redact(config, ExtSettings)
    assert config["original_config"]["freqai_ext"] == raw


def test_a_secret_in_the_configuration_is_warned_of_once_with_its_other_routes(caplog):
    config = configuration()
    with caplog.at_level(logging.WARNING):
        protect_secrets(config)
        protect_secrets(config)
        protect_secrets(configuration())
    assert len(caplog.messages) == len(FIRST) + 1
    for path in FIRST:
        (line,) = (message for message in caplog.messages if message.startswith(f"{path}: "))
        assert "its secret is in the configuration, which Freqtrade shows in clear" in line
        assert line.endswith(f"put it into {routes_of(path)}")
        assert variable_of(path) in line
        assert f"{path}_file" in line
    assert "s3cret" not in caplog.text
    assert exposed_secrets(config) == ()


@pytest.mark.parametrize(
    ("variable", "path"),
    [
        ("FREQTRADE__FREQAI_EXT__GUARDIAN__TOKEN", "freqai_ext.guardian.token"),
        ("FREQTRADE__FREQAI_EXT__NEWS__LLM__ENDPOINTS", "freqai_ext.news.llm.endpoints.0.api_key"),
    ],
)
def test_a_variable_of_freqtrades_is_named_in_the_warning(monkeypatch, caplog, variable, path):
    environment_vars = pytest.importorskip("freqtrade.configuration.environment_vars")
    value = json.dumps([{**ENDPOINT, "api_key": "s3cret"}]) if path.endswith("api_key") else "s3cret"
    monkeypatch.setenv(variable, value)
    config = environment_vars.environment_vars_to_dict()
    config["original_config"] = deepcopy(config)
    settings = load_ext_settings(config)
    assert at(settings, path).get_secret_value() == "s3cret"
    caplog.clear()
    protect_secrets(config)
    assert [
        message.startswith(f"{path}: its secret is in the variable {variable}, ") for message in caplog.messages
    ] == [True]
    assert "s3cret" not in json.dumps(config["original_config"])


def test_without_a_secret_in_the_configuration_nothing_is_said(files, caplog):
    config = {"freqai_ext": section(files, leaf="_file")}
    config["original_config"] = deepcopy(config)
    protect_secrets(config)
    assert caplog.messages == []
    assert config["original_config"] == {"freqai_ext": config["freqai_ext"]}


def test_what_freqtrade_leaves_in_clear_of_its_own_is_masked_too():
    original = {
        "api_server": {"jwt_secret_key": "s3cret", "ws_token": ["s3cret"], "username": "me", "password": ""},
        "external_message_consumer": {"producers": [{"name": "p", "host": "h", "ws_token": "s3cret"}]},
    }
    config = {"original_config": original}
    redact(config, ExtSettings)
    assert "s3cret" not in json.dumps(config)
    assert config["original_config"]["api_server"]["username"] == "me"
    assert config["original_config"]["api_server"]["password"] == ""
    assert config["original_config"]["external_message_consumer"]["producers"][0]["host"] == "h"


class _Next(Settings):
    key: SecretStr | None = None
    listed: tuple["_Next", ...] = ()


class _Later(Settings):
    later: _Next | None = None


def test_the_next_secret_setting_is_covered_without_being_named():
    config = {"original_config": {"freqai_ext": {"later": {"key": "s3cret", "listed": [{"key": "another"}]}}}}
    redact(config, _Later)
    assert config["original_config"]["freqai_ext"] == {"later": {"key": REDACTED, "listed": [{"key": REDACTED}]}}
