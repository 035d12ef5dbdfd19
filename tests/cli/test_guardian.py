"""``freqai-ext guardian …`` from the command line."""

import json
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest
from typer.testing import CliRunner

from freqai_ext.cli.app import app
from freqai_ext.cli.guardian import parse_fault_text
from freqai_ext.errors import GuardianDataError, SettingsError
from freqai_ext.guardian.database import open_database
from freqai_ext.guardian.journal import Journal
from freqai_ext.guardian.payload import Thresholds, silent_payload
from freqai_ext.guardian.sandbox import Sandbox, SandboxSettings

TOKEN = "token-of-the-command"


def run(*arguments, **environment):
    return CliRunner().invoke(app, ["guardian", *arguments], env={"COLUMNS": "200", **environment})


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(SandboxSettings(token=TOKEN)) as sandbox:
        yield sandbox


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


def test_the_commands_are_listed():
    text = run("--help").output
    for command in ("sandbox", "check", "journal", "candles"):
        assert command in text


def test_check_prints_what_holds_and_never_the_token(sandbox, token_file):
    result = run("check", "--url", sandbox.url, "--token-file", str(token_file), "--network", "mainnet")
    assert result.exit_code == 0, result.output
    assert "X-API-Token lets in" in result.output
    assert f"{sandbox.url}: " in result.output
    assert ", 0 do not, 2 not tried" in result.output
    assert TOKEN not in result.output


def test_check_ends_with_1_where_something_does_not_hold(sandbox, token_file):
    result = run("check", "--url", sandbox.url, "--token-file", str(token_file), "--network", "testnet")
    assert result.exit_code == 1
    assert "mainnet, wanted testnet" in result.output


@pytest.mark.parametrize("variable", ["FREQAI_EXT_GUARDIAN__TOKEN", "FREQTRADE__FREQAI_EXT__GUARDIAN__TOKEN"])
def test_check_takes_the_token_of_the_bot_from_the_environment(sandbox, variable):
    result = run("check", "--url", sandbox.url, "--json", **{variable: TOKEN})
    report = json.loads(result.stdout)
    assert report["passed"] is True
    assert TOKEN not in result.output


def test_check_asks_before_it_pushes(sandbox, token_file):
    before = sandbox.state()["pushes"]
    command = ["guardian", "check", "--url", sandbox.url, "--token-file", str(token_file), "--push"]
    refused = CliRunner().invoke(app, command, input="n\n")
    assert refused.exit_code == 1
    assert "A bot that trades on it acts on what it finds meanwhile" in refused.output
    assert sandbox.state()["pushes"] == before
    accepted = CliRunner().invoke(app, command, input="y\n", env={"COLUMNS": "200"})
    assert accepted.exit_code == 0, accepted.output
    assert "nothing was stored before, and nothing is now" in accepted.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--poison",), "--poison: given without --push"),
        (("--url", "127.0.0.1:8099"), "guardian check.url: '127.0.0.1:8099' is not valid; it has no scheme"),
        (("--pairs", ","), "--pairs: none named"),
        (("--token-file", "/nowhere/token"), "'/nowhere/token' cannot be read"),
    ],
)
def test_a_wrong_option_of_check_is_explained(arguments, message):
    result = run("check", *arguments)
    assert isinstance(result.exception, SettingsError)
    assert message in str(result.exception)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hang", {"kind": "hang"}),
        ("error_500:probability=0.2,seed=3", {"kind": "error_500", "probability": 0.2, "seed": 3}),
        ("slow: seconds=2 , route=/features", {"kind": "slow", "seconds": 2.0, "route": "/features"}),
        ("refuse:after_s=60,for_s=30", {"kind": "refuse", "start_s": 1060.0, "end_s": 1090.0}),
        ("refuse:for_s=30", {"kind": "refuse", "start_s": 1000.0, "end_s": 1030.0}),
    ],
)
def test_a_fault_is_read_from_the_command_line(text, expected):
    assert parse_fault_text(text, 1_000.0).model_dump(exclude_unset=True) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hang:route", "--fault: 'route' is not valid; write a setting and its value"),
        ("hang:after_s=soon", "--fault: after_s 'soon' is not valid; write seconds, such as after_s=60"),
        ("hung", "fault.kind: 'hung' is not valid"),
        ("hang:rout=/health", "fault.rout: unknown setting; did you mean 'route'?"),
    ],
)
def test_a_fault_that_is_none_is_explained(text, message):
    with pytest.raises(SettingsError) as caught:
        parse_fault_text(text, 1_000.0)
    assert message in str(caught.value)


def test_sandbox_runs_until_it_is_interrupted_and_prints_its_configuration(token_file):
    command = [
        sys.executable,
        "-c",
        "from freqai_ext.cli.app import main; main()",
        "guardian",
        "sandbox",
        "--port",
        "0",
    ]
    options = ["--token-file", str(token_file), "--symbols", "BTCUSDT,ETHUSDT", "--fault", "error_503:route=/features"]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            text = ""
            while text.count("{") != text.count("}") or not text:
                text += process.stdout.readline()
            own = json.loads(text)["freqai_ext"]["guardian"]
            headers = {"X-API-Token": TOKEN}
            assert httpx.get(f"{own['url']}/health", headers=headers, trust_env=False).status_code == 200
            assert httpx.get(f"{own['url']}/features", headers=headers, trust_env=False).status_code == 503
        finally:
            os.killpg(process.pid, signal.SIGINT)
        errors = process.stderr.read()
        assert process.wait(10) == 0
    assert own["token_file"] == str(token_file)
    assert "a synthetic market" in errors
    assert TOKEN not in text + errors
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{own['url']}/health", trust_env=False)


def test_journal_prints_the_newest_pushes(tmp_path):
    path = tmp_path / "guardian.sqlite"
    engine = open_database(path)
    pushes = Journal(engine, 365.0, time.time)
    pushes.begin_session()
    for number in range(3):
        pushes.opened(silent_payload(["BTC/USDT"], "neutral", 1.7e9, Thresholds(), f"push{number}"))
    engine.dispose()
    result = run("journal", "--database", str(path), "--limit", "2")
    assert result.exit_code == 0, result.output
    assert "push2" in result.output
    assert "push0" not in result.output
    assert "3 without an outcome" in result.output
    listed = json.loads(run("journal", "--database", str(path), "--json").stdout)
    assert [push["push_id"] for push in listed] == ["push2", "push1", "push0"]


def test_journal_of_a_database_that_is_not_there_is_explained(tmp_path):
    result = run("journal", "--database", str(tmp_path / "gone.sqlite"))
    assert isinstance(result.exception, GuardianDataError)
    assert "no such file; it is written while the bot runs" in str(result.exception)
