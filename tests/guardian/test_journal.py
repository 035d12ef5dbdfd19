import logging
import sqlite3
import threading
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian._slot import Superseded
from freqai_ext.guardian.database import open_database
from freqai_ext.guardian.journal import Journal
from freqai_ext.guardian.journal_reader import JournalReader
from freqai_ext.guardian.payload import Thresholds, silent_payload

START_S = 1_795_000_000.0
DAY_S = 86_400.0


class ManualClock:
    def __init__(self):
        self.now_s = START_S

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "guardian.sqlite"


@pytest.fixture
def engine(path):
    engine = open_database(path)
    yield engine
    engine.dispose()


@pytest.fixture
def journal(engine, clock):
    journal = Journal(engine, 30.0, clock)
    journal.begin_session()
    return journal


def make_payload(push_id, universe=("BTC/USDT", "ETH/USDT")):
    return silent_payload(universe, "neutral", START_S, Thresholds(), push_id, "SomeModel", "some-identifier")


def count(engine, table):
    with engine.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()


def test_a_push_is_on_its_way_until_its_outcome_is_final(journal, clock):
    journal.opened(make_payload("one"))
    assert journal.unaccounted() == ("one",)
    journal.ended("one", 1, "failed", status=503, error="Guardian is away")
    assert journal.unaccounted() == ("one",)
    assert journal.last_accepted() is None
    clock.now_s += 2.0
    journal.ended("one", 2, "accepted", status=200, accepted=2, latency_ms=12.5)
    assert journal.unaccounted() == ()
    record = journal.last_accepted()
    assert record == journal.pushes()[0]
    assert (record.push_id, record.kind, record.pairs, record.trusted) == ("one", "neutral", 2, 0)
    assert (record.model, record.identifier) == ("SomeModel", "some-identifier")
    assert (record.attempts, record.outcome, record.status, record.accepted) == (2, "accepted", 200, 2)
    assert (record.latency_ms, record.error) == (12.5, None)
    assert (record.created_at_s, record.generated_at_s, record.outcome_at_s) == (START_S, START_S, START_S + 2.0)


@pytest.mark.parametrize("outcome", ["accepted", "mismatch", "refused", "superseded", "abandoned"])
def test_these_outcomes_are_final(journal, outcome):
    journal.opened(make_payload("one"))
    journal.ended("one", 1, outcome)
    assert journal.unaccounted() == ()


@pytest.mark.parametrize("outcome", ["failed", "denied"])
def test_after_these_outcomes_it_is_tried_again(journal, outcome):
    journal.opened(make_payload("one"))
    journal.ended("one", 1, outcome)
    assert journal.unaccounted() == ("one",)


def test_pushes_come_newest_first_also_when_the_clock_was_set_back(journal, clock):
    for number in range(5):
        clock.now_s -= 100.0
        journal.opened(make_payload(str(number)))
    assert [record.push_id for record in journal.pushes(3)] == ["4", "3", "2"]
    assert journal.pushes()[0].outcome is None


def test_what_is_said_again_is_stored_once(journal, engine):
    journal.opened(make_payload("one"))
    journal.opened(make_payload("two"))
    journal.opened(make_payload("three", ["ADA/USDT"]))
    assert count(engine, "push_contents") == 2
    assert journal.content("one") == journal.content("two") == make_payload("one").content
    assert journal.content("three") != journal.content("one")
    assert journal.content("none") is None


def test_sets_that_were_never_sent_are_accounted_for(journal):
    journal.superseded(Superseded("one", START_S - 60.0, 200), Superseded("two", START_S, 200))
    assert journal.unaccounted() == ()
    newest = journal.pushes()[0]
    assert (newest.push_id, newest.outcome, newest.attempts) == ("two", "superseded", 0)
    assert (newest.pairs, newest.trusted) == (200, None)
    assert journal.content("two") is None


def test_an_error_is_kept_in_part_where_it_is_long(journal):
    journal.opened(make_payload("one"))
    journal.ended("one", 1, "failed", error="half a pair \udc00 and " + "x" * 10_000)
    error = journal.pushes()[0].error
    assert error.startswith("half a pair ? and")
    assert len(error) == 500


def test_a_session_without_an_end_is_a_crash(engine, clock):
    first = Journal(engine, 30.0, clock)
    assert not first.session_left_open()
    first.begin_session()
    second = Journal(engine, 30.0, clock)
    assert second.session_left_open()
    second.begin_session()
    second.end_session()
    clock.now_s -= 1_000.0
    third = Journal(engine, 30.0, clock)
    assert not third.session_left_open()
    third.begin_session()
    assert Journal(engine, 30.0, clock).session_left_open()


