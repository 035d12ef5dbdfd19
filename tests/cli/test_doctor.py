"""``freqai-ext doctor`` from the command line."""

import json

import pytest
from typer.testing import CliRunner

from freqai_ext.cli import doctor as module
from freqai_ext.cli.app import app
from freqai_ext.scaffold import init_userdir


def run(*arguments):
    return CliRunner().invoke(app, ["doctor", *map(str, arguments)])


@pytest.fixture
def options(tmp_path):
    report = init_userdir(tmp_path / "ud")
    return ["--userdir", report.userdir, "-c", report.config]


def test_a_sound_setup_ends_with_exit_code_0(options):
    result = run(*options, "--strategy", "FreqAIExampleStrategy", "--freqaimodel", "CatboostRegressor")
    assert result.exit_code == 0, result.output
    assert "ok       model: CatboostRegressor from " in result.output
    assert "warning  candles: " in result.output
    assert "         remedy: freqtrade download-data --userdir " in result.output


def test_a_failure_ends_with_exit_code_1_and_shows_the_traceback(options, tmp_path):
    (tmp_path / "ud" / "strategies" / "Broken.py").write_text("import nowhere\nclass Broken(IStrategy):\n    pass\n")
    result = run(*options, "--strategy", "Broken")
    assert result.exit_code == 1
    assert "Broken.py cannot be imported: ModuleNotFoundError: No module named 'nowhere'" in result.output
    assert "         | ModuleNotFoundError: No module named 'nowhere'" in result.output


def test_json_is_for_programs(options):
    result = run(*options, "--json")
    document = json.loads(result.output)
    assert result.exit_code == 0
    assert document["healthy"] is True
    assert document["results"][1]["check"] == "configuration"


def test_a_terminal_gets_a_table(options, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    result = run(*options)
    assert "check" in result.output
    assert "versions" in result.output
    assert "\x1b[" in result.output


def test_the_command_has_an_option_for_each_part_of_the_request(options):
    help_text = run("--help").output
    for option in ("--config", "--userdir", "--strategy", "--freqaimodel", "--datadir", "--timerange", "--json"):
        assert option in help_text
    assert "exit code 1" in module.doctor.__doc__
