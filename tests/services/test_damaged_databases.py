"""Every way in which a database of a running bot cannot be used: a sentence with the remedy, and the file as it was."""

import os
import sqlite3
from contextlib import closing

import pytest

from freqai_ext._services import database
from freqai_ext._services.database import LAYOUT, check_sqlite, open_sqlite
from freqai_ext.errors import GuardianDataError, NewsDataError
from freqai_ext.guardian.database import check_database
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.journal import Journal
from freqai_ext.news.store import NewsStore, check_store

SETTING = "freqai_ext.guardian.database"


@pytest.fixture
def path(tmp_path):
    """A database of some hundred pages, closed."""
    path = tmp_path / "guardian.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE numbers (number INTEGER, text TEXT)")
        connection.executemany("INSERT INTO numbers VALUES (?, ?)", ((n, "x" * 200) for n in range(5_000)))
        connection.commit()
    return path


def check(path):
    check_sqlite(path, SETTING, GuardianDataError)


def truncated(path):
    os.truncate(path, path.stat().st_size // 2)


def overwritten_inside(path):
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 8192)


def headless(path):
    with path.open("r+b") as file:
        file.write(b"\0" * 4096)


def text(path):
    path.write_text("these are no tables" * 100)


def newer(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {LAYOUT + 1}")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            truncated,
            r"the database is damaged \(.*\); move it away .*, and a new one is begun; .*sqlite3 FILE \.recover",
        ),
        (overwritten_inside, r"the database is damaged \(.*\); move it away"),
        (headless, r"it is no SQLite database \(.*\); move it away, and a new one is begun, or correct freqai_ext\.g"),
        (text, r"it is no SQLite database"),
        (newer, rf"a newer version of freqai-ext has written it \(layout {LAYOUT + 1}, this one knows {LAYOUT}\)"),
    ],
)
def test_a_damaged_file_is_named_first_and_left_as_it_was(path, damage, message):
    damage(path)
    before = path.read_bytes()
    with pytest.raises(GuardianDataError, match=rf"^{path}: {message}") as caught:
        check(path)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert path.read_bytes() == before


def test_a_sound_file_one_that_is_not_there_and_one_of_zero_bytes_pass(path, tmp_path):
    check(path)
    check(tmp_path / "new" / "guardian.sqlite")
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    check(empty)
    FeatureStore(empty).close()
    assert NewsStore.recorded(tmp_path / "new" / "guardian.sqlite").verdicts() == ()


def test_a_folder_or_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(GuardianDataError, match=rf"{name}: it is a folder, a pipe or a device, and no file; set "):
            check(tmp_path / name)


def test_a_file_that_another_process_holds_is_not_to_be_moved_away(path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(
            GuardianDataError, match=r"another process holds the database \(database is locked\); end that"
        ):
            check(path)


def test_a_disk_that_takes_nothing_more_is_told_apart(path):
    engine = open_sqlite(path, SETTING, GuardianDataError)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    engine.dispose()

    @database.event.listens_for(engine, "connect")
    def _full(connection, _):
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(
        GuardianDataError, match=r"the disk takes nothing more \(database or disk is full\); free space"
    ):
        Journal(engine, 30.0)
    engine.dispose()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write everything")
def test_a_file_that_may_not_be_written_is_told_apart(path):
    path.chmod(0o400)
    path.parent.chmod(0o500)
    with pytest.raises(GuardianDataError, match=r"it may not be written|it cannot be opened"):
        check(path)
    path.parent.chmod(0o700)


@pytest.mark.parametrize(("check_of", "error"), [(check_database, GuardianDataError), (check_store, NewsDataError)])
def test_each_store_checks_its_file_before_a_bot_starts(path, check_of, error):
    overwritten_inside(path)
    with pytest.raises(error, match="the database is damaged"):
        check_of(path)


def test_a_fault_of_the_disk_while_a_connection_is_made_is_one_of_the_database(path):
    """It comes from an event of SQLAlchemy's pool, which passes it on as it is."""
    engine = open_sqlite(path, SETTING, GuardianDataError)
    journal = Journal(engine, 30.0)
    engine.dispose()
    text(path)
    for part in ("-wal", "-shm"):
        path.with_name(path.name + part).unlink(missing_ok=True)
    journal.begin_session()
    assert journal.faults > 0
    engine.dispose()
