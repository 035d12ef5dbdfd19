"""The original's config.yml, and what becomes of it."""

import json
import os
import stat
import subprocess

import pytest

from freqai_ext._services.secrets import resolve_secrets
from freqai_ext._settings import parse_settings
from freqai_ext.errors import NewsDataError, SettingsError
from freqai_ext.news.migrate import migrate, write_secrets
from freqai_ext.news.settings import NewsSettings

OLD = """
services:
  graphiti: "url: http://127.0.0.1:8001; token: adapter-s3cret"
  perplexica: "api_key: p-s3cret; url: http://127.0.0.1:3000/"
models:
  fallback: "api_key: f-s3cret; api_base: http://127.0.0.1:4000/v1; model: small"
  deep_reasoning: "model: big; api_base: http://127.0.0.1:4000/v1; api_key: d-s3cret"
  primary_analysis: "model: large:8b; api_base: http://127.0.0.1:4000/v1; api_key: m-s3cret"
database: {type: sqlite, password: db-s3cret}
kucoin: {api_key: k-s3cret}
"""


@pytest.fixture
def migrated(tmp_path):
    """Migrate a text: ``migrated(text, **environment)``."""

    def run(text, dialect=None, **environment):
        path = tmp_path / "config.yml"
        path.write_text(text)
        return migrate(path, environment=environment, dialect=dialect)

    return run


def test_strings_in_any_order_come_to_a_valid_section_without_secrets(migrated):
    migration = migrated(OLD)
    assert migration.section == {
        "perplexica": {"url": "http://127.0.0.1:3000/"},
        "graphiti": {"url": "http://127.0.0.1:8001", "dialect": "adapter"},
        "llm": {
            "endpoints": [
                {"name": "primary_analysis", "model": "large:8b", "api_base": "http://127.0.0.1:4000/v1"},
                {"name": "fallback", "model": "small", "api_base": "http://127.0.0.1:4000/v1"},
            ]
        },
    }
    parse_settings(NewsSettings, migration.section, "freqai_ext.news")
    assert "s3cret" not in repr(migration) + json.dumps(migration.section)


def test_secrets_go_to_variables_that_freqtrade_does_not_read(migrated):
    secrets = migrated(OLD).secrets
    assert secrets == {
        "FREQAI_EXT_NEWS__PERPLEXICA__API_KEY": "p-s3cret",
        "FREQAI_EXT_NEWS__GRAPHITI__TOKEN": "adapter-s3cret",
        "FREQAI_EXT_NEWS__LLM__ENDPOINTS__0__API_KEY": "m-s3cret",
        "FREQAI_EXT_NEWS__LLM__ENDPOINTS__1__API_KEY": "f-s3cret",
    }


def test_the_section_and_the_variables_come_to_the_settings_of_the_original(migrated):
    migration = migrated(OLD)
    section = parse_settings(NewsSettings, migration.section, "freqai_ext.news")
    settings = resolve_secrets(section, "freqai_ext.news", migration.secrets)
    assert [each.api_key.get_secret_value() for each in settings.llm.endpoints] == ["m-s3cret", "f-s3cret"]
    assert settings.graphiti.token.get_secret_value() == "adapter-s3cret"
    assert settings.perplexica.api_key.get_secret_value() == "p-s3cret"
    assert settings.perplexica.url == "http://127.0.0.1:3000"


def test_what_is_left_out_is_said(migrated):
    notes = "\n".join(migrated(OLD).notes)
    for words in ("models.deep_reasoning: left out", "database: left out", "kucoin: left out", "dialect is 'adapter'"):
        assert words in notes
    assert "s3cret" not in notes


def test_mappings_and_entries_without_a_key_are_taken(migrated):
    migration = migrated(
        "services:\n  graphiti: {url: 'http://g:8000'}\n  perplexica: {url: 'http://p:3000', api_key: p-s3cret}\n"
        "models:\n  fallback: {model: m, api_base: 'http://l:11434'}\n"
    )
    assert migration.section["graphiti"]["dialect"] == "graphiti"
    assert migration.secrets == {"FREQAI_EXT_NEWS__PERPLEXICA__API_KEY": "p-s3cret"}
    assert [endpoint["name"] for endpoint in migration.section["llm"]["endpoints"]] == ["fallback"]


@pytest.mark.parametrize("key", ["20260109", "1e5", "1_000", "nan", "true", "FALSE", '["s3cret"]'])
def test_a_key_that_looks_like_a_number_stays_a_text(migrated, key):
    services = {"graphiti": {"url": "http://g:8000", "token": key}}
    model = {"model": "m", "api_base": "http://l:11434", "api_key": key}
    migration = migrated(json.dumps({"services": services, "models": {"fallback": model}}))
    section = parse_settings(NewsSettings, migration.section, "freqai_ext.news")
    settings = resolve_secrets(section, "freqai_ext.news", migration.secrets)
    assert settings.graphiti.token.get_secret_value() == key
    assert settings.llm.endpoints[0].api_key.get_secret_value() == key