def test_what_a_crash_left_without_outcome_is_abandoned(journal, engine, clock):
    journal.opened(make_payload("one"))
    journal.ended("one", 1, "failed")
    again = Journal(engine, 30.0, clock)
    assert again.unaccounted() == ("one",)
    again.begin_session()
    assert again.unaccounted() == ()
    record = again.pushes()[0]
    assert (record.outcome, record.error) == ("abandoned", "the bot ended without a word")


@pytest.mark.parametrize("table", ["pushes", "push_outcomes", "push_contents", "push_sessions", "push_session_ends"])
def test_rows_can_neither_be_changed_nor_deleted(journal, engine, table):
    journal.opened(make_payload("one"))
    journal.ended("one", 1, "accepted")
    journal.end_session()
    column = {"push_contents": "compressed", "push_session_ends": "ended_at_s", "push_sessions": "started_at_s"}
    changes = f"UPDATE {table} SET {column.get(table, 'id')} = 1"
    for statement in (changes, f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))
    assert count(engine, table) == 1


def test_old_rows_are_deleted_when_a_session_begins(journal, engine, clock):
    journal.opened(make_payload("old", ["ADA/USDT"]))
    journal.ended("old", 1, "accepted")
    journal.end_session()
    clock.now_s += 20 * DAY_S
    journal.opened(make_payload("recent"))
    journal.ended("recent", 1, "accepted")
    clock.now_s += 20 * DAY_S
    Journal(engine, 30.0, clock).begin_session()
    assert [record.push_id for record in journal.pushes()] == ["recent"]
    assert [count(engine, f"push_{name}") for name in ("outcomes", "contents", "sessions", "session_ends")] == [
        1,
        1,
        1,
        0,
    ]


def test_a_locked_database_stops_nothing_and_is_made_up_for_later(journal, engine, path, caplog):
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 20")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING):
            journal.opened(make_payload("one"))
            journal.ended("one", 1, "failed")
            journal.ended("one", 2, "accepted")
        assert journal.faults == 3
        assert journal.pushes() == ()
        other.execute("ROLLBACK")
    assert "the journal cannot be written (database is locked; 1 times); pushing goes on" in caplog.text
    assert len(caplog.records) == 2
    journal.opened(make_payload("two"))
    assert [record.push_id for record in journal.pushes()] == ["two", "one"]
    assert journal.pushes()[1].attempts == 2
    assert journal.unaccounted() == ("two",)


def test_what_cannot_be_written_for_long_is_forgotten_from_the_oldest_on(journal, engine, path):
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(1_010):
            journal.superseded(Superseded(str(number), START_S, 1))
        other.execute("ROLLBACK")
    journal.superseded(Superseded("last", START_S, 1))
    records = journal.pushes(2_000)
    assert (records[0].push_id, records[-1].push_id) == ("last", "10")
    assert journal.unaccounted() == ()


def test_many_threads_may_write(journal):
    def write(name):
        for number in range(10):
            journal.superseded(Superseded(f"{name}-{number}", START_S, 1))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.pushes()) == 40
    assert journal.faults == 0


def test_another_process_may_read_while_it_is_written(journal, path):
    journal.opened(make_payload("one"))
    engine = open_database(path, read_only=True)
    try:
        assert JournalReader(engine).unaccounted() == ("one",)
    finally:
        engine.dispose()


def test_a_database_that_cannot_be_written_is_an_error_at_the_start(tmp_path):
    path = tmp_path / "sealed.sqlite"
    open_database(path).dispose()
    engine = open_database(path, read_only=True)
    try:
        with pytest.raises(GuardianDataError, match=r"sealed\.sqlite: it may not be written .*readonly"):
            Journal(engine, 30.0)
    finally:
        engine.dispose()


def test_a_database_without_a_journal_says_so(tmp_path):
    engine = open_database(tmp_path / "other.sqlite")
    try:
        with pytest.raises(GuardianDataError, match=r"other\.sqlite: no journal of pushes can be read from it"):
            JournalReader(engine).pushes()
    finally:
        engine.dispose()


def test_a_database_that_cannot_be_read_counts_as_left_open(journal, engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE push_sessions")
    assert journal.session_left_open()
    assert journal.faults == 1
