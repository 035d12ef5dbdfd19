"""Damaged files are found before FreqAI reads them, set aside, and replaced by a whole copy where there is one."""

import json
import logging

import cloudpickle
import pandas as pd
import pytest

import freqai_ext.lifecycle
from freqai_ext.lifecycle import HISTORY, backup_of, read_metadata, recover, save_with_backup, set_aside
from freqai_ext.lifecycle.recovery import DamagedFileError

ENTRY = {"model_filename": "cb_btc_1740787200", "trained_timestamp": 1740787200, "data_path": "/m", "extras": {}}
FILES = {
    HISTORY: cloudpickle.dumps(
        {"BTC/USDT": pd.DataFrame({"&-r": [0.1], "date_pred": pd.to_datetime(["2025-03-01"], utc=True)})}
    ),
    "pair_dictionary.json": json.dumps({"BTC/USDT": ENTRY}).encode(),
    "global_metadata.json": b'{"start_dry_live_date":1740787200}',
    "metric_tracker.json": b'{"BTC/USDT":{"train_time":{"timestamp":[1740787200],"value":[1.5]}}}',
}
DAMAGES = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "one byte short": lambda whole: whole[:-1],
    "empty": lambda whole: b"",
    "zeroed": lambda whole: bytes(len(whole)),
    "zeros at the end": lambda whole: whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2),
    "garbage": lambda whole: b"\x93\xfe\x00garbage\xff" * 20,
    "a list": lambda whole: b"[1, 2]" if whole[:1] == b"{" else cloudpickle.dumps([1, 2]),
    "null": lambda whole: b"null" if whole[:1] == b"{" else cloudpickle.dumps(None),
    "other values": lambda whole: (
        b'{"BTC/USDT": 5, "start_dry_live_date": "x"}' if whole[:1] == b"{" else cloudpickle.dumps({"BTC/USDT": 5})
    ),
    "deep": lambda whole: b"[" * 200_000,
    "huge number": lambda whole: b'{"BTC/USDT": {"trained_timestamp": 1' + b"0" * 400 + b"}}",
    "not a number": lambda whole: b'{"start_dry_live_date": NaN}',
}


@pytest.fixture(params=list(FILES))
def path(request, tmp_path):
    return tmp_path / request.param


@pytest.fixture(params=list(DAMAGES))
def damaged(request, path):
    content = DAMAGES[request.param](FILES[path.name])
    path.write_bytes(content)
    return content


def test_a_damaged_file_is_replaced_by_its_backup(path, damaged, caplog):
    backup_of(path).write_bytes(FILES[path.name])
    with caplog.at_level(logging.WARNING):
        (damage,) = recover(path.parent)
    assert path.read_bytes() == backup_of(path).read_bytes() == FILES[path.name]
    assert (damage.path, damage.restored) == (path, True)
    assert damage.aside.read_bytes() == damaged
    assert damage.aside.relative_to(path.parent).parts[:2] == ("lifecycle", "corrupt")
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{path} is damaged (")
    assert f"its backup {backup_of(path).name} has taken its place" in record.getMessage()
    assert recover(path.parent) == ()


@pytest.mark.parametrize("backup", [None, b"", b"\0\0\0"])
def test_without_a_whole_backup_nothing_is_left_in_its_place(path, damaged, caplog, backup):
    if backup is not None:
        backup_of(path).write_bytes(backup)
    (damage,) = recover(path.parent)
    assert not path.exists()
    assert not damage.restored
    assert damage.aside.read_bytes() == damaged
    assert "FreqAI begins without it" in caplog.text


def test_a_folder_in_place_of_a_file_is_set_aside(path):
    path.mkdir()
    (path / "kept").write_text("x")
    (damage,) = recover(path.parent)
    assert (damage.aside / "kept").read_text() == "x"
    assert "no regular file" in damage.reason


def test_whole_files_and_an_empty_folder_are_left_alone(tmp_path, caplog):
    assert recover(tmp_path) == ()
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    assert recover(tmp_path) == ()
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(FILES)
    assert caplog.records == []


def test_what_is_set_aside_twice_in_a_second_is_kept_twice(tmp_path):
    kept = set()
    for number in range(3):
        (tmp_path / "a").write_text(str(number))
        kept.add(set_aside(tmp_path, tmp_path / "a"))
    assert sorted(path.read_text() for path in kept) == ["0", "1", "2"]


def test_a_write_that_fails_leaves_the_old_file_and_its_backup(tmp_path):
    path = tmp_path / "pair_dictionary.json"
    save_with_backup(path, lambda file: file.write(b"old"))

    def fail(file):
        file.write(b"ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        save_with_backup(path, fail)
    assert path.read_bytes() == backup_of(path).read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_and_its_backup_share_no_bytes_on_the_disk(tmp_path):
    """Damage of one must not reach the other."""
    path = tmp_path / HISTORY
    save_with_backup(path, lambda file: file.write(b"x"))
    assert path.stat().st_ino != backup_of(path).stat().st_ino
    assert backup_of(path).name == "historic_predictions.backup.pkl"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "a list in place of metadata"),
        ('{"training_features_list": ["%-a"]}', "no label_list"),
        ('{"training_features_list": "%-a", "label_list": []}', "no training_features_list"),
    ],
)
def test_damaged_metadata_of_a_model_are_named(tmp_path, text, message):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(DamagedFileError, match=message):
        read_metadata(tmp_path / "m.json")


def test_metadata_may_hold_statistics_that_are_no_numbers(tmp_path):
    (tmp_path / "m.json").write_text('{"training_features_list": [], "label_list": ["&a"], "labels_mean": {"&a": NaN}}')
    assert read_metadata(tmp_path / "m.json")["label_list"] == ["&a"]


def test_the_public_names():
    assert freqai_ext.lifecycle.__all__ == sorted(
        freqai_ext.lifecycle.__all__, key=lambda name: (name != "HISTORY", name)
    )
