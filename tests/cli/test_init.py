"""``freqai-ext init`` from the command line."""

import sys

import pytest
from typer.testing import CliRunner

from freqai_ext.cli.app import app, main


def run(*arguments):
    return CliRunner().invoke(app, ["init", *map(str, arguments)])


def test_it_lists_what_it_wrote_and_the_next_command(tmp_path):
    result = run("--userdir", tmp_path / "ud")
    assert result.exit_code == 0
    assert f"written    {tmp_path}/ud/freqaimodels/CatboostRegressor.py\n" in result.output
    assert (
        f"freqai-ext offline -- freqtrade backtesting --userdir {tmp_path}/ud -c {tmp_path}/ud/config_" in result.output
    )
    assert f"freqtrade download-data --userdir {tmp_path}/ud " in result.output


def test_the_default_is_user_data_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run().exit_code == 0
    assert (tmp_path / "user_data" / "config_freqai_ext.json").is_file()


def test_a_second_run_says_that_nothing_changed(tmp_path):
    written = run("--userdir", tmp_path).output.count("written ")
    result = run("--userdir", tmp_path)
    assert result.exit_code == 0
    assert f"unchanged  {written} files\n" in result.output


def test_a_refused_file_ends_with_exit_code_1(tmp_path):
    (tmp_path / "config_freqai_ext.json").write_text("{}")
    result = run("--userdir", tmp_path)
    assert result.exit_code == 1
    assert f"REFUSED    {tmp_path}/config_freqai_ext.json has other content; --force replaces it" in result.output


def test_force_names_the_copy_it_keeps(tmp_path):
    (tmp_path / "config_freqai_ext.json").write_text("{}")
    result = run("--userdir", tmp_path, "--force")
    assert result.exit_code == 0
    assert f"kept as    {tmp_path}/config_freqai_ext.json.bak\n" in result.output


def test_futures_get_their_own_configuration(tmp_path):
    result = run("--userdir", tmp_path, "--trading-mode", "futures")
    assert f"-c {tmp_path}/config_freqai_ext_futures.json" in result.output


def test_another_trading_mode_is_refused(tmp_path):
    assert run("--userdir", tmp_path, "--trading-mode", "margin").exit_code == 2


def test_an_error_is_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(sys, "argv", ["freqai-ext", "init", "--userdir", str(tmp_path / "file" / "ud")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path}/file/ud: cannot be used as a user directory (Not a directory)")
    assert len(error.splitlines()) == 1
