"""``freqai-ext evaluate`` from the command line; tests/e2e runs the real program."""

import pytest
from rich.console import Console
from typer.testing import CliRunner

from freqai_ext.cli._evaluation_progress import EvaluationProgress
from freqai_ext.cli.app import app
from freqai_ext.errors import SettingsError
from freqai_ext.evaluation import Contender, Entrant
from freqai_ext.walkforward import WalkforwardReport


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *arguments], env={"COLUMNS": "200"})


def test_the_command_has_an_option_for_each_part_of_the_request():
    text = run("--help").output
    for option in ("--models", "--contenders", "--baseline", "--jobs", "--features", "--label", "--trusted-only"):
        assert option in text
    for option in ("--samples", "--block-hours", "--output", "--html", "--json", "--markdown"):
        assert option in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--models: none named; write --models LightGBMRegressor,CatboostRegressor"),
        (("--models", "A", "--samples", "3"), "--samples: 3 is not valid; it must be at least 20, e.g. 300"),
        (("--models", "A", "--level", "95"), "--level: 95.0 is not valid; it must lie between 0 and 1, e.g. 0.95"),
        (("--models", "A", "--block-hours", "0"), "--block-hours: 0.0 is not valid; it must be above 0, e.g. 24"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_read(arguments, message):
    result = run(*arguments)
    assert isinstance(result.exception, SettingsError)
    assert str(result.exception) == message


def test_a_missing_configuration_is_one_message_and_exit_code_2(tmp_path):
    result = run(
        "--models", "A", "-c", str(tmp_path / "gone.json"), "--strategy", "S", "--timerange", "20250101-20250102"
    )
    assert result.exit_code == 2
    assert "error: " in result.output
    assert "gone.json" in result.output


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_names_the_model_and_its_windows(terminal, capsys, monkeypatch):
    counts = iter([3, 5])
    monkeypatch.setattr(
        "freqai_ext.cli._evaluation_progress.WindowCount",
        lambda entrant: type("Count", (), {"total": 6, "done": lambda self: next(counts, 6)})(),
    )
    entrant = Entrant(Contender("My [model]", "M"), {})
    report = WalkforwardReport("S", "M", "i", 1, ("BTC/USDT",), 6, 4, 1, (), 2.0)
    console = Console(force_terminal=terminal, width=160)
    with EvaluationProgress(console) as progress:
        progress.training(entrant, 1, 2)
        progress.trained(entrant, report)
        progress.scoring()
    shown = capsys.readouterr().out
    assert "1/2 My [model]" in shown
    assert "My [model]: 4 windows trained, 1 there already, 0 failed; 2.0 s" in shown
    assert ("/6" in shown) is terminal
