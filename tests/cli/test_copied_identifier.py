"""A copy of a bot has an identifier of its own, and replaces nothing but an earlier copy."""

import json

import pytest

from freqai_ext.cli._freqtrade_command import FreqtradeCommand, copied_identifier
from freqai_ext.errors import SettingsError

COPY = {"identifier": "bot-offline", "original_identifier": "bot"}


@pytest.fixture
def command(tmp_path):
    freqai = {"enabled": True, "identifier": "bot"}
    return FreqtradeCommand(("trade",), {"user_data_dir": tmp_path}, {"freqai": freqai})


def folder_of(command, run_params=None):
    folder = command.userdir / "models" / "bot-offline"
    folder.mkdir(parents=True)
    if run_params is not None:
        (folder / "run_params.json").write_text(run_params)
    return folder


@pytest.mark.parametrize("earlier", [False, True])
def test_an_earlier_copy_is_removed(command, earlier):
    folder = folder_of(command, json.dumps({"freqai": {**COPY, "enabled": True}})) if earlier else None
    assert copied_identifier(command, "offline") == COPY
    assert folder is None or not folder.exists()


@pytest.mark.parametrize(
    "run_params",
    [None, "{", "[]", '{"freqai": []}', "[" * 100_000, '{"freqai": {"identifier": "bot-offline"}}'],
    ids=range(6),
)
def test_a_bot_of_that_name_keeps_its_files(command, run_params):
    folder = folder_of(command, run_params)
    (folder / "historic_predictions.pkl").write_bytes(b"x")
    with pytest.raises(SettingsError, match=r"bot-offline: holds files of a bot of its own, .*; move the folder away"):
        copied_identifier(command, "offline")
    assert (folder / "historic_predictions.pkl").read_bytes() == b"x"
