"""``freqai-ext news …`` from the command line."""

import json
import os
import signal
import stat
import subprocess
import sys

import httpx
import pytest
from typer.testing import CliRunner

from freqai_ext.cli.app import app
from freqai_ext.cli.news import parse_news_fault
from freqai_ext.errors import NewsDataError, SettingsError
from freqai_ext.news.standins import NewsStandIns, StandInSettings

OLD = """
services:
  graphiti: "token: g-s3cret; url: http://127.0.0.1:8001"
models:
  primary_analysis: "model: m; api_base: http://127.0.0.1:4000/v1; api_key: m-s3cret"
"""


def run(*arguments, **environment):
    return CliRunner().invoke(app, ["news", *arguments], env={"COLUMNS": "200", **environment})


@pytest.fixture(scope="module")
def services():
    with NewsStandIns(StandInSettings()) as services:
        yield services


@pytest.fixture
def config(tmp_path):
    """Write a Freqtrade configuration with a section of news and return its options."""

    def write(section):
        path = tmp_path / "config.json"
        path.write_text(json.dumps({"stake_currency": "USDT", "freqai_ext": {"news": section}}))
        return ("--config", str(path), "--userdir", str(tmp_path))

    return write


def test_the_commands_are_listed():
    text = run("--help").output
    for command in ("standins", "migrate", "doctor", "import", "score", "stats", "export", "audit", "backtest"):
        assert f" {command} " in text


def test_migrate_prints_a_section_and_names_the_variables_but_no_key(tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(OLD)
    result = run("migrate", "--config", str(path))
    assert result.exit_code == 0, result.output
    section = json.loads(result.stdout)["freqai_ext"]["news"]
    assert section["graphiti"] == {"url": "http://127.0.0.1:8001", "dialect": "graphiti"}
    assert "set FREQAI_EXT_NEWS__GRAPHITI__TOKEN from services.graphiti" in result.stderr
    assert "s3cret" not in result.output


def test_migrate_writes_the_keys_into_a_file_of_its_owner(tmp_path):
    path, secrets = tmp_path / "config.yml", tmp_path / "news.env"
    path.write_text(OLD)
    result = run("migrate", "--config", str(path), "--dialect", "adapter", "--with-secrets", str(secrets))
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["freqai_ext"]["news"]["graphiti"]["dialect"] == "adapter"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert "FREQAI_EXT_NEWS__GRAPHITI__TOKEN=g-s3cret" in secrets.read_text()
    assert "s3cret" not in result.output


def test_migrate_of_nothing_is_an_error_that_names_it(tmp_path):
    result = run("migrate", "--config", str(tmp_path / "nowhere.yml"))
    assert isinstance(result.exception, NewsDataError)


def test_doctor_ends_with_0_where_all_is_well_and_with_1_where_not(services, config):
    options = config(services.section())
    result = run("doctor", *options)
    assert result.exit_code == 0, result.output
    assert "ok       llm: primary_analysis: stand-in answers there" in result.output
    result = run("doctor", *config({"perplexica": {"url": services.perplexica_url}}), "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["healthy"] is False
    assert [one["service"] for one in found["findings"] if one["level"] == "failure"] == ["llm"]


def test_doctor_sends_the_secrets_of_files_and_variables_of_ours(services, config, tmp_path):
    services.change(llm_key="s3cret-key", graphiti_token="s3cret-token")
    try:
        section = services.section()
        for endpoint in section["llm"]["endpoints"]:
            endpoint.pop("api_key", None)
        section["graphiti"].pop("token", None)
        file = tmp_path / "token"
        file.write_text("s3cret-token\n")
        file.chmod(0o600)
        section["graphiti"]["token_file"] = str(file)
        options = config(section)
        refused = run("doctor", *options)
        assert refused.exit_code == 1
        variable = "FREQAI_EXT_NEWS__LLM__ENDPOINTS__0__API_KEY"
        result = CliRunner().invoke(app, ["news", "doctor", *options], env={"COLUMNS": "200", variable: "s3cret-key"})
        assert result.exit_code == 0, result.output
        assert "warning:" not in result.stderr
        section["graphiti"] |= {"token": "s3cret-token", "token_file": None}
        shown = CliRunner().invoke(app, ["news", "doctor", *config(section)], env={variable: "s3cret-key"})
        assert "warning: freqai_ext.news.graphiti.token: its secret is in the configuration" in shown.stderr
        assert "s3cret" not in refused.output + result.output + shown.output
    finally:
        services.change(llm_key=None, graphiti_token=None)


def test_standins_run_until_they_are_interrupted():
    ports = [word for name in ("perplexica", "searxng", "llm", "graphiti") for word in (f"--{name}-port", "0")]
    command = [sys.executable, "-m", "freqai_ext", "news", "standins", *ports, "--style", "fenced"]
    command += ["--fault", "error_500:service=searxng,after_s=0,for_s=600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        text = ""
        while not text.rstrip().endswith("\n}"):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            text += line
        section = json.loads(text)["freqai_ext"]["news"]
        base = section["llm"]["endpoints"][0]["api_base"]
        sent = {"model": "stand-in", "messages": [{"role": "user", "content": "news"}]}
        with httpx.Client(trust_env=False) as client:
            answer = client.post(f"{base}/chat/completions", json=sent).json()
            assert client.get(f"{section['searxng']['url']}/search?q=BTC&format=json").status_code == 500
        assert answer["choices"][0]["message"]["content"].startswith("```json")
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 0


def test_a_fault_of_the_command_line_is_in_place_for_its_time():
    fault = parse_news_fault("hang:service=llm,after_s=60,for_s=30,probability=0.5", 1_000.0)
    assert (fault.kind, fault.service, fault.start_s, fault.end_s, fault.probability) == (
        "hang",
        "llm",
        1_060.0,
        1_090.0,
        0.5,
    )
    assert parse_news_fault("nan_score", 1_000.0).start_s is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("explode", r"fault\.kind"),
        ("hang:service", "write a setting and its value"),
        ("hang:for_s=soon", "for_s 'soon' is not valid; write seconds"),
        ("hang:service=oracle", r"fault\.service"),
    ],
)
def test_a_fault_that_is_none_is_explained(text, message):
    with pytest.raises(SettingsError, match=message):
        parse_news_fault(text, 0.0)