def test_references_to_the_environment_are_replaced(migrated):
    text = "services:\n  graphiti: 'url: http://${HOST}:8000; token: ${GRAPHITI_TOKEN}'\n"
    migration = migrated(text, HOST="memory", GRAPHITI_TOKEN="s3cret")
    assert migration.section["graphiti"]["url"] == "http://memory:8000"
    assert list(migration.secrets.values()) == ["s3cret"]
    with pytest.raises(NewsDataError, match=r"services\.graphiti\.token refers to .* GRAPHITI_TOKEN, which is not set"):
        migrated(text, HOST="memory")


def test_the_dialect_that_is_named_wins(migrated):
    assert migrated(OLD, dialect="graphiti").section["graphiti"]["dialect"] == "graphiti"


@pytest.mark.parametrize("placeholder", ["YOUR_TOKEN", "your-key", "<token>", "***"])
def test_a_placeholder_is_no_secret(migrated, placeholder):
    migration = migrated(f"services:\n  graphiti: 'url: http://g:8000; token: {placeholder}'\n")
    assert migration.secrets == {}
    assert any("placeholder" in note for note in migration.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services:\n  graphiti: url: http://g:8000; token: s3cret\n", "is not YAML in line 2; .* in quotes"),
        ("services:\n  graphiti: 'http//s3cret'\n", r"services\.graphiti cannot be read"),
        ("services:\n  graphiti: 'token: s3cret'\n", r"services\.graphiti has no url"),
        ("services:\n  graphiti: {url: [s3cret]}\n", r"services\.graphiti cannot be read"),
        ("services:\n  graphiti: s3cret\n", r"services\.graphiti cannot be read"),
        ("models:\n  fallback: 'model: m; api_key: s3cret'\n", r"models\.fallback has no api_base"),
        ("services:\n  graphiti: 'url: http://u:s3cret@g:8000'\n", r"services\.graphiti\.url holds a password"),
        ("services:\n  graphiti: 'url: u:s3cret@g:8000'\n", r"services\.graphiti\.url holds a password"),
        ("services: [s3cret]\n", "services is no mapping"),
        ("- s3cret\n", "holds no mapping"),
        ("other: s3cret\n", "neither services nor models"),
        ("services: !!python/object:os.system s3cret\n", "is not YAML"),
    ],
)
def test_what_cannot_be_read_is_named_and_never_shown(migrated, text, message):
    with pytest.raises(NewsDataError, match=message) as caught:
        migrated(text)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services:\n  graphiti: 'url: g:8000; token: s3cret'\n", r"freqai_ext\.news\.graphiti\.url: .* has no scheme"),
        (
            "models:\n  fallback: 'model: m; api_base: l; api_key: s3cret'\n",
            r"models\.fallback: freqai_ext\.news\.llm",
        ),
    ],
)
def test_settings_that_are_not_valid_are_explained_without_the_key(migrated, text, message):
    with pytest.raises(SettingsError, match=message) as caught:
        migrated(text)
    assert "s3cret" not in str(caught.value)


def test_a_file_that_is_none_is_named(tmp_path):
    with pytest.raises(NewsDataError, match=r"nowhere\.yml: cannot be read"):
        migrate(tmp_path / "nowhere.yml")
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NewsDataError, match="is not text in UTF-8"):
        migrate(tmp_path / "binary.yml")
    (tmp_path / "large.yml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(NewsDataError, match="larger than 1 MB"):
        migrate(tmp_path / "large.yml")


def test_the_file_of_secrets_is_its_owners_alone_and_a_shell_can_read_it(migrated, tmp_path):
    migration = migrated(OLD.replace("p-s3cret", "it's $HOME s3cret"))
    path = tmp_path / "news.env"
    write_secrets(migration, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    command = f"set -a; . '{path}'; env -0"
    printed = subprocess.run(
        ["sh", "-c", command], capture_output=True, check=True, env={"HOME": "/", **_path()}
    ).stdout
    variables = dict(line.split("=", 1) for line in printed.decode().split("\0") if line)
    assert {name: variables[name] for name in migration.secrets} == migration.secrets
    with pytest.raises(NewsDataError, match="exists already and is not overwritten"):
        write_secrets(migration, path)
    with pytest.raises(NewsDataError, match="cannot be written"):
        write_secrets(migration, tmp_path / "nowhere" / "news.env")


def _path():
    return {"PATH": os.environ["PATH"]}
